"""``python -m benchmarks api``: how long lists, the overview and usage take with a thousand shares and a year of restore points."""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks import report, usage
from benchmarks.api import load
from benchmarks.api.filling import Sizes, fill
from benchmarks.api.load import Ask, Host
from localdev.launcher.stack import Stack

FULL: Final = Sizes(tenants=100, shares=10, days=365)
REQUESTS: Final = 1_000
"""Of each kind and number of clients: ten are slower than the 99th percentile."""
CLIENTS: Final = (1, 4)

TARGETS: Final = {
    "list_p99_ms": ("<=", 100.0),
    "overview_p99_ms": ("<=", 100.0),
    "usage_p99_ms": ("<=", 100.0),
}


def add(parsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    parser = parsers.add_parser(
        "api",
        help="lists, overview and usage of a thousand shares with a year of restore points, over HTTP",
        description="Start the whole stack, fill the catalogue with made-up rows and ask the app over HTTP, with one client and then with "
        "four. Takes some two minutes; docs/BENCHMARKS.md says what each number means.",
    )
    parser.add_argument("--tenants", type=report.count, default=FULL.tenants, metavar="N", help="(100)")
    parser.add_argument("--shares", type=report.count, default=FULL.shares, metavar="N", help="of a tenant (10)")
    parser.add_argument("--days", type=report.count, default=FULL.days, metavar="N", help="of a share (365)")
    parser.add_argument("--requests", type=report.count, default=REQUESTS, metavar="N", help="of each kind (1000)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results as one flat JSON object")
    parser.add_argument("--details", type=Path, metavar="FILE", help="write what else was seen, in the same form")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Measure, print, write."""
    sizes = Sizes(options.tenants, options.shares, options.days)
    print(f"load average before: {usage.load():.1f}", flush=True)
    with tempfile.TemporaryDirectory(prefix="api-benchmark-") as directory, Stack(Path(directory)) as stack:
        results, details = asyncio.run(_measure(stack, sizes, options.requests))
    print(report.table(details, {}))
    print(report.table(results, TARGETS))
    if options.json:
        report.write(options.json, results)
    if options.details:
        report.write(options.details, details)


async def _measure(stack: Stack, sizes: Sizes, requests: int) -> tuple[report.Results, report.Results]:
    host = Host(stack.host_url, stack.host_key)
    begin = time.perf_counter()
    # The app has made the schema when it first answers.
    await load.measure(host, lambda _: "/api/overview", requests=1, clients=1)
    details: report.Results = {"restore_points": await fill(stack.postgres_url, sizes)}
    details["filling_s"] = time.perf_counter() - begin
    empty = await _worst(host, {"empty_endpoint": lambda _: "/static/style.css"}, requests, details)
    details["empty_endpoint_p99_ms"] = empty
    groups = {"list": load.lists(sizes), "overview": load.overviews(), "usage": load.usages(sizes)}
    results = {f"{name}_p99_ms": await _worst(host, asks, requests, details) for name, asks in groups.items()}
    whole = {"overview_whole": lambda _: "/api/overview?limit=1000", "usage_whole": lambda _: "/api/usage?limit=1000"}
    await _worst(host, whole, max(1, requests // 10), details)
    return results, details


async def _worst(host: Host, asks: dict[str, Ask], requests: int, details: report.Results) -> float:
    """The highest of the 99th percentiles of all kinds of requests and all numbers of clients."""
    worst = 0.0
    for name, ask in asks.items():
        for clients in CLIENTS:
            await load.measure(host, ask, requests=10 * clients, clients=clients)  # what is planned and built once is
            times = await load.measure(host, ask, requests=requests, clients=clients)
            details[f"{name}_{clients}_p50_ms"] = load.percentile(times, 0.5)
            details[f"{name}_{clients}_p99_ms"] = found = load.percentile(times, 0.99)
            worst = max(worst, found)
    return worst
