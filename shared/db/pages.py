"""The tree: rows of table ``page``.

Statements name a share's partition, ``page_<share_id>``, and not the table above it: ON CONFLICT needs the unique index
that only partitions have, and planning does not get slower with the number of shares.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, LiteralString

from psycopg import sql

from shared.db.pool import Connection
from shared.errors import IntegrityError
from shared.formats import packed
from shared.model.manifest import ManifestRef
from shared.model.node import ROOT_ID, SLOT_MAX
from shared.model.page import DirectoryHead, DirectoryPages, Page, PageHead

# Two indexes are on groups of keys: sixteen directories numbered in a row, and FileIds that differ in their first nine bits
# only, which are those of nodes created in a row (the service hands numbers out with their bits reversed). A B-tree keeps
# equal keys once, with six bytes for each row, where a row of its own takes twenty and more. A lookup reads its whole group,
# a few dozen rows that mostly lie side by side, and keeps what it asked for: docs/adr/0005.

_EXISTS: Final[LiteralString] = "SELECT to_regclass(%s) IS NOT NULL"

# A table made apart and attached: CREATE ... PARTITION OF would lock every reader out of every share's tree.
_CREATE_TABLE: Final[LiteralString] = """
    CREATE TABLE {place}.{made} (
        LIKE page INCLUDING STORAGE,
        CONSTRAINT {check} CHECK (share_id = {share_id})
    ) WITH (
        -- Compress what is over 2 kB as far as it goes, not just until it fits.
        toast_tuple_target = 128,
        -- A nightly backup changes a per cent of the files, but they are in the pages that hold most of the bytes: counted in
        -- rows they are few, and at the usual thresholds and pace the space of the old rows comes back too late for the new.
        autovacuum_vacuum_scale_factor = 0.01, toast.autovacuum_vacuum_scale_factor = 0.01,
        autovacuum_vacuum_cost_delay = 0, toast.autovacuum_vacuum_cost_delay = 0,
        autovacuum_vacuum_insert_scale_factor = 0.1
    )
"""
_INDEXES: Final[tuple[LiteralString, ...]] = (
    "CREATE UNIQUE INDEX {by_id} ON {place}.{made} (page_id)",
    "CREATE INDEX {by_parent_group} ON {place}.{made} ((parent_id >> 28)) WHERE parent_id IS NOT NULL",
    "CREATE INDEX {by_file_group} ON {place}.{made} ((file_id & 36028797018963967)) WHERE file_id IS NOT NULL",
    "CREATE INDEX {by_name} ON {place}.{made} ((page_id & -16777216), name) WHERE page_id & 16777215 > 0",
)
INDEXES: Final = len(_INDEXES)
_ADOPT: Final[LiteralString] = """
    ALTER TABLE {place}.{made} RENAME TO {page};
    ALTER TABLE {place}.{page} SET SCHEMA public;
"""
_ATTACH: Final[LiteralString] = """
    ALTER TABLE page ATTACH PARTITION {page} FOR VALUES IN ({share_id});
    ALTER TABLE {page} DROP CONSTRAINT {check};
    -- Where the SQL functions find it: schema/sql/0006.
    CREATE SCHEMA {schema};
    CREATE VIEW {schema}.page AS SELECT * FROM {page};
    -- And where the API finds it: schema/sql/0017.
    SELECT show_share_to_api({share_id});
    -- The root alone. (Roll-ups: shared/db/rollups.py.)
    INSERT INTO rollup (share_id, top_id, directories, files, bytes) VALUES ({share_id}, 16777216, 1, 0, 0);
"""
_DROP: Final[LiteralString] = """
    DROP SCHEMA IF EXISTS {api_schema} CASCADE;
    DROP SCHEMA IF EXISTS {schema} CASCADE;
    DROP TABLE IF EXISTS {page};
    DELETE FROM rollup WHERE share_id = {share_id};
    DELETE FROM rollup_change WHERE share_id = {share_id};
    DELETE FROM damaged WHERE share_id = {share_id};
    DELETE FROM tombstone WHERE share_id = {share_id};
