"""Which objects a share has in the vault, and how long each is: asked for by listing, 5,000 at a time, and not one by one.

For a vault of hundreds of millions of chunks the answer does not fit the memory. What is kept of an object are 16 bytes, the XXH3-64 of
its name and its length, sorted by the first: in memory while there are few, else in a temporary file that is mapped into memory, and
of which the kernel keeps what it has room for. (Two names with one hash: a lost object is taken for another one with a
probability of their number by 2**64, of a billion objects 5 in 10**11.)

::

    run    = sorted u64 hashes, then their u64 lengths      while it is made: one per RUN_OBJECTS listed
    file   = hashes of all, then lengths                    merged from the runs, one 256th of the hashes at a time
"""

import asyncio
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Final

import numpy as np
import xxhash
from numpy.typing import NDArray

from shared.ports.vault import Vault
from shared.usecases.spool import spooling
from shared.usecases.together import together

RUN_OBJECTS: Final = 1 << 20
"""Objects in memory before they go to disk: 16 MiB."""
LISTINGS: Final = 4
"""At once: a vault is listed by parts of its name space, and a listing is a fifth of a second of waiting."""
_BUCKETS: Final = 256
_HEX: Final = "0123456789abcdef"
ABSENT: Final = -1

Numbers = NDArray[np.uint64]


class VaultInventory:
    """Names and lengths of a share's objects as they were listed. Memory and disk are given back with the last reference to it."""

    def __init__(self, hashes: Numbers, sizes: Numbers) -> None:
        """``hashes`` ascending, ``sizes`` in the same order."""
        self._hashes, self._sizes = hashes, sizes

    def __len__(self) -> int:
        """How many objects there are."""
        return len(self._hashes)

    def sizes(self, names: Sequence[str]) -> list[int]:
        """Length of each of these objects, :data:`ABSENT` of those that are not there."""
        if not names:
            return []
        wanted = np.array([_hash(name) for name in names], dtype=np.uint64)
        if not len(self._hashes):
            return [ABSENT] * len(names)
        places = np.minimum(np.searchsorted(self._hashes, wanted), len(self._hashes) - 1)
        there = self._hashes[places] == wanted
        found: list[int] = np.where(there, self._sizes[places].astype(np.int64), ABSENT).tolist()
        return found


class InventoryWriter:
    """Takes objects in any order; use from one thread at a time."""

    def __init__(self, run_objects: int = RUN_OBJECTS) -> None:
        self._run_objects = run_objects
        self._hashes: list[int] = []
        self._sizes: list[int] = []
        self._runs: list[tuple[int, int]] = []
        self._file: IO[bytes] | None = None

    def add(self, name: str, size_bytes: int) -> None:
        """Note an object. Raises ``Unavailable`` when the disk is full."""
        self._hashes.append(_hash(name))
        self._sizes.append(size_bytes)
        if len(self._hashes) >= self._run_objects:
            self._write_run()

    def finish(self) -> VaultInventory:
        """What was noted; the writer is of no more use."""
        if self._file is None:
            return VaultInventory(*self._sorted())
        if self._hashes:
            self._write_run()
        count = sum(length for _, length in self._runs)
        # A file that is mapped may be closed: it lasts as long as the mapping.
        with spooling("a listing of the vault"), tempfile.TemporaryFile() as merged:
            merged.truncate(count * 16)
            hashes, sizes = _mapped(merged, count, 0), _mapped(merged, count, count * 8)
            runs = [(_mapped(self._file, n, at), _mapped(self._file, n, at + n * 8)) for at, n in self._runs]
            self._merge(runs, hashes, sizes)
        self.abandon()
        return VaultInventory(hashes, sizes)

    def abandon(self) -> None:
        """Give back memory and disk."""
        self._hashes, self._sizes = [], []
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = None

    @staticmethod
    def _merge(runs: list[tuple[Numbers, Numbers]], hashes: Numbers, sizes: Numbers) -> None:
        starts = [0] * len(runs)
        at = 0
        for bucket in range(_BUCKETS):
            last = np.uint64((bucket + 1 << 56) - 1)
            ends = [int(np.searchsorted(run[0], last, side="right")) for run in runs]
            some = [np.concatenate([run[i][s:e] for run, s, e in zip(runs, starts, ends, strict=True)]) for i in (0, 1)]
            order = np.argsort(some[0])
            hashes[at : at + len(order)], sizes[at : at + len(order)] = some[0][order], some[1][order]
            at, starts = at + len(order), ends

    def _sorted(self) -> tuple[Numbers, Numbers]:
        hashes, sizes = np.array(self._hashes, dtype=np.uint64), np.array(self._sizes, dtype=np.uint64)
        order = np.argsort(hashes)
        return hashes[order], sizes[order]

    def _write_run(self) -> None:
        with spooling("a listing of the vault"):
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by finish or abandon
            at = self._file.seek(0, 2)
            for numbers in self._sorted():
                self._file.write(numbers.tobytes())
            self._file.flush()
        self._runs.append((at, len(self._hashes)))
        self._hashes, self._sizes = [], []


async def take_inventory(vault: Vault, share_id: int, run_objects: int = RUN_OBJECTS) -> VaultInventory:
    """List a share's objects."""
    writer = InventoryWriter(run_objects)
    gate = asyncio.Semaphore(LISTINGS)

    async def look(prefix: str) -> None:
        async with gate:
            async for name, size_bytes in vault.names(f"{share_id}/{prefix}"):
                writer.add(name, size_bytes)

    folders = ["bundle/", "permission/", "point/", "segment/"]
    try:
        await together(look(prefix) for prefix in (*folders, *"123456789", *(f"chunk/{digit}" for digit in _HEX)))
    except BaseException:
        writer.abandon()
        raise
    return await asyncio.to_thread(writer.finish)


def _hash(name: str) -> int:
    return xxhash.xxh3_64_intdigest(name.encode())


def _mapped(file: IO[bytes], count: int, offset: int) -> Numbers:
    return np.memmap(file, dtype=np.uint64, mode="r+", offset=offset, shape=(count,))
