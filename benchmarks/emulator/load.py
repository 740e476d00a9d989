"""Many requests at once, from a few processes with a few connections each."""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from threading import BrokenBarrierError

from benchmarks.emulator.process import Server
from benchmarks.emulator.wire import Exchange, Wire
from benchmarks.report import BenchmarkFailed

PROCESSES = 2
_TIMEOUT_S = 300.0

#: Makes the n-th exchange, in the process that will send it.
Make = Callable[[int], Exchange]


@dataclass(frozen=True, slots=True)
class Measured:
    """How long ``count`` exchanges took from the first byte sent to the last received, and the server's part in it."""

    count: int
    wall_s: float
    server_cpu_s: float

    @property
    def per_s(self) -> float:
        """Return exchanges per second."""
        return self.count / self.wall_s

    @property
    def cpu_ms(self) -> float:
        """Return the server's processor time per exchange."""
        return self.server_cpu_s / self.count * 1000


def drive(
    server: Server, makes: Sequence[Make], counts: Sequence[int], *, connections: int, tls: bool = False
) -> Measured:
    """Run one process per entry of ``makes``, each with its ``counts`` exchanges over ``connections`` connections.

    Each keeps a request outstanding on all its connections. All exchanges are made before the clock starts.
    """
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(len(makes) + 1)
    pipes, processes = [], []
    for make, count in zip(makes, counts, strict=True):
        ours, theirs = context.Pipe(duplex=False)
        arguments = (server.port, make, count, connections, tls, barrier, theirs)
        processes.append(context.Process(target=_work, args=arguments, daemon=True))
        pipes.append(ours)
        processes[-1].start()
        theirs.close()
    before = 0.0
    with suppress(BrokenBarrierError):  # one of them failed early, which it tells in its outcome
        barrier.wait(_TIMEOUT_S)
        before = server.cpu_s()
    outcomes = [_outcome(pipe) for pipe in pipes]
    used = server.cpu_s() - before
    for process in processes:
        process.join(10)
        if process.is_alive():
            process.kill()
    failures = [outcome for outcome in outcomes if isinstance(outcome, str)]
    if failures:
        raise BenchmarkFailed(next(filter(None, failures), "the load never began"))
    spans = [outcome for outcome in outcomes if not isinstance(outcome, str)]
    return Measured(sum(counts), max(end for _, end in spans) - min(start for start, _ in spans), used)


def _outcome(pipe: Connection) -> tuple[float, float] | str:
    """Return when a process began and ended, or why it failed; nothing if another one failed."""
    try:
        if not pipe.poll(_TIMEOUT_S):
            return f"the emulator did not answer everything in {_TIMEOUT_S:.0f} s"
        found: tuple[float, float] | str = pipe.recv()
    except EOFError:
        return "a process of the load died"
    return found


def _work(port: int, make: Make, count: int, connections: int, tls: bool, barrier: Barrier, pipe: Connection) -> None:
    try:
        exchanges = [make(number) for number in range(count)]
        wires = [Wire(port, tls=tls) for _ in range(min(connections, count))]
        barrier.wait(_TIMEOUT_S)
        start = time.monotonic()
        behind = len(wires)
        for number, exchange in enumerate(exchanges):
            wire = wires[number % behind]
            if number >= behind:
                wire.check(exchanges[number - behind])
            wire.send(exchange.head, exchange.body)
        for number in range(count - behind, count):
            wires[number % behind].check(exchanges[number])
        pipe.send((start, time.monotonic()))
        for wire in wires:
            wire.close()
    except BrokenBarrierError:
        pipe.send("")
    except Exception as error:
        pipe.send(f"{type(error).__name__}: {error}")
        barrier.abort()