"""
_UPSERT: Final[LiteralString] = """
    INSERT INTO {page} AS page (page_id, parent_id, file_id, share_id, name, names, packed)
         SELECT page_id, parent_id, file_id, {share_id}, name, names, packed
           FROM unnest(%b::int8[], %b::int8[], %b::int8[], %b::text[], %b::text[], %b::bytea[])
             AS row (page_id, parent_id, file_id, name, names, packed)
    ON CONFLICT (page_id) DO UPDATE
            SET parent_id = EXCLUDED.parent_id, file_id = EXCLUDED.file_id, name = EXCLUDED.name,
                -- The same value once more would be stored once more; what is out of line stays there if it is the old one.
                names = CASE WHEN page.names = EXCLUDED.names THEN page.names ELSE EXCLUDED.names END,
                packed = EXCLUDED.packed
"""
_PLACE: Final[LiteralString] = """
    UPDATE {page} AS page
       SET parent_id = row.parent_id, name = row.name
      FROM unnest(%b::int8[], %b::int8[], %b::text[]) AS row (page_id, parent_id, name)
     WHERE page.page_id = row.page_id
"""
# OFFSET 0 here and below keeps the planner from making a join of it. Of the two bounds of a range it then takes either by itself to hold
# for a third of the tree, and scans all of it, once that is large: with 74,000 pages 97 ms for the heads of 20 directories, instead of 0.05.
_ALL_OF: Final[LiteralString] = """
      FROM unnest(%b::int8[]) AS d (id)
     CROSS JOIN LATERAL (
               SELECT page_id, parent_id, file_id, name, names, packed
                 FROM {page}
                WHERE page_id BETWEEN d.id AND d.id + 16777215
               OFFSET 0
           ) AS page
  ORDER BY page.page_id
"""
_DIRECTORIES: Final[LiteralString] = "SELECT page.*" + _ALL_OF
# Of page 0 the whole row, of the others the header: a directory of a million files has 100 MB of rows and 1 MB of headers.
_PAGE_HEADS: Final[LiteralString] = (
    """
    SELECT page.page_id, page.parent_id, page.file_id, page.name,
           CASE WHEN page.page_id = d.id THEN page.names ELSE '' END,
           CASE WHEN page.page_id = d.id THEN page.packed ELSE substring(page.packed FOR 72) END
"""
    + _ALL_OF
)
_SOME_HEADS: Final[LiteralString] = """
    SELECT page_id, name, substring(packed FOR 72) FROM {page} WHERE page_id = ANY(%b::int8[])
"""
_PAGES: Final[LiteralString] = """
    SELECT page_id, parent_id, file_id, name, names, packed FROM {page} WHERE page_id = ANY(%b::int8[]) ORDER BY page_id
"""
_LIVE_BACKWARDS: Final[LiteralString] = """
    SELECT page.*
      FROM unnest(%b::int8[]) AS d (id)
     CROSS JOIN LATERAL (
               SELECT page_id, parent_id, file_id, name, names, packed
                 FROM {page}
                WHERE page_id BETWEEN d.id AND d.id + 16777215
                  AND {live}
               OFFSET 0
           ) AS page
  ORDER BY d.id, page.page_id DESC
     LIMIT %b
"""
_HEADS: Final[LiteralString] = """
    SELECT page_id, parent_id, file_id, name, substring(packed FOR 72) FROM {page} WHERE page_id = ANY(%b::int8[])
"""
# One look into the index per key, as a join that the planner cannot turn round: before the first ANALYZE of a growing tree it
# takes a list of keys for most of the table, and scans it.
_CHILDREN: Final[LiteralString] = """
    SELECT page.*
      FROM unnest(%b::int8[]) AS parent (id)
     CROSS JOIN LATERAL (
               SELECT page_id, parent_id, file_id, name, substring(packed FOR 72)
                 FROM {page}
                WHERE parent_id >> 28 = parent.id >> 28 AND parent_id = parent.id
               OFFSET 0
           ) AS page
  ORDER BY parent_id, name
"""
_BY_FILE_ID: Final[LiteralString] = """
    SELECT page.*
      FROM unnest(%b::int8[]) AS wanted (id)
     CROSS JOIN LATERAL (
               SELECT page_id, parent_id, file_id, name, substring(packed FOR 72)
                 FROM {page}
                WHERE file_id & 36028797018963967 = wanted.id & 36028797018963967 AND file_id = wanted.id
               OFFSET 0
           ) AS page
