"""Where everything in a synthetic share is, and what: pure functions of its shape, a few tables for all of it.

*Slots* number the files through all directories, directories are numbered level by level, so a directory's files are
one range of slots and its subdirectories one range of directories. How many of each a directory has comes from a table
that stands for the distribution; every block of directories reads the table from another place on, so the ranges
follow from the table's running sum. Sizes are dealt out in the same way (``Shuffle``), and add up without a visit.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate
from math import exp, log
from statistics import NormalDist
from typing import NamedTuple

from localdev.files_emulator.mixing import SPREAD, WORD, Shuffle, derived, mix
from localdev.files_emulator.names import key_of
from localdev.files_emulator.synthetic_content import computed_id
from localdev.files_emulator.synthetic_shape import Shape
from localdev.files_emulator.synthetic_words import Stems, Words
from localdev.files_emulator.times import TICKS_PER_SECOND

_DIRECTORY_TABLE = 4096
_SIZE_TABLE = 65_536
_MAX_PER_DIRECTORY = 20_000
_LAST_TICKS = 638_712_864_000_000_000  # 2025-01-01: everything is older
_YEAR_SECONDS = 31_557_600


#: By eight random bits: a few read-only, hidden, without any; the rest have only the archive bit.
_ATTRIBUTES = (0x21,) * 2 + (0x22,) * 2 + (0,) * 3 + (0x20,) * 249

Row = tuple[str, int, int, int, int, int, int, str]  # of the fields of ``Facts``


class Facts(NamedTuple):
    """What a slot's file was made as; times in ticks."""

    stem: str
    size: int
    block: int  # of its content, if it has any
    created: int
    written: int
    attributes: int
    permission: int  # which of the share's permission keys
    extension: str


class DirectoryFacts(NamedTuple):
    """What a directory was made as; the root, which has no name, is its own parent."""

    name: str
    parent: int
    created: int
    written: int
    permission: int


class _Run:
    """A table of counts, read over and over from changing places on: running sums, and what a sum falls into."""

    def __init__(self, table: list[int], seed: int) -> None:
        self._size = len(table)
        self._sums = list(accumulate(table + table, initial=0))
        self._total = self._sums[self._size]
        self._seed = seed

    def sum_before(self, i: int) -> int:
        """Return the sum of the first ``i`` counts."""
        block, within = divmod(i, self._size)
        shift = mix(self._seed + block) % self._size
        return block * self._total + self._sums[shift + within] - self._sums[shift]

    def holder(self, at: int) -> int:
        """Return which count the ``at``-th unit belongs to."""
        block, within = divmod(at, self._total)
        shift = mix(self._seed + block) % self._size
        sums = self._sums
        return block * self._size + bisect_right(sums, sums[shift] + within, shift, shift + self._size + 1) - 1 - shift


