"""The Postgres side of purges: when one may begin, and taking a share or a tenant out of the catalogue.

A share that is being purged says so from the transaction that queues the run until its row goes, which is the last thing of it that goes. Whatever
happens in between, nobody takes it for one that can be browsed, restored or brought back.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final, LiteralString

from psycopg.types.json import Jsonb

from shared.db import alerts, deletions, pages, runs, schedules
from shared.db.catalogue import PostgresCatalogue
from shared.db.pool import Connection
from shared.errors import Conflict
from shared.model.deletion import Deletion, PurgeOrder, Untold
from shared.model.run import ACTIVE, Driver, Run, RunKind
from shared.model.share import Share

HELD_TOLD: Final = 10
_HELD: Final[LiteralString] = """
    SELECT p.run_no, s.name FROM restore_point AS p JOIN share AS s USING (share_id)
     WHERE p.held_by IS NOT NULL AND {which} ORDER BY s.name, p.run_no LIMIT 11
"""
_HELD_OF_SHARE: Final[LiteralString] = _HELD.replace("{which}", "p.share_id = %s")
_HELD_OF_TENANT: Final[LiteralString] = _HELD.replace("{which}", "s.tenant_id = %s")
_PURGING_SHARE: Final[LiteralString] = """
    UPDATE share SET purging_at = %(at)s, deletion_no = deletion_no + 1 WHERE share_id = %(share_id)s AND purging_at IS NULL
"""
_PURGING_TENANT: Final[LiteralString] = """
    UPDATE tenant
       SET purging_at = coalesce(purging_at, %(at)s), purge_order = %(order)s, purge_trouble = '',
           deletion_no = deletion_no + (purging_at IS NULL)::int
     WHERE tenant_id = %(tenant_id)s
"""
# Shares are deleted with their tenant, if they were not before.
_PURGING_SHARES: Final[LiteralString] = """
    UPDATE share AS s
       SET deleted_at = coalesce(s.deleted_at, t.deleted_at),
           deleted_by = CASE WHEN s.deleted_at IS NULL THEN t.deleted_by ELSE s.deleted_by END,
           delete_reason = CASE WHEN s.deleted_at IS NULL THEN t.delete_reason ELSE s.delete_reason END,
           purge_after = coalesce(s.purge_after, t.purge_after, t.deleted_at),
           purging_at = %(at)s, deletion_no = s.deletion_no + 1
      FROM tenant AS t
     WHERE t.tenant_id = s.tenant_id AND s.tenant_id = %(tenant_id)s AND s.purging_at IS NULL
"""
_IDLE_SHARES: Final[LiteralString] = """
    SELECT s.share_id, s.name FROM share AS s
     WHERE s.tenant_id = %s
       AND NOT EXISTS (
               SELECT FROM run AS r WHERE r.share_id = s.share_id AND r.state IN ('queued', 'running', 'paused', 'cancelling')
           )
  ORDER BY s.share_id LIMIT %s
"""
# What there may be much of; the purge's own batches are needed to its end.
_MUCH: Final[tuple[LiteralString, ...]] = tuple(
    f"DELETE FROM {table} WHERE ctid = ANY (ARRAY (SELECT ctid FROM {table} WHERE share_id = %(share_id)s{but} LIMIT %(limit)s))"
    for table, but in (
        ("restore_point", ""),
        ("expired_point", ""),
        ("batch", " AND run_id <> %(run_id)s"),
        ("permission", ""),
        ("condemned_chunk", ""),
        ("repack", ""),
        ("schedule_occurrence", ""),
    )
)
# Rows of runs in progress: of the purge itself, and what any run may have left.
_OF_RUNS: Final[tuple[LiteralString, ...]] = tuple(
    f"DELETE FROM {table} WHERE run_id IN (SELECT run_id FROM run WHERE share_id = %s)"
    for table in (
        "frontier",
        "missing",
        "large_file",
        "span",
        "restore_frontier",
        "restore_link",
        "restore_made",
        "verify_item",
        "verify_finding",
        "rebuild_item",
        "sweep_item",
    )
)
_OF_SHARE: Final[tuple[LiteralString, ...]] = tuple(
    f"DELETE FROM {table} WHERE share_id = %s"
    for table in ("batch", "permission", "restore_point", "expired_point", "condemned_chunk", "repack", "run", "share")
)
_OF_TENANT: Final[tuple[LiteralString, ...]] = tuple(
    f"DELETE FROM {table} WHERE tenant_id = %(tenant_id)s"
    for table in (
        *("schedule_occurrence", "schedule", "delivery", "alert", "channel", "policy", "idempotency", "usage_month"),
        *("member", "api_key", "tenant_account", "tenant"),
    )
)
_SHARES: Final[LiteralString] = "SELECT count(*) FROM share WHERE tenant_id = %s"
_BUDGET: Final[LiteralString] = "DELETE FROM request_budget WHERE subject = %s"
_EMPTY: Final[LiteralString] = """
    SELECT t.tenant_id, t.name, t.purging_at, t.purge_order FROM tenant AS t
     WHERE t.purging_at IS NOT NULL AND (%(tenant_id)s::text IS NULL OR t.tenant_id = %(tenant_id)s)
       AND NOT EXISTS (SELECT FROM share AS s WHERE s.tenant_id = t.tenant_id)
  ORDER BY t.tenant_id LIMIT %(limit)s
