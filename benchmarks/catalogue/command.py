"""``python -m benchmarks catalogue``: bytes per file, load rate, latencies, bloat, and analytics of the catalogue."""

import argparse
import asyncio
import resource
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import report
from benchmarks.catalogue import churn, latency, plain, size
from benchmarks.catalogue.database import Database, database
from benchmarks.catalogue.loading import rows
from benchmarks.catalogue.trees import PROFILES
from benchmarks.report import BenchmarkFailed, Results
from shared.db import pages
from shared.db.loading import load
from shared.model.page import Page

SEED = 7
PLAIN_FILES = 1_000_000

TARGETS = {
    "load_files_per_s": (">=", 60_000.0),
    "children_p99_ms": ("<=", 5.0),
    "path_p99_ms": ("<=", 5.0),
    "rename_p99_ms": ("<=", 5.0),
    "churn_ratio": ("<=", 1.25),
    "view_rows_per_s": (">=", 700_000.0),
    "client_rss_mib": ("<=", 300.0),
}
BYTES_PER_FILE = {"office": 48.0, "photos": 30.0, "flat": 32.0}


def add(parsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    parser = parsers.add_parser(
        "catalogue",
        help="the catalogue: bytes per file, load rate, latencies, bloat, analytics",
        description="Start a Postgres, fill a share's tree with a synthetic profile, measure it, and delete it. Ten million "
        "files take about 2.5 GB of disk, most of it write-ahead log, and a quarter of an hour; docs/BENCHMARKS.md says what each number means.",
    )
    parser.add_argument(
        "--files", type=_count, default=1_000_000, metavar="N", help="how many files (default: 1000000)"
    )
    parser.add_argument("--profile", choices=sorted(PROFILES), default="office", help="the tree (default: office)")
    parser.add_argument(
        "--rounds", type=int, default=30, metavar="N", help="nights of one per cent changes (default: 30)"
    )
    parser.add_argument(
        "--picks", type=_count, default=latency.PICKS, metavar="N", help="random places asked about (default: 1000)"
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="where the database is made (default: a temporary directory)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results as one flat JSON object")
    parser.set_defaults(run=run)


def _count(text: str) -> int:
    number = int(text.replace("_", ""))
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def run(options: argparse.Namespace) -> None:
    """Measure, print, write."""
    results = asyncio.run(_measure(options.files, options.profile, options.rounds, options.picks, options.data))
    targets = dict(TARGETS)
    if options.profile in BYTES_PER_FILE:
        targets["bytes_per_file"] = ("<=", BYTES_PER_FILE[options.profile])
    print(report.table(results, targets))
    if options.json:
        report.write(options.json, results)


async def _measure(files: int, profile: str, rounds_: int, picks: int, directory: Path | None) -> Results:
    async with database(directory) as db:
        results, made = await _loaded(db, files, profile)
        _say(f"{made:,} files loaded; {results['bytes_per_file']:.2f} bytes per file")
        results |= await _analytics(db, made)
        results |= await latency.questions(db, picks)
        results |= await latency.changes(db, picks)
        if rounds_:
            _say(f"{rounds_} rounds of changes")
            before, parts = await size.total_bytes(db), await size.by_kind(db)
            rewritten = await churn.rounds(db, rounds_)
            results["churn_ratio"] = await size.total_bytes(db) / before
            results |= {f"churn_{kind}_ratio": grown / parts[kind] for kind, grown in (await size.by_kind(db)).items()}
            results["churn_rows_per_round"] = rewritten / rounds_
        # Read before the plain table, whose loader is not the product's.
        results["client_rss_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        _say("a plain table beside it")
        results |= await plain.measure(db, rows(PROFILES[profile](min(files, PLAIN_FILES), SEED)))
    return results


async def _loaded(db: Database, files: int, profile: str) -> tuple[Results, int]:
    """Load the tree, let Postgres look at it once, and weigh it."""
    counted = _Counted(rows(PROFILES[profile](files, SEED)))
    started = time.perf_counter()
    async with db.catalogue.transaction() as conn:
        await conn.execute("SET LOCAL statement_timeout = 0")
        pages_loaded = await load(conn, db.share_id, counted)
    taken = time.perf_counter() - started
    async with db.catalogue.transaction() as conn:
        await conn.commit()
        await conn.set_autocommit(True)
        await conn.execute("SET statement_timeout = 0")
        await conn.execute(pages.partition_sql("VACUUM (ANALYZE) {page}", db.share_id))
        await conn.set_autocommit(False)
    results = await size.by_part(db, counted.files)
    results["files"] = counted.files
    results["files_per_directory"] = counted.files / counted.directories
    results["pages"] = pages_loaded
    results["load_files_per_s"] = counted.files / taken
    return results, counted.files


@dataclass
class _Counted:
    rows: Iterable[Page]
    files: int = 0
    directories: int = 0

    def __iter__(self) -> Iterator[Page]:
        for page in self.rows:
            self.files += len(page.files)
            self.directories += page.page_no == 0
            yield page


async def _analytics(db: Database, files: int) -> Results:
    """Unpack the whole tree on one core, twice; the second time counts."""
    async with db.catalogue.transaction() as conn:
        await pages.choose_share(conn, db.share_id)
        await conn.execute("SET LOCAL statement_timeout = 0; SET LOCAL max_parallel_workers_per_gather = 0")
        for _ in range(2):
            started = time.perf_counter()
            row = await (await conn.execute("SELECT count(*), count(size), sum(size) FROM node")).fetchone()
            seconds = time.perf_counter() - started
    if row is None or row[1] != files:
        raise BenchmarkFailed(f"the view does not have the {files} files that were loaded: {row}")
    return {"view_rows_per_s": row[0] / seconds, "analytics_s_per_million": seconds / files * 1e6}


def _say(text: str) -> None:
    print(text, flush=True)
