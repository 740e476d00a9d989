"""The measurements, in the order in which they build on each other."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from benchmarks.backup.fleet import Measured, backup
from benchmarks.backup.world import World
from benchmarks.peers import compare
from benchmarks.report import BenchmarkFailed
from benchmarks.restore.browse import browse
from benchmarks.restore.rebuild import rebuild
from benchmarks.restore.restoring import restore
from benchmarks.restore.verify import verify
from shared.model.share import Share
from shared.model.verify_order import VerifyLevel

MAIN: Final = "main"
RESTORED: Final = "restored"
WORKERS: Final = 2
"""As many as cores, as for a first backup; rclone, being compared, uses all there are."""

FILES_PER_DIRECTORY: Final = 120
"""Of the share that is restored. A directory takes two requests, made and given its times, so with 12 files to each no restore could do
with 1.05 requests per file; that shape is measured too, as ``restore_12``."""

MANY_BYTES: Final = 1024
"""Median size of the million files whose restore is measured for memory: the emulator keeps them all."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    files: int
    many: int
    """Of the larger share, for memory."""
    points: int
    """Restore points of the share that is browsed."""


@dataclass(slots=True)
class Found:
    """What was measured so far: ``results`` are the promised numbers, ``details`` more of them."""

    results: dict[str, float] = field(default_factory=dict)
    details: dict[str, float] = field(default_factory=dict)
    main: Share | None = None
    """The share with 12 files to a directory, once it is backed up."""
    restored: Measured | None = None

    def note(self, name: str, measured: Measured) -> Measured:
        """Tell of a run and keep its details."""
        print(f"{name}: {measured}", flush=True)
        self.details |= {
            f"{name}_wall_s": measured.wall_s,
            f"{name}_cpu_s": measured.cpu_s,
            f"{name}_rss_mib": measured.rss_mib,
            f"{name}_requests": measured.requests,
            f"{name}_vault_reads": measured.run.counters.vault_reads,
            f"{name}_load": measured.load,
            **{f"{name}_{service}_cpu_s": s for service, s in measured.services_cpu_s.items()},
        }
        return measured


Phase = Callable[[World, Sizes, Found], Awaitable[None]]


async def restored(world: World, sizes: Sizes, found: Found) -> None:
    """The share restored to another one."""
    world.synthetic(MAIN, sizes.files, files_per_directory=FILES_PER_DIRECTORY)
    share = await world.protect(MAIN)
    found.note("backup", await backup(world, share, workers=WORKERS))
    run = found.restored = found.note("restore", await restore(world, share, RESTORED, workers=WORKERS))
    found.results |= {
        "requests_per_file": run.requests / sizes.files,
        "files_per_s": sizes.files / run.wall_s,
        "rss_mib_100k": run.rss_mib,
    }


async def rclone(world: World, sizes: Sizes, found: Found) -> None:
    """The same tree copied to blobs with rclone, which is not measured, and copied back, which is."""
    compare.with_rclone(world, "copy", MAIN)
    copied = compare.back_with_rclone(world, "copied")
    print(f"rclone copy to a share: {copied}", flush=True)
    if copied.operations.get("file_create", 0) < sizes.files:
        raise BenchmarkFailed("rclone has not made every file")
    assert found.restored is not None
    found.results["speedup_vs_rclone"] = copied.used.wall_s / found.restored.wall_s
    found.details |= copied.results("rclone_copy_to_share", sizes.files)


async def twelve(world: World, sizes: Sizes, found: Found) -> None:
    """A share with 12 files to a directory, as the backup's benchmark has it: backed up, and restored too."""
    name = "twelve"
    world.synthetic(name, sizes.files)
    found.main = await world.protect(name)
    found.note("backup_12", await backup(world, found.main, workers=WORKERS))
    run = found.note("restore_12", await restore(world, found.main, f"{name}-restored", workers=WORKERS))
    found.details |= {
        "restore_12_requests_per_file": run.requests / sizes.files,
        "restore_12_files_per_s": sizes.files / run.wall_s,
    }


async def verified(world: World, sizes: Sizes, found: Found) -> None:
    """That share verified, by one worker."""
    assert found.main is not None
    quick = found.note("verify_quick", await verify(world, found.main))
    found.results["quick_verify_files_per_s"] = sizes.files / quick.wall_s
    full = found.note("verify_full", await verify(world, found.main, VerifyLevel.FULL))
    found.details["verify_full_files_per_s"] = sizes.files / full.wall_s


async def rebuilt(world: World, sizes: Sizes, found: Found) -> None:
    """Its catalogue made anew of the vault, by one worker."""
    assert found.main is not None
    measured, bytes_per_file = await rebuild(world, found.main, sizes.files)
    found.note("rebuild", measured)
    found.results["rebuild_files_per_s"] = sizes.files / measured.cpu_s
    found.details["rebuild_bytes_per_file"] = bytes_per_file


async def browsed(world: World, sizes: Sizes, found: Found) -> None:
    """Directories at the oldest of very many restore points."""
    seen = await browse(world, "aged", sizes.points)
    found.results["browse_vault_reads_max"] = seen["browse_vault_reads_max"]
    found.details |= seen


async def many(world: World, sizes: Sizes, found: Found) -> None:
    """Ten times the files, small ones: memory."""
    name = "many"
    world.synthetic(name, sizes.many, median_bytes=MANY_BYTES)
    share = await world.protect(name)
    found.note("backup_many", await backup(world, share, workers=WORKERS))
    run = found.note("restore_many", await restore(world, share, f"{name}-restored", workers=WORKERS))
    found.results["rss_mib_1m"] = run.rss_mib


PHASES: Final[Mapping[str, tuple[Phase, tuple[str, ...]]]] = {
    "restore": (restored, ()),
    "twelve": (twelve, ()),
    "verify": (verified, ("twelve",)),
    "rebuild": (rebuilt, ("twelve",)),
    "browse": (browsed, ()),
    "rclone": (rclone, ("restore",)),
    "many": (many, ()),
}
"""By name, with those that must have come before. What leaves a hundred thousand blobs behind comes late."""
