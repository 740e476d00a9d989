"""``python -m benchmarks peers``: what rclone and AzCopy take for the share that ``benchmarks backup`` backs up."""

import argparse
import asyncio
from pathlib import Path

from benchmarks import report, usage
from benchmarks.backup.phases import LATENCY, MAIN
from benchmarks.backup.world import world
from benchmarks.peers import compare
from benchmarks.report import BenchmarkFailed, Results

WITHOUT = {
    "restic": "backs up directories: a share would have to be mounted, and there is no FUSE on a machine like this",
    "azcopy to blobs": "has the Blob service fetch each file from its URL, and Azurite answers 500 to what follows",
}
"""What is not measured, and why."""


def add(parsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    parser = parsers.add_parser(
        "peers",
        help="rclone and AzCopy on the share that is backed up",
        description="Start Azurite and the Azure Files emulator, copy a synthetic share with rclone and AzCopy, then have them find "
        "that nothing changed. 100,000 files take about ten minutes; docs/BENCHMARKS.md says what each number means.",
    )
    parser.add_argument("--files", type=report.count, default=100_000, metavar="N", help="how many (default: 100000)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results as one flat JSON object")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Measure, print, write."""
    results = asyncio.run(_measure(options.files))
    print(report.table(results, {}))
    for name, reason in WITHOUT.items():
        print(f"not measured: {name}: it {reason}")
    if options.json:
        report.write(options.json, results)


async def _measure(files: int) -> Results:
    results: Results = {"files": files}
    async with world() as services:
        services.synthetic(MAIN, files)
        for name, transfer in (("rclone", compare.with_rclone), ("azcopy", compare.with_azcopy)):
            for verb in ("copy", "sync"):
                results |= _told(f"{name}_{verb}", transfer(services, verb, MAIN), files)
            services.control("PUT", f"/shares/{MAIN}/limits", LATENCY)
            results |= _told(f"{name}_sync_5ms", transfer(services, "sync", MAIN), files)
            services.control("DELETE", f"/shares/{MAIN}/limits")
    if results["azcopy_sync_requests_per_file"] < 1:
        raise BenchmarkFailed("azcopy did not look at every file: was everything copied?")
    return results


def _told(name: str, ran: compare.Ran, files: int) -> Results:
    print(f"{name}: {ran}; load {usage.load():.1f}", flush=True)
    return ran.results(name, files)
