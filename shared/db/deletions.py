"""What the rows of shares and tenants say of their deletion: marking them deleted, bringing them back, and what the vault is yet to be told.

A share is deleted under the lock of its row, which has everybody who queues a run of it; a tenant under a lock of its row that keeps out
everybody who refers to it, as a run does. So nothing is deleted while a run of it is active, and no run is queued for what is deleted.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final, LiteralString

from shared.db.pool import Connection
from shared.errors import Conflict, NotFound
from shared.model.deletion import Deletion, DeletionEvent, DeletionKind, Untold

COLUMNS: Final[LiteralString] = (
    "deleted_at, deleted_by, delete_reason, coalesce(purge_after, deleted_at) AS purge_after, purging_at"
)
_ACTIVE: Final[LiteralString] = """
    SELECT kind, run_no, share_id, state FROM run
     WHERE state IN ('queued', 'running', 'paused', 'cancelling')
"""
_ACTIVE_OF_SHARE: Final[LiteralString] = _ACTIVE + " AND share_id = %s ORDER BY run_no LIMIT 10"
_ACTIVE_OF_TENANT: Final[LiteralString] = _ACTIVE + " AND tenant_id = %s ORDER BY share_id, run_no LIMIT 10"
_LOCK_SHARE: Final[LiteralString] = (
    f"SELECT {COLUMNS} FROM share WHERE share_id = %s AND tenant_id = %s FOR NO KEY UPDATE"
)
_LOCK_TENANT: Final[LiteralString] = f"SELECT {COLUMNS} FROM tenant WHERE tenant_id = %s FOR UPDATE"
_DELETED: Final[LiteralString] = """
    SET deleted_at = %(at)s, deleted_by = %(by)s, delete_reason = %(reason)s, purge_after = %(until)s, deletion_no = deletion_no + 1
"""
# Who brought it back, and why, is kept until the vault has been told.
_BACK: Final[LiteralString] = """
    SET deleted_at = NULL, deleted_by = %(by)s, delete_reason = %(reason)s, purge_after = %(at)s, deletion_no = deletion_no + 1
"""
_OF_SHARE: Final[LiteralString] = " WHERE share_id = %(share_id)s"
_OF_TENANT: Final[LiteralString] = " WHERE tenant_id = %(tenant_id)s"
_UNTOLD: Final[LiteralString] = """
    SELECT s.tenant_id, s.share_id, s.deletion_no, s.deleted_at, s.deleted_by, s.delete_reason, coalesce(s.purge_after, s.deleted_at, now()),
           s.purging_at,
           jsonb_build_object(
               'tenant_name', t.name, 'name', s.name, 'account_url', s.account_url, 'share_name', s.share_name, 'credential', s.credential,
               'next_run_no', s.next_run_no::text
           )
      FROM share AS s JOIN tenant AS t USING (tenant_id)
     WHERE s.deletion_told < s.deletion_no AND (%(share_id)s::int IS NULL OR s.share_id = %(share_id)s)
       AND (%(tenant_id)s::text IS NULL OR s.tenant_id = %(tenant_id)s)
     UNION ALL
    SELECT tenant_id, NULL, deletion_no, deleted_at, deleted_by, delete_reason, coalesce(purge_after, deleted_at, now()), purging_at,
           jsonb_build_object('tenant_name', name)
      FROM tenant
     WHERE deletion_told < deletion_no AND %(share_id)s::int IS NULL AND (%(tenant_id)s::text IS NULL OR tenant_id = %(tenant_id)s)
     LIMIT %(limit)s
"""
# Who brought something back nobody needs to know any more: that is for the audit.
_TOLD: Final[LiteralString] = """
    SET deletion_told = greatest(deletion_told, %(no)s),
        deleted_by = CASE WHEN deleted_at IS NULL AND deletion_no = %(no)s THEN '' ELSE deleted_by END,
        purge_after = CASE WHEN deleted_at IS NULL AND deletion_no = %(no)s THEN NULL ELSE purge_after END
