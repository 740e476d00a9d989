"""The audit in Azure Tables: one row per line, inserted and never changed.

::

    PartitionKey  tenant's id (nothing: the platform) "_" 999999 minus the month as YYYYMM: what is newer sorts first
    RowKey        10^16 - 1 minus microseconds since 1970, 16 digits "-" audit_id "-" 0: what became of it, or 1: that it was intended
    at            ISO 8601, UTC           share_id, status     32-bit integers, share_id left out for what is no share's
    actor_kind, actor, actor_name, action, method, path, source, outcome, query, body     text, as of table_rows

Both rows of a request have its time, so they lie beside each other, and whoever reads meets what became of it first. Rows are inserted, never
replaced, so one that is there stays what it is. Who may do no more is for the role of the app's identity to say (docs/SECURITY.md).
"""

import datetime as dt
import re
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Self

from shared.adapters import connection_string, sdk
from shared.adapters.credentials import Secret
from shared.adapters.own_table import OwnTable
from shared.adapters.table_rows import Row, page_of, read, stored
from shared.errors import Conflict, IntegrityError, InvalidInput, NotFound
from shared.model.audit import AuditEntry, Outcome

TABLE: Final = "audit"
PAGES_READ: Final = 10
"""Of up to 1,000 rows, for one answer: a filter that finds little is gone on with by its cursor."""
RETRY_BUDGET_S: Final = 8.0
"""Somebody waits for the answer."""

