"""Answers that were given to requests with an idempotency key, for whoever asks the same again."""

import datetime as dt
from dataclasses import dataclass
from typing import Final, LiteralString

from shared.db.pool import Connection

_ATTEMPT: Final[LiteralString] = "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 2))"
_GET: Final[LiteralString] = """
    SELECT request_hash, status, body, media, location, etag
      FROM idempotency
     WHERE principal = %s AND key = %s AND created_at > now() - %s
"""
# One that is too old to be answered with may still be there.
_KEEP: Final[LiteralString] = """
    INSERT INTO idempotency (principal, key, tenant_id, request_hash, status, body, media, location, etag)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT ON CONSTRAINT idempotency_pk DO UPDATE
       SET tenant_id = excluded.tenant_id, request_hash = excluded.request_hash, status = excluded.status, body = excluded.body,
           media = excluded.media, location = excluded.location, etag = excluded.etag, created_at = now()
"""
_EXPIRE: Final[LiteralString] = """
    DELETE FROM idempotency
     WHERE ctid = ANY (ARRAY (SELECT ctid FROM idempotency WHERE created_at < now() - %s LIMIT %s))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An answer that was given."""

    request_hash: bytes
    status: int
    body: bytes
    media: str
    location: str
    etag: str


async def attempt(conn: Connection, principal: str, key: str) -> bool:
    """Whether nobody else is at the same key; until the transaction ends nobody will be."""
    row = await (await conn.execute(_ATTEMPT, [f"{principal}\n{key}"])).fetchone()
    return row is not None and bool(row[0])


async def get(conn: Connection, principal: str, key: str, life: dt.timedelta) -> Kept | None:
    """The answer that was given less than ``life`` ago."""
    row = await (await conn.execute(_GET, [principal, key, life])).fetchone()
    if row is None:
        return None
    return Kept(request_hash=row[0], status=row[1], body=row[2], media=row[3], location=row[4], etag=row[5])


async def keep(conn: Connection, principal: str, key: str, tenant_id: str | None, answer: Kept) -> None:
    """Keep an answer, in the transaction of what it tells of."""
    args = [principal, key, tenant_id, answer.request_hash, answer.status, answer.body]
    await conn.execute(_KEEP, [*args, answer.media, answer.location, answer.etag])


async def expire(conn: Connection, life: dt.timedelta, limit: int) -> int:
    """Forget up to ``limit`` answers older than ``life``; how many."""
    return (await conn.execute(_EXPIRE, [life, limit])).rowcount
