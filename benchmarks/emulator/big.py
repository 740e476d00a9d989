"""One big file, up and down in ranges of 4 MiB."""

from benchmarks.emulator.load import PROCESSES, Measured, drive
from benchmarks.emulator.process import Server
from benchmarks.emulator.requests import RANGE_BYTES, Requests
from benchmarks.emulator.wire import Wire

_CONNECTIONS = 2  # per process
_PATH = "big"


def up(server: Server, requests: Requests, ranges: int) -> Measured:
    """Create the file and write all of it."""
    with Wire(server.port) as wire:
        wire.exchange(requests.create_empty(_PATH, ranges * RANGE_BYTES))
    makes = [lambda n, first=p: requests.put_range(_PATH, n * PROCESSES + first) for p in range(PROCESSES)]
    return drive(server, makes, _counts(ranges), connections=_CONNECTIONS)


def down(server: Server, requests: Requests, ranges: int) -> Measured:
    """Read all of it; every byte is compared."""
    makes = [lambda n, first=p: requests.get_range(_PATH, n * PROCESSES + first) for p in range(PROCESSES)]
    return drive(server, makes, _counts(ranges), connections=_CONNECTIONS)


def mib_per_s(measured: Measured) -> float:
    """Return the speed of a transfer."""
    return measured.per_s * RANGE_BYTES / 2**20


def _counts(ranges: int) -> list[int]:
    return [len(range(process, ranges, PROCESSES)) for process in range(PROCESSES)]
