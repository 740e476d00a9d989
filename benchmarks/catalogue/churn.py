"""Nightly backups: rounds that each change one file in a hundred, with autovacuum as it comes.

A backup that finds a hundred thousand changed files among ten million takes a quarter of an hour or more, most of which it
spends reading them; autovacuum looks once a minute. Here a round takes seconds. So the server looks every second, and a round
is cut into slices, after each of which autovacuum gets the time to do what it finds due.
"""

import asyncio
import time
from dataclasses import replace

import numpy as np

from benchmarks.catalogue.database import Database
from shared.db import pages
from shared.model.page import Page

SHARE_CHANGED = 0.01
BATCH_PAGES = 500
SLICES = 10
VACUUM_WAIT_S = 120.0

#: Every file changes with the same chance, wherever it is; ``files`` is read from the lengths that a page's header has.
_PICK = """
    SELECT page_id, ntile({slices}) OVER (ORDER BY page_id) - 1 AS part FROM (
        SELECT page_id, octet_length(packed) AS bytes, substring(packed FOR 4) AS head FROM page_{share_id} OFFSET 0
    ) AS p
    WHERE random() < 1 - power(1 - {share}, (bytes - get_byte(head, 3))
          / ((get_byte(head, 0) & 15) + (get_byte(head, 2) >> 4) + (get_byte(head, 2) & 15) + 8))
"""


#: Whether table or TOAST table is over its threshold, by the rule in Postgres' documentation.
_DUE = """
    SELECT count(*)
      FROM pg_class AS c
      JOIN pg_stat_all_tables AS s ON s.relid = c.oid
     WHERE (c.oid = %s::regclass OR c.oid = (SELECT reltoastrelid FROM pg_class WHERE oid = %s::regclass))
       AND s.n_dead_tup > 50 + c.reltuples * coalesce(
               (SELECT option_value::float FROM pg_options_to_table(c.reloptions)
                 WHERE option_name = 'autovacuum_vacuum_scale_factor'), 0.2)
"""


async def rounds(db: Database, count: int) -> int:
    """Change files in ``count`` rounds; return how many page rows were rewritten. Ends when autovacuum has caught up."""
    rewritten = 0
    rng = np.random.default_rng(11)
    for number in range(count):
        async with db.catalogue.transaction() as conn:
            await conn.execute("SET LOCAL statement_timeout = 0")
            await conn.execute("DROP TABLE IF EXISTS picked")
            await conn.execute(
                "CREATE UNLOGGED TABLE picked AS "
                + _PICK.format(share_id=db.share_id, share=SHARE_CHANGED, slices=SLICES)
            )
            await conn.execute("CREATE INDEX ON picked (part, page_id)")
        for part in range(SLICES):
            rewritten += await _slice(db, number, part, rng)
            await _vacuumed(db)
    return rewritten


async def _slice(db: Database, number: int, part: int, rng: np.random.Generator) -> int:
    """Change what was picked of one stretch of the tree: a walk comes through neighbours one after the other."""
    rewritten, after = 0, -1
    while True:
        async with db.catalogue.transaction() as conn:
            cursor = await conn.execute(
                "SELECT page_id FROM picked WHERE part = %s AND page_id > %s ORDER BY 1 LIMIT %s",
                [part, after, BATCH_PAGES],
            )
            ids = [row[0] for row in await cursor.fetchall()]
        if not ids:
            return rewritten
        rewritten += await _change(db, ids, number, rng)
        after = ids[-1]


async def _change(db: Database, page_ids: list[int], number: int, rng: np.random.Generator) -> int:
    """Change some files of each of these pages, as one batch of a backup."""
    async with db.catalogue.transaction() as conn:
        found = await pages.of_pages(conn, db.share_id, page_ids)
        changed = [_changed(page, number, rng) for page in found if page.files]
        await pages.upsert(conn, db.share_id, changed)
    return len(changed)


def _changed(page: Page, number: int, rng: np.random.Generator) -> Page:
    count = max(1, int(rng.binomial(len(page.files), SHARE_CHANGED)))
    chosen = set(rng.integers(0, len(page.files), count).tolist())
    files = tuple(
        replace(f, size_bytes=f.size_bytes + 1, mtime=f.mtime + 86_400, hash=int(rng.integers(0, 2**63)))
        if i in chosen
        else f
        for i, f in enumerate(page.files)
    )
    manifest = page.manifest and replace(page.manifest, run_no=number + 2)
    fingerprint = int(rng.integers(0, 2**63)) if page.fingerprint is not None else None
    return replace(page, files=files, manifest=manifest, fingerprint=fingerprint)


async def _vacuumed(db: Database) -> None:
    """Wait until autovacuum has nothing left to do for the tree."""
    table = f"page_{db.share_id}"
    until = time.monotonic() + VACUUM_WAIT_S
    while time.monotonic() < until:
        await asyncio.sleep(0.2)
        if not await db.number(_DUE, table, table) and not await db.number(
            "SELECT count(*) FROM pg_stat_progress_vacuum"
        ):
            return
