"""Shares under protection, and the numbers each gives out."""

from collections.abc import Mapping
from typing import Any, Final, LiteralString

from psycopg.types.json import Jsonb

from shared.db import deletions
from shared.db.pool import Connection
from shared.errors import NotFound, Rejected
from shared.model.node import DIRECTORY_NO_MAX
from shared.model.share import Share, ShareSettings

_COLUMNS: Final[LiteralString] = (
    "share_id, tenant_id, name, account_url, share_name, credential, settings, created_at, snapshot_mark, "
    + deletions.COLUMNS
)
_CREATE: Final[LiteralString] = f"""
    INSERT INTO share (tenant_id, name, account_url, share_name, credential, settings)
    VALUES (%s, %s, %s, %s, %s, %s)
    RETURNING {_COLUMNS}
"""
_GET: Final[LiteralString] = f"""
    SELECT {_COLUMNS}
      FROM share
     WHERE share_id = %s
"""
_OF_TENANT: Final[LiteralString] = f"""
    SELECT {_COLUMNS}
      FROM share
     WHERE tenant_id = %s AND name > %s AND (%s::int[] IS NULL OR share_id = ANY (%s))
       AND (%s OR deleted_at IS NULL)
  ORDER BY name
     LIMIT %s
"""
_CHANGE_SETTINGS: Final[LiteralString] = f"""
       UPDATE share SET settings = settings || %s
        WHERE share_id = %s AND tenant_id = %s
    RETURNING {_COLUMNS}
"""
_ALLOCATE: Final[LiteralString] = """
       UPDATE share
          SET next_directory_no = next_directory_no + %(count)s
        WHERE share_id = %(share_id)s AND next_directory_no + %(count)s <= %(end)s
    RETURNING next_directory_no
"""
_DEMAND: Final[LiteralString] = (
    "UPDATE share SET demands = %(least)s WHERE share_id = %(share_id)s AND demands < %(least)s"
)
_LOCK: Final[LiteralString] = "SELECT FROM share WHERE share_id = %s FOR NO KEY UPDATE"


def subject(account_url: str, share_name: str) -> str:
    """How a run names the one Azure share it reads or writes."""
    return f"{account_url.lower().rstrip('/')}/{share_name}"


async def create(
    conn: Connection,
    tenant_id: str,
    *,
    name: str,
    account_url: str,
    share_name: str,
    credential: str,
    settings: ShareSettings | None = None,
) -> Share:
    """Put an Azure share under protection."""
    chosen = Jsonb((settings or ShareSettings()).to_wire())
    args = [tenant_id, name, account_url, share_name, credential, chosen]
    row = await (await conn.execute(_CREATE, args)).fetchone()
    assert row is not None
    return from_row(row)


async def get(conn: Connection, share_id: int, tenant_id: str | None = None) -> Share:
    """One share; if ``tenant_id`` is given, of that tenant only. Raises ``NotFound``."""
    row = await (await conn.execute(_GET, [share_id])).fetchone()
    if row is None or (tenant_id is not None and row[1] != tenant_id):
        raise NotFound(f"there is no share {share_id}")
    return from_row(row)


async def change_settings(conn: Connection, share_id: int, tenant_id: str, changes: Mapping[str, Any]) -> Share:
    """Give some settings of a share new values, for runs that are queued from now on. Raises ``NotFound``.

    :param changes: by name, as :meth:`ShareSettings.to_wire` writes them.
    """
    row = await (await conn.execute(_CHANGE_SETTINGS, [Jsonb(dict(changes)), share_id, tenant_id])).fetchone()
    if row is None:
        raise NotFound(f"there is no share {share_id}")
    return from_row(row)


async def of_tenant(
    conn: Connection,
    tenant_id: str,
    *,
    after: str = "",
    limit: int | None = None,
    among: frozenset[int] | None = None,
    deleted: bool = False,
) -> list[Share]:
    """A tenant's shares by name.

    :param after: only those with later names; that of the last one of the part before.
    :param limit: None: all.
    :param among: only these; None: all.
    :param deleted: also those that are deleted.
    """
    chosen = None if among is None else sorted(among)
    rows = await (await conn.execute(_OF_TENANT, [tenant_id, after, chosen, chosen, deleted, limit])).fetchall()
    return [from_row(row) for row in rows]


async def allocate_directories(conn: Connection, share_id: int, count: int) -> range:
    """``count`` fresh directory numbers. Raises ``Rejected`` when they are used up."""
    args = {"share_id": share_id, "count": count, "end": DIRECTORY_NO_MAX + 1}
    row = await (await conn.execute(_ALLOCATE, args)).fetchone()
    if row is None:
        await get(conn, share_id)
        raise Rejected(
            f"share {share_id} has used up its {DIRECTORY_NO_MAX:,} directory numbers; "
            "hint: protect the Azure share once more under another name: a number is never given twice"
        )
    return range(row[0] - count, row[0])


async def demand(conn: Connection, share_id: int, least: int) -> None:
    """From now on only programs that know so much claim work on the share: ``batches.KNOWS``, ``schema/sql/0022``."""
    await conn.execute(_DEMAND, {"share_id": share_id, "least": least})


async def lock(conn: Connection, share_id: int) -> None:
    """Wait until nobody else has this share locked; rows that refer to the share may still come."""
    await conn.execute(_LOCK, [share_id])


def from_row(row: tuple[Any, ...]) -> Share:
    """From the columns that the queries here select."""
    return Share(
        share_id=row[0],
        tenant_id=row[1],
        name=row[2],
        account_url=row[3],
        share_name=row[4],
        credential=row[5],
        settings=ShareSettings.from_wire(row[6]),
        created_at=row[7],
        snapshot_mark=row[8],
        deletion=deletions.from_row(row[9:]),
    )
