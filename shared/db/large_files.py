"""Large files and their spans.

Whoever changes whether a directory has unfinished large files first locks all of that directory's, in order. So of two
that finish its last files at once, one sees the other's done; and a directory put aside in the meantime is not forgotten.
"""

import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, LiteralString, NamedTuple

from shared.db.pages import signed, unsigned
from shared.db.pool import Connection
from shared.model.content import CHUNK_BYTES
from shared.model.work import LargeContent, LargeFile, SpanRead

_ADD: Final[LiteralString] = """
    INSERT INTO large_file (run_id, directory_id, file_id, changed, name, size_bytes, span_bytes, spans_left, base_node_id,
                            base_run_no, cleared)
         SELECT %b, directory_id, file_id, changed, name, size_bytes, span_bytes, spans_left, base_node_id, base_run_no, cleared
           FROM unnest(%b::int8[], %b::int8[], %b::int8[], %b::text[], %b::int8[], %b::int8[], %b::int4[], %b::int8[], %b::int4[],
                       %b::bytea[])
             AS row (directory_id, file_id, changed, name, size_bytes, span_bytes, spans_left, base_node_id, base_run_no, cleared)
    ON CONFLICT DO NOTHING
      RETURNING directory_id, file_id
"""
_ADD_SPANS: Final[LiteralString] = """
    INSERT INTO span (run_id, directory_id, file_id, span_no, chunks, state)
         SELECT %b, %b, %b, span_no, chunks, 0 FROM unnest(%b::int4[], %b::int8[]) AS row (span_no, chunks)
"""
_UNFINISHED: Final[LiteralString] = """
    SELECT directory_id, spans_left > 0
      FROM large_file
     WHERE run_id = %s AND directory_id = ANY(%s::int8[])
  ORDER BY directory_id, file_id
FOR UPDATE
"""
# What a program from before has read is all of a span, whatever was asked for.
_FINISHED: Final[LiteralString] = """
    SELECT f.directory_id, f.file_id, f.changed, f.error, f.span_bytes, f.base_node_id, f.base_run_no, f.cleared,
           array_agg(s.span_no ORDER BY s.span_no),
           array_agg(CASE WHEN s.states IS NULL THEN -1 ELSE coalesce(s.chunks, -1) END ORDER BY s.span_no),
           coalesce(string_agg(s.digests, ''::bytea ORDER BY s.span_no), ''::bytea),
           coalesce(string_agg(s.states, ''::bytea ORDER BY s.span_no), ''::bytea),
           array_agg(s.quickxor)
      FROM large_file AS f LEFT JOIN span AS s USING (run_id, directory_id, file_id)
     WHERE f.run_id = %s AND f.directory_id = ANY(%s::int8[]) AND f.spans_left = 0
  GROUP BY f.run_id, f.directory_id, f.file_id
  ORDER BY f.directory_id, f.file_id
"""
_RELEASE: Final[LiteralString] = """
    UPDATE span SET state = 0, batch_no = NULL WHERE run_id = %s AND state = 1 AND batch_no = ANY(%s)
"""
# Walks span_pending: the spans of one file go out one after the other, so files finish early.
_PICK: Final[LiteralString] = """
    SELECT directory_id, file_id, span_no, chunks
      FROM span
     WHERE run_id = %s AND state = 0
  ORDER BY directory_id, file_id, span_no
     LIMIT 1
FOR UPDATE SKIP LOCKED
"""
_PICK_MORE: Final[LiteralString] = """
    SELECT span_no, chunks
      FROM span
     WHERE run_id = %s AND directory_id = %s AND file_id = %s AND span_no > %s AND state = 0
  ORDER BY span_no
     LIMIT %s
FOR UPDATE SKIP LOCKED
"""
# One span at a time, by its whole key. With "= ANY" Postgres, which has no statistics of a table that was empty a moment ago,
# takes all spans of the file and filters them: 65,536 of the largest.
_CLAIM: Final[LiteralString] = """
    UPDATE span SET state = 1, batch_no = %s WHERE run_id = %s AND directory_id = %s AND file_id = %s AND span_no = %s
"""
_FILE: Final[LiteralString] = """
    SELECT name, size_bytes, span_bytes FROM large_file WHERE run_id = %s AND directory_id = %s AND file_id = %s
"""
# These two go by what the batch holds, for the same reason.
_HELD: Final[LiteralString] = """
    SELECT span_no FROM span WHERE run_id = %s AND directory_id = %s AND file_id = %s AND state = 1 AND batch_no = %s
"""
_DONE: Final[LiteralString] = """
    UPDATE span AS s SET state = 2, batch_no = NULL, digests = row.digests, states = row.states, quickxor = row.quickxor
      FROM unnest(%b::int4[], %b::bytea[], %b::bytea[], %b::bytea[]) AS row (span_no, digests, states, quickxor)
     WHERE s.run_id = %b AND s.directory_id = %b AND s.file_id = %b AND s.state = 1 AND s.batch_no = %b AND s.span_no = row.span_no
"""
_COUNT_DOWN: Final[LiteralString] = """
    UPDATE large_file SET spans_left = spans_left - %s WHERE run_id = %s AND directory_id = %s AND file_id = %s
"""
_FAIL: Final[LiteralString] = """
    UPDATE large_file SET spans_left = 0, error = %s WHERE run_id = %s AND directory_id = %s AND file_id = %s
"""
_DROP_SPANS: Final[LiteralString] = "DELETE FROM span WHERE run_id = %s AND directory_id = %s AND file_id = %s"
# Asked again and again while others work: a file of 4 TiB has 65,536 spans and one row here.
_LEFT: Final[LiteralString] = "SELECT coalesce(sum(spans_left), 0) FROM large_file WHERE run_id = %s"
_FORGET: Final[tuple[LiteralString, ...]] = (
    "DELETE FROM span WHERE run_id = %s",
    "DELETE FROM large_file WHERE run_id = %s",
)

