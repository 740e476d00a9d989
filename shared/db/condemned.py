"""Chunks that are about to be deleted, and how backups and sweeps agree about them (docs/adr/0015).

A backup's transaction takes the share's lock for chunks with others, and sees what is on the list. A sweep takes it alone, for a moment, after it
has put chunks on the list: so when it goes on, every transaction that had looked before has ended.
"""

from collections.abc import Sequence
from typing import Final, LiteralString

from shared.db.pool import Connection
from shared.errors import Conflict
from shared.model.sweep import BEING_DELETED, Condemned

AT_ONCE: Final = 10_000
"""Digests in one statement."""

_SHARED: Final[LiteralString] = (
    "SELECT pg_advisory_xact_lock_shared(hashtextextended('chunks of share ' || %s::text, 0))"
)
_ALONE: Final[LiteralString] = "SELECT pg_advisory_xact_lock(hashtextextended('chunks of share ' || %s::text, 0))"
_ANY: Final[LiteralString] = "SELECT EXISTS (SELECT FROM condemned_chunk WHERE share_id = %s)"
_RESCUE: Final[LiteralString] = """
    DELETE FROM condemned_chunk WHERE share_id = %s AND digest = ANY(%s::bytea[]) AND state = 0 RETURNING digest
"""
# Deleted since the batch was claimed, or being deleted: what it found, or wrote, is gone or going. What was deleted before is there again.
_GOING: Final[LiteralString] = """
    SELECT c.digest
      FROM condemned_chunk AS c
     WHERE c.share_id = %(share_id)s AND c.digest = ANY(%(digests)s::bytea[])
       AND (
               c.state = 1
               OR c.state = 2 AND c.deleted_at >= (
                   SELECT claimed_at FROM batch WHERE run_id = %(run_id)s AND batch_no = %(batch_no)s
               )
           )
     LIMIT 1
"""
_ADD: Final[LiteralString] = """
    INSERT INTO condemned_chunk (share_id, digest, etag, state, bytes)
         SELECT %s, digest, etag, 0, bytes FROM unnest(%s::bytea[], %s::text[], %s::int8[]) AS row (digest, etag, bytes)
    ON CONFLICT (share_id, digest) DO UPDATE
            SET etag = EXCLUDED.etag, state = 0, bytes = EXCLUDED.bytes, deleted_at = NULL
          WHERE condemned_chunk.state = 2 AND condemned_chunk.etag <> EXCLUDED.etag
            AND NOT EXISTS (
                    SELECT FROM batch
                     WHERE batch.share_id = EXCLUDED.share_id AND batch.state = 0 AND batch.claimed_at <= condemned_chunk.deleted_at
                )
"""
_COUNT: Final[LiteralString] = "SELECT count(*) FROM condemned_chunk WHERE share_id = %s AND state < 2"
# In the order of keys: whoever rescues locks in it too.
_DOOM: Final[LiteralString] = """
    UPDATE condemned_chunk AS c SET state = 1
      FROM (
               SELECT digest FROM condemned_chunk
                WHERE share_id = %(share_id)s AND state < 2 AND get_byte(digest, 0) >> 4 BETWEEN %(low)s AND %(high)s - 1
             ORDER BY digest LIMIT %(limit)s FOR UPDATE
           ) AS picked
     WHERE c.share_id = %(share_id)s AND c.digest = picked.digest
 RETURNING c.digest, c.etag, c.bytes
"""
_GOING_NOW: Final[LiteralString] = """
    SELECT digest, etag, bytes FROM condemned_chunk
     WHERE share_id = %(share_id)s AND state = 1 AND (%(digests)s::bytea[] IS NULL OR digest = ANY(%(digests)s::bytea[]))
  ORDER BY digest LIMIT 10000
"""
# clock_timestamp, not now: after the deletion, not after the beginning of this transaction.
_GONE: Final[LiteralString] = """
    UPDATE condemned_chunk SET state = 2, deleted_at = clock_timestamp()
     WHERE share_id = %s AND digest = ANY(%s::bytea[]) AND state = 1
"""
_SPARED: Final[LiteralString] = (
    "DELETE FROM condemned_chunk WHERE share_id = %s AND digest = ANY(%s::bytea[]) AND state = 1"
)
_TIDY: Final[LiteralString] = """
    DELETE FROM condemned_chunk AS c
     WHERE share_id = %(share_id)s
       AND (
               state = 0
               OR state = 2 AND NOT EXISTS (
                   SELECT FROM batch WHERE share_id = %(share_id)s AND state = 0 AND claimed_at <= c.deleted_at
               )
           )
"""


