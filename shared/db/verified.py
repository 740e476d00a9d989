"""What the verifies of a share have proved, and how what they found stands. What that is, their journals have."""

from collections.abc import Collection
from typing import Final, LiteralString

from shared.db.pool import Connection
from shared.model.node import SLOT_MAX
from shared.model.verified import Verified
from shared.model.verify_order import VerifyLevel

_VERIFIED: Final[LiteralString] = """
    run_no, verify_order->>'level', coalesce(started_at, requested_at), finished_at,
    coalesce((report->'restore_points'->>'oldest')::int, (verify_order->>'restore_point')::int),
    (verify_order->>'restore_point')::int, (verify_order->>'parts')::int, (verify_order->>'part')::int,
    coalesce((final_counters->>'reread_files')::bigint, 0), coalesce((final_counters->>'reread_bytes')::bigint, 0),
    coalesce((final_counters->>'unreadable')::bigint, 0), coalesce((report->>'damaged_objects')::bigint, 0)
"""
_DONE: Final[LiteralString] = f"""
    SELECT {_VERIFIED} FROM run
     WHERE share_id = %s AND kind = 'verify' AND state IN ('succeeded', 'completed_with_errors')
  ORDER BY run_no DESC LIMIT %s
"""
_WITH_FINDINGS: Final[LiteralString] = f"""
    SELECT {_VERIFIED} FROM run
     WHERE share_id = %s AND kind = 'verify' AND finished_at IS NOT NULL AND (final_counters->>'errors')::bigint > 0
  ORDER BY run_no DESC LIMIT %s
"""
_THERE: Final[LiteralString] = "SELECT run_no FROM restore_point WHERE share_id = %s AND run_no = ANY (%s::int[])"
_WAITING: Final[LiteralString] = f"""
    SELECT n.id FROM unnest(%(node_ids)s::bigint[]) AS n (id)
     WHERE EXISTS (
               SELECT FROM damaged AS d
                WHERE d.share_id = %(share_id)s AND d.page_id BETWEEN n.id & ~{SLOT_MAX} AND n.id | {SLOT_MAX}
                  AND d.node_id IN (0, n.id)
           )
"""


async def done(conn: Connection, share_id: int, limit: int) -> list[Verified]:
    """The newest verifies of a share that have done all that they were to do, newest first."""
    rows = await (await conn.execute(_DONE, [share_id, limit])).fetchall()
    return [_verified(row) for row in rows]


async def with_findings(conn: Connection, share_id: int, limit: int) -> list[Verified]:
    """The newest verifies that have found something, however they ended, newest first; their journals say what."""
    rows = await (await conn.execute(_WITH_FINDINGS, [share_id, limit])).fetchall()
    return [_verified(row) for row in rows]


async def points_there(conn: Connection, share_id: int, run_nos: Collection[int]) -> set[int]:
    """Which of these restore points a share has still."""
    return {row[0] for row in await (await conn.execute(_THERE, [share_id, list(run_nos)])).fetchall()}


async def waiting(conn: Connection, share_id: int, node_ids: Collection[int]) -> set[int]:
    """Of which of these nodes something is damaged that the next backup is to save again."""
    args = {"share_id": share_id, "node_ids": list(node_ids)}
    return {row[0] for row in await (await conn.execute(_WAITING, args)).fetchall()}


def _verified(row: tuple[object, ...]) -> Verified:
    names = ("run_no", "level", "began_at", "ended_at", "oldest", "newest", "parts", "part")
    numbers = ("files", "bytes", "unreadable", "damaged")
    told: dict[str, object] = dict(zip((*names, *numbers), row, strict=True))
    return Verified(**(told | {"level": VerifyLevel(str(told["level"]))}))  # type: ignore[arg-type]