_STRETCH: Final = struct.Struct(">II")


class FileKey(NamedTuple):
    """A large file of a run; ``file_id`` as Postgres keeps it."""

    directory_id: int
    file_id: int


async def add(conn: Connection, run_id: int, files: Sequence[LargeFile]) -> None:
    """Make work of large files and their spans; those already known stay as they are."""
    if not files:
        return
    by_key = {FileKey(f.directory_id, signed(f.file_id)): f for f in files}
    keys = sorted(by_key)
    ordered = [by_key[key] for key in keys]
    columns: list[list[Any]] = [
        [key.directory_id for key in keys],
        [key.file_id for key in keys],
        [-f.changed for f in ordered],
        [f.name for f in ordered],
        [f.size_bytes for f in ordered],
        [f.span_bytes for f in ordered],
        [len(f.spans) for f in ordered],
        [f.base and f.base[0] for f in ordered],
        [f.base and f.base[1] for f in ordered],
        [b"".join(_STRETCH.pack(*stretch) for stretch in f.cleared) for f in ordered],
    ]
    added = await (await conn.execute(_ADD, [run_id, *columns])).fetchall()
    for row in added:
        key = FileKey(*row)
        spans = by_key[key].spans
        await conn.execute(_ADD_SPANS, [run_id, *key, [number for number, _ in spans], [chunks for _, chunks in spans]])


async def lock_unfinished(conn: Connection, run_id: int, directory_ids: Sequence[int]) -> set[int]:
    """Which of these directories have unfinished large files; that stays so until the transaction ends."""
    if not directory_ids:
        return set()
    rows = await (await conn.execute(_UNFINISHED, [run_id, list(directory_ids)])).fetchall()
    return {directory_id for directory_id, unfinished in rows if unfinished}


async def finished(conn: Connection, run_id: int, directory_ids: Sequence[int]) -> list[LargeContent]:
    """Large files of these directories that are finished, read or not."""
    rows = await (await conn.execute(_FINISHED, [run_id, list(directory_ids)])).fetchall()
    return [_content(*row) for row in rows]


