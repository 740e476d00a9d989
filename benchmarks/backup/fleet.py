"""Take a run through with some worker processes, and say what each of them used."""

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks import usage
from benchmarks.backup.worker import Orders
from benchmarks.backup.world import World
from benchmarks.report import BenchmarkFailed
from localdev.services.service import ROOT
from shared.model.run import Run, RunState
from shared.model.share import Share


@dataclass(frozen=True, slots=True)
class Measured:
    """A run from its opening to its restore point."""

    run: Run
    wall_s: float
    working_s: float
    """The part of ``wall_s`` between opening and closing, which is what more workers make shorter."""
    cpu_s: float
    """Of all workers together, from when they were ready."""
    rss_mib: float
    """The most that any of them ever had."""
    operations: Mapping[str, int]
    """Requests to the share by operation, as the service counted them."""
    answered_bytes: int
    """Of bodies that the share answered with: listings and content."""
    services_cpu_s: Mapping[str, float]
    """What the services used meanwhile: on a machine of two cores this may be what limits the wall time."""
    load: float
    """The machine's load average at the end."""

    @property
    def requests(self) -> int:
        """All requests to the share."""
        return sum(self.operations.values())

    def __str__(self) -> str:
        """Say what it took, in one line."""
        served = ", ".join(f"{name} {s:.1f}" for name, s in self.services_cpu_s.items())
        asked = ", ".join(f"{n:,} {name}" for name, n in sorted(self.operations.items(), key=lambda item: -item[1])[:4])
        counters = self.run.counters
        return (
            f"{counters.files:,} files, {counters.changed_files:,} saved, in {self.wall_s:.1f} s; workers {self.cpu_s:.2f} s of CPU, "
            f"{self.rss_mib:.0f} MiB; services {served} s; {asked}; {counters.vault_writes:,} vault writes, "
            f"{counters.vault_bytes / 2**20:,.0f} MiB; load {self.load:.1f}"
        )


class _Worker:
    """One worker process."""

    def __init__(self, process: Process, name: str) -> None:
        self.process = process
        self.name = name

    async def answer(self) -> str:
        """What it says next."""
        assert self.process.stdout is not None
        line = (await self.process.stdout.readline()).decode().strip()
        if not line:
            raise BenchmarkFailed(f"{self.name} ended with {await self.process.wait()} before it had answered")
        return line

    async def do(self, step: str) -> Mapping[str, Any]:
        """Have it do one step of its run."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{step}\n".encode())
        receipt: Mapping[str, Any] = json.loads(await self.answer())
        if receipt["error"]:
            raise BenchmarkFailed(f"{self.name} could not {step}: {receipt['error']}")
        return receipt


@asynccontextmanager
async def _worker(world: World, run: Run, name: str, limits: Mapping[str, float]) -> AsyncIterator[_Worker]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.backup.worker", cwd=ROOT, stdin=PIPE, stdout=PIPE
    )
    assert process.stdin is not None
    try:
        orders = Orders(settings=world.environment, run_id=run.run_id, name=name, limits=limits)
        process.stdin.write(orders.line().encode())
        worker = _Worker(process, name)
        if await worker.answer() != "ready":
            raise BenchmarkFailed(f"{name} did not get ready")
        yield worker
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 60)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def backup(
    world: World, share: Share, *, workers: int = 1, limits: Mapping[str, float] | None = None
) -> Measured:
    """Back up ``share`` with fresh worker processes, the first of which opens and closes the run.

    :raises BenchmarkFailed: the run did not succeed.
    """
    return await run_through(world, await world.queue(share), share.share_name, workers=workers, limits=limits)


async def run_through(
    world: World, run: Run, share_name: str, *, workers: int = 1, limits: Mapping[str, float] | None = None
) -> Measured:
    """Take a queued run of whatever kind to its end in the same way; requests are counted that ``share_name`` gets.

    :raises BenchmarkFailed: the run did not succeed.
    """
    services = {s.name: s.identity.pid for s in (world.files, world.azurite, world.postgres) if s.identity is not None}
    async with AsyncExitStack() as stack:
        team = await asyncio.gather(  # side by side: one takes a second to start
            *(
                stack.enter_async_context(_worker(world, run, f"worker-{number}", limits or {}))
                for number in range(workers)
            )
        )
        pids = [worker.process.pid for worker in team]
        before = sum(map(usage.cpu_s, pids))
        served = {name: usage.tree_cpu_s(pid) for name, pid in services.items()}
        world.control("DELETE", "/counters")
        started = time.perf_counter()
        await team[0].do("open")
        opened = time.perf_counter()
        await asyncio.gather(*(worker.do("work") for worker in team))
        worked = time.perf_counter()
        await team[0].do("close")
        ended = time.perf_counter()
        counted = world.control("GET", f"/shares/{share_name}/counters")["operations"]
        run = await world.reload(run)
        measured = Measured(
            run=run,
            wall_s=ended - started,
            working_s=worked - opened,
            cpu_s=sum(map(usage.cpu_s, pids)) - before,
            rss_mib=max(usage.rss_mib(pid, peak=True) for pid in pids),
            operations={name: counts["requests"] for name, counts in counted.items()},
            answered_bytes=sum(counts["bytes_out"] for counts in counted.values()),
            services_cpu_s={name: usage.tree_cpu_s(pid) - served[name] for name, pid in services.items()},
            load=usage.load(),
        )
    if run.state is not RunState.SUCCEEDED:
        raise BenchmarkFailed(f"the run ended as {run.state}: {run.error or f'{run.counters.errors} errors'}")
    return measured