class Plan:
    """A share's directories, slots and first facts."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.files = shape.files
        self._seed = derived("share", shape.seed)
        self._words = Words(shape)
        self._files = self._file_counts()
        self.directories = self._directory_count()
        self._subdirectories = self._fan_out()
        self._sizes, self._twins = self._size_table()
        self._places = Shuffle(derived("sizes", shape.seed), len(self._sizes))
        self.stems = lru_cache(maxsize=1024)(self._stems)
        # Paths are looked up over and over: without these a file eight levels down takes 300 us to find.
        self.directory_called = lru_cache(maxsize=8192)(self._directory_called)
        self.directory_name = lru_cache(maxsize=8192)(self._directory_name)
        self.directory_at = lru_cache(maxsize=1024)(self._directory_at)
        self.directory_facts = lru_cache(maxsize=2048)(self._directory_facts)

    # -- directories

    def slots(self, directory: int) -> tuple[int, int]:
        """Return the range of slots of a directory's files."""
        if self._files is None:
            return 0, self.files
        low = min(self.files, self._files.sum_before(directory))
        return low, min(self.files, self._files.sum_before(directory + 1))

    def directory_of(self, slot: int) -> int:
        """Return the directory a slot is in."""
        return 0 if self._files is None else self._files.holder(slot)

    def subdirectories(self, directory: int) -> tuple[int, int]:
        """Return the range of directories in a directory."""
        low = min(self.directories, 1 + self._subdirectories.sum_before(directory))
        return low, min(self.directories, 1 + self._subdirectories.sum_before(directory + 1))

    def parent(self, directory: int) -> int:
        """Return the directory that holds one that is not the root."""
        return self._subdirectories.holder(directory - 1)

    def directory_bits(self, directory: int) -> int:
        """Return 64 random bits of a directory."""
        return mix(self._seed ^ (directory + 1) * 0xC2B2AE3D27D4EB4F & WORD)

    def _directory_name(self, directory: int) -> str:
        """Return the name of a directory that is not the root."""
        low, high = self.subdirectories(self.parent(directory))
        return self._words.directory(directory - low, high - low, self.directory_bits(directory))

    def _directory_called(self, directory: int, key: str) -> int | None:
        """Return the directory in a directory whose name has ``key``, if there is one."""
        low, high = self.subdirectories(directory)
        if low == high:
            return None
        at = low + first_at_least(lambda i: key_of(self.directory_name(low + i)), high - low, key)
        return at if at < high and key_of(self.directory_name(at)) == key else None

    def _directory_at(self, directory: int, names: tuple[str, ...]) -> int | None:
        """Return the directory at a path below a directory, if there is one."""
        at: int | None = directory
        for name in names:
            at = None if at is None else self.directory_called(at, key_of(name))
        return at

    def _directory_facts(self, directory: int) -> DirectoryFacts:
        name, parent = (self.directory_name(directory), self.parent(directory)) if directory else ("", 0)
        return DirectoryFacts(name, parent, *self.directory_times(directory), self.directory_permission(directory))

    def directory_times(self, directory: int) -> tuple[int, int]:
        """Return when a directory was created and last written, in ticks."""
        bits = self.directory_bits(directory)
        created = self._since(bits)
        written = min(_LAST_TICKS, created + (bits >> 40) % (90 * 86_400) * TICKS_PER_SECOND + bits % TICKS_PER_SECOND)
        return created, written

    def directory_permission(self, directory: int) -> int:
        """Return which of the permission keys a directory has."""
        return (self.directory_bits(directory) >> 20) % self.shape.permissions

    # -- slots

    def bits(self, slot: int) -> int:
        """Return 64 random bits of a slot."""
        return mix(self._seed ^ (slot + 1) * SPREAD & WORD)

    def _stems(self, directory: int) -> tuple[Stems, list[str]]:
        """Return how the files of a directory are called: their stems, and 256 extensions to choose from."""
        low, high = self.slots(directory)
        drawn = self.directory_bits(directory) >> 8
        style = self._words.style(drawn)
        return self._words.stems(style, max(1, high - low), drawn >> 8), self._words.extensions(style)

    def facts(self, slots: range, directory: int, *, with_block: bool = True) -> list[Row]:
        """Return the facts of consecutive slots of one directory, as plain tuples; ``with_block`` or with 0 for it.

        One loop over plain values, with what could be a call spelled out, because a page has 5,000 of them.
        """
        stems, extensions = self.stems(directory)
        first, _ = self.slots(directory)
        seed, sizes, twins, known = self._seed, self._sizes, self._twins, 0
        mask, places_to = len(sizes) - 1, -1
        factor = shift = 0
        base = self._since(self.directory_bits(directory))
        permission, permissions = self.directory_permission(directory), self.shape.permissions
        found = []
        for slot in slots:
            if slot >= places_to:
                factor, shift = self._places.key(slot)
                places_to = (slot | mask) + 1
            at = (slot * factor + shift) & mask
            bits = (slot + 1) * SPREAD & WORD ^ seed
            bits = (bits ^ bits >> 33) * 0xFF51AFD7ED558CCD & WORD
            bits = (bits ^ bits >> 33) * 0xC4CEB9FE1A85EC53 & WORD
            bits ^= bits >> 33
            extension = extensions[bits >> 32 & 0xFF]
            more = bits * 0xD6E8FEB86659FD93 & WORD
            created = base + (more >> 40) * 2_343_750 + more % TICKS_PER_SECOND  # within 45 days
            written = created if more & 0x3000000 else created + (more >> 26 & 0x1FFFFFF) * TICKS_PER_SECOND
            if written >= _LAST_TICKS:
                written = _LAST_TICKS - (more >> 20 & 0xFFFFFF)
            if with_block:
                twin = twins[at]
                known = computed_id(mix(seed ^ twin) if twin >= 0 else more ^ seed, "" if twin >= 0 else extension)
            found.append(
                (
                    stems(slot - first, bits), sizes[at], known, created, written, _ATTRIBUTES[bits >> 40 & 0xFF],
                    permission if bits >> 48 & 0xFF else (bits >> 56) % permissions, extension,
                )
            )  # fmt: skip
        return found

    def total_bytes(self) -> int:
        """Return how many bytes all files had at first."""
        size = len(self._sizes)
        whole, rest = divmod(self.files, size)
        return whole * sum(self._sizes) + sum(
            self._sizes[self._places.place(slot)] for slot in range(whole * size, whole * size + rest)
        )

    def some_size(self, bits: int) -> int:
        """Return a size of the distribution for 64 random bits."""
        return self._sizes[bits % len(self._sizes)]

    # -- tables

    def _since(self, bits: int) -> int:
        """Return a moment of the share's years, leaving the last two months free."""
        seconds = (bits >> 3) % (self.shape.years * _YEAR_SECONDS)
        return _LAST_TICKS - (seconds + 60 * 86_400) * TICKS_PER_SECOND

    def _file_counts(self) -> _Run | None:
        mean, tail = self.shape.files_per_directory, self.shape.tail
        if mean == 0:
            return None
        size = max(1, min(_DIRECTORY_TABLE, round(self.files / mean)))

        def spread(q: float) -> float:
            return (1 - q) ** (-1 / tail) - 1 if tail else 0.5 + q

        return _Run(_fitted(spread, size, round(mean * size), 0, derived("files", self.shape.seed)), self._seed ^ 1)

    def _directory_count(self) -> int:
        if self._files is None:
            return 1
        return self._files.holder(self.files - 1) + 1

    def _fan_out(self) -> _Run:
        """Return how many directories the directories hold: as few as will keep the tree within its depth."""
        size, seed = min(1024, max(1, self.directories)), derived("fan", self.shape.seed)

        def run(total: int) -> _Run:
            # At least one each, so that there is always a next directory to hold the ones that are left.
            return _Run(_fitted(lambda q: -log(1 - q), size, total, 1, seed), self._seed ^ 2)

        def levels(total: int) -> int:
            counts, found, reached = run(total), 0, 1
            while reached < self.directories:
                reached, found = 1 + counts.sum_before(reached), found + 1
                if found > self.shape.depth:
                    break
            return found

        depth = max(1, self.shape.depth)
        low, high = size, max(2, self.directories) * size
        while low < high:
            middle = (low + high) // 2
            if levels(middle) <= depth:
                high = middle
            else:
                low = middle + 1
        return run(low)

    def _size_table(self) -> "tuple[array[int], array[int]]":
        """Return the sizes of one block of files, and for each which content it shares with its twin, or -1."""
        shape = self.shape
        size = max(256, min(_SIZE_TABLE, 1 << (self.files - 1).bit_length()))
        normal, middle = NormalDist(), log(shape.median_bytes)
        empty, large = round(size * shape.empty), round(size * shape.large)
        rest = max(1, size - empty - large)
        table = [0] * empty
        table += [
            max(1, min(shape.max_bytes, int(exp(middle + shape.sigma * normal.inv_cdf((i + 0.5) / rest)))))
            for i in range(size - empty - large)
        ]
        table += [int(shape.large_bytes * 16 ** ((i + 0.5) / large)) for i in range(large)]
        seed = derived("size table", shape.seed)
        twins = [-1] * size
        threshold = int(shape.duplicates * (1 << 32))
        for i in range(empty, size - large - 1, 2):
            if mix(seed ^ i) & 0xFFFFFFFF < threshold:
                table[i + 1] = table[i]
                twins[i] = twins[i + 1] = i
        order = _shuffled(size, seed)
        return array("Q", (table[i] for i in order)), array("q", (twins[i] for i in order))


