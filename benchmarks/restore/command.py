"""``python -m benchmarks restore``: what restores, browsing, verifies and rebuilds cost, against what was promised and against rclone."""

import argparse
import asyncio
from typing import Final

from benchmarks import report, usage
from benchmarks.backup.world import world
from benchmarks.restore.phases import PHASES, Found, Sizes

FULL: Final = Sizes(files=100_000, many=1_000_000, points=1_000)

TARGETS: Final = {
    "requests_per_file": ("<=", 1.05),
    "files_per_s": (">=", 1_000.0),
    "speedup_vs_rclone": (">=", 5.0),
    "rss_mib_100k": ("<=", 250.0),
    "rss_mib_1m": ("<=", 250.0),
    "browse_vault_reads_max": ("<=", 12.0),
    "quick_verify_files_per_s": (">=", 20_000.0),
    "rebuild_files_per_s": (">=", 20_000.0),
}
"""Every number of the results, in their order."""


def add(parsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    parser = parsers.add_parser(
        "restore",
        help="restores, browsing the past, verifies and rebuilds: speed, requests, memory, rclone",
        description="Start Postgres, Azurite and the Azure Files emulator, restore, browse, verify and rebuild with worker processes of "
        "their own, and measure those from outside. The whole takes 25 to 45 minutes, 10 GB of memory and 10 GB of disk; --only takes it "
        "piece by piece. Run it on a machine that has nothing else to do; docs/BENCHMARKS.md says what each number means.",
    )
    parser.add_argument("--files", type=report.count, default=FULL.files, metavar="N", help="of a share (100000)")
    parser.add_argument("--many", type=report.count, default=FULL.many, metavar="N", help="of the larger one (1000000)")
    parser.add_argument(
        "--points", type=report.count, default=FULL.points, metavar="N", help="restore points to browse (1000)"
    )
    report.add_phases(parser, {name: needed for name, (_, needed) in PHASES.items()})
    report.add_files(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Measure, print, write."""
    found = asyncio.run(_measure(options.only, Sizes(options.files, options.many, options.points)))
    results = {name: found.results.get(name) for name in TARGETS}
    report.tell(options, results, TARGETS, found.details)


async def _measure(phases: tuple[str, ...], sizes: Sizes) -> Found:
    found = Found()
    print(f"load average before: {usage.load():.1f}", flush=True)
    async with world() as services:
        for name in phases:
            await PHASES[name][0](services, sizes, found)
    return found
