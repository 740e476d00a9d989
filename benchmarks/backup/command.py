"""``python -m benchmarks backup``: what a backup costs, against what was promised and against rclone."""

import argparse
import asyncio
from typing import Final

from benchmarks import report, usage
from benchmarks.backup.phases import PHASES, Found, Sizes
from benchmarks.backup.world import world

FULL: Final = Sizes(files=100_000, many=1_000_000, sparse_gib=100)

TARGETS: Final = {
    "nochange_cpu_us_per_file": ("<=", 25.0),
    "nochange_requests_per_directory": ("<=", 1.01),
    "nochange_vault_writes": ("<=", 1.0),
    "nochange_speedup_vs_rclone": (">=", 10.0),
    "first_files_per_vault_write": (">=", 500.0),
    "first_cpu_us_per_file": ("<=", 400.0),
    "first_speedup_vs_rclone": (">=", 10.0),
    "changed_requests": ("<=", 0.0),  # depends on what changed
    "rss_mib_100k": ("<=", 250.0),
    "rss_mib_1m": ("<=", 250.0),
    "rss_mib_flat_1m": ("<=", 250.0),
    "rss_mib_sparse_100g": ("<=", 250.0),
    "scaling_1_2": (">=", 1.8),
    "scaling_2_4": (">=", 1.8),
}
"""Every number of the results, in their order."""

GROWTH_MAX: Final = 1.2
"""The memory of a worker at a million files, by that at 100,000."""
IOPS_SHARE_MIN: Final = 0.9


def add(parsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    parser = parsers.add_parser(
        "backup",
        help="backups: processor time, requests, vault writes, memory, workers side by side, rclone",
        description="Start Postgres, Azurite and the Azure Files emulator, back up synthetic shares with worker processes of their own, "
        "and measure those from outside. The whole takes some 40 minutes and 40 GB of disk; --only takes it piece by piece. "
        "Run it on a machine that has nothing else to do; docs/BENCHMARKS.md says what each number means.",
    )
    parser.add_argument(
        "--files", type=report.count, default=FULL.files, metavar="N", help="of the share (default: 100000)"
    )
    parser.add_argument(
        "--many",
        type=report.count,
        default=FULL.many,
        metavar="N",
        help="of the larger share and the directory (1000000)",
    )
    parser.add_argument(
        "--sparse-gib", type=report.count, default=FULL.sparse_gib, metavar="N", help="length of the sparse file (100)"
    )
    report.add_phases(parser, {name: needed for name, (_, needed) in PHASES.items()})
    report.add_files(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Measure, print, write."""
    found = asyncio.run(_measure(options.only, Sizes(options.files, options.many, options.sparse_gib)))
    results = {name: found.results.get(name) for name in TARGETS}
    targets = {**TARGETS, **found.targets}
    if "changed_requests" not in found.targets:
        del targets["changed_requests"]
    if "rss_mib_100k" in found.results:
        grown = found.results["rss_mib_100k"] * GROWTH_MAX
        targets["rss_mib_1m"] = ("<=", min(grown, targets["rss_mib_1m"][1]))
    report.tell(options, results, targets, found.details, {"scaling_iops_used": (">=", IOPS_SHARE_MIN)})


async def _measure(phases: tuple[str, ...], sizes: Sizes) -> Found:
    found = Found()
    print(f"load average before: {usage.load():.1f}", flush=True)
    async with world() as services:
        for name in phases:
            await PHASES[name][0](services, sizes, found)
    return found
