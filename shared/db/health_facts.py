"""How many shares stand: first what ranks them all, in narrow rows, and then the rest of the few that are shown.

All of each in one statement took 240 ms of a thousand shares with a year of restore points; so it is asked in parts.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, LiteralString, NamedTuple

from psycopg.rows import class_row

from shared.core.health import OpenAlert, Standing
from shared.db.pool import Connection
from shared.db.seen import Seen
from shared.model.alert import Condition
from shared.model.run import RunState

GROWTH_DAYS: Final = 30
SHARES_MAX: Final = 10_000
"""That are looked at. Of more, those that come later by tenant and name are left out, and whoever asks is told to choose a tenant."""

_FACTS: Final[LiteralString] = """
    SELECT s.share_id, s.tenant_id, t.name AS tenant_name, s.name, (s.settings->>'objective_s')::int AS objective_s, s.created_at,
           coalesce(s.deleted_at, t.deleted_at) AS deleted_at, coalesce(s.purging_at, t.purging_at) IS NOT NULL AS purging,
           coalesce(o.files, 0) AS files, coalesce(o.bytes, 0) AS bytes, o.taken_at, o.backup_no, o.backup_state
      FROM share AS s
      JOIN tenant AS t USING (tenant_id)
      LEFT JOIN share_total AS o USING (share_id)
     WHERE (%(all)s OR s.tenant_id = ANY (%(tenants)s::text[]) OR s.share_id = ANY (%(shares)s::int[]))
       AND (%(tenant_id)s::text IS NULL OR s.tenant_id = %(tenant_id)s)
       AND (%(share_ids)s::int[] IS NULL OR s.share_id = ANY (%(share_ids)s::int[]))
       AND (%(deleted)s OR s.deleted_at IS NULL AND t.deleted_at IS NULL)
  ORDER BY t.name, t.tenant_id, s.name
     LIMIT %(limit)s
"""
_ALERTS: Final[LiteralString] = """
    SELECT share_id, condition, about, acknowledged_at IS NOT NULL AS acknowledged, title
      FROM alert
     WHERE closed_at IS NULL
       AND (%(all)s OR tenant_id = ANY (%(tenants)s::text[]) OR share_id = ANY (%(shares)s::int[]))
       AND (%(tenant_id)s::text IS NULL OR tenant_id = %(tenant_id)s)
  ORDER BY alert_id DESC
"""
_ACTIVE: Final[LiteralString] = """
    SELECT share_id, run_no, kind, state
      FROM run
     WHERE state IN ('queued', 'running', 'paused', 'cancelling')
       AND (%(all)s OR tenant_id = ANY (%(tenants)s::text[]) OR share_id = ANY (%(shares)s::int[]))
       AND (%(tenant_id)s::text IS NULL OR tenant_id = %(tenant_id)s)
  ORDER BY run_id
"""
# Restore points are taken in the order of their numbers, so from the newest back the first that is old enough is the one.
_BEFORE: Final[LiteralString] = """
    SELECT s.share_id, p.bytes
      FROM unnest(%(shares)s::int[]) AS s (share_id)
     CROSS JOIN LATERAL (
               SELECT bytes
                 FROM restore_point
                WHERE share_id = s.share_id AND taken_at <= %(until)s
             ORDER BY run_no DESC
                LIMIT 1
           ) AS p
"""
_ERRORS: Final[LiteralString] = """
    SELECT r.share_id, r.error
      FROM unnest(%s::int[], %s::int[]) AS w (share_id, run_no)
      JOIN run AS r USING (share_id, run_no)
     WHERE r.error IS NOT NULL
"""

_OF_TENANTS: Final[LiteralString] = """
    SELECT s.tenant_id, count(*)::int, coalesce(sum(o.files), 0)::bigint, coalesce(sum(o.bytes), 0)::bigint
      FROM share AS s
      LEFT JOIN share_total AS o USING (share_id)
     WHERE s.tenant_id = ANY (%(tenant_ids)s::text[]) AND s.deleted_at IS NULL
       AND (%(all)s OR s.tenant_id = ANY (%(tenants)s::text[]) OR s.share_id = ANY (%(shares)s::int[]))
  GROUP BY s.tenant_id
