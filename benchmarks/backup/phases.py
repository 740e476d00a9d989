"""The measurements, in the order in which they build on each other. Each says which others it needs."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from benchmarks.backup import rates, sparse
from benchmarks.backup.fleet import Measured, backup
from benchmarks.backup.world import World
from benchmarks.peers import compare
from benchmarks.report import BenchmarkFailed
from shared.model.share import Share

MAIN: Final = "main"
"""The share that nearly everything is measured on."""

FIRST_WORKERS: Final = 2
"""For the first backup: as many as cores. One would leave a core idle whenever it computes; rclone, being compared, uses all there are."""

LATENCY: Final[Mapping[str, float]] = {"metadata_ms": 5, "data_ms": 5}
"""What every answer of the share waits for when a day's backup is compared with a peer's."""

SCALING_MS: Final = 30.0
"""Latency of the scaling runs, as a listing has it in Azure. With less, the machine's two cores would be the limit and not the model."""

SCALING_WINDOW: Final = 8
"""Directories that a worker of the scaling runs lists at once, instead of 64. At this latency four workers then ask for 1,000 directories a
second, which takes a third of what two cores have; with 16 it is two thirds, and they begin to wait for a core. (64 at 120 ms are as many
as 16; and until the tree is wide enough for 256 requests at once a second passes, a fifth of four workers' time.)"""

SCALING_IOPS: Final = 250.0
"""The limit of metadata operations at which four workers must still get nine tenths of what there is. Low enough that the run takes half a
minute: of a run of seconds, finding out the limit would be a good part."""

CHANGED_PERCENT: Final = 1.0
MORE_CHANGED_PERCENT: Final = 3.0


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    files: int
    """Of the share that nearly everything is measured on."""
    many: int
    """Of the larger share, and of the directory."""
    sparse_gib: int
    """Length of the sparse file; a hundredth of it is allocated."""


@dataclass(slots=True)
class Found:
    """What was measured so far: ``results`` are the promised numbers, ``details`` more of them."""

    results: dict[str, float] = field(default_factory=dict)
    details: dict[str, float] = field(default_factory=dict)
    targets: dict[str, tuple[str, float]] = field(default_factory=dict)
    """Those that depend on what was measured."""
    main: Share | None = None
    first: Measured | None = None
    nochange: Measured | None = None

    def note(self, name: str, measured: Measured) -> Measured:
        """Tell of a run and keep its details."""
        print(f"{name}: {measured}", flush=True)
        self.details |= {
            f"{name}_wall_s": measured.wall_s,
            f"{name}_working_s": measured.working_s,
            f"{name}_cpu_s": measured.cpu_s,
            f"{name}_rss_mib": measured.rss_mib,
            f"{name}_requests": measured.requests,
            f"{name}_vault_writes": measured.run.counters.vault_writes,
            f"{name}_vault_mib": measured.run.counters.vault_bytes / 2**20,
            f"{name}_load": measured.load,
            **{f"{name}_{service}_cpu_s": s for service, s in measured.services_cpu_s.items()},
        }
        return measured


Phase = Callable[[World, Sizes, Found], Awaitable[None]]


async def first(world: World, sizes: Sizes, found: Found) -> None:
    """The first backup of the share."""
    world.synthetic(MAIN, sizes.files)
    found.main = await world.protect(MAIN)
    run = found.first = found.note("first", await backup(world, found.main, workers=FIRST_WORKERS))
    counters = run.run.counters
    _check_saved(run, sizes.files)
    found.results |= {
        "first_files_per_vault_write": sizes.files / counters.vault_writes,
        "first_cpu_us_per_file": run.cpu_s / sizes.files * 1e6,
        "rss_mib_100k": run.rss_mib,
    }


async def nochange(world: World, sizes: Sizes, found: Found) -> None:
    """The same share again, nothing changed."""
    run = found.nochange = found.note("nochange", await backup(world, _main(found)))
    counters = run.run.counters
    if counters.changed_directories or counters.files != sizes.files:
        raise BenchmarkFailed(f"{counters.changed_directories} directories of a share at rest were found changed")
    found.results |= {
        "nochange_cpu_us_per_file": run.cpu_s / sizes.files * 1e6,
        "nochange_requests_per_directory": run.requests / counters.directories,
        "nochange_vault_writes": counters.vault_writes,
        "rss_mib_100k": max(run.rss_mib, found.results["rss_mib_100k"]),
    }


async def rclone(world: World, sizes: Sizes, found: Found) -> None:
    """The same two with rclone, to the same Azurite: everything copied, and an unchanged share under 5 ms of latency."""
    share = _main(found)
    copied = compare.with_rclone(world, "copy", MAIN)
    print(f"rclone copy: {copied}", flush=True)
    world.control("PUT", f"/shares/{MAIN}/limits", LATENCY)
    synced = compare.with_rclone(world, "sync", MAIN)
    print(f"rclone sync, 5 ms of latency: {synced}", flush=True)
    ours = found.note("nochange_5ms", await backup(world, share))
    world.control("DELETE", f"/shares/{MAIN}/limits")
    if synced.operations.get("file_download"):
        raise BenchmarkFailed("rclone found something to copy in a share at rest")
    assert found.first is not None
    found.results |= {
        "first_speedup_vs_rclone": copied.used.wall_s / found.first.wall_s,
        "nochange_speedup_vs_rclone": synced.used.wall_s / ours.wall_s,
    }
    found.details |= copied.results("rclone_copy", sizes.files) | synced.results("rclone_sync_5ms", sizes.files)


