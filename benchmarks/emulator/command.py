"""``python -m benchmarks emulator``: what the Azure Files emulator can do, measured in one run."""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks import report
from benchmarks.emulator import big, small, synthetic
from benchmarks.emulator.process import Server, running
from benchmarks.emulator.requests import PAGE_ENTRIES, RANGE_BYTES, Requests
from benchmarks.emulator.wire import Wire
from benchmarks.report import Results

TARGETS = {
    "list_page_ms": ("<=", 25.0),
    "list_page_first_ms": ("<=", 25.0),
    "small_gets_per_s": (">=", 1_500.0),
    "creates_per_s": (">=", 1_000.0),
    "upload_mib_per_s": (">=", 300.0),
    "download_mib_per_s": (">=", 300.0),
    "synthetic_10m_rss_mib": ("<=", 300.0),
}


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of everything is measured."""

    files: int
    pages: int
    ranges: int
    synthetic_directories: int
    synthetic_reads: int


FULL = Sizes(
    files=3 * PAGE_ENTRIES,
    pages=60,
    ranges=2**30 // RANGE_BYTES,
    synthetic_directories=20_000,
    synthetic_reads=200,
)
QUICK = Sizes(files=100, pages=3, ranges=4, synthetic_directories=50, synthetic_reads=2)
SYNTHETIC_FILES = 10_000_000
_WALK_S = 90.0


def add(parsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    parser = parsers.add_parser(
        "emulator",
        help="the Azure Files emulator: listing, small files, transfers, memory",
        description="Start the Azure Files emulator on a free port, measure it from outside, and stop it. Takes a minute "
        "or two and 3 GiB of memory; docs/BENCHMARKS.md says what each number means.",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results as one flat JSON object")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that it works; no speed worth telling")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Measure, print, write."""
    sizes: Sizes = QUICK if options.quick else FULL
    results: Results = {}
    with running() as server:
        results |= in_memory(server, sizes)
    with tempfile.TemporaryDirectory(prefix="emulator-benchmark-") as data, running("--data", data) as server:
        results |= persistent(server, sizes)
    with running("--tls") as server:
        results |= encrypted(server, sizes)
    with running() as server:
        results |= computed(server, sizes)
    print(report.table(results, TARGETS))
    if options.json:
        report.write(options.json, results)


def in_memory(server: Server, sizes: Sizes) -> Results:
    """Measure an emulator that keeps everything in memory."""
    requests = _new_share(server)
    empty_mib = server.rss_mib()
    created = small.creates(server, requests, sizes.files)
    results = {
        "creates_per_s": created.per_s,
        "creates_cpu_ms": created.cpu_ms,
        "small_file_rss_bytes": (server.rss_mib() - empty_mib) * 2**20 / sizes.files,
    }
    entries = min(sizes.files, PAGE_ENTRIES)
    listed = small.pages(server, requests.list_page("d0000"), entries, sizes.pages)
    results |= {
        "list_page_ms": listed["ms"],
        "list_page_first_ms": listed["first_ms"],
        "list_page_cpu_ms": listed["cpu_ms"],
    }
    first = -(-sizes.files // PAGE_ENTRIES) * PAGE_ENTRIES
    small.create_with_times(server, requests, first, entries)
    varied = small.pages(server, requests.list_page(f"d{first // PAGE_ENTRIES:04d}"), entries, sizes.pages)
    results |= {"list_page_varied_times_ms": varied["ms"], "list_page_varied_times_first_ms": varied["first_ms"]}
    read = small.gets(server, requests.get_small, sizes.files)
    results |= {"small_gets_per_s": read.per_s, "small_gets_cpu_ms": read.cpu_ms}
    by_key = small.gets(server, requests.get_small_by_key, sizes.files)
    results |= {"small_gets_shared_key_per_s": by_key.per_s, "small_gets_shared_key_cpu_ms": by_key.cpu_ms}
    return results | _transfers(server, requests, sizes, "")


def persistent(server: Server, sizes: Sizes) -> Results:
    """Measure an emulator that keeps everything on disk."""
    requests = _new_share(server)
    created = small.creates(server, requests, sizes.files)
    read = small.gets(server, requests.get_small, sizes.files)
    results = {"data_creates_per_s": created.per_s, "data_small_gets_per_s": read.per_s}
    return results | _transfers(server, requests, sizes, "data_")


def encrypted(server: Server, sizes: Sizes) -> Results:
    """Measure an emulator that is reached by https alone; files are created as they are read."""
    requests = Requests.to(server.port, "benchmark")
    with Wire(server.port, tls=True) as wire:
        wire.exchange(requests.create_share())
    created = small.creates(server, requests, sizes.files, tls=True)
    read = small.gets(server, requests.get_small, sizes.files, tls=True)
    return {"https_creates_per_s": created.per_s, "https_small_gets_per_s": read.per_s}


def computed(server: Server, sizes: Sizes) -> Results:
    """Measure an emulator whose files are computed on demand; the memory is what the process ever had until then."""
    synthetic.create(server, "synthetic", "office", SYNTHETIC_FILES)
    results = synthetic.walk(server, "synthetic", sizes.synthetic_directories, sizes.synthetic_reads, _WALK_S)
    results["synthetic_10m_rss_mib"] = server.rss_mib(peak=True)
    synthetic.create(server, "flat", "flat", SYNTHETIC_FILES)
    listed = small.pages(server, Requests.to(server.port, "flat").list_page(""), PAGE_ENTRIES, sizes.pages)
    return results | {
        "list_page_synthetic_ms": listed["ms"],
        "list_page_synthetic_first_ms": listed["first_ms"],
        "list_page_synthetic_cpu_ms": listed["cpu_ms"],
    }


def _transfers(server: Server, requests: Requests, sizes: Sizes, prefix: str) -> Results:
    up = big.up(server, requests, sizes.ranges)
    down = big.down(server, requests, sizes.ranges)
    return {
        f"{prefix}upload_mib_per_s": big.mib_per_s(up),
        f"{prefix}upload_cpu_ms_per_range": up.cpu_ms,
        f"{prefix}download_mib_per_s": big.mib_per_s(down),
        f"{prefix}download_cpu_ms_per_range": down.cpu_ms,
    }


def _new_share(server: Server) -> Requests:
    requests = Requests.to(server.port, "benchmark")
    with Wire(server.port) as wire:
        wire.exchange(requests.create_share())
    return requests
