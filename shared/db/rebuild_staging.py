"""What a rebuild has read of a share, in a schema of the share's own, ``rebuild_<share_id>``, until the run ends.

It has per page the newest record and the newest note, per subdirectory where records name it. Adding the same twice, or something
older, changes nothing, so segments may be read in any order and by any number of workers.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, LiteralString

from psycopg import sql
from psycopg.types.json import Jsonb

from shared.core.rebuilt import rank
from shared.db import pages
from shared.db.pool import Connection
from shared.db.rebuild_items import int_array
from shared.model.manifest import ManifestRef
from shared.model.node import ROOT_ID
from shared.model.note import PageNote, Place
from shared.model.rebuild import (
    RebuildItem,
    Row,
    Staged,
    StagedDirectory,
    StagedPlace,
    StagedRecord,
    segment_of_item,
)

RANGE_DIRECTORIES: Final = 2_048
"""Directories of one range; with ten files each some 3 MB of rows."""

_BEGIN: Final[LiteralString] = """
    CREATE SCHEMA {schema};
    CREATE TABLE {schema}.run (run_id bigint NOT NULL);
    CREATE TABLE {schema}.segment (
        run_no int NOT NULL, batch_no int NOT NULL, bytes bigint NOT NULL, bundles int[] NOT NULL, PRIMARY KEY (run_no, batch_no)
    );
    CREATE TABLE {schema}.record (
        page_id bigint PRIMARY KEY, run_no int NOT NULL, depth bigint NOT NULL, batch_no int NOT NULL, at bigint NOT NULL,
        length bigint NOT NULL, next_slot int NOT NULL, noted boolean NOT NULL, lower text COLLATE "C" NOT NULL, page_nos int[],
        names text COLLATE "C" NOT NULL, packed bytea NOT NULL
    );
    CREATE TABLE {schema}.note (
        page_id bigint PRIMARY KEY, run_no int NOT NULL, rank smallint NOT NULL, batch_no int NOT NULL, mtime bigint NOT NULL,
        fingerprint bigint, page_fingerprint bigint, deleted_run int, next_slot int, of_run int NOT NULL, of_batch int NOT NULL,
        lower text COLLATE "C" NOT NULL, parent_id bigint, file_id bigint, name text COLLATE "C"
    );
    CREATE TABLE {schema}.place (
        node_id bigint, page_id bigint, run_no int NOT NULL, depth bigint NOT NULL, batch_no int NOT NULL, file_id bigint NOT NULL,
        mtime bigint NOT NULL, name text COLLATE "C" NOT NULL, PRIMARY KEY (node_id, page_id)
    );
    CREATE TABLE {schema}.loss (object text COLLATE "C" PRIMARY KEY, loss jsonb NOT NULL);
"""
_NOTE_RUN: Final[LiteralString] = "INSERT INTO {schema}.run (run_id) VALUES (%s)"
_RUN: Final[LiteralString] = "SELECT run_id FROM {schema}.run"
_ADD_SEGMENTS: Final[LiteralString] = """
    INSERT INTO {schema}.segment
         SELECT run_no, batch_no, bytes, bundles::int[]
           FROM unnest(%s::int4[], %s::int4[], %s::int8[], %s::text[]) AS row (run_no, batch_no, bytes, bundles)
    ON CONFLICT DO NOTHING
"""
_STAGE_RECORDS: Final[LiteralString] = """
    INSERT INTO {schema}.record AS known (
        page_id, run_no, depth, batch_no, at, length, next_slot, noted, lower, page_nos, names, packed
    )
         SELECT page_id, run_no, depth, batch_no, at, length, next_slot, noted, lower, page_nos::int[], names, packed
           FROM unnest(
                    %b::int8[], %b::int4[], %b::int8[], %b::int4[], %b::int8[], %b::int8[], %b::int4[], %b::bool[], %b::text[],
                    %b::text[], %b::text[], %b::bytea[]
                ) AS row (page_id, run_no, depth, batch_no, at, length, next_slot, noted, lower, page_nos, names, packed)
    ON CONFLICT (page_id) DO UPDATE
            SET run_no = EXCLUDED.run_no, depth = EXCLUDED.depth, batch_no = EXCLUDED.batch_no, at = EXCLUDED.at,
                length = EXCLUDED.length, next_slot = greatest(known.next_slot, EXCLUDED.next_slot), noted = EXCLUDED.noted,
                lower = EXCLUDED.lower, page_nos = EXCLUDED.page_nos, names = EXCLUDED.names, packed = EXCLUDED.packed
          WHERE (EXCLUDED.run_no, EXCLUDED.depth, EXCLUDED.batch_no) > (known.run_no, known.depth, known.batch_no)
