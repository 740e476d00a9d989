"""Large files and their spans.

Whoever changes whether a directory has unfinished large files first locks all of that directory's, in order. So of two
that finish its last files at once, one sees the other's done; and a directory put aside in the meantime is not forgotten.
"""

from collections.abc import Sequence
from typing import Any, Final, LiteralString

from shared.db.pages import signed, unsigned
from shared.db.pool import Connection
from shared.model.work import LargeContent, LargeFile

_ADD: Final[LiteralString] = """
    WITH added AS (
        INSERT INTO large_file (run_id, directory_id, file_id, changed, name, size_bytes, span_bytes, spans_left)
             SELECT %b, directory_id, file_id, changed, name, size_bytes, span_bytes,
                    greatest(1, (size_bytes + span_bytes - 1) / span_bytes)
               FROM unnest(%b::int8[], %b::int8[], %b::int8[], %b::text[], %b::int8[], %b::int8[])
                 AS row (directory_id, file_id, changed, name, size_bytes, span_bytes)
        ON CONFLICT DO NOTHING
          RETURNING run_id, directory_id, file_id, spans_left
    )
    INSERT INTO span (run_id, directory_id, file_id, span_no, state)
         SELECT run_id, directory_id, file_id, span_no, 0 FROM added, generate_series(0, spans_left - 1) AS span_no
"""
_UNFINISHED: Final[LiteralString] = """
    SELECT directory_id, spans_left > 0
      FROM large_file
     WHERE run_id = %s AND directory_id = ANY(%s::int8[])
  ORDER BY directory_id, file_id
FOR UPDATE
"""
_FINISHED: Final[LiteralString] = """
    SELECT f.directory_id, f.file_id, f.changed, f.error,
           coalesce(string_agg(s.digests, ''::bytea ORDER BY s.span_no), ''::bytea), array_agg(s.quickxor)
      FROM large_file AS f LEFT JOIN span AS s USING (run_id, directory_id, file_id)
     WHERE f.run_id = %s AND f.directory_id = ANY(%s::int8[]) AND f.spans_left = 0
  GROUP BY f.directory_id, f.file_id, f.changed, f.error
  ORDER BY f.directory_id, f.file_id
"""
_RELEASE: Final[LiteralString] = """
    UPDATE span SET state = 0, batch_no = NULL WHERE run_id = %s AND state = 1 AND batch_no = ANY(%s)
"""
# Walks span_pending: the spans of one file go out one after the other, so files finish early.
_PICK: Final[LiteralString] = """
    SELECT directory_id, file_id, span_no
      FROM span
     WHERE run_id = %s AND state = 0
  ORDER BY directory_id, file_id, span_no
     LIMIT 1
FOR UPDATE SKIP LOCKED
"""
_CLAIM: Final[LiteralString] = """
    UPDATE span SET state = 1, batch_no = %s WHERE run_id = %s AND directory_id = %s AND file_id = %s AND span_no = %s
"""
_FILE: Final[LiteralString] = """
    SELECT name, size_bytes, span_bytes FROM large_file WHERE run_id = %s AND directory_id = %s AND file_id = %s
"""
_DONE: Final[LiteralString] = """
       UPDATE span SET state = 2, batch_no = NULL, digests = %b, quickxor = %b
        WHERE run_id = %s AND directory_id = %s AND file_id = %s AND span_no = %s AND state = 1 AND batch_no = %s
    RETURNING span_no
"""
_COUNT_DOWN: Final[LiteralString] = """
    UPDATE large_file SET spans_left = spans_left - 1 WHERE run_id = %s AND directory_id = %s AND file_id = %s
"""
_FAIL: Final[LiteralString] = """
    UPDATE large_file SET spans_left = 0, error = %s WHERE run_id = %s AND directory_id = %s AND file_id = %s
"""
_DROP_SPANS: Final[LiteralString] = "DELETE FROM span WHERE run_id = %s AND directory_id = %s AND file_id = %s"
_LEFT: Final[LiteralString] = "SELECT count(*) FROM span WHERE run_id = %s AND state <> 2"
_FORGET: Final[tuple[LiteralString, ...]] = (
    "DELETE FROM span WHERE run_id = %s",
    "DELETE FROM large_file WHERE run_id = %s",
)

