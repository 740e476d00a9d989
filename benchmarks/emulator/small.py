"""Small files: one-shot creates, listing what they made, reading them."""

import random
import statistics
import time
from collections.abc import Callable

from benchmarks.emulator.load import PROCESSES, Measured, drive
from benchmarks.emulator.process import Server
from benchmarks.emulator.requests import PAGE_ENTRIES, Requests
from benchmarks.emulator.wire import Exchange, Wire
from benchmarks.report import BenchmarkFailed, Results

_CONNECTIONS = 8  # per process
_PAGE_BYTES = 8 * 2**20  # room for any page, so that the first one does not wait for memory here
_FIRST_TIME_S = 1_400_000_000  # where the made-up times of files begin
_TIMES_S = 300_000_000


def creates(server: Server, requests: Requests, count: int, *, tls: bool = False) -> Measured:
    """Create ``count`` files of 1 KiB, each with its content in one request, 5,000 to a directory."""
    with_directories(server, requests, 0, count, tls=tls)
    return drive_numbers(server, requests.create_small, count, tls=tls)


def gets(server: Server, make: Callable[[int], Exchange], count: int, *, tls: bool = False) -> Measured:
    """Read ``count`` of the created files, in random order, with ``make``."""
    order = random.Random(count).sample(range(count), count)
    return drive_numbers(server, lambda number: make(order[number]), count, tls=tls)


def drive_numbers(server: Server, make: Callable[[int], Exchange], count: int, *, tls: bool = False) -> Measured:
    """Send the exchanges of numbers 0 to ``count``, dealt out to the load's processes."""
    makes = [lambda n, first=process: make(n * PROCESSES + first) for process in range(PROCESSES)]
    counts = [len(range(process, count, PROCESSES)) for process in range(PROCESSES)]
    return drive(server, makes, counts, connections=_CONNECTIONS, tls=tls)


def with_directories(server: Server, requests: Requests, first: int, count: int, *, tls: bool = False) -> None:
    """Create the directories that files ``first`` to ``first + count`` will be in."""
    with Wire(server.port, tls=tls) as wire:
        for number in range(first // PAGE_ENTRIES, -(-(first + count) // PAGE_ENTRIES)):
            wire.exchange(requests.make_directory(f"d{number:04d}"))


def create_with_times(server: Server, requests: Requests, first: int, count: int) -> None:
    """Create files that all have other times, as a tree from elsewhere has."""
    with_directories(server, requests, first, count)
    draw = random.Random(first)

    def make(number: int) -> Exchange:
        return requests.create_small(
            first + number,
            {f"x-ms-file-{which}-time": _moment(draw) for which in ("creation", "last-write", "change")},
        )

    drive_numbers(server, make, count)


def _moment(draw: random.Random) -> str:
    seconds = _FIRST_TIME_S + draw.randrange(_TIMES_S)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{draw.randrange(10_000_000):07d}Z"


def pages(server: Server, exchange: Exchange, entries: int, count: int) -> Results:
    """List one page ``count`` times, after each other, on one connection.

    ``ms`` is the median from the first byte sent to the last byte of the body received, ``first_ms`` that of the very
    first, ``cpu_ms`` the server's processor time per page.
    """
    first = b""
    taken, before = list[float](), server.cpu_s()
    with Wire(server.port, buffer_bytes=_PAGE_BYTES) as wire:
        for number in range(count):
            start = time.perf_counter()
            wire.send(exchange.head, b"")
            low, high = wire.check(exchange)
            taken.append((time.perf_counter() - start) * 1000)
            if number == 0:
                first = wire.content(low, high)
                exchange = Exchange(exchange.head, b"", 200, first)  # the others must be the same to the byte
    used = server.cpu_s() - before
    found = first.count(b"<FileId>")
    if found != entries:
        raise BenchmarkFailed(f"a page has {found} entries, not {entries}")
    return {"first_ms": taken[0], "ms": statistics.median(taken), "cpu_ms": used / count * 1000}
