"""How long one question or one change takes: over random places of a loaded tree, warm."""

import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, LiteralString, TypeVar

from benchmarks.catalogue.database import Database
from benchmarks.report import BenchmarkFailed, Results
from shared.db import pages
from shared.db.pool import Connection
from shared.model.node import parent_of_file
from shared.model.work import BatchCommit

PICKS = 1_000
WARM_UP = 50

Pick = TypeVar("Pick")

_RANDOM_PAGES: Final[LiteralString] = "SELECT page_id FROM {page} ORDER BY random() LIMIT %b"


async def questions(db: Database, picks: int) -> Results:
    """Ask about ``picks`` random places: the children from there on, the path of a file, that path looked up."""
    places = await random_places(db, picks)
    paths: dict[int, str] = {}

    async def children(conn: Connection, place: Place) -> None:
        text, args = "SELECT * FROM node_children(%s, %s)", [place.directory_id, place.after]
        await (await conn.execute(text, args, binary=True)).fetchall()  # six numbers a row are cheaper read as such

    async def path(conn: Connection, place: Place) -> None:
        row = await (await conn.execute("SELECT path FROM node_path(%s)", [place.node_id])).fetchone()
        if row is None or row[0] is None:
            raise BenchmarkFailed(f"node {place.node_id} has no path")
        paths[place.node_id] = row[0]

    async def lookup(conn: Connection, place: Place) -> None:
        row = await (await conn.execute("SELECT node_id FROM node_at(%s)", [paths[place.node_id]])).fetchone()
        if row is None or row[0] != place.node_id:
            raise BenchmarkFailed(f"{paths[place.node_id]!r} is the path of {place.node_id}; looked up, it is {row}")

    results: Results = {}
    for name, work in (("children", children), ("path", path), ("lookup", lookup)):
        results |= percentiles(name, await _timed(db, places, work))
    return results


async def changes(db: Database, picks: int) -> Results:
    """Commit ``picks`` random pages one by one, each with its directory, as a backup does; rename as many directories."""
    share_id, run = db.share_id, db.run
    places: dict[int, list[Place]] = {}
    for place in await random_places(db, picks):
        places.setdefault(place.directory_id, []).append(place)
    await db.catalogue.seed(run.run_id, share_id, [(node_id, 0) for node_id in places])
    taken: list[float] = []
    while places:
        claim = await db.catalogue.claim(run.run_id, "benchmark", limit=1, lease_s=60)
        if claim is None:
            raise BenchmarkFailed("a seeded directory cannot be claimed")
        node_id = claim.directories[0].head.node_id
        place = places[node_id].pop()
        async with db.catalogue.transaction() as conn:
            rows = await pages.of_pages(conn, share_id, sorted({node_id, place.page_id}))
        batch = BatchCommit(
            run_id=run.run_id,
            share_id=share_id,
            run_no=run.run_no,
            batch_no=claim.batch_no,
            pages=[
                replace(r, mtime=r.mtime + 1, files=tuple(replace(f, mtime=f.mtime + 1) for f in r.files)) for r in rows
            ],
        )
        if places[node_id]:
            batch.returned = [node_id]
        else:
            batch.done = [node_id]
            del places[node_id]
        started = time.perf_counter()
        await db.catalogue.commit(batch)
        taken.append(time.perf_counter() - started)
    results = percentiles("commit", taken[WARM_UP:] or taken)

    async def rename(conn: Connection, node_id: int) -> None:
        head = (await pages.heads(conn, share_id, [node_id]))[node_id]
        await pages.place(conn, share_id, [replace(head, name=f"renamed {node_id}")])

    return results | percentiles("rename", await _timed(db, await random_directories(db, picks), rename))


@dataclass(frozen=True, slots=True)
class Place:
    """A random page and a random node on it."""

    page_id: int
    after: str
    """The least name that belongs to the page; empty for the first page of a directory."""
    node_id: int
    """One of the page's files; the directory if it has none."""

    @property
    def directory_id(self) -> int:
        """Of the page and the node."""
        return parent_of_file(self.node_id)


async def random_places(db: Database, count: int) -> list[Place]:
    """Return ``count`` random pages, each as likely as any other, with a node of each."""
    rng = random.Random(11)
    places = []
    async with db.catalogue.transaction() as conn:
        await conn.execute("SET LOCAL statement_timeout = 0")
        cursor = await conn.execute(pages.partition_sql(_RANDOM_PAGES, db.share_id), [count])
        ids = [row[0] for row in await cursor.fetchall()]
        for page in await pages.of_pages(conn, db.share_id, ids):
            slot = rng.choice(page.files).slot if page.files else 0
            places.append(
                Place(page.directory_id | page.page_no, page.name if page.page_no else "", page.directory_id | slot)
            )
    rng.shuffle(places)
    return places


async def random_directories(db: Database, count: int) -> list[int]:
    """Return ``count`` directories, each as likely as any other; not the root, unless it is all there is."""
    top = int(await db.number(f"SELECT max(page_id) >> 24 FROM page_{db.share_id}"))
    rng = random.Random(7)
    return [rng.randint(min(2, top), top) << 24 for _ in range(count)] if top > 1 else [1 << 24] * min(count, 20)


async def _timed(
    db: Database, picks: Sequence[Pick], work: Callable[[Connection, Pick], Awaitable[None]]
) -> list[float]:
    """Do ``work`` for each pick in a transaction of its own and return the seconds each took, the first few left out."""
    taken = []
    for pick in [*picks[:WARM_UP], *picks]:
        started = time.perf_counter()
        async with db.catalogue.transaction() as conn:
            await pages.choose_share(conn, db.share_id)
            await work(conn, pick)
        taken.append(time.perf_counter() - started)
    return taken[min(WARM_UP, len(picks)) :]


def percentiles(name: str, seconds: Sequence[float]) -> Results:
    """Return the median and the 99th percentile in milliseconds."""
    ordered = sorted(seconds)
    return {
        f"{name}_p50_ms": ordered[len(ordered) // 2] * 1e3,
        f"{name}_p99_ms": ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] * 1e3,
    }
