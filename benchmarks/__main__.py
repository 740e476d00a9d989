"""``python -m benchmarks``: measure, and compare with what was promised.

Exit codes: 0 everything was measured, whether or not it reached its target; 1 something failed, or an answer was wrong; 130 it was ended from outside.
"""

import argparse
import signal
import sys
from collections.abc import Sequence

from benchmarks.api import command as api
from benchmarks.backup import command as backup
from benchmarks.catalogue import command as catalogue
from benchmarks.emulator import command as emulator
from benchmarks.peers import command as peers
from benchmarks.plan import command as plan
from benchmarks.report import BenchmarkFailed
from benchmarks.restore import command as restore
from benchmarks.retention import command as retention
from benchmarks.retention import repacking
from benchmarks.web import command as web


def main(arguments: Sequence[str]) -> int:
    """Run one benchmark and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure parts of the product.")
    parsers = parser.add_subparsers(title="benchmarks", required=True, metavar="BENCHMARK")
    for benchmark in (api, backup, catalogue, emulator, peers, plan, restore, retention, repacking, web):
        benchmark.add(parsers)
    options = parser.parse_args(arguments)
    # Ended from outside as by Ctrl-C: the services that were started are stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        options.run(options)
    except (BenchmarkFailed, OSError) as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


sys.exit(main(sys.argv[1:]))