async def changed(world: World, sizes: Sizes, found: Found) -> None:  # noqa: ARG001
    """One per cent of the files changed, then three: what that takes beyond an unchanged share follows the changes."""
    assert found.nochange is not None
    still = found.nochange
    for seed, percent in enumerate((CHANGED_PERCENT, MORE_CHANGED_PERCENT), 1):
        world.control("POST", f"/shares/{MAIN}/mutate", {"percent": percent, "seed": seed})
        name = f"changed_{percent:g}_percent"
        run = found.note(name, await backup(world, _main(found)))
        directories = run.run.counters.changed_directories
        if not directories:
            raise BenchmarkFailed(f"{percent:g} % of the files were changed and no directory was found changed")
        found.details |= {
            f"{name}_directories": directories,
            f"{name}_requests_per_directory": (run.requests - still.requests) / directories,
            f"{name}_cpu_ms_per_directory": (run.cpu_s - still.cpu_s) / directories * 1000,
        }
        if percent == CHANGED_PERCENT:
            found.results["changed_requests"] = run.requests
            # A changed directory has a changed file or two to read, and is itself asked for when its parent is.
            found.targets["changed_requests"] = ("<=", still.requests + 3 * directories)


async def many(world: World, sizes: Sizes, found: Found) -> None:
    """Ten times the files: memory."""
    found.results["rss_mib_1m"] = await _peak(world, found, "many", sizes.many)


async def flat(world: World, sizes: Sizes, found: Found) -> None:
    """As many files in one directory: memory. Small ones: their content is not what takes it, and this takes a third."""
    shape = {"profile": "flat", "files_per_directory": 0, "depth": 0, "median_bytes": 1024}
    found.results["rss_mib_flat_1m"] = await _peak(world, found, "flat", sizes.many, **shape)


async def large(world: World, sizes: Sizes, found: Found) -> None:
    """One sparse file: memory, and that holes are not read."""
    sparse.create(world, "sparse", sizes.sparse_gib)
    share = await world.protect("sparse")
    run = found.note("sparse", await backup(world, share))
    again = found.note("sparse_nochange", await backup(world, share))
    found.results["rss_mib_sparse_100g"] = max(run.rss_mib, again.rss_mib)


async def scaling(world: World, sizes: Sizes, found: Found) -> None:
    """An unchanged share with one, two and four workers, where latency is the limit; then four where the IOPS are."""
    del sizes
    share = _main(found)
    latency = {"metadata_ms": SCALING_MS, "data_ms": SCALING_MS}
    window = {"wave_directories": SCALING_WINDOW}
    seconds: dict[int, float] = {}
    world.control("PUT", f"/shares/{MAIN}/limits", latency)
    for workers in (1, 2, 4):
        run = found.note(f"scaling_{workers}_workers", await backup(world, share, workers=workers, limits=window))
        seconds[workers] = run.working_s
    found.results |= {"scaling_1_2": seconds[1] / seconds[2], "scaling_2_4": seconds[2] / seconds[4]}
    limits = {**LATENCY, "metadata_iops": SCALING_IOPS, "burst_s": 0.1}
    world.control("PUT", f"/shares/{MAIN}/limits", limits)
    run = found.note("scaling_at_the_limit", await backup(world, share, workers=4))
    world.control("DELETE", f"/shares/{MAIN}/limits")
    listed = run.run.counters.directories
    found.details["scaling_iops_used"] = listed / run.working_s / SCALING_IOPS


async def rates_of(world: World, sizes: Sizes, found: Found) -> None:
    """What a directory, a file and a byte take."""
    measured, runs = await rates.measure(world, sizes.files)
    for name, run in runs:
        found.note(name, run)
    found.details |= measured


PHASES: Final[Mapping[str, tuple[Phase, tuple[str, ...]]]] = {
    "first": (first, ()),
    "nochange": (nochange, ("first",)),
    "changed": (changed, ("first", "nochange")),
    "scaling": (scaling, ("first",)),
    "rclone": (rclone, ("first",)),
    "many": (many, ()),
    "flat": (flat, ()),
    "sparse": (large, ()),
    "rates": (rates_of, ()),
}
"""By name, with those that must have come before. ``rclone`` is last of those on the main share: the hundred thousand blobs that it leaves
make everything slow that Azurite does from then on."""


async def _peak(world: World, found: Found, name: str, files: int, **shape: object) -> float:
    world.synthetic(name, files, **shape)
    share = await world.protect(name)
    run = found.note(name, await backup(world, share))
    _check_saved(run, files)
    again = found.note(f"{name}_nochange", await backup(world, share))
    return max(run.rss_mib, again.rss_mib)


def _check_saved(run: Measured, files: int) -> None:
    if run.run.counters.changed_files != files:
        raise BenchmarkFailed(f"{run.run.counters.changed_files} files were saved, expected {files}")


def _main(found: Found) -> Share:
    assert found.main is not None
    return found.main