"""
# UNION, not UNION ALL: an ancestor that many share is visited once, and a circle ends. LIMIT 1 (of a unique key) has each
# step look its parent up in the index: the planner expects ten times the rows that there are and would scan the whole tree.
_WITH_ANCESTORS: Final[LiteralString] = """
    WITH RECURSIVE up (page_id, parent_id, file_id, name, head) AS (
        SELECT page_id, parent_id, file_id, name, substring(packed FOR 72) FROM {page} WHERE page_id = ANY(%b::int8[])
        UNION
        SELECT page.page_id, page.parent_id, page.file_id, page.name, substring(page.packed FOR 72)
          FROM up CROSS JOIN LATERAL (SELECT * FROM {page} WHERE page_id = up.parent_id LIMIT 1) AS page
    )
    SELECT page_id, parent_id, file_id, name, head FROM up
"""
_MANIFESTS: Final[LiteralString] = """
    SELECT page.page_id, substring(page.packed FOR 72)
      FROM unnest(%b::int8[]) AS d (id)
      JOIN {page} AS page ON page.page_id BETWEEN d.id AND d.id + 16777215
"""
_LOCK: Final[LiteralString] = "SELECT FROM {page} WHERE page_id = ANY(%b::int8[]) ORDER BY page_id FOR UPDATE"
_LIVE: Final = sql.SQL("get_byte(substring(packed FOR 4), 1) & 8 = 0")  # not DELETED: shared/formats/packed.py
_CHOOSE_SHARE: Final[LiteralString] = "SELECT choose_share(%s, true)"


def signed(number: int) -> int:
    """An unsigned 64-bit number as Postgres keeps it."""
    return number - (1 << 64) if number >> 63 else number


def unsigned(number: int) -> int:
    """The opposite of :func:`signed`."""
    return number & 0xFFFF_FFFF_FFFF_FFFF


async def create_partition(conn: Connection, share_id: int) -> bool:
    """Make the share's tree with nothing but its root, unless it exists; tells whether it was made.

    The caller has locked the share: two at once would collide.
    """
    row = await (await conn.execute(_EXISTS, [f"public.page_{share_id}"])).fetchone()
    if row is not None and row[0]:
        return False
    made = f"page_{share_id}"
    await create_table(conn, share_id, "public", made)
    for number in range(INDEXES):
        await create_index(conn, share_id, "public", number, made)
    await conn.execute(partition_sql(_ATTACH, share_id))
    await upsert(conn, share_id, [Page(directory_id=ROOT_ID, name="")])
    return True


async def create_table(conn: Connection, share_id: int, schema: str, name: str = "page") -> None:
    """Make a table that can become the share's partition, empty and without indexes."""
    await conn.execute(partition_sql(_CREATE_TABLE, share_id, schema, name))


async def create_index(conn: Connection, share_id: int, schema: str, number: int, name: str = "page") -> None:
    """Give such a table the one of its :data:`INDEXES` indexes with this number (from 0)."""
    await conn.execute(partition_sql(_INDEXES[number], share_id, schema, name))


async def adopt_table(conn: Connection, share_id: int, schema: str) -> None:
    """Make such a table, with its indexes, the share's partition. There must be none; the caller has locked the share."""
    await conn.execute(partition_sql(_ADOPT, share_id, schema, "page"))
    await conn.execute(partition_sql(_ATTACH, share_id))


async def drop_partition(conn: Connection, share_id: int) -> None:
    """Forget the share's whole tree and its roll-ups, whatever its size, at once."""
    await conn.execute(partition_sql(_DROP, share_id))


async def upsert(conn: Connection, share_id: int, rows: Sequence[Page]) -> None:
    """Insert or replace whole rows; each key at most once."""
    if not rows:
        return
    # In the order of keys, so that two transactions never wait for each other crosswise.
    ordered = sorted(rows, key=lambda page: page.directory_id | page.page_no)
    columns = [packed.pack(page) for page in ordered]
    await conn.execute(
        partition_sql(_UPSERT, share_id),
        [
            [page.directory_id | page.page_no for page in ordered],
            [page.parent_id for page in ordered],
            [None if page.file_id is None else signed(page.file_id) for page in ordered],
            [page.name for page in ordered],
            [names for names, _ in columns],
            [data for _, data in columns],
        ],
    )


async def place(conn: Connection, share_id: int, heads: Sequence[DirectoryHead]) -> None:
    """Give existing directories their name and parent."""
    if not heads:
        return
    ordered = sorted(heads, key=lambda head: head.node_id)
    args = [[h.node_id for h in ordered], [h.parent_id for h in ordered], [h.name for h in ordered]]
    await conn.execute(partition_sql(_PLACE, share_id), args)