async def check(conn: Connection, share_id: int, run_id: int, batch_no: int, digests: Sequence[bytes]) -> None:
    """See that chunks which a batch refers to stay: those that are condemned are so no more.

    :raises Conflict: with the code :data:`BEING_DELETED`: one is being deleted, or was since the batch was claimed. The batch cannot be committed;
        done again it finds that the chunk is not there, and writes it.
    """
    if not digests:
        return
    await conn.execute(_SHARED, [share_id])
    row = await (await conn.execute(_ANY, [share_id])).fetchone()
    if row is None or not row[0]:
        return
    ordered = sorted(set(digests))
    for start in range(0, len(ordered), AT_ONCE):
        some = ordered[start : start + AT_ONCE]
        await conn.execute(_RESCUE, [share_id, some])
        args = {"share_id": share_id, "digests": some, "run_id": run_id, "batch_no": batch_no}
        going = await (await conn.execute(_GOING, args)).fetchone()
        if going is not None:
            raise Conflict(
                f"chunk {going[0].hex()} was found in the vault and is being deleted by a sweep; hint: it is saved anew with its files",
                BEING_DELETED,
            )


async def rescue(conn: Connection, share_id: int, digests: Sequence[bytes]) -> int:
    """Take chunks off the list that something refers to.

    What is further than condemned is of an earlier sweep, and there again since: no batch could have been committed otherwise.
    """
    return len(await (await conn.execute(_RESCUE, [share_id, sorted(set(digests))])).fetchall())


async def add(conn: Connection, share_id: int, chunks: Sequence[Condemned]) -> None:
    """Put chunks on the list."""
    ordered = sorted(chunks)
    columns = [[c.digest for c in ordered], [c.etag for c in ordered], [c.size_bytes for c in ordered]]
    await conn.execute(_ADD, [share_id, *columns])


async def count(conn: Connection, share_id: int) -> int:
    """Chunks on the list that are not deleted."""
    row = await (await conn.execute(_COUNT, [share_id])).fetchone()
    return int(row[0]) if row else 0


async def barrier(conn: Connection, share_id: int) -> None:
    """Have the lock alone, which is to say: everybody who had it before has ended their transaction."""
    await conn.execute(_ALONE, [share_id])


async def doom(conn: Connection, share_id: int, low: int, high: int, limit: int) -> list[Condemned]:
    """Begin to delete some chunks by their first digit, those first that somebody began with and did not finish."""
    args = {"share_id": share_id, "low": low, "high": high, "limit": limit}
    return [Condemned(bytes(row[0]), row[1], row[2]) for row in await (await conn.execute(_DOOM, args)).fetchall()]


async def being_deleted(conn: Connection, share_id: int, digests: Sequence[bytes] | None) -> list[Condemned]:
    """Up to 10,000 of the chunks that are being deleted."""
    args = {"share_id": share_id, "digests": None if digests is None else list(digests)}
    return [Condemned(bytes(row[0]), row[1], row[2]) for row in await (await conn.execute(_GOING_NOW, args)).fetchall()]


async def settle(conn: Connection, share_id: int, gone: Sequence[bytes], spared: Sequence[bytes]) -> None:
    """Note what came of chunks that were being deleted."""
    if gone:
        await conn.execute(_GONE, [share_id, sorted(gone)])
    if spared:
        await conn.execute(_SPARED, [share_id, sorted(spared)])


async def tidy(conn: Connection, share_id: int) -> None:
    """Forget what is of no more interest; the caller knows that no sweep is at work."""
    await conn.execute(_TIDY, {"share_id": share_id})
