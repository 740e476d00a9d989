"""What is protected, and what runs took: per share, and of many shares together."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, LiteralString

from psycopg.rows import class_row

from shared.db.pool import Connection
from shared.db.seen import Seen
from shared.model.run import Counters, RunKind

_SUMS: Final[LiteralString] = """
    sum(runs)::bigint, sum(seconds), sum(files_requests)::bigint, sum(files_lists)::bigint, sum(files_reads)::bigint,
    sum(files_writes)::bigint, sum(vault_reads)::bigint, sum(vault_writes)::bigint, sum(vault_bytes)::bigint, sum(bytes)::bigint,
    sum(changed_bytes)::bigint, sum(reread_bytes)::bigint
"""
_COUNTED: Final = (
    *("files_requests", "files_lists", "files_reads", "files_writes", "vault_reads", "vault_writes"),
    *("vault_bytes", "bytes", "changed_bytes", "reread_bytes"),
)
"""In the order of the query, after runs and seconds."""

_IS_SEEN: Final[LiteralString] = """
    (%(all)s OR tenant_id = ANY (%(tenants)s::text[]) OR share_id = ANY (%(shares)s::int[]))
    AND (%(of_tenant)s::text IS NULL OR tenant_id = %(of_tenant)s)
"""
# The shares of this part first. What is told of each is kept by triggers: schema/sql/0024.
_PROTECTED: Final[LiteralString] = f"""
    SELECT s.tenant_id, s.share_id, s.name, coalesce(t.files, 0) AS files, coalesce(t.bytes, 0) AS bytes,
           coalesce(t.points, 0) AS points, coalesce(t.vault_bytes, 0) AS vault_bytes
      FROM (
               SELECT tenant_id, share_id, name
                 FROM share
                WHERE {_IS_SEEN} AND (tenant_id, share_id) > (%(after_tenant)s, %(after_share)s)
             ORDER BY tenant_id, share_id
                LIMIT %(limit)s
           ) AS s
      LEFT JOIN share_total AS t USING (share_id)
  ORDER BY s.tenant_id, s.share_id
"""
_OF_SHARES: Final[LiteralString] = f"""
    SELECT share_id, kind, {_SUMS} FROM usage_month WHERE share_id = ANY (%s) AND month = %s GROUP BY share_id, kind
"""
_TOTAL: Final[LiteralString] = f"""
    SELECT kind, {_SUMS} FROM usage_month WHERE {_IS_SEEN} AND month = %(month)s GROUP BY kind
"""
_MONTHS: Final[LiteralString] = f"""
    SELECT month, kind, {_SUMS} FROM usage_month WHERE {_IS_SEEN} AND month BETWEEN %(since)s AND %(until)s GROUP BY month, kind
"""
_MONTHS_OF_SHARE: Final[LiteralString] = f"""
    SELECT month, kind, {_SUMS} FROM usage_month WHERE share_id = %s AND month BETWEEN %s AND %s GROUP BY month, kind
"""
# A share that is gone has no restore points, and what was written for it.
_TOTAL_SHARES: Final[LiteralString] = f"""
    SELECT (SELECT count(*) FROM share WHERE {_IS_SEEN}), coalesce(sum(files), 0)::bigint, coalesce(sum(bytes), 0)::bigint,
           coalesce(sum(vault_bytes), 0)::bigint
      FROM share_total
     WHERE {_IS_SEEN}
"""


@dataclass(frozen=True, slots=True)
class Protected:
    """A share, what its newest restore point holds, and how many there are."""

    tenant_id: str
    share_id: int
    name: str
    files: int
    bytes: int
    points: int
    vault_bytes: int
    """Written since the beginning, deleted or not."""


@dataclass(slots=True)
class Used:
    """What the runs of one kind took."""

    kind: RunKind
    runs: int = 0
    seconds: float = 0.0
    counters: Counters = field(default_factory=Counters)
    """Those that cost something; all others are 0."""


@dataclass(frozen=True, slots=True)
class Total:
    """Many shares together."""

    shares: int
    files: int
    bytes: int
    vault_bytes: int
    """Written since the beginning, deleted or not."""
    used: Sequence[Used]
    """In the month asked for."""


async def protected(
    conn: Connection, seen: Seen, *, tenant_id: str | None, after: tuple[str, int] | None, limit: int
) -> list[Protected]:
    """Shares by tenant's and share's id, after those two."""
    after_tenant, after_share = after or ("", 0)
    args = {**_seen(seen, tenant_id), "after_tenant": after_tenant, "after_share": after_share, "limit": limit}
    async with conn.cursor(row_factory=class_row(Protected)) as cur:
        return await (await cur.execute(_PROTECTED, args)).fetchall()


async def of_shares(conn: Connection, share_ids: Sequence[int], month: dt.date) -> dict[int, list[Used]]:
    """What the runs took that ended in the month that begins at ``month``."""
    found: dict[int, list[Used]] = {share_id: [] for share_id in share_ids}
    for row in await (await conn.execute(_OF_SHARES, [list(share_ids), month])).fetchall():
        found[row[0]].append(_used(row[1:]))
    return found


async def total(conn: Connection, seen: Seen, *, tenant_id: str | None, month: dt.date) -> Total:
    """All shares together; what was used also by shares that are gone."""
    args = {**_seen(seen, tenant_id), "month": month}
    used = [_used(row) for row in await (await conn.execute(_TOTAL, args)).fetchall()]
    row = await (await conn.execute(_TOTAL_SHARES, args)).fetchone()
    assert row is not None
    return Total(shares=row[0], files=row[1], bytes=row[2], vault_bytes=row[3], used=used)


async def months(
    conn: Connection, seen: Seen, *, tenant_id: str | None, since: dt.date, until: dt.date
) -> dict[dt.date, list[Used]]:
    """What the runs of many shares took that ended in the months from ``since`` to ``until``, each told by its first day; those with any."""
    args = {**_seen(seen, tenant_id), "since": since, "until": until}
    return _by_month(await (await conn.execute(_MONTHS, args)).fetchall())


async def months_of_share(
    conn: Connection, share_id: int, *, since: dt.date, until: dt.date
) -> dict[dt.date, list[Used]]:
    """The same of one share."""
    return _by_month(await (await conn.execute(_MONTHS_OF_SHARE, [share_id, since, until])).fetchall())


def _by_month(rows: Sequence[Sequence[Any]]) -> dict[dt.date, list[Used]]:
    found: dict[dt.date, list[Used]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(_used(row[1:]))
    return found


def _seen(seen: Seen, tenant_id: str | None) -> dict[str, Any]:
    return {**seen.args(), "of_tenant": tenant_id}


def _used(row: Sequence[Any]) -> Used:
    counters = Counters.from_wire(dict(zip(_COUNTED, row[3:], strict=True)))
    return Used(kind=RunKind(row[0]), runs=row[1], seconds=row[2], counters=counters)