"""


class Facts(NamedTuple):
    """What ranks a share. A tuple: a thousand are made for a page."""

    share_id: int
    tenant_id: str
    tenant_name: str
    name: str
    objective_s: int | None
    created_at: dt.datetime
    deleted_at: dt.datetime | None
    """When it was deleted, or its tenant."""
    purging: bool
    files: int
    """Of its newest restore point, as ``bytes``."""
    bytes: int
    taken_at: dt.datetime | None
    """Of its newest restore point."""
    backup_no: int | None
    """The last backup that has ended, and not by being cancelled."""
    backup_state: str | None

    def standing(self, alerts: Sequence[OpenAlert] = (), active: str = "", error: str = "") -> Standing:
        """What the share's health is judged by.

        :param active: the kind of the run that is active.
        :param error: why the last backup failed.
        """
        state = None if self.backup_state is None else RunState(self.backup_state)
        return Standing(
            self.created_at, self.taken_at, self.objective_s, self.backup_no, state, error, alerts, active,
            self.deleted_at, self.purging,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ActiveRun:
    """A run that has not ended."""

    share_id: int
    run_no: int
    kind: str
    state: str


async def facts(
    conn: Connection,
    seen: Seen,
    *,
    tenant_id: str | None = None,
    share_ids: Sequence[int] | None = None,
    deleted: bool = False,
    limit: int = SHARES_MAX,
) -> list[Facts]:
    """The shares that somebody sees, in no order.

    :param tenant_id: of this tenant only.
    :param share_ids: of these only.
    :param deleted: also those that are deleted.
    """
    among = None if share_ids is None else list(share_ids)
    args = {**_args(seen, tenant_id), "share_ids": among, "deleted": deleted, "limit": limit}
    return [Facts._make(row) for row in await (await conn.execute(_FACTS, args)).fetchall()]


async def open_alerts(conn: Connection, seen: Seen, tenant_id: str | None = None) -> dict[int, list[OpenAlert]]:
    """Alerts that are open, by share, the newest first."""
    found: dict[int, list[OpenAlert]] = {}
    for row in await (await conn.execute(_ALERTS, _args(seen, tenant_id))).fetchall():
        found.setdefault(row[0], []).append(OpenAlert(Condition(row[1]), *row[2:]))
    return found


async def active_runs(conn: Connection, seen: Seen, tenant_id: str | None = None) -> list[ActiveRun]:
    """Runs that have not ended, in the order in which they were asked for."""
    async with conn.cursor(row_factory=class_row(ActiveRun)) as cur:
        return await (await cur.execute(_ACTIVE, _args(seen, tenant_id))).fetchall()


async def bytes_before(conn: Connection, share_ids: Sequence[int], until: dt.datetime) -> dict[int, int]:
    """What the newest restore point held that is not younger than ``until``, of shares that have one."""
    rows = await (await conn.execute(_BEFORE, {"shares": list(share_ids), "until": until})).fetchall()
    return {row[0]: row[1] for row in rows}


async def backup_errors(conn: Connection, shown: Sequence[Facts]) -> dict[int, str]:
    """Why the last backups of shares failed, of those that did."""
    failed = [(one.share_id, one.backup_no) for one in shown if one.backup_state == "failed"]
    if not failed:
        return {}
    share_ids, numbers = zip(*failed, strict=True)
    return {row[0]: row[1] for row in await (await conn.execute(_ERRORS, [list(share_ids), list(numbers)])).fetchall()}


@dataclass(frozen=True, slots=True)
class Holding:
    """What is protected of a tenant, as far as somebody sees it."""

    shares: int = 0
    files: int = 0
    bytes: int = 0


async def of_tenants(conn: Connection, seen: Seen, tenant_ids: Sequence[str]) -> dict[str, Holding]:
    """What tenants have that have something."""
    args = {**seen.args(), "tenant_ids": list(tenant_ids)}
    return {row[0]: Holding(*row[1:]) for row in await (await conn.execute(_OF_TENANTS, args)).fetchall()}


def _args(seen: Seen, tenant_id: str | None) -> dict[str, Any]:
    return {**seen.args(), "tenant_id": tenant_id}
