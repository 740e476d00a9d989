"""What one directory, entry, file and byte take: processor time of a worker and of Postgres. ``benchmarks plan`` reckons with these.

Three shares that differ in one thing each: small files 12 to a directory, the same 120 to a directory, and larger files. Each is backed up and then looked
through unchanged, by one worker. Two runs that differ in the number of directories give what a directory takes and what an entry does; two
that differ in bytes, what a file and what a byte.
"""

from benchmarks.backup.fleet import Measured, backup
from benchmarks.backup.world import World
from benchmarks.report import BenchmarkFailed, Results

SMALL_BYTES = 1_024
LARGE_BYTES = 96 * 1_024
LARGE_PART = 8
"""One file in so many: their bytes are what is measured."""


async def measure(world: World, files: int) -> tuple[Results, list[tuple[str, Measured]]]:
    """Numbers by name, and the runs they come from.

    :raises BenchmarkFailed: the runs are too short to tell one from another.
    """
    narrow = await _both(world, "narrow", files, files_per_directory=12, median_bytes=SMALL_BYTES)
    wide = await _both(world, "wide", files, files_per_directory=120, median_bytes=SMALL_BYTES)
    large = await _both(world, "larger", max(files // LARGE_PART, 1), files_per_directory=12, median_bytes=LARGE_BYTES)
    counted = narrow[1].run.counters
    directories = counted.directories - wide[1].run.counters.directories
    read = narrow[0].run.counters
    more = large[0].run.counters
    if directories <= 0 or more.changed_bytes <= read.changed_bytes:
        raise BenchmarkFailed("too few files to tell what a directory and what a byte take")

    def nochange(used: tuple[float, float], left: int) -> tuple[float, float]:
        """Per directory and per entry."""
        each = (used[0] - used[1]) / directories
        return each, max(0.0, (used[1] - each * left) / files)

    worker = nochange((narrow[1].cpu_s, wide[1].cpu_s), wide[1].run.counters.directories)
    here, there = (run.services_cpu_s["postgres"] for run in (narrow[1], wide[1]))
    catalogue = nochange((here, there), wide[1].run.counters.directories)
    # Of a first backup what is left when every directory has been listed: a part per file and a part per byte.
    saved = [
        run.cpu_s - run.run.counters.directories * worker[0] - run.run.counters.files * worker[1]
        for run in (narrow[0], large[0])
    ]
    per_byte = (saved[1] - saved[0] / read.files * more.files) / (
        more.changed_bytes - read.changed_bytes / read.files * more.files
    )
    stored = narrow[0].services_cpu_s["postgres"] - counted.directories * catalogue[0]
    found: Results = {
        "rate_worker_us_per_directory": worker[0] * 1e6,
        "rate_worker_us_per_entry": worker[1] * 1e6,
        "rate_worker_us_per_file": (saved[0] - per_byte * read.changed_bytes) / files * 1e6,
        "rate_worker_ns_per_byte": per_byte * 1e9,
        "rate_postgres_us_per_directory": catalogue[0] * 1e6,
        "rate_postgres_us_per_file": stored / files * 1e6,
        "rate_list_bytes_per_entry": narrow[1].answered_bytes / (counted.files + counted.directories),
        "rate_list_bytes_per_entry_wide": wide[1].answered_bytes / (files + wide[1].run.counters.directories),
        "rate_vault_bytes_per_small_file": (read.vault_bytes - read.changed_bytes) / files,
    }
    runs = [
        (f"rates_{name}_{n}", run)
        for name, pair in (("narrow", narrow), ("wide", wide), ("larger", large))
        for n, run in enumerate(pair)
    ]
    return found, runs


async def _both(world: World, name: str, files: int, **shape: object) -> tuple[Measured, Measured]:
    """A first backup, and one of the same share unchanged."""
    world.synthetic(f"rates-{name}", files, sigma=0.5, **shape)
    share = await world.protect(f"rates-{name}")
    first = await backup(world, share)
    if first.run.counters.changed_files != files:
        raise BenchmarkFailed(f"{first.run.counters.changed_files} files were saved, expected {files}")
    return first, await backup(world, share)