def _fitted(spread: Callable[[float], float], size: int, total: int, least: int, seed: int) -> list[int]:
    """Return ``size`` counts from ``least`` on, distributed like ``spread`` of 0..1, that add up to ``total``."""
    shares = [spread((i + 0.5) / size) for i in range(size)]
    limit = max(_MAX_PER_DIRECTORY, 4 * total // size)

    def counts(scale: float) -> list[int]:
        return [least + min(limit, int(share * scale)) for share in shares]

    low, high = 0.0, 2.0 * total + 1
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if sum(counts(middle)) > total else (middle, high)
    found = counts(low)
    missing = max(0, total - sum(found))
    for i in range(size - 1, -1, -1):
        share, rest = divmod(missing, i + 1)
        found[i] += share + (rest > 0)
        missing -= share + (rest > 0)
    return [found[i] for i in _shuffled(size, seed)]


def _shuffled(size: int, seed: int) -> list[int]:
    order = list(range(size))
    for i in range(size - 1, 0, -1):
        j = mix(seed + i) % (i + 1)
        order[i], order[j] = order[j], order[i]
    return order


def first_at_least(stem_key: Callable[[int], str], count: int, key: str) -> int:
    """Return the first of ``count`` keys in order that is not before ``key``."""
    return bisect_left(range(count), key, key=stem_key)