"""
_TROUBLE: Final[LiteralString] = "UPDATE tenant SET purge_trouble = %s WHERE tenant_id = %s AND purge_trouble <> %s"
_LOCK_TENANT: Final[LiteralString] = """
    SELECT purging_at IS NOT NULL AND NOT EXISTS (SELECT FROM share AS s WHERE s.tenant_id = t.tenant_id)
      FROM tenant AS t WHERE tenant_id = %s FOR UPDATE
"""


async def begin_share(conn: Connection, share: Share, order: PurgeOrder, at: dt.datetime, driver: Driver) -> Run:
    """Queue the purge of a share, which from now on is being purged. One whose purge did not come to its end is purged again.

    :raises Conflict: it is not deleted, its grace is not over, a legal hold keeps a restore point, or a run of it is active.
    """
    # The tenant first: so do those who delete or purge it, and those who queue a run.
    await runs.hold_tenant(conn, share.tenant_id)
    found = await deletions.lock_share(conn, share.tenant_id, share.share_id)
    _check_time(found, at, f"share {share.name!r}")
    await deletions.check_idle(conn, share.tenant_id, share.share_id)
    await _check_holds(conn, _HELD_OF_SHARE, share.share_id)
    await conn.execute(_PURGING_SHARE, {"at": at, "share_id": share.share_id})
    return await runs.create(conn, share.tenant_id, share.share_id, RunKind.PURGE, driver=driver, retention=order)


async def begin_tenant(
    conn: Connection, tenant_id: str, order: PurgeOrder, at: dt.datetime, driver: Driver, *, limit: int
) -> list[Run]:
    """The same of a tenant with all its shares: the runs that were queued, of up to ``limit`` shares. Asked again, of the others."""
    found = await deletions.lock_tenant(conn, tenant_id)
    _check_time(found, at, f"tenant {order.name!r}")
    assert found is not None
    if found.purging_at is None:
        await deletions.check_idle(conn, tenant_id)
    await _check_holds(conn, _HELD_OF_TENANT, tenant_id)
    await conn.execute(_PURGING_TENANT, {"at": at, "tenant_id": tenant_id, "order": Jsonb(order.to_wire())})
    await conn.execute(_PURGING_SHARES, {"at": at, "tenant_id": tenant_id})
    queued = []
    for share_id, name in await (await conn.execute(_IDLE_SHARES, [tenant_id, limit])).fetchall():
        of_share = PurgeOrder(
            by=order.by, actor_kind=order.actor_kind, actor_id=order.actor_id, actor_name=order.actor_name, name=name
        )
        queued.append(await runs.create(conn, tenant_id, share_id, RunKind.PURGE, driver=driver, retention=of_share))
    return queued


async def shares_of(conn: Connection, tenant_id: str) -> int:
    """How many shares a tenant has."""
    row = await (await conn.execute(_SHARES, [tenant_id])).fetchone()
    return int(row[0]) if row else 0


def _check_time(found: Deletion | None, at: dt.datetime, what: str) -> None:
    if found is None:
        raise Conflict(f"{what} is not deleted; hint: delete it, and purge it when its grace is over", "not_deleted")
    if at < found.purge_after:
        raise Conflict(
            f"{what} can be brought back until {found.purge_after:%Y-%m-%d %H:%M:%S} UTC, and may be purged from then on",
            "grace",
        )


async def _check_holds(conn: Connection, statement: LiteralString, of: int | str) -> None:
    rows = await (await conn.execute(statement, [of])).fetchall()
    if rows:
        told = ", ".join(f"{run_no} of {name!r}" for run_no, name in rows[:HELD_TOLD])
        more = " and more" if len(rows) > HELD_TOLD else ""
        raise Conflict(
            f"restore points are under a legal hold: {told}{more}; hint: they stay until somebody releases them",
            "legal_hold",
        )


async def _of_rows(conn: Connection, run_id: int, share_id: int, limit: int) -> bool:
    args = {"run_id": run_id, "share_id": share_id, "limit": limit}
    gone = 0
    for statement in _MUCH:
        gone += (await conn.execute(statement, args)).rowcount
    return gone > 0


class PostgresPurges(PostgresCatalogue):
    """Implements :class:`shared.ports.purges.Purges`."""

    async def untold(self, *, tenant_id: str | None = None, share_id: int | None = None) -> list[Untold]:
        """See the port."""
        return await self._once(lambda conn: deletions.untold(conn, tenant_id=tenant_id, share_id=share_id))

    async def told(self, what: Untold) -> None:
        """See the port."""
        await self._once(lambda conn: deletions.told(conn, what))

    async def forget_rows(self, run_id: int, share_id: int, limit: int) -> bool:
        """See the port."""
        return await self._once(lambda conn: _of_rows(conn, run_id, share_id, limit))

    async def forget_share(self, run_id: int, share_id: int) -> bool:
        """See the port."""

        async def work(conn: Connection) -> bool:
            run = await runs.lock(conn, run_id)
            if run.kind is not RunKind.PURGE or run.state not in ACTIVE or run.share_id != share_id:
                raise Conflict(
                    f"run {run.run_no} of share {share_id} is a {run.kind} that is {run.state}: nothing is forgotten"
                )
            await schedules.forget_share(conn, share_id)
            await alerts.forget_share(conn, share_id)
            await pages.drop_partition(conn, share_id)
            await conn.execute(f"DROP SCHEMA IF EXISTS rebuild_{int(share_id)} CASCADE".encode())
            for statement in (*_OF_RUNS, *_OF_SHARE):
                await conn.execute(statement, [share_id])
            return True

        return await self._once(work)

    async def empty_tenants(
        self, tenant_id: str | None = None, limit: int = 100
    ) -> list[tuple[str, str, dt.datetime, PurgeOrder]]:
        """See the port."""

        async def work(conn: Connection) -> list[tuple[str, str, dt.datetime, PurgeOrder]]:
            rows: Sequence[tuple[Any, ...]] = await (
                await conn.execute(_EMPTY, {"tenant_id": tenant_id, "limit": limit})
            ).fetchall()
            return [(row[0], row[1], row[2], PurgeOrder.from_wire(row[3] or {"by": ""})) for row in rows]

        return await self._once(work)

    async def trouble(self, tenant_id: str, told: str) -> None:
        """See the port."""
        await self._once(lambda conn: _say_trouble(conn, tenant_id, told))

    async def forget_tenant(self, tenant_id: str) -> None:
        """See the port."""

        async def work(conn: Connection) -> None:
            row = await (await conn.execute(_LOCK_TENANT, [tenant_id])).fetchone()
            if row is None:
                return
            if not row[0]:
                raise Conflict(f"tenant {tenant_id!r} has shares, or is not being purged: nothing is forgotten")
            for statement in _OF_TENANT:
                await conn.execute(statement, {"tenant_id": tenant_id})
            await conn.execute(_BUDGET, [f"tenant:{tenant_id}"])

        await self._once(work)


async def _say_trouble(conn: Connection, tenant_id: str, told: str) -> None:
    await conn.execute(_TROUBLE, [told, tenant_id, told])
