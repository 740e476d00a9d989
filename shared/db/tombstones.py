"""Tombstones that the vault does not know of yet."""

from collections.abc import Sequence
from typing import Final, LiteralString

from shared.db.pool import Connection

_ADD: Final[LiteralString] = """
    INSERT INTO tombstone (share_id, page_id) SELECT %b, unnest(%b::int8[]) ON CONFLICT DO NOTHING
"""
_SOME: Final[LiteralString] = "SELECT page_id FROM tombstone WHERE share_id = %s ORDER BY page_id LIMIT %s"
_REMOVE: Final[LiteralString] = "DELETE FROM tombstone WHERE share_id = %s AND page_id = ANY(%s::int8[])"
_FORGET: Final[LiteralString] = "DELETE FROM tombstone WHERE share_id = %s"


async def add(conn: Connection, share_id: int, page_ids: Sequence[int]) -> None:
    """Note that these pages have become tombstones."""
    if page_ids:
        await conn.execute(_ADD, [share_id, sorted(page_ids)])


async def some(conn: Connection, share_id: int, limit: int) -> list[int]:
    """Up to ``limit`` of them, the lowest first."""
    return [row[0] for row in await (await conn.execute(_SOME, [share_id, limit])).fetchall()]


async def remove(conn: Connection, share_id: int, page_ids: Sequence[int]) -> None:
    """Note that the vault knows of these."""
    await conn.execute(_REMOVE, [share_id, list(page_ids)])


async def forget(conn: Connection, share_id: int) -> None:
    """Forget all of a share."""
    await conn.execute(_FORGET, [share_id])