_ROW_KEY: Final = re.compile("[0-9]{16}-[0-9a-f]{32}-[01]")
_CURSOR: Final = re.compile(f"([0-9]{{6}})/({_ROW_KEY.pattern})?")
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_LAST_US: Final = 10**16 - 1
_LAST_MONTH: Final = 999_999
_DETAILS: Final = ("query", "body")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a reader has come to: a month, counted backwards, and the last row of it."""

    month: str
    row_key: str

    @property
    def cursor(self) -> str:
        return f"{self.month}/{self.row_key}"

    @property
    def audit_id(self) -> str:
        return self.row_key[17:49]


class TableAudit:
    """A :class:`shared.ports.audit.Audit`; makes its table when it first writes."""

    def __init__(self, account_url: str, secret: Secret | None = None, *, table: str = TABLE) -> None:
        """Without a ``secret``: as the identity of this process, which is then closed with the audit."""
        self._own = OwnTable(account_url, secret, table=table, called="the audit", retry_budget_s=RETRY_BUDGET_S)
        self._table = self._own.client

    @classmethod
    def from_connection_string(cls, connection: str, *, table: str = TABLE) -> Self:
        """:raises InvalidInput: the string names no table endpoint or no secret."""
        return cls(*connection_string.parse(connection, "table"), table=table)

    @classmethod
    def from_account_url(cls, account_url: str, secret: Secret | None = None, *, table: str = TABLE) -> Self:
        """Without a ``secret``: as the identity of this process."""
        return cls(account_url, secret, table=table)

    async def write(self, entry: AuditEntry) -> None:
        """See the port."""
        await self._own.make()
        row = _row(entry)
        try:
            await sdk.repeated("write the audit", partial(self._table.create_entity, row), RETRY_BUDGET_S)
        except Conflict as error:
            # Written by a try whose answer was lost, as a rule. (The SDK does not say which conflict it is.)
            there = partial(self._table.get_entity, row["PartitionKey"], row["RowKey"], select=["RowKey"])
            try:
                await sdk.repeated("look into the audit", there, RETRY_BUDGET_S)
            except NotFound:
                raise error from None

    async def page(
        self,
        tenant_id: str | None,
        *,
        after: str = "",
        limit: int = 100,
        actor_id: str = "",
        action: str = "",
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
    ) -> tuple[list[AuditEntry], str]:
        """See the port."""
        place = _place(after, until)
        last = _Place(_month(since), f"{_inverted(since):016d}~") if since is not None else None
        wanted = "".join(
            f" and {name} eq '{_quoted(value)}'" for name, value in (("actor", actor_id), ("action", action)) if value
        )
        found: list[AuditEntry] = []
        for _ in range(PAGES_READ):
            query = f"PartitionKey eq '{_partition(tenant_id, place.month)}' and RowKey gt '{place.row_key}'"
            if last is not None and last.month == place.month:
                query += f" and RowKey lt '{last.row_key}'"
            rows, more = await self._query(query + wanted, 2 * limit + 2)
            for row in rows:
                key = str(row["RowKey"])
                if key[17:49] != place.audit_id:
                    if len(found) == limit:
                        return found, place.cursor
                    found.append(_entry(row))
                place = _Place(place.month, key)
            if more:
                continue
            month = await self._next_month(tenant_id, place.month)
            if month is None or (last is not None and month > last.month):
                return found, ""
            place = _Place(month, "")
        return found, place.cursor

    async def _next_month(self, tenant_id: str | None, month: str) -> str | None:
        """The next month back of which there is anything."""
        prefix = _partition(tenant_id, "")
        query = f"PartitionKey gt '{prefix}{month}' and PartitionKey lt '{prefix}~'"
        rows, _ = await self._query(query, 1)
        return str(rows[0]["PartitionKey"])[len(prefix) :] if rows else None

    async def _query(self, query: str, rows: int) -> tuple[list[Row], bool]:
        token: Any = None
        while True:
            try:
                found, token = await sdk.repeated(
                    "read the audit", partial(self._page, query, min(rows, 1_000), token), RETRY_BUDGET_S
                )
            except NotFound:
                return [], False  # nobody has written yet
            # The service may answer with no rows and a token, when it has gone through much that it was not asked for.
            if found or not token:
                return found, bool(token)

    async def _page(self, query: str, rows: int, token: Any) -> tuple[list[Row], Any]:
        return await page_of(self._table.query_entities(query, results_per_page=rows).by_page(continuation_token=token))

    async def aclose(self) -> None:
        """Close all connections."""
        await self._own.aclose()


def _place(after: str, until: dt.datetime | None) -> _Place:
    """Where to begin: after what was read before; without that, at ``until`` or with the newest."""
    if not after:
        return _Place("000000", "") if until is None else _Place(_month(until), f"{_inverted(until):016d}~")
    match = _CURSOR.fullmatch(after)
    if match is None:
        raise InvalidInput(f"after is {after[:100]!r}; expected the cursor of an earlier answer", field="after")
    return _Place(match[1], match[2] or "")


def _month(at: dt.datetime) -> str:
    at = at.astimezone(dt.UTC)
    return f"{_LAST_MONTH - (at.year * 100 + at.month):06d}"


def _inverted(at: dt.datetime) -> int:
    return _LAST_US - (at.astimezone(dt.UTC) - _EPOCH) // dt.timedelta(microseconds=1)


def _partition(tenant_id: str | None, month: str) -> str:
    return f"{tenant_id or ''}_{month}"


def _quoted(value: str) -> str:
    return stored(value).replace("'", "''")


def _row(entry: AuditEntry) -> Row:
    kind = 1 if entry.outcome is Outcome.INTENDED else 0
    row: Row = {
        "PartitionKey": _partition(entry.tenant_id, _month(entry.at)),
        "RowKey": f"{_inverted(entry.at):016d}-{entry.audit_id}-{kind}",
        "at": entry.at.astimezone(dt.UTC).isoformat(),
        "actor_kind": entry.actor_kind,
        "actor": stored(entry.actor_id),
        "actor_name": stored(entry.actor_name),
        "action": entry.action,
        "method": entry.method,
        "path": stored(entry.path),
        "source": stored(entry.source),
        "outcome": entry.outcome.value,
        "status": entry.status,
    }
    if entry.share_id is not None:
        row["share_id"] = entry.share_id
    return row | {name: stored(entry.details[name]) for name in _DETAILS if entry.details.get(name)}


def _entry(row: Row) -> AuditEntry:
    try:
        tenant_id = str(row["PartitionKey"]).rpartition("_")[0]
        share_id = row.get("share_id")
        return AuditEntry(
            audit_id=str(row["RowKey"])[17:49],
            at=dt.datetime.fromisoformat(str(row["at"])),
            tenant_id=tenant_id or None,
            share_id=None if share_id is None else int(share_id),
            actor_kind=read(row["actor_kind"]),
            actor_id=read(row["actor"]),
            actor_name=read(row["actor_name"]),
            action=read(row["action"]),
            method=read(row["method"]),
            path=read(row["path"]),
            source=read(row.get("source")),
            outcome=Outcome(row["outcome"]),
            status=int(row["status"]),
            details={name: read(row[name]) for name in _DETAILS if name in row},
        )
    except (KeyError, ValueError, TypeError) as error:
        raise IntegrityError(
            f"audit row {row.get('PartitionKey')}/{row.get('RowKey')} is unreadable: {error}"
        ) from error
