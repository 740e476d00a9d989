"""One share's tree in a database of its own, its rows written as they are: nobody checks that they make sense."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import psycopg

from shared.db import pages
from shared.db.pool import make_pool
from shared.formats import packed
from shared.model.page import Page

SHARE = 7
INSERT = f"INSERT INTO page_{SHARE} (page_id, parent_id, file_id, share_id, name, names, packed) VALUES (%s, %s, %s, {SHARE}, %s, %s, %s)"


@contextmanager
def bare_tree(url: str) -> Iterator[psycopg.Connection]:
    """Make share 7 in the catalogue at ``url``, which has none, and yield a connection for which ``node`` shows it."""

    async def prepare() -> None:
        async with make_pool(url) as pool, pool.connection() as made:
            await made.execute(
                b"INSERT INTO tenant VALUES ('acme', 'Acme');"
                b"INSERT INTO share (share_id, tenant_id, name, account_url, share_name, credential)"
                b" VALUES (7, 'acme', 's', 'a', 's', 'c')"
            )
            await pages.create_partition(made, SHARE)

    asyncio.run(prepare())
    with psycopg.connect(url, autocommit=True) as made:
        made.execute("SELECT choose_share(%s)", [SHARE])
        yield made


def store(conn: psycopg.Connection, rows: Iterable[Page]) -> None:
    """Make these rows the tree."""
    conn.execute(f"TRUNCATE page_{SHARE}")
    with conn.cursor() as cursor:
        cursor.executemany(INSERT, map(_columns, rows))


def _columns(row: Page) -> tuple:
    file_id = None if row.file_id is None else pages.signed(row.file_id)
    return (row.directory_id | row.page_no, row.parent_id, file_id, row.name, *packed.pack(row))
