"""Which permissions of a share are in the vault."""

from collections.abc import Mapping, Sequence
from typing import Final, LiteralString

from shared.db.pool import Connection

_KNOWN: Final[LiteralString] = "SELECT key FROM permission WHERE share_id = %s"
_ADD: Final[LiteralString] = """
    INSERT INTO permission (share_id, key, checksum)
         SELECT %s, key, checksum FROM unnest(%s::text[], %s::int8[]) AS row (key, checksum)
    ON CONFLICT DO NOTHING
"""
_CHECKSUMS: Final[LiteralString] = "SELECT key, checksum FROM permission WHERE share_id = %s"
_SET_CHECKSUM: Final[LiteralString] = """
    UPDATE permission SET checksum = %s WHERE share_id = %s AND key = %s AND checksum IS NULL
"""


async def known(conn: Connection, share_id: int) -> set[str]:
    """Permission keys whose SDDL is in the vault; a share has hundreds, not millions."""
    return {row[0] for row in await (await conn.execute(_KNOWN, [share_id])).fetchall()}


async def add(conn: Connection, share_id: int, keys: Sequence[str], checksums: Mapping[str, int] | None = None) -> None:
    """Remember that these are in the vault, and the XXH3-64 of their descriptors if it is known."""
    if keys:
        known = checksums or {}
        ordered = sorted(keys)
        values = [_signed(known[key]) if key in known else None for key in ordered]
        await conn.execute(_ADD, [share_id, ordered, values])


async def checksums(conn: Connection, share_id: int) -> dict[str, int | None]:
    """XXH3-64 of the descriptor of each key in the vault; None where nobody has noted it."""
    rows = await (await conn.execute(_CHECKSUMS, [share_id])).fetchall()
    return {key: None if checksum is None else checksum & 0xFFFF_FFFF_FFFF_FFFF for key, checksum in rows}


async def set_checksums(conn: Connection, share_id: int, found: Mapping[str, int]) -> None:
    """Note those that nobody has noted."""
    for key in sorted(found):
        await conn.execute(_SET_CHECKSUM, [_signed(found[key]), share_id, key])


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number