"""
# Of segments without notes: the highest number that any record of the page knew.
_RAISE_SLOTS: Final[LiteralString] = """
    UPDATE {schema}.record AS known SET next_slot = row.next_slot
      FROM unnest(%b::int8[], %b::int4[]) AS row (page_id, next_slot)
     WHERE known.page_id = row.page_id AND known.next_slot < row.next_slot
"""
_STAGE_NOTES: Final[LiteralString] = """
    INSERT INTO {schema}.note AS known
         SELECT * FROM unnest(
                    %b::int8[], %b::int4[], %b::int2[], %b::int4[], %b::int8[], %b::int8[], %b::int8[], %b::int4[], %b::int4[],
                    %b::int4[], %b::int4[], %b::text[], %b::int8[], %b::int8[], %b::text[]
                )
    ON CONFLICT (page_id) DO UPDATE
            SET run_no = EXCLUDED.run_no, rank = EXCLUDED.rank, batch_no = EXCLUDED.batch_no, mtime = EXCLUDED.mtime,
                fingerprint = EXCLUDED.fingerprint, page_fingerprint = EXCLUDED.page_fingerprint,
                deleted_run = EXCLUDED.deleted_run, next_slot = EXCLUDED.next_slot, of_run = EXCLUDED.of_run,
                of_batch = EXCLUDED.of_batch, lower = EXCLUDED.lower, parent_id = EXCLUDED.parent_id,
                file_id = EXCLUDED.file_id, name = EXCLUDED.name
          WHERE (EXCLUDED.run_no, EXCLUDED.rank, EXCLUDED.batch_no) > (known.run_no, known.rank, known.batch_no)
"""
_STAGE_PLACES: Final[LiteralString] = """
    INSERT INTO {schema}.place AS known
         SELECT * FROM unnest(
                    %b::int8[], %b::int8[], %b::int4[], %b::int8[], %b::int4[], %b::int8[], %b::int8[], %b::text[]
                )
    ON CONFLICT (node_id, page_id) DO UPDATE
            SET run_no = EXCLUDED.run_no, depth = EXCLUDED.depth, batch_no = EXCLUDED.batch_no, file_id = EXCLUDED.file_id,
                mtime = EXCLUDED.mtime, name = EXCLUDED.name
          WHERE (EXCLUDED.run_no, EXCLUDED.depth, EXCLUDED.batch_no) > (known.run_no, known.depth, known.batch_no)
"""
_SUPERSEDED: Final[LiteralString] = """
    SELECT page_id FROM {schema}.record WHERE page_id = ANY(%b::int8[]) AND run_no > %b
"""
_ADD_LOSS: Final[LiteralString] = """
    INSERT INTO {schema}.loss SELECT * FROM unnest(%s::text[], %s::jsonb[]) ON CONFLICT DO NOTHING
"""
_LOSSES: Final[LiteralString] = "SELECT loss FROM {schema}.loss ORDER BY object"
_HAS_LOSSES: Final[LiteralString] = "SELECT EXISTS (SELECT FROM {schema}.loss)"

# Bounds of ranges are numbers that exist: directories are numbered without many gaps, and ranges need not be equal.
_PLAN: Final[LiteralString] = """
    INSERT INTO rebuild_item (run_id, kind, item_no, bytes, state)
         SELECT %(run_id)s, 2, first, 0, 0
           FROM generate_series(
                    0::bigint,
                    (
                        SELECT greatest(
                                   (SELECT max(page_id) FROM {schema}.record), (SELECT max(page_id) FROM {schema}.note),
                                   (SELECT max(node_id) FROM {schema}.place), 16777216
                               )
                    ),
                    %(step)s::bigint
                ) AS first
    UNION ALL
        SELECT %(run_id)s, 3, number, 0, 0 FROM generate_series(0, %(indexes)s - 1) AS number
    ON CONFLICT DO NOTHING