"""


async def lock_share(conn: Connection, tenant_id: str, share_id: int) -> Deletion | None:
    """Whether a share is deleted, as it stays until the transaction ends. Raises ``NotFound``."""
    row = await (await conn.execute(_LOCK_SHARE, [share_id, tenant_id])).fetchone()
    if row is None:
        raise NotFound(f"there is no share {share_id}")
    return from_row(row)


async def lock_tenant(conn: Connection, tenant_id: str) -> Deletion | None:
    """The same of a tenant. Nothing that refers to it is added meanwhile."""
    row = await (await conn.execute(_LOCK_TENANT, [tenant_id])).fetchone()
    if row is None:
        raise NotFound(f"there is no tenant {tenant_id!r}")
    return from_row(row)


async def delete_share(
    conn: Connection, tenant_id: str, share_id: int, *, by: str, reason: str, at: dt.datetime, until: dt.datetime
) -> None:
    """Mark a share deleted; one that is stays as it is.

    :param until: it may be purged from then on.
    :raises Conflict: a run of it is active.
    """
    if await lock_share(conn, tenant_id, share_id) is not None:
        return
    await check_idle(conn, tenant_id, share_id)
    args = {"share_id": share_id, "at": at, "by": by, "reason": reason, "until": until}
    await conn.execute("UPDATE share" + _DELETED + _OF_SHARE, args)


async def delete_tenant(
    conn: Connection, tenant_id: str, *, by: str, reason: str, at: dt.datetime, until: dt.datetime
) -> None:
    """The same of a tenant, with all its shares, of which none is marked."""
    if await lock_tenant(conn, tenant_id) is not None:
        return
    await check_idle(conn, tenant_id)
    args = {"tenant_id": tenant_id, "at": at, "by": by, "reason": reason, "until": until}
    await conn.execute("UPDATE tenant" + _DELETED + _OF_TENANT, args)


async def undelete_share(conn: Connection, tenant_id: str, share_id: int, *, by: str, at: dt.datetime) -> None:
    """Bring a share back; one that is not deleted stays as it is.

    :raises Conflict: its purge has begun.
    """
    found = await lock_share(conn, tenant_id, share_id)
    if found is not None:
        _check_not_purging(found, f"share {share_id}")
        args = {"share_id": share_id, "by": by, "reason": "", "at": at}
        await conn.execute("UPDATE share" + _BACK + _OF_SHARE, args)


async def undelete_tenant(conn: Connection, tenant_id: str, *, by: str, at: dt.datetime) -> None:
    """The same of a tenant. Shares that were deleted before it was stay deleted."""
    found = await lock_tenant(conn, tenant_id)
    if found is not None:
        _check_not_purging(found, f"tenant {tenant_id!r}")
        args = {"tenant_id": tenant_id, "by": by, "reason": "", "at": at}
        await conn.execute("UPDATE tenant" + _BACK + _OF_TENANT, args)


async def check_idle(conn: Connection, tenant_id: str, share_id: int | None = None) -> None:
    """:raises Conflict: runs of the share, or of any share of the tenant, are active."""
    if share_id is not None:
        rows = await (await conn.execute(_ACTIVE_OF_SHARE, [share_id])).fetchall()
    else:
        rows = await (await conn.execute(_ACTIVE_OF_TENANT, [tenant_id])).fetchall()
    if rows:
        told = ", ".join(f"{kind} run {run_no} of share {of} is {state}" for kind, run_no, of, state in rows)
        raise Conflict(f"{told}; hint: cancel what is active, or wait until it ends", "run_active")


async def untold(
    conn: Connection, *, tenant_id: str | None = None, share_id: int | None = None, limit: int = 100
) -> list[Untold]:
    """What the vault is yet to be told: some of it, or that of a share, or of a tenant and its shares."""
    args = {"tenant_id": tenant_id, "share_id": share_id, "limit": limit}
    return [_untold(row) for row in await (await conn.execute(_UNTOLD, args)).fetchall()]


async def told(conn: Connection, what: Untold) -> None:
    """Note that it was told."""
    args = {"no": what.event.event_no, "share_id": what.share_id, "tenant_id": what.tenant_id}
    if what.share_id is None:
        await conn.execute("UPDATE tenant" + _TOLD + _OF_TENANT, args)
    else:
        await conn.execute("UPDATE share" + _TOLD + _OF_SHARE, args)


def from_row(row: Sequence[Any]) -> Deletion | None:
    """From :data:`COLUMNS`, and of a tenant what keeps its purge from coming to its end."""
    if row[0] is None:
        return None
    return Deletion(
        at=row[0],
        by=row[1],
        reason=row[2],
        purge_after=row[3],
        purging_at=row[4],
        trouble=row[5] if len(row) > 5 else "",
    )


def _check_not_purging(found: Deletion, what: str) -> None:
    if found.purging_at is not None:
        raise Conflict(
            f"{what} is being purged since {found.purging_at:%Y-%m-%d %H:%M} UTC: some of it is gone, and it cannot be brought back",
            "purging",
        )


def _untold(row: Sequence[Any]) -> Untold:
    tenant_id, share_id, number, deleted_at, by, reason, until, purging_at, about = row
    if purging_at is not None:
        kind, at, purge_after = DeletionKind.PURGING, purging_at, until
    elif deleted_at is not None:
        kind, at, purge_after = DeletionKind.DELETED, deleted_at, until
    else:
        kind, at, purge_after = DeletionKind.UNDELETED, until, None
    event = DeletionEvent(event_no=number, kind=kind, by=by, reason=reason, at=at, purge_after=purge_after, about=about)
    return Untold(tenant_id=tenant_id, share_id=share_id, event=event)