SpanKey = tuple[int, int, int]
"""directory_id, file_id as Postgres keeps it, span_no"""


async def add(conn: Connection, run_id: int, files: Sequence[LargeFile]) -> None:
    """Make work of large files and their spans; those already known stay as they are."""
    if not files:
        return
    ordered = sorted(files, key=lambda f: (f.directory_id, signed(f.file_id)))
    columns: list[list[Any]] = [
        [f.directory_id for f in ordered],
        [signed(f.file_id) for f in ordered],
        [f.changed for f in ordered],
        [f.name for f in ordered],
        [f.size_bytes for f in ordered],
        [f.span_bytes for f in ordered],
    ]
    await conn.execute(_ADD, [run_id, *columns])


async def lock_unfinished(conn: Connection, run_id: int, directory_ids: Sequence[int]) -> set[int]:
    """Which of these directories have unfinished large files; that stays so until the transaction ends."""
    if not directory_ids:
        return set()
    rows = await (await conn.execute(_UNFINISHED, [run_id, list(directory_ids)])).fetchall()
    return {directory_id for directory_id, unfinished in rows if unfinished}


async def finished(conn: Connection, run_id: int, directory_ids: Sequence[int]) -> list[LargeContent]:
    """Large files of these directories that are finished, read or not."""
    rows = await (await conn.execute(_FINISHED, [run_id, list(directory_ids)])).fetchall()
    return [
        LargeContent(
            directory_id=directory_id,
            file_id=unsigned(file_id),
            changed=changed,
            digests=b"" if error else digests,
            quickxor=b"" if error else _xor(states),
            error=error or "",
        )
        for directory_id, file_id, changed, error, digests, states in rows
    ]


async def release(conn: Connection, run_id: int, batch_nos: Sequence[int]) -> None:
    """Make pending the spans that these batches, locked by the caller, hold."""
    if batch_nos:
        await conn.execute(_RELEASE, [run_id, list(batch_nos)])


async def pick(conn: Connection, run_id: int) -> SpanKey | None:
    """Lock a pending span that nobody else is picking."""
    row = await (await conn.execute(_PICK, [run_id])).fetchone()
    return None if row is None else (row[0], row[1], row[2])


async def claim(conn: Connection, run_id: int, batch_no: int, key: SpanKey) -> tuple[str, int, int]:
    """Give a picked span to a batch; name, size and span size of its file."""
    await conn.execute(_CLAIM, [batch_no, run_id, *key])
    row = await (await conn.execute(_FILE, [run_id, *key[:2]])).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


async def finish_span(
    conn: Connection, run_id: int, batch_no: int, key: SpanKey, digests: bytes, quickxor: bytes
) -> bool:
    """Record what a span came to; False if the batch does not hold it any more. The directory's files are locked."""
    args = [digests, quickxor, run_id, *key, batch_no]
    if await (await conn.execute(_DONE, args)).fetchone() is None:
        return False
    await conn.execute(_COUNT_DOWN, [run_id, *key[:2]])
    return True


async def fail(conn: Connection, run_id: int, key: SpanKey, error: str) -> None:
    """End a file that cannot be read. Its spans go, and with them the claims of whoever reads one."""
    await conn.execute(_FAIL, [error, run_id, *key[:2]])
    await conn.execute(_DROP_SPANS, [run_id, *key[:2]])


async def left(conn: Connection, run_id: int) -> int:
    """Spans not finished."""
    row = await (await conn.execute(_LEFT, [run_id])).fetchone()
    return int(row[0]) if row else 0


async def forget(conn: Connection, run_id: int) -> None:
    """Remove all rows of a run."""
    for statement in _FORGET:
        await conn.execute(statement, [run_id])


def _xor(states: Sequence[bytes]) -> bytes:
    total = 0
    for state in states:
        total ^= int.from_bytes(state, "big")
    return total.to_bytes(20, "big")