async def lock(conn: Connection, share_id: int, page_ids: Sequence[int]) -> None:
    """Wait until nobody else writes these rows: for whoever reads a row to write it back."""
    await conn.execute(partition_sql(_LOCK, share_id), [list(page_ids)])


async def of_directories(conn: Connection, share_id: int, directory_ids: Sequence[int]) -> dict[int, list[Page]]:
    """All rows of each directory in order of page number; every one of ``directory_ids`` is a key."""
    found: dict[int, list[Page]] = {node_id: [] for node_id in directory_ids}
    for row in await (await conn.execute(partition_sql(_DIRECTORIES, share_id), [list(found)])).fetchall():
        page = _page(row)
        found[page.directory_id].append(page)
    return found


async def heads_of_pages(conn: Connection, share_id: int, directory_ids: Sequence[int]) -> dict[int, DirectoryPages]:
    """Page 0 of each directory and the heads of all its pages; every one of ``directory_ids`` is a key."""
    first: dict[int, Page] = {}
    heads: dict[int, list[PageHead]] = {node_id: [] for node_id in directory_ids}
    for row in await (await conn.execute(partition_sql(_PAGE_HEADS, share_id), [list(heads)])).fetchall():
        page_id, _, _, name, _, data = row
        node_id, page_no = page_id & ~SLOT_MAX, page_id & SLOT_MAX
        if page_no == 0:
            first[node_id] = _page(row)
        head = packed.unpack_head(data)
        lower = name if page_no else ""
        heads[node_id].append(PageHead(page_no, lower, head.page_fingerprint, head.manifest, head.deleted_run))
    return {node_id: DirectoryPages(first.get(node_id), tuple(found)) for node_id, found in heads.items()}


async def heads_of_some(
    conn: Connection, share_id: int, directory_id: int, page_nos: Sequence[int]
) -> dict[int, PageHead]:
    """The heads of these pages of a directory, those that there are."""
    ids = [directory_id | page_no for page_no in page_nos]
    found: dict[int, PageHead] = {}
    for page_id, name, data in await (await conn.execute(partition_sql(_SOME_HEADS, share_id), [ids])).fetchall():
        head, page_no = packed.unpack_head(data), page_id & SLOT_MAX
        lower = name if page_no else ""
        found[page_no] = PageHead(page_no, lower, head.page_fingerprint, head.manifest, head.deleted_run)
    return found


async def of_pages(conn: Connection, share_id: int, page_ids: Sequence[int]) -> list[Page]:
    """These rows, those that exist, in order of their ids."""
    rows = await (await conn.execute(partition_sql(_PAGES, share_id), [list(page_ids)])).fetchall()
    return [_page(row) for row in rows]


async def live_backwards(conn: Connection, share_id: int, directory_ids: Sequence[int], limit: int) -> list[Page]:
    """Up to ``limit`` live pages of these directories, directory by directory, the last page of each first."""
    args = [sorted(directory_ids), limit]
    return [_page(row) for row in await (await conn.execute(partition_sql(_LIVE_BACKWARDS, share_id), args)).fetchall()]


async def heads(conn: Connection, share_id: int, directory_ids: Sequence[int]) -> dict[int, DirectoryHead]:
    """These directories, if live."""
    rows = await (await conn.execute(partition_sql(_HEADS, share_id), [list(directory_ids)])).fetchall()
    return {head.node_id: head for head in _live(rows)}


async def children(conn: Connection, share_id: int, parent_ids: Sequence[int]) -> dict[int, list[DirectoryHead]]:
    """Live child directories of each parent in order of name; every one of ``parent_ids`` is a key."""
    found: dict[int, list[DirectoryHead]] = {node_id: [] for node_id in parent_ids}
    rows = await (await conn.execute(partition_sql(_CHILDREN, share_id), [list(found)])).fetchall()
    for head in _live(rows):
        found[head.parent_id or 0].append(head)
    return found


async def by_file_id(conn: Connection, share_id: int, file_ids: Sequence[int]) -> dict[int, DirectoryHead]:
    """Live directories with these FileIds."""
    ids = [signed(file_id) for file_id in set(file_ids)]
    rows = await (await conn.execute(partition_sql(_BY_FILE_ID, share_id), [ids])).fetchall()
    return {head.file_id: head for head in _live(rows)}