"""
_RECORDS_OF: Final[LiteralString] = """
    SELECT page_id, run_no, depth, batch_no, at, length, next_slot, noted, lower, page_nos, names, packed
      FROM {schema}.record WHERE page_id >= %b::int8 AND page_id < %b::int8 ORDER BY page_id
"""
_NOTES_OF: Final[LiteralString] = """
    SELECT page_id, run_no, batch_no, mtime, fingerprint, page_fingerprint, deleted_run, next_slot, of_run, of_batch, lower,
           parent_id, file_id, name
      FROM {schema}.note WHERE page_id >= %b::int8 AND page_id < %b::int8 ORDER BY page_id
"""
# Of the places of a directory the newest that its parent's page still says; else the last that one did.
_PLACES_OF: Final[LiteralString] = """
    SELECT DISTINCT ON (p.node_id)
           p.node_id, p.page_id, p.run_no, p.batch_no, p.depth, p.file_id, p.mtime, p.name, stands.it
      FROM {schema}.place AS p
     CROSS JOIN LATERAL (
               SELECT coalesce(
                          (
                              SELECT (
                                         n.page_id IS NULL OR n.deleted_run IS NULL OR r.page_id & 16777215 = 0
                                         OR ((n.of_run, n.of_batch) <> (r.run_no, r.batch_no) AND n.run_no <= r.run_no)
                                     )
                                     AND (
                                         r.noted OR r.page_id & 16777215 = 0
                                         OR (
                                             SELECT (r.page_id & 16777215)::int = ANY(f.page_nos)
                                               FROM {schema}.record AS f WHERE f.page_id = r.page_id & -16777216
                                         )
                                     )
                                FROM {schema}.record AS r LEFT JOIN {schema}.note AS n USING (page_id)
                               WHERE r.page_id = p.page_id AND r.run_no = p.run_no AND r.batch_no = p.batch_no
                          ),
                          false
                      ) AS it
           ) AS stands
     WHERE p.node_id >= %b::int8 AND p.node_id < %b::int8
  ORDER BY p.node_id, stands.it DESC, p.run_no DESC, p.batch_no DESC
"""
_INSERT_ROWS: Final[LiteralString] = """
    INSERT INTO {schema}.page (page_id, parent_id, file_id, share_id, name, names, packed)
         SELECT page_id, parent_id, file_id, {share_id}, name, names, packed
           FROM unnest(%b::int8[], %b::int8[], %b::int8[], %b::text[], %b::text[], %b::bytea[])
             AS row (page_id, parent_id, file_id, name, names, packed)
"""
_HIGHEST: Final[LiteralString] = "SELECT coalesce(max(page_id) >> 24, 1) FROM {schema}.page"
_END: Final[LiteralString] = "DROP SCHEMA IF EXISTS {schema} CASCADE"
_EXISTS: Final[LiteralString] = "SELECT to_regclass(%s) IS NOT NULL"


def schema_of(share_id: int) -> str:
    """Where a rebuild of a share keeps what it has read."""
    return f"rebuild_{share_id}"


@lru_cache(maxsize=1024)
def for_share(text: LiteralString, share_id: int) -> bytes:
    """``text`` about the schema of one share's rebuild. The same bytes each time, so that the driver finds them prepared."""
    return (
        sql.SQL(text).format(schema=sql.Identifier(schema_of(share_id)), share_id=sql.Literal(share_id)).as_bytes(None)
    )


async def begin(conn: Connection, share_id: int, run_id: int) -> None:
    """Make the schema for a run, empty."""
    await conn.execute(for_share(_BEGIN, share_id))
    await conn.execute(for_share(_NOTE_RUN, share_id), [run_id])


async def end(conn: Connection, share_id: int) -> None:
    """Drop the schema if it is there."""
    await conn.execute(for_share(_END, share_id))


async def is_of(conn: Connection, share_id: int, run_id: int) -> bool:
    """Whether what is kept of a share is that of this run; another one's was left behind."""
    if not await _exists(conn, f"{schema_of(share_id)}.run"):
        return False
    row = await (await conn.execute(for_share(_RUN, share_id))).fetchone()
    return row is not None and row[0] == run_id


