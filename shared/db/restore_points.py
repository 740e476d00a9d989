"""Restore points: committed backup runs."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final, LiteralString

from shared.db.pool import Connection
from shared.errors import NotFound
from shared.model.run import RestorePoint

_COLUMNS: Final[LiteralString] = "run_no, taken_at, committed_at, directories, files, bytes, errors, share_snapshot"
_ADD: Final[LiteralString] = """
    INSERT INTO restore_point (share_id, run_no, taken_at, committed_at, directories, files, bytes, errors, share_snapshot)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_GET: Final[LiteralString] = f"SELECT {_COLUMNS} FROM restore_point WHERE share_id = %s AND run_no = %s"
_FORGET_SNAPSHOT: Final[LiteralString] = """
    UPDATE restore_point SET share_snapshot = NULL WHERE share_id = %s AND run_no <= %s AND share_snapshot IS NOT NULL
"""
_LISTED: Final[LiteralString] = f"""
    SELECT {_COLUMNS} FROM restore_point WHERE share_id = %s AND run_no < %s ORDER BY run_no DESC LIMIT %s
"""

_TAKEN_AT: Final[LiteralString] = "SELECT run_no, taken_at FROM restore_point WHERE share_id = %s AND run_no = ANY(%s)"
_AROUND: Final[LiteralString] = f"""
    (SELECT {_COLUMNS} FROM restore_point WHERE share_id = %(share_id)s AND run_no < %(run_no)s ORDER BY run_no DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT {_COLUMNS} FROM restore_point WHERE share_id = %(share_id)s AND run_no >= %(run_no)s ORDER BY run_no LIMIT %(limit)s)
    ORDER BY run_no
"""


async def add(conn: Connection, share_id: int, point: RestorePoint) -> None:
    """Record a restore point."""
    args = [
        share_id,
        point.run_no,
        point.taken_at,
        point.committed_at,
        point.directories,
        point.files,
        point.bytes,
        point.errors,
        point.share_snapshot,
    ]
    await conn.execute(_ADD, args)


async def forget_snapshot(conn: Connection, share_id: int, run_no: int) -> None:
    """The share snapshots of a restore point and of those before it are not kept any more."""
    await conn.execute(_FORGET_SNAPSHOT, [share_id, run_no])


async def get(conn: Connection, share_id: int, run_no: int) -> RestorePoint:
    """One restore point. Raises ``NotFound``."""
    row = await (await conn.execute(_GET, [share_id, run_no])).fetchone()
    if row is None:
        raise NotFound(f"share {share_id} has no restore point {run_no}", field="restore_point")
    return _from_row(row)


async def of_share(
    conn: Connection, share_id: int, *, before: int | None = None, limit: int = 50
) -> list[RestorePoint]:
    """Restore points of a share, newest first.

    :param before: only those of lower runs; the last ``run_no`` of the previous page.
    """
    rows = await (await conn.execute(_LISTED, [share_id, before or (1 << 31) - 1, limit])).fetchall()
    return [_from_row(row) for row in rows]


async def around(conn: Connection, share_id: int, run_no: int, limit: int) -> list[RestorePoint]:
    """About ``limit`` restore points about a run, in order of time: half of them before it, and more where there are fewer on the other side."""
    rows = await (await conn.execute(_AROUND, {"share_id": share_id, "run_no": run_no, "limit": limit})).fetchall()
    found = [_from_row(row) for row in rows]
    before = sum(1 for point in found if point.run_no < run_no)
    begin = max(0, min(before - limit // 2, len(found) - limit))
    return found[begin : begin + limit]


async def taken_at(conn: Connection, share_id: int, run_nos: Sequence[int]) -> dict[int, dt.datetime]:
    """When some restore points were taken; those that are gone are left out."""
    return dict(await (await conn.execute(_TAKEN_AT, [share_id, list(run_nos)])).fetchall())


async def last(conn: Connection, share_id: int) -> RestorePoint | None:
    """The newest one."""
    newest = await of_share(conn, share_id, limit=1)
    return newest[0] if newest else None


def _from_row(row: tuple[Any, ...]) -> RestorePoint:
    return RestorePoint(
        run_no=row[0],
        taken_at=row[1],
        committed_at=row[2],
        directories=row[3],
        files=row[4],
        bytes=row[5],
        errors=row[6],
        share_snapshot=row[7],
    )