async def with_paths(
    conn: Connection, share_id: int, directory_ids: Sequence[int]
) -> dict[int, tuple[DirectoryHead, str]]:
    """Each directory and its path from the root, ``/`` between names, empty for the root; all in one query.

    :raises IntegrityError: a directory, or one above it, has no row, or they go in a circle.
    """
    known = await _with_ancestors(conn, share_id, directory_ids)
    paths: dict[int, str] = {ROOT_ID: ""}
    for node_id in directory_ids:
        climbed: list[int] = []
        at = node_id
        while at not in paths:
            if at not in known or len(climbed) > len(known):
                raise IntegrityError(f"share {share_id}: directory {node_id} does not hang below the root (see {at})")
            climbed.append(at)
            at = known[at][1]
        path = paths[at]
        for step in reversed(climbed):
            name = known[step][3]
            path = f"{path}/{name}" if path else name
            paths[step] = path
    return {node_id: (_head(known[node_id])[0], paths[node_id]) for node_id in directory_ids}


async def parents_above(conn: Connection, share_id: int, directory_ids: Sequence[int]) -> dict[int, int | None]:
    """Parents of these directories, tombstones included, and of all directories above them."""
    return {node_id: row[1] for node_id, row in (await _with_ancestors(conn, share_id, directory_ids)).items()}


async def _with_ancestors(conn: Connection, share_id: int, directory_ids: Sequence[int]) -> dict[int, tuple[Any, ...]]:
    rows = await (await conn.execute(partition_sql(_WITH_ANCESTORS, share_id), [list(directory_ids)])).fetchall()
    return {row[0]: row for row in rows}


async def manifests(
    conn: Connection, share_id: int, directory_ids: Iterable[int]
) -> dict[tuple[int, int], ManifestRef]:
    """Newest manifest of every page that has one, deleted ones included, by ``(directory_id, page_no)``."""
    rows = await (await conn.execute(partition_sql(_MANIFESTS, share_id), [list(directory_ids)])).fetchall()
    found = {}
    for page_id, data in rows:
        ref = packed.unpack_head(data).manifest
        if ref is not None:
            found[page_id & ~SLOT_MAX, page_id & SLOT_MAX] = ref
    return found


async def deleted_runs(conn: Connection, share_id: int, directory_ids: Sequence[int]) -> dict[int, int]:
    """Of those of ``directory_ids`` that are tombstones, the run that found them missing."""
    rows = await (await conn.execute(partition_sql(_HEADS, share_id), [list(directory_ids)])).fetchall()
    heads = ((page_id, packed.unpack_head(data)) for page_id, _, _, _, data in rows)
    return {page_id: head.deleted_run for page_id, head in heads if head.deleted_run is not None}


async def choose_share(conn: Connection, share_id: int) -> None:
    """Make view ``node`` and the SQL functions show this share until the transaction ends."""
    await conn.execute(_CHOOSE_SHARE, [share_id])


def _page(row: tuple[Any, ...]) -> Page:
    page_id, parent_id, file_id, name, names, data = row
    return packed.unpack(page_id, parent_id, None if file_id is None else unsigned(file_id), name, names, data)


def _head(row: tuple[Any, ...]) -> tuple[DirectoryHead, packed.Head]:
    page_id, parent_id, file_id, name, data = row
    head = packed.unpack_head(data)
    directory = DirectoryHead(
        node_id=page_id,
        parent_id=parent_id,
        name=name,
        file_id=0 if file_id is None else unsigned(file_id),
        mtime=head.mtime,
        fingerprint=head.fingerprint,
    )
    return directory, head


def _live(rows: Iterable[tuple[Any, ...]]) -> list[DirectoryHead]:
    return [directory for directory, head in map(_head, rows) if head.deleted_run is None]


@lru_cache(maxsize=1024)
def partition_sql(text: LiteralString, share_id: int, place: str = "public", made: str = "") -> bytes:
    """``text`` about one share's partition. The same bytes each time, so that the driver finds them prepared.

    :param place: schema of a table that is to become the partition, ``made`` its name there.
    """
    names = ("by_id", "by_parent_group", "by_file_group", "by_name", "check")
    return (
        sql.SQL(text)
        .format(
            page=sql.Identifier(f"page_{share_id}"),
            schema=sql.Identifier(f"share_{share_id}"),
            api_schema=sql.Identifier(f"share_{share_id}_api"),
            live=_LIVE,
            place=sql.Identifier(place),
            made=sql.Identifier(made),
            share_id=sql.Literal(share_id),
            **{name: sql.Identifier(f"page_{share_id}_{name}") for name in names},
        )
        .as_bytes(None)
    )