async def highest_directory(conn: Connection, share_id: int) -> int | None:
    """Number of the last directory that there is a row of, 1 if there is none; None when the table has gone to be the share's."""
    if not await _exists(conn, f"{schema_of(share_id)}.page"):
        return None
    row = await (await conn.execute(for_share(_HIGHEST, share_id))).fetchone()
    return row[0] if row else 1


async def _exists(conn: Connection, table: str) -> bool:
    row = await (await conn.execute(_EXISTS, [table])).fetchone()
    return bool(row and row[0])


# ------------------------------------------------------------------------------------------------------------ what is read


async def add_segments(conn: Connection, share_id: int, segments: Sequence[RebuildItem]) -> None:
    """Note which segments there are."""
    where = [segment_of_item(item.item_no) for item in segments]
    columns = [
        [run_no for run_no, _ in where],
        [batch_no for _, batch_no in where],
        [item.bytes for item in segments],
        [int_array(item.bundles) for item in segments],
    ]
    await conn.execute(for_share(_ADD_SEGMENTS, share_id), columns)


async def superseded(conn: Connection, share_id: int, page_ids: Sequence[int], run_no: int) -> set[int]:
    """Those of the pages that there is a record of a later run of."""
    found = await (await conn.execute(for_share(_SUPERSEDED, share_id), [list(page_ids), run_no])).fetchall()
    return {row[0] for row in found}


async def stage(conn: Connection, share_id: int, staged: Staged) -> None:
    """Add what was read of a segment, as far as it is newer."""
    # In the order of keys, so that two workers never wait for each other crosswise.
    records = sorted(staged.records.values())
    if records:
        columns = [
            [r.page_id for r in records],
            [r.ref.run_no for r in records],
            [r.depth for r in records],
            [r.ref.batch_no for r in records],
            [r.ref.offset for r in records],
            [r.ref.length for r in records],
            [r.next_slot for r in records],
            [r.noted for r in records],
            [r.lower for r in records],
            [None if r.page_nos == (0,) else int_array(r.page_nos) for r in records],
            [r.names for r in records],
            [r.packed for r in records],
        ]
        await conn.execute(for_share(_STAGE_RECORDS, share_id), columns)
        bare = [r for r in records if not r.noted]
        if bare:
            await conn.execute(
                for_share(_RAISE_SLOTS, share_id), [[r.page_id for r in bare], [r.next_slot for r in bare]]
            )
    if staged.notes:
        rows = [_note_columns(run_no, batch_no, note) for _, (run_no, batch_no, note) in sorted(staged.notes.items())]
        await conn.execute(for_share(_STAGE_NOTES, share_id), [list(column) for column in zip(*rows, strict=True)])
    places = sorted(staged.places.values())
    if places:
        await conn.execute(
            for_share(_STAGE_PLACES, share_id),
            [
                [p.node_id for p in places],
                [p.page_id for p in places],
                [p.ref.run_no for p in places],
                [p.depth for p in places],
                [p.ref.batch_no for p in places],
                [pages.signed(p.file_id) for p in places],
                [p.mtime for p in places],
                [p.name for p in places],
            ],
        )


async def add_losses(conn: Connection, share_id: int, losses: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """Note objects that are missing or damaged, by name."""
    rows = list(losses)
    if rows:
        await conn.execute(
            for_share(_ADD_LOSS, share_id), [[name for name, _ in rows], [Jsonb(wire) for _, wire in rows]]
        )


async def losses(conn: Connection, share_id: int) -> list[dict[str, Any]]:
    """What was noted, by object."""
    return [row[0] for row in await (await conn.execute(for_share(_LOSSES, share_id))).fetchall()]


# ------------------------------------------------------------------------------------------------------------ rows of it


async def plan(conn: Connection, run_id: int, share_id: int) -> None:
    """Queue the ranges of directories to make rows of, and the indexes to make after."""
    args = {"run_id": run_id, "step": RANGE_DIRECTORIES << 24, "indexes": pages.INDEXES}
    await conn.execute(for_share(_PLAN, share_id), args)
    # What was read is about to be looked up by its keys, in ranges that the planner knows nothing of yet.
    for table in ("record", "note", "place"):
        await conn.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(schema_of(share_id), table)).as_bytes(None))


