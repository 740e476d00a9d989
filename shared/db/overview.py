"""All shares at a glance: what the first page shows."""

import datetime as dt
from dataclasses import dataclass
from typing import Final, LiteralString

from psycopg.rows import class_row

from shared.db.pool import Connection
from shared.db.seen import ALL, Seen


@dataclass(frozen=True, slots=True)
class ShareLine:
    """One share with its newest restore point and its newest run, where there are any."""

    tenant_id: str
    tenant_name: str
    share_id: int
    share_name: str
    point: int | None
    taken_at: dt.datetime | None
    files: int | None
    bytes: int | None
    run_no: int | None
    kind: str | None
    state: str | None
    error: str | None


# The shares of this part first; then each lateral walks the primary key or run_number backwards and stops at the first row.
_LINES: Final[LiteralString] = """
    SELECT s.tenant_id, s.tenant_name, s.share_id, s.share_name,
           p.run_no AS point, p.taken_at, p.files, p.bytes, r.run_no, r.kind, r.state, r.error
      FROM (
               SELECT t.tenant_id, t.name AS tenant_name, s.share_id, s.name AS share_name
                 FROM share AS s
                 JOIN tenant AS t USING (tenant_id)
                WHERE s.deleted_at IS NULL AND t.deleted_at IS NULL
                  AND (%(all)s OR s.tenant_id = ANY (%(tenants)s::text[]) OR s.share_id = ANY (%(shares)s::int[]))
                  AND (%(after)s OR (t.name, t.tenant_id, s.name) > (%(tenant_name)s, %(tenant_id)s, %(share_name)s))
             ORDER BY t.name, t.tenant_id, s.name
                LIMIT %(limit)s
           ) AS s
      LEFT JOIN LATERAL (
               SELECT run_no, taken_at, files, bytes
                 FROM restore_point
                WHERE share_id = s.share_id
             ORDER BY run_no DESC
                LIMIT 1
           ) AS p ON true
      LEFT JOIN LATERAL (
               SELECT run_no, kind, state, error FROM run WHERE share_id = s.share_id ORDER BY run_no DESC LIMIT 1
           ) AS r ON true
  ORDER BY s.tenant_name, s.tenant_id, s.share_name
"""


async def lines(
    conn: Connection, limit: int, seen: Seen = ALL, after: tuple[str, str, str] | None = None
) -> list[ShareLine]:
    """Up to ``limit`` shares by tenant and name.

    :param after: only those after this one, told by tenant's name, tenant's id and share's name.
    """
    tenant_name, tenant_id, share_name = after or ("", "", "")
    args = {
        **seen.args(),
        "after": after is None,
        "tenant_name": tenant_name,
        "tenant_id": tenant_id,
        "share_name": share_name,
        "limit": limit,
    }
    async with conn.cursor(row_factory=class_row(ShareLine)) as cur:
        return await (await cur.execute(_LINES, args)).fetchall()
