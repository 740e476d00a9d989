"""Alerts of many shares at once, with the names of what they are about: those that are open first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, LiteralString

from shared.db.alerts import COLUMNS, from_row
from shared.db.pool import Connection
from shared.db.seen import Seen
from shared.errors import NotFound
from shared.model.alert import Alert, Condition

_NAMED: Final[LiteralString] = f"""
    SELECT {COLUMNS}, (SELECT name FROM tenant AS t WHERE t.tenant_id = alert.tenant_id), (SELECT name FROM share AS s WHERE s.share_id = alert.share_id)
      FROM alert
"""
_CHOSEN: Final[LiteralString] = """
       AND alert_id < %(before)s
       AND (%(all)s OR tenant_id = ANY (%(tenants)s::text[]) OR share_id = ANY (%(shares)s::int[]))
       AND (%(tenant_id)s::text IS NULL OR tenant_id = %(tenant_id)s)
       AND (%(share_id)s::int IS NULL OR share_id = %(share_id)s)
       AND (%(condition)s::text IS NULL OR condition = %(condition)s)
  ORDER BY alert_id DESC
     LIMIT %(limit)s
"""
# Of the two: few alerts are open, and they have an index of their own.
_OPEN: Final[LiteralString] = _NAMED + " WHERE closed_at IS NULL" + _CHOSEN
_CLOSED: Final[LiteralString] = _NAMED + " WHERE closed_at IS NOT NULL" + _CHOSEN
_ONE: Final[LiteralString] = _NAMED + " WHERE alert_id = %s AND tenant_id = %s"
_COUNTS: Final[LiteralString] = """
    SELECT count(*) FILTER (WHERE acknowledged_at IS NULL)::int, count(*)::int
      FROM alert
     WHERE closed_at IS NULL
       AND (%(all)s OR tenant_id = ANY (%(tenants)s::text[]) OR share_id = ANY (%(shares)s::int[]))
       AND (%(tenant_id)s::text IS NULL OR tenant_id = %(tenant_id)s)
"""
_END: Final = 2**63 - 1

Place = tuple[bool, int]
"""Where an alert is in the list: whether it is open, and its id."""


@dataclass(frozen=True, slots=True)
class NamedAlert:
    """An alert and what it is about."""

    alert: Alert
    tenant_name: str
    share_name: str
    """Empty: the share is gone."""

    @property
    def place(self) -> Place:
        """In the list."""
        return (self.alert.closed_at is None, self.alert.alert_id)


async def listed(
    conn: Connection,
    seen: Seen,
    *,
    tenant_id: str | None = None,
    share_id: int | None = None,
    condition: Condition | None = None,
    is_open: bool | None = None,
    after: Place | None = None,
    limit: int,
) -> list[NamedAlert]:
    """Alerts that are open, and then those that are not; of each the newest first.

    :param after: only those after this place.
    """
    args: dict[str, Any] = {
        **seen.args(),
        "tenant_id": tenant_id,
        "share_id": share_id,
        "condition": None if condition is None else condition.value,
    }
    was_open, before = after or (True, _END)
    found: list[NamedAlert] = []
    if was_open and is_open is not False:
        found = await _rows(conn, _OPEN, {**args, "before": before, "limit": limit})
    if len(found) < limit and is_open is not True:
        before = _END if was_open else before
        found += await _rows(conn, _CLOSED, {**args, "before": before, "limit": limit - len(found)})
    return found


async def get(conn: Connection, tenant_id: str, alert_id: int) -> NamedAlert:
    """One alert of a tenant. Raises ``NotFound``."""
    row = await (await conn.execute(_ONE, [alert_id, tenant_id])).fetchone()
    if row is None:
        raise NotFound(f"there is no alert {alert_id}")
    return _named(row)


async def counts(conn: Connection, seen: Seen, tenant_id: str | None = None) -> tuple[int, int]:
    """How many open alerts nobody has acknowledged, and how many are open."""
    row = await (await conn.execute(_COUNTS, {**seen.args(), "tenant_id": tenant_id})).fetchone()
    assert row is not None
    return row[0], row[1]


async def _rows(conn: Connection, statement: LiteralString, args: dict[str, Any]) -> list[NamedAlert]:
    return [_named(row) for row in await (await conn.execute(statement, args)).fetchall()]


def _named(row: Sequence[Any]) -> NamedAlert:
    return NamedAlert(from_row(row), row[-2] or "", row[-1] or "")