async def directories(conn: Connection, share_id: int, first: int) -> tuple[list[StagedDirectory], bool]:
    """What was read of the range of directories from ``first`` on; and whether something is lost of the share."""
    bounds = [first, first + (RANGE_DIRECTORIES << 24)]
    found: dict[int, StagedDirectory] = {}

    def of(node_id: int) -> StagedDirectory:
        return found.setdefault(node_id, StagedDirectory(node_id))

    if bounds[0] <= ROOT_ID < bounds[1]:
        of(ROOT_ID)
    notes = {
        row[0]: _note(row)
        for row in await (await conn.execute(for_share(_NOTES_OF, share_id), bounds, binary=True)).fetchall()
    }
    records = await (await conn.execute(for_share(_RECORDS_OF, share_id), bounds, binary=True)).fetchall()
    for row in records:
        record = _record(row)
        of(record.page_id & -16777216).pages.append((record, notes.pop(record.page_id, None)))
    for page_id, note in notes.items():
        of(page_id & -16777216).pages.append((None, note))
    for row in await (await conn.execute(for_share(_PLACES_OF, share_id), bounds, binary=True)).fetchall():
        directory = of(row[0])
        ref = ManifestRef(row[2], row[3], 0, 0)
        file_id = pages.unsigned(row[5])
        directory.place = StagedPlace(row[0], row[1], ref, row[4], file_id, row[6], row[7])
        directory.is_there = row[8]
    for directory in found.values():
        directory.pages.sort(key=_page_id)
    exists = await (await conn.execute(for_share(_HAS_LOSSES, share_id))).fetchone()
    return [found[node_id] for node_id in sorted(found)], bool(exists and exists[0])


async def add_rows(conn: Connection, share_id: int, rows: Sequence[Row]) -> None:
    """Put rows into the table that is to be the share's."""
    columns = [
        [row.page_id for row in rows],
        [row.parent_id for row in rows],
        [None if row.file_id is None else pages.signed(row.file_id) for row in rows],
        [row.name for row in rows],
        [row.names for row in rows],
        [row.packed for row in rows],
    ]
    await conn.execute(for_share(_INSERT_ROWS, share_id), columns)


def _page_id(page: tuple[StagedRecord | None, tuple[int, int, PageNote] | None]) -> int:
    record, note = page
    return record.page_id if record is not None else note[2].page_id if note is not None else 0


def _record(row: tuple[Any, ...]) -> StagedRecord:
    page_id, run_no, depth, batch_no, at, length, next_slot, noted, lower, page_nos, names, packed = row
    ref = ManifestRef(run_no, batch_no, at, length)
    return StagedRecord(page_id, ref, depth, noted, next_slot, lower, tuple(page_nos or (0,)), names, packed)


def _note_columns(run_no: int, batch_no: int, note: PageNote) -> tuple[Any, ...]:
    assert note.record is not None
    place = note.place
    return (
        note.page_id,
        run_no,
        rank(note),
        batch_no,
        note.mtime,
        None if note.fingerprint is None else pages.signed(note.fingerprint),
        None if note.page_fingerprint is None else pages.signed(note.page_fingerprint),
        note.deleted_run,
        note.next_slot,
        *note.record,
        note.lower,
        None if place is None else place.parent_id,
        None if place is None else pages.signed(place.file_id),
        None if place is None else place.name,
    )


def _note(row: tuple[Any, ...]) -> tuple[int, int, PageNote]:
    page_id, run_no, batch_no, mtime, fingerprint, page_fingerprint, deleted_run, next_slot, *rest = row
    of_run, of_batch, lower, parent_id, file_id, name = rest
    note = PageNote(
        page_id=page_id,
        mtime=mtime,
        fingerprint=None if fingerprint is None else pages.unsigned(fingerprint),
        page_fingerprint=None if page_fingerprint is None else pages.unsigned(page_fingerprint),
        deleted_run=deleted_run,
        next_slot=next_slot,
        record=(of_run, of_batch),
        lower=lower,
        place=None if parent_id is None else Place(parent_id, pages.unsigned(file_id), name),
    )
    return run_no, batch_no, note
