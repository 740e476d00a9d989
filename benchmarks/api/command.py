"""``python -m benchmarks api``: how long lists, the overview, usage and previews take with a thousand shares and a year of restore points."""

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
from localdev.services.service import Service

FULL: Final = Sizes(tenants=100, shares=10, days=365)
REQUESTS: Final = 1_000
"""Of each kind and number of clients: ten are slower than the 99th percentile."""
CLIENTS: Final = (1, 4)

TARGETS: Final = {
    "list_p99_ms": ("<=", 100.0),
    "overview_p99_ms": ("<=", 100.0),
    "usage_p99_ms": ("<=", 100.0),
    "retention_preview_ms": ("<=", 50.0),
}


def add(parsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    parser = parsers.add_parser(
        "api",
        help="lists, overview, usage and previews with a thousand shares and a year of restore points, over HTTP",
        description="Start the whole stack, fill the catalogue with made-up rows and ask the app over HTTP, with one client and then with "
        "four. Takes some two minutes; docs/BENCHMARKS.md says what each number means.",
    )
    parser.add_argument("--tenants", type=report.count, default=FULL.tenants, metavar="N", help="(100)")
    parser.add_argument("--shares", type=report.count, default=FULL.shares, metavar="N", help="of a tenant (10)")
    parser.add_argument("--days", type=report.count, default=FULL.days, metavar="N", help="of a share (365)")
    parser.add_argument("--requests", type=report.count, default=REQUESTS, metavar="N", help="of each kind (1000)")
    report.add_files(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Measure, print, write."""
    sizes = Sizes(options.tenants, options.shares, options.days)
    print(f"load average before: {usage.load():.1f}", flush=True)
    with tempfile.TemporaryDirectory(prefix="api-benchmark-") as directory, Stack(Path(directory)) as stack:
        results, details = asyncio.run(_Measurement(stack, options.requests).measure(sizes))
    report.tell(options, results, TARGETS, details)


class _Measurement:
    """The app under load, and what was seen of it."""

    def __init__(self, stack: Stack, requests: int) -> None:
        self._stack = stack
        self._host = Host(stack.host_url, stack.host_key)
        self._requests = requests
        self._details: report.Results = {}

    async def measure(self, sizes: Sizes) -> tuple[report.Results, report.Results]:
        """The results, and all else."""
        details, url = self._details, self._stack.postgres_url
        begin = time.perf_counter()
        # The app has made the schema when it first answers.
        await load.measure(self._host, lambda _: "/api/overview", requests=1, clients=1)
        details["restore_points"] = await fill(url, sizes)
        await fill(url, Sizes(tenants=1, shares=1, days=load.PREVIEWED), load.LONG)
        details["filling_s"] = time.perf_counter() - begin
        details["empty_endpoint_p99_ms"] = await self._worst({"empty_endpoint": lambda _: "/static/style.css"})
        results = {
            "list_p99_ms": await self._worst(load.lists(sizes)),
            "overview_p99_ms": await self._worst(load.overviews()),
            "usage_p99_ms": await self._worst(load.usages(sizes)),
            # The last share that was made.
            "retention_preview_ms": await self._worst(load.previews(sizes.tenants * sizes.shares + 1)),
        }
        self._requests = max(1, self._requests // 10)
        whole = {
            "overview_whole": lambda _: "/api/overview?limit=1000",
            "usage_whole": lambda _: "/api/usage?limit=1000",
        }
        await self._worst(whole)
        return results, details

    async def _worst(self, asks: dict[str, Ask]) -> float:
        """The highest of the 99th percentiles of all kinds of requests and all numbers of clients."""
        worst = 0.0
        for name, ask in asks.items():
            for clients in CLIENTS:
                # What is planned and built once is.
                await load.measure(self._host, ask, requests=10 * clients, clients=clients)
                before = self._cpu_s()
                times = await load.measure(self._host, ask, requests=self._requests, clients=clients)
                key = f"{name}_{clients}"
                for service, used_s in self._cpu_s().items():
                    self._details[f"{key}_{service}_cpu_ms"] = 1_000 * (used_s - before[service]) / len(times)
                self._details[f"{key}_p50_ms"] = load.percentile(times, 0.5)
                self._details[f"{key}_p99_ms"] = found = load.percentile(times, 0.99)
                worst = max(worst, found)
        return worst

    def _cpu_s(self) -> dict[str, float]:
        """Processor seconds so far of all who have a part in an answer."""
        services: tuple[Service, ...] = (self._stack.host, self._stack.postgres)
        used = {
            service.name: usage.tree_cpu_s(service.identity.pid) for service in services if service.identity is not None
        }
        return {**used, "client": time.process_time()}
