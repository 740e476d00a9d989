"""A share with hundreds of restore points behind it, made at the level of formats and rows: as many backups would take a day.

What is written is what backups write: segments of records that :func:`shared.core.history.extend` links, the rows that point to the newest of them, the
batches, bundles and chunks by name (with next to nothing in them: a sweep looks into none), and the runs and restore points. Twelve files to a
directory; of ten directories one changes every 20 runs, four every 100, the others never; each time one file of it.
"""

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from benchmarks.backup.world import World
from shared.adapters.metering import Meter
from shared.core import history
from shared.db import pages, restore_points
from shared.formats.segment import SegmentWriter
from shared.model.content import Content, ContentKind
from shared.model.entry import Entry
from shared.model.manifest import ManifestRef, PageRecord, SavedEntry
from shared.model.node import ROOT_ID, directory_id
from shared.model.objects import bundle_name, chunk_name, segment_name
from shared.model.page import Page
from shared.model.run import RestorePoint
from shared.model.share import Share
from shared.ports.vault import Vault
from shared.usecases.changed_directory import file_row
from shared.usecases.together import together

FILES: Final = 12
BATCH: Final = 1_000
"""Directories of a batch."""
ROWS: Final = 500
FIRST_DAY: Final = dt.datetime(2025, 1, 1, 22, tzinfo=dt.UTC)
_TICKS: Final = 638_000_000_000_000_000
_RUN: Final = """
    INSERT INTO run (
        tenant_id, share_id, run_no, kind, state, subject, requested_at, started_at, finished_at, seeded, next_batch_no, final_counters
    )
    VALUES (%s, %s, %s, 'backup', 'succeeded', 'benchmark', %s, %s, %s, true, %s, '{}') RETURNING run_id
"""
_BATCHES: Final = """
    INSERT INTO batch (
        run_id, batch_no, share_id, run_no, kind, state, worker, claimed_at, lease_until, committed_at, segment_bytes, bundle_bytes,
        rolled_up
    )
    SELECT %s, batch_no, %s, %s, 0, 1, '', %s, %s, %s, bytes, ARRAY[2], true FROM unnest(%s::int[], %s::int8[]) AS b (batch_no, bytes)
"""


def period(number: int) -> int:
    """Every how many runs a directory changes; 0: never."""
    return 20 if number % 10 == 0 else 100 if number % 10 < 5 else 0


def changes_at(number: int, run_no: int) -> bool:
    """Whether a run finds a directory changed, or new."""
    every = period(number)
    return run_no == 1 or (every > 0 and run_no % every == number % every)


@dataclass(slots=True)
class _Directory:
    saved_runs: list[int] = field(default_factory=lambda: [1] * FILES)
    depth: int = -1
    record: PageRecord | None = None
    """The newest, without its entries."""
    ref: ManifestRef | None = None


def saved_runs_at(number: int, run_no: int) -> list[int]:
    """By which run each file of a directory was saved that ``run_no`` shows: told from the numbers alone."""
    found = [1] * FILES
    every = period(number)
    if every:
        for run in range(number % every or every, run_no + 1, every):
            found[run % FILES] = run
    return found


def entries_of(number: int, saved_runs: list[int]) -> tuple[SavedEntry, ...]:
    """The files of a directory in these versions."""
    return tuple(
        SavedEntry(
            _entry(number, n, run),
            directory_id(number) | n + 1,
            run,
            _content(number, n, run),
            digest=_digest(number, n, run),
            quickxor=bytes(20),
        )
        for n, run in enumerate(saved_runs)
    )


def _entry(number: int, n: int, run_no: int) -> Entry:
    at = _TICKS + run_no
    return Entry(
        name=f"file {n:02}.dat",
        is_directory=False,
        file_id=number << 8 | n + 1,
        size_bytes=9_000,
        created=at,
        accessed=at,
        written=at,
        changed=at,
        modified=at,
        attributes=32,
        permission_key="1*2",
    )


