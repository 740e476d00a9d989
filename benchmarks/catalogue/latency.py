"""How long one question or one change takes: over random places of a loaded tree, warm."""

import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from benchmarks.catalogue.database import Database
from benchmarks.report import BenchmarkFailed, Results
from shared.db import pages
from shared.db.pool import Connection
from shared.model.work import BatchCommit

PICKS = 1_000
WARM_UP = 50

Work = Callable[[Connection, int], Awaitable[None]]


async def questions(db: Database, picks: int) -> Results:
    """Ask about ``picks`` random directories: their children, their path, their path looked up."""
    ids = await random_directories(db, picks)
    paths: dict[int, str] = {}

    async def children(conn: Connection, node_id: int) -> None:
        await (await conn.execute("SELECT * FROM node_children(%s)", [node_id])).fetchall()

    async def path(conn: Connection, node_id: int) -> None:
        row = await (await conn.execute("SELECT node_path(%s)", [node_id])).fetchone()
        if row is None or row[0] is None:
            raise BenchmarkFailed(f"directory {node_id} has no path")
        paths[node_id] = row[0]

    async def lookup(conn: Connection, node_id: int) -> None:
        row = await (await conn.execute("SELECT node_at(%s)", [paths[node_id]])).fetchone()
        if row is None or row[0] is None:
            raise BenchmarkFailed(f"there is nothing at {paths[node_id]!r}, which is the path of {node_id}")

    results: Results = {}
    for name, work in (("children", children), ("path", path), ("lookup", lookup)):
        results |= percentiles(name, await _timed(db, ids, work))
    return results


async def changes(db: Database, picks: int) -> Results:
    """Commit ``picks`` random directories one by one as a backup does, and rename as many."""
    ids = sorted(set(await random_directories(db, picks)))
    share_id, run = db.share_id, db.run
    await db.catalogue.seed(run.run_id, share_id, [(node_id, 0) for node_id in ids])
    taken: list[float] = []
    for number in range(len(ids)):
        claim = await db.catalogue.claim(run.run_id, "benchmark", limit=1, lease_s=60)
        if claim is None:
            raise BenchmarkFailed("a seeded directory cannot be claimed")
        node_id = claim.directories[0].head.node_id
        first = (await db.catalogue.pages(share_id, [node_id]))[node_id][0]
        changed = replace(first, mtime=first.mtime + 1, files=tuple(replace(f, mtime=f.mtime + 1) for f in first.files))
        batch = BatchCommit(
            run_id=run.run_id,
            share_id=share_id,
            run_no=run.run_no,
            batch_no=claim.batch_no,
            done=[node_id],
            pages=[changed],
        )
        started = time.perf_counter()
        await db.catalogue.commit(batch)
        if number >= WARM_UP or len(ids) <= WARM_UP:
            taken.append(time.perf_counter() - started)
    results = percentiles("commit", taken)

    async def rename(conn: Connection, node_id: int) -> None:
        head = (await pages.heads(conn, share_id, [node_id]))[node_id]
        await pages.place(conn, share_id, [replace(head, name=f"renamed {node_id}")])

    return results | percentiles("rename", await _timed(db, ids, rename))


async def random_directories(db: Database, count: int) -> list[int]:
    """Return ``count`` directories, each as likely as any other; not the root, unless it is all there is."""
    top = int(await db.number(f"SELECT max(page_id) >> 24 FROM page_{db.share_id}"))
    rng = random.Random(7)
    return [rng.randint(min(2, top), top) << 24 for _ in range(count)] if top > 1 else [1 << 24] * min(count, 20)


async def _timed(db: Database, ids: Sequence[int], work: Work) -> list[float]:
    """Do ``work`` for each id in a transaction of its own and return the seconds each took, the first few left out."""
    taken = []
    for node_id in [*ids[:WARM_UP], *ids]:
        started = time.perf_counter()
        async with db.catalogue.transaction() as conn:
            await pages.choose_share(conn, db.share_id)
            await work(conn, node_id)
        taken.append(time.perf_counter() - started)
    return taken[min(WARM_UP, len(ids)) :]


def percentiles(name: str, seconds: Sequence[float]) -> Results:
    """Return the median and the 99th percentile in milliseconds."""
    ordered = sorted(seconds)
    return {
        f"{name}_p50_ms": ordered[len(ordered) // 2] * 1e3,
        f"{name}_p99_ms": ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] * 1e3,
    }
