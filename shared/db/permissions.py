"""Which permissions of a share are in the vault."""

from collections.abc import Sequence
from typing import Final, LiteralString

from shared.db.pool import Connection

_KNOWN: Final[LiteralString] = "SELECT key FROM permission WHERE share_id = %s"
_ADD: Final[LiteralString] = """
    INSERT INTO permission (share_id, key) SELECT %s, unnest(%s::text[]) ON CONFLICT DO NOTHING
"""


async def known(conn: Connection, share_id: int) -> set[str]:
    """Permission keys whose SDDL is in the vault; a share has hundreds, not millions."""
    return {row[0] for row in await (await conn.execute(_KNOWN, [share_id])).fetchall()}


async def add(conn: Connection, share_id: int, keys: Sequence[str]) -> None:
    """Remember that these are in the vault."""
    if keys:
        await conn.execute(_ADD, [share_id, sorted(keys)])