def _content(number: int, n: int, run_no: int) -> Content:
    if n == 0 and number % 100 == 0:
        return Content(ContentKind.CHUNKED, chunks=(_digest(number, n, run_no),))
    batch_no = (number - 2) // BATCH + 1 if run_no == 1 else 1
    return Content(ContentKind.BUNDLED, run_no, batch_no, 0, 0, n * 5_000, 4_900)


def _digest(number: int, n: int, run_no: int) -> bytes:
    return hashlib.blake2s(b"%d %d %d" % (number, n, run_no)).digest()


async def write(world: World, share: Share, *, files: int, points: int) -> int:
    """Write all of it; returns the number of directories, the root apart. Directory numbers are from 2 on."""
    vault = world.app.vaults.vault(share.tenant_id, Meter())
    await vault.prepare()
    count = max(1, files // FILES)
    directories = {number: _Directory() for number in range(2, count + 2)}
    for run_no in range(1, points + 1):
        at = FIRST_DAY + dt.timedelta(days=run_no)
        changed = [number for number in directories if changes_at(number, run_no)]
        sizes: list[int] = []
        for batch_no, start in enumerate(range(0, len(changed), BATCH), 1):
            some = changed[start : start + BATCH]
            sizes.append(await _batch(vault, share, run_no, batch_no, {n: directories[n] for n in some}))
        async with world.app.transaction() as conn:
            args = [share.tenant_id, share.share_id, run_no, at, at, at, len(sizes) + 1]
            row = await (await conn.execute(_RUN.encode(), args)).fetchone()
            assert row is not None
            numbers = list(range(1, len(sizes) + 1))
            await conn.execute(_BATCHES.encode(), [row[0], share.share_id, run_no, at, at, at, numbers, sizes])
            point = RestorePoint(
                run_no=run_no,
                taken_at=at,
                committed_at=at,
                directories=count + 1,
                files=count * FILES,
                bytes=1,
                errors=0,
            )
            await restore_points.add(conn, share.share_id, point)
    await _rows(world, share, directories)
    async with world.app.transaction() as conn:
        await conn.execute(
            "UPDATE share SET next_run_no = %s, next_directory_no = %s WHERE share_id = %s",
            [points + 1, count + 2, share.share_id],
        )
    return count


async def _batch(vault: Vault, share: Share, run_no: int, batch_no: int, some: dict[int, _Directory]) -> int:
    """Segment, bundle and chunks of a batch; returns the bytes of the segment."""
    share_id = share.share_id
    segment = SegmentWriter()
    puts = [vault.put(bundle_name(share_id, run_no, batch_no, 0), b"\0\0")]
    for number, directory in some.items():
        n = run_no % FILES
        if run_no > 1:
            directory.saved_runs[n] = run_no
        entries = entries_of(number, directory.saved_runs)
        puts += [
            vault.put(chunk_name(share_id, digest), b"\0")
            for saved in entries
            if saved.saved_run == run_no
            for digest in saved.content.chunks
        ]
        depth, ancestors = history.extend(directory.record, directory.ref)
        record = PageRecord(directory_id(number), 0, run_no, depth, ancestors, entries)
        directory.ref = ManifestRef(run_no, batch_no, *segment.add(record))
        directory.record = PageRecord(directory_id(number), 0, run_no, depth, ancestors, ())
    data = segment.finish()
    await vault.put(segment_name(share_id, run_no, batch_no), data)
    await together(puts)
    return len(data)


async def _rows(world: World, share: Share, directories: dict[int, _Directory]) -> None:
    async with world.app.transaction() as conn:
        await pages.create_partition(conn, share.share_id)
    for some in _blocks(list(directories.items())):
        rows = [
            Page(
                directory_id=directory_id(number),
                name=f"directory {number}",
                parent_id=ROOT_ID,
                file_id=number,
                mtime=1,
                manifest=directory.ref,
                next_slot=FILES + 1,
                files=tuple(file_row(saved) for saved in entries_of(number, directory.saved_runs)),
            )
            for number, directory in some
        ]
        async with world.app.transaction() as conn:
            await pages.upsert(conn, share.share_id, rows)


def _blocks(items: list[tuple[int, _Directory]]) -> Iterator[list[tuple[int, _Directory]]]:
    for start in range(0, len(items), ROWS):
        yield items[start : start + ROWS]