def _content(
    directory_id: int,
    file_id: int,
    changed: int,
    error: str | None,
    span_bytes: int,
    base_node_id: int | None,
    base_run_no: int | None,
    cleared: bytes | None,
    span_nos: list[int],
    chunks: list[int],
    digests: bytes,
    states: bytes,
    quickxors: list[bytes],
) -> LargeContent:
    base = None if base_node_id is None or base_run_no is None else (base_node_id, base_run_no)
    content = LargeContent(
        directory_id=directory_id,
        file_id=unsigned(file_id),
        changed=abs(changed),
        span_bytes=span_bytes,
        base=base,
        cleared=tuple((first, length) for first, length in _STRETCH.iter_unpack(cleared or b"")),
        error=error or "",
    )
    if error:  # its spans are gone, and the outer join shows one of nulls
        return content
    spans = tuple(zip(span_nos, chunks, strict=True))
    return replace(content, spans=spans, digests=digests, states=states, quickxor=_xor(quickxors))


async def release(conn: Connection, run_id: int, batch_nos: Sequence[int]) -> None:
    """Make pending the spans that these batches, locked by the caller, hold."""
    if batch_nos:
        await conn.execute(_RELEASE, [run_id, list(batch_nos)])


class Picked(NamedTuple):
    """Spans of one file, locked."""

    key: FileKey
    name: str
    size_bytes: int
    span_bytes: int
    spans: tuple[tuple[int, int], ...]
    """``(span_no, chunks)``; -1 for all chunks."""


async def pick(conn: Connection, run_id: int) -> Picked | None:
    """Lock pending spans that nobody else is picking.

    The first there is, and more of its file as long as they have together no more chunks to read than a whole span. So of a file
    with one changed chunk here and there, not every chunk is a transaction.
    """
    row = await (await conn.execute(_PICK, [run_id])).fetchone()
    if row is None:
        return None
    key = FileKey(row[0], row[1])
    file = await (await conn.execute(_FILE, [run_id, *key])).fetchone()
    assert file is not None
    name, size_bytes, span_bytes = file
    spans = [_span(*row[2:])]
    room = span_bytes // CHUNK_BYTES - spans[0][1].bit_count()
    if spans[0][1] > 0 and room > 0:
        for row in await (await conn.execute(_PICK_MORE, [run_id, *key, spans[0][0], room])).fetchall():
            span_no, chunks = _span(*row)
            room -= chunks.bit_count()
            if chunks < 0 or room < 0:
                break
            spans.append((span_no, chunks))
    return Picked(key, name, size_bytes, span_bytes, tuple(spans))


def _span(span_no: int, chunks: int | None) -> tuple[int, int]:
    return span_no, -1 if chunks is None else chunks


async def claim(conn: Connection, run_id: int, batch_no: int, picked: Picked) -> None:
    """Give picked spans to a batch."""
    for span_no, _ in picked.spans:
        await conn.execute(_CLAIM, [batch_no, run_id, *picked.key, span_no])


async def holds(conn: Connection, run_id: int, batch_no: int, key: FileKey, span_nos: Sequence[int]) -> bool:
    """Whether all these spans are the batch's. The directory's files are locked, and so are they."""
    rows = await (await conn.execute(_HELD, [run_id, *key, batch_no])).fetchall()
    return {span_no for (span_no,) in rows} == set(span_nos)


async def finish_spans(conn: Connection, run_id: int, batch_no: int, key: FileKey, read: Sequence[SpanRead]) -> None:
    """Record what the spans that a batch holds came to."""
    columns: list[list[Any]] = [
        [span.span_no for span in read],
        [span.digests for span in read],
        [span.states for span in read],
        [span.quickxor for span in read],
    ]
    await conn.execute(_DONE, [*columns, run_id, *key, batch_no])
    await conn.execute(_COUNT_DOWN, [len(read), run_id, *key])


async def fail(conn: Connection, run_id: int, key: FileKey, error: str) -> None:
    """End a file that cannot be read. Its spans go, and with them the claims of whoever reads one."""
    await conn.execute(_FAIL, [error, run_id, *key])
    await conn.execute(_DROP_SPANS, [run_id, *key])


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
