"""``python -m benchmarks web``: how long pages take with a thousand shares and a directory of a million files, and what a browser makes of them."""

import argparse
import asyncio
import random
import tempfile
from pathlib import Path
from typing import Final

from benchmarks import report, usage
from benchmarks.api import filling, load
from benchmarks.api.filling import Sizes
from benchmarks.api.load import Host, percentile
from benchmarks.web import crowd, visits
from benchmarks.web.browser import chromium, first_load
from benchmarks.web.visits import Ask
from localdev.launcher.stack import Stack
from localdev.services.service import Service

FULL: Final = Sizes(tenants=100, shares=10, days=365)
FILES: Final = 1_000_000
REQUESTS: Final = 300
"""Of each page and number of clients: three are slower than the 99th percentile."""
CLIENTS: Final = (1, 4)
"""One after the other is what the server takes for a request. Four who never pause also wait for one another: that says how much it bears."""
TARGETS: Final = {
    "page_p99_ms": ("<=", 100.0),
    "fragment_p99_ms": ("<=", 50.0),
    "first_load_kib": ("<=", 100.0),
    "lcp_ms": ("<=", 1_000.0),
}


def add(parsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    parser = parsers.add_parser(
        "web",
        help="pages and fragments over HTTP, and first loads in a browser, with a thousand shares and a million files in a directory",
        description="Start the whole stack, fill the catalogue with made-up rows, back up a directory of a million files, and ask for every page "
        "with one client and then with four; then load pages in Chromium, which is made four times slower. docs/BENCHMARKS.md says what each number means.",
    )
    parser.add_argument("--tenants", type=report.count, default=FULL.tenants, metavar="N", help="(100)")
    parser.add_argument("--shares", type=report.count, default=FULL.shares, metavar="N", help="of a tenant (10)")
    parser.add_argument("--days", type=report.count, default=FULL.days, metavar="N", help="of a share (365)")
    parser.add_argument("--files", type=report.count, default=FILES, metavar="N", help="in one directory (1000000)")
    parser.add_argument("--requests", type=report.count, default=REQUESTS, metavar="N", help="of each kind (300)")
    report.add_files(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Measure, print, write."""
    sizes = Sizes(options.tenants, options.shares, options.days)
    print(f"load average before: {usage.load():.1f}", flush=True)
    with tempfile.TemporaryDirectory(prefix="web-benchmark-") as directory, Stack(Path(directory)) as stack:
        results, details = _measure(stack, sizes, options.files, options.requests)
    report.tell(options, results, TARGETS, details)


def _measure(stack: Stack, sizes: Sizes, files: int, requests: int) -> tuple[report.Results, report.Results]:
    host = Host(stack.host_url, stack.host_key)
    details: report.Results = {}
    # The app has made the schema when it first answers.
    asyncio.run(load.measure(host, lambda _: "/api/overview", requests=1, clients=1))
    asyncio.run(filling.fill(stack.postgres_url, sizes))
    asks = visits.pages(sizes, crowd.fill(stack, files))
    results = {
        "page_p99_ms": asyncio.run(_worst(stack, asks, requests, details, fragments=False)),
        "fragment_p99_ms": asyncio.run(_worst(stack, asks, requests, details, fragments=True)),
    }
    with chromium() as browser:
        draw = random.Random(1)
        for name, ask in asks.items():
            details[f"{name}_kib"], details[f"{name}_lcp_ms"] = first_load(browser, stack.host_url + ask(draw))
    results["first_load_kib"] = max(value for name, value in details.items() if name.endswith("_kib"))
    results["lcp_ms"] = max(value for name, value in details.items() if name.endswith("_lcp_ms"))
    return results, details


async def _worst(
    stack: Stack, asks: dict[str, Ask], requests: int, details: report.Results, *, fragments: bool
) -> float:
    """The highest of the 99th percentiles of all pages, or their fragments, of one client; what all took is in the details."""
    host, worst = Host(stack.host_url, stack.host_key), 0.0
    for name, ask in asks.items():
        for clients in CLIENTS:
            # What is planned and built once is.
            await visits.measure(host, ask, requests=5 * clients, clients=clients, fragments=fragments)
            before = _cpu_s(stack)
            times = await visits.measure(host, ask, requests=requests, clients=clients, fragments=fragments)
            key = f"{name}_{'fragment' if fragments else 'page'}_{clients}"
            for service, used_s in _cpu_s(stack).items():
                details[f"{key}_{service}_cpu_ms"] = 1_000 * (used_s - before[service]) / len(times)
            details[f"{key}_p50_ms"] = percentile(times, 0.5)
            details[f"{key}_p99_ms"] = found = percentile(times, 0.99)
            if clients == 1:
                worst = max(worst, found)
    return worst


def _cpu_s(stack: Stack) -> dict[str, float]:
    """Processor seconds so far of those who answer, which other work on the machine changes little."""
    services: tuple[Service, ...] = (stack.host, stack.postgres, stack.azurite)
    return {one.name: usage.tree_cpu_s(one.identity.pid) for one in services if one.identity is not None}
