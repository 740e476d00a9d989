"""A synthetic share of ten million files: what it costs to have it, to walk through it, to list and to read it."""

import html
import json
import re
import time
from collections import deque
from urllib.parse import quote

from benchmarks.emulator.process import Server
from benchmarks.emulator.requests import Requests
from benchmarks.emulator.wire import Exchange, Wire, head
from benchmarks.report import BenchmarkFailed, Results

_ENTRY = re.compile(
    rb"<(File|Directory)><Name>([^<]*)</Name><FileId>\d+</FileId><Properties>(?:<Content-Length>(\d+)<)?"
)
_NEXT = re.compile(rb"<NextMarker>([^<]+)</NextMarker>")
_DEEP_FIRST = 16  # directories taken from the newest end for each one from the oldest: a walk that sees all levels


def create(server: Server, share: str, profile: str, files: int) -> None:
    """Make a synthetic share of a profile through the control API."""
    body = json.dumps({"profile": profile, "files": files, "seed": 1}).encode()
    request = head("POST", f"/shares/{share}/synthetic", {"Host": "127.0.0.1", "Content-Length": str(len(body))})
    with Wire(server.control_port) as wire:
        told = json.loads(wire.exchange(Exchange(request, body, 200)))
    if told["files"] != files:
        raise BenchmarkFailed(f"a share of {told['files']} files was made, not of {files}")


def walk(server: Server, share: str, directories: int, files_to_read: int, limit_s: float) -> Results:
    """List up to ``directories`` directories, all their pages, and read whole some of the files found.

    :returns: counts of what was seen, and entries listed per second.
    """
    requests = Requests.to(server.port, share)
    waiting: deque[str] = deque([""])
    seen_files = seen_entries = listed = read = 0
    listing_s = 0.0
    end = time.monotonic() + limit_s
    with Wire(server.port, buffer_bytes=8 * 2**20) as wire:
        while waiting and listed < directories and time.monotonic() < end:
            path = waiting.pop() if listed % _DEEP_FIRST else waiting.popleft()
            marker, found = "", list[tuple[bytes, bytes, bytes]]()
            start = time.perf_counter()
            while True:
                page = wire.exchange(requests.list_page(path, marker))
                entries = _ENTRY.findall(page)
                if len(entries) != page.count(b"<FileId>"):
                    raise BenchmarkFailed(f"a listing of /{share}/{path} cannot be read")
                found += entries
                following = _NEXT.search(page)
                if following is None:
                    break
                marker = following[1].decode()
            listing_s += time.perf_counter() - start
            listed += 1
            seen_entries += len(found)
            files = [(_name(name), int(size)) for kind, name, size in found if kind == b"File"]
            seen_files += len(files)
            waiting.extend(_below(path, _name(name)) for kind, name, _ in found if kind == b"Directory")
            for name, size in files:
                if read < files_to_read and 0 < size <= 1 << 20 and listed % 10 == 0:
                    _read(wire, requests, _below(path, name), size)
                    read += 1
    if not seen_files or not read:
        raise BenchmarkFailed(f"nothing was found in /{share}")
    return {
        "synthetic_10m_directories_listed": listed,
        "synthetic_10m_files_listed": seen_files,
        "synthetic_10m_files_read": read,
        "synthetic_10m_entries_listed_per_s": seen_entries / listing_s,
    }


def _read(wire: Wire, requests: Requests, path: str, size: int) -> None:
    """Read a file twice: it must have its size, and say the same both times."""
    first = wire.exchange(requests.plain("GET", path))
    if len(first) != size:
        raise BenchmarkFailed(f"/{path} has {len(first)} bytes, and was listed with {size}")
    wire.exchange(requests.plain("GET", path, content=first))


def _name(name: bytes) -> str:
    return quote(html.unescape(name.decode()), safe="")


def _below(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name
