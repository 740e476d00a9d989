"""What is kept of a share and what is let go: pins, legal holds, restore points that are gone.

A restore point that is let go moves from ``restore_point`` to ``expired_point`` in one transaction, so for whoever looks it up it is not there
any more. That transaction has the share's row locked, as has every transaction that queues a run: so no run is queued that restores or verifies a
point which is let go at the same moment, without either of them noticing.
"""

from collections.abc import Sequence
from typing import Any, Final, LiteralString

from shared.core.retention import reasons_against, said_after
from shared.db.pool import Connection
from shared.errors import Conflict, NotFound
from shared.model.retention import NOTHING_SAID, Dated, Decision, Hold, KeepEvent, Pin, RetentionPolicy, Said
from shared.ports.retention import ExpiredPoint

# What works with a restore point: runs that are not over, and restores that can be undone, which compares with it. MATERIALIZED: there are
# few of these, and for each restore point all runs of the share would be looked at instead.
_POINTS: Final[LiteralString] = """
    WITH busy AS MATERIALIZED (
        SELECT kind || ' run ' || run_no AS told, run_no,
               (restore_order->>'restore_point')::int AS restored,
               (restore_order->'selection'->>'compared_with')::int AS compared,
               (verify_order->>'restore_point')::int AS verified,
               coalesce((verify_order->>'all_points')::boolean, false) AS every
          FROM run
         WHERE share_id = %(share_id)s AND kind IN ('restore', 'verify')
           AND (
                   state IN ('queued', 'running', 'paused', 'cancelling')
                   OR (kind = 'restore' AND share_snapshot IS NOT NULL)
               )
    )
    SELECT p.run_no, p.taken_at, p.pinned_by, p.pin_reason, p.pinned_at, p.pinned_until, p.held_by, p.hold_reason, p.held_at,
           coalesce(
               (
                   SELECT string_agg(told, ', ' ORDER BY busy.run_no) FROM busy
                    WHERE p.run_no IN (restored, compared, verified) OR (every AND p.run_no <= verified)
               ),
               ''
           )
      FROM restore_point AS p
     WHERE p.share_id = %(share_id)s AND (%(run_nos)s::int[] IS NULL OR p.run_no = ANY(%(run_nos)s::int[]))
  ORDER BY p.run_no
"""
_POLICY: Final[LiteralString] = """
    SELECT p.retention FROM share AS s JOIN policy AS p USING (policy_id) WHERE s.share_id = %s
"""
_NEWEST: Final[LiteralString] = "SELECT max(run_no) FROM restore_point WHERE share_id = %s"
_EXPIRE: Final[LiteralString] = """
    WITH gone AS (
        DELETE FROM restore_point WHERE share_id = %(share_id)s AND run_no = ANY(%(run_nos)s::int[])
        RETURNING share_id, run_no, taken_at, committed_at, directories, files, bytes, errors
    )
    INSERT INTO expired_point (
        share_id, run_no, taken_at, committed_at, directories, files, bytes, errors, expired_at, expired_by, reason, marked
    )
    SELECT gone.*, now(), %(by)s, row.reason, false
      FROM gone JOIN unnest(%(run_nos)s::int[], %(reasons)s::text[]) AS row (run_no, reason) USING (run_no)
    ON CONFLICT (share_id, run_no) DO UPDATE
            SET expired_at = EXCLUDED.expired_at, expired_by = EXCLUDED.expired_by, reason = EXCLUDED.reason
    RETURNING run_no
"""
_EXPIRED: Final[LiteralString] = """
    SELECT run_no, taken_at, expired_at, expired_by, reason FROM expired_point WHERE share_id = %s ORDER BY run_no
"""
_UNMARKED: Final[LiteralString] = """
    SELECT run_no, taken_at, expired_at, expired_by, reason
      FROM expired_point WHERE share_id = %s AND NOT marked ORDER BY run_no LIMIT %s
"""
_MARKED: Final[LiteralString] = "UPDATE expired_point SET marked = true WHERE share_id = %s AND run_no = ANY(%s::int[])"
_SAID: Final[LiteralString] = """
    SELECT run_no, taken_at, pinned_by, pin_reason, pinned_at, pinned_until, held_by, hold_reason, held_at, '', next_event_no
      FROM restore_point WHERE share_id = %s AND run_no = %s
"""
_LOCK: Final[LiteralString] = _SAID + " FOR UPDATE"
_SAY: Final[LiteralString] = """
    UPDATE restore_point
       SET pinned_by = %(pinned_by)s, pin_reason = %(pin_reason)s, pinned_at = %(pinned_at)s, pinned_until = %(pinned_until)s,
           held_by = %(held_by)s, hold_reason = %(hold_reason)s, held_at = %(held_at)s,
           next_event_no = greatest(next_event_no, %(next_event_no)s)
     WHERE share_id = %(share_id)s AND run_no = %(run_no)s
"""
_LOCK_SHARE: Final[LiteralString] = "SELECT purging_at FROM share WHERE share_id = %s FOR NO KEY UPDATE"


async def points(conn: Connection, share_id: int, run_nos: Sequence[int] | None = None) -> list[Dated]:
    """Restore points with what was said about them and what works with them, oldest first: all, or these."""
    args = {"share_id": share_id, "run_nos": None if run_nos is None else list(run_nos)}
    return [_dated(row) for row in await (await conn.execute(_POINTS, args)).fetchall()]


async def policy_of(conn: Connection, share_id: int) -> RetentionPolicy | None:
    """The policy that a share has."""
    row = await (await conn.execute(_POLICY, [share_id])).fetchone()
    return None if row is None else RetentionPolicy.from_wire(row[0])


async def expire(conn: Connection, share_id: int, decisions: Sequence[Decision], by: str) -> list[Decision]:
    """Let go of what is not to be kept, unless it turns out that it is: pins, holds, who works with it, and being the newest win.

    :returns: a decision for each of ``decisions`` that has a restore point, with what came of it.
    """
    await conn.execute(_LOCK_SHARE, [share_id])
    row = await (await conn.execute(_NEWEST, [share_id])).fetchone()
    newest = row[0] if row is not None else None
    now = await (await conn.execute("SELECT now()")).fetchone()
    assert now is not None
    there = {point.run_no: point for point in await points(conn, share_id, [d.run_no for d in decisions])}
    outcome: list[Decision] = []
    for decision in decisions:
        point = there.get(decision.run_no)
        if point is None:
            continue
        against = reasons_against(point, now[0], is_newest=point.run_no == newest)
        if decision.keep or not against:
            outcome.append(decision)
        else:
            outcome.append(Decision(decision.run_no, keep=True, reasons=tuple(against)))
    gone = [decision for decision in outcome if not decision.keep]
    if gone:
        args = {
            "share_id": share_id,
            "run_nos": [decision.run_no for decision in gone],
            "reasons": ["; ".join(decision.reasons) for decision in gone],
            "by": by,
        }
        await conn.execute(_EXPIRE, args)
    return outcome


async def expired(conn: Connection, share_id: int) -> list[ExpiredPoint]:
    """Restore points that are gone, oldest first."""
    return [_expired(row) for row in await (await conn.execute(_EXPIRED, [share_id])).fetchall()]


async def unmarked(conn: Connection, share_id: int, limit: int) -> list[ExpiredPoint]:
    """Some of those of which the vault does not know it."""
    return [_expired(row) for row in await (await conn.execute(_UNMARKED, [share_id, limit])).fetchall()]


async def marked(conn: Connection, share_id: int, run_nos: Sequence[int]) -> None:
    """Note that the vault knows it of these."""
    await conn.execute(_MARKED, [share_id, list(run_nos)])


async def said(conn: Connection, share_id: int, run_no: int, *, locked: bool = False) -> tuple[Said, int]:
    """What was said about a restore point, and the number of what is said next. Raises ``NotFound``."""
    row = await (await conn.execute(_LOCK if locked else _SAID, [share_id, run_no])).fetchone()
    if row is None:
        raise NotFound(f"share {share_id} has no restore point {run_no}", field="restore_point")
    return _dated(row).said, row[10]


async def say(conn: Connection, share_id: int, event: KeepEvent) -> Said:
    """Record one thing that was said, unless it or something later was. Raises ``NotFound``; ``Conflict`` while the share is being purged."""
    row = await (await conn.execute(_LOCK_SHARE, [share_id])).fetchone()
    if row is not None and row[0] is not None:
        raise Conflict(f"share {share_id} is being purged", "purging")
    now, next_no = await said(conn, share_id, event.run_no, locked=True)
    if event.event_no < next_no:
        return now
    then = said_after(now, event)
    await set_said(conn, share_id, event.run_no, then, event.event_no + 1)
    return then


async def set_said(conn: Connection, share_id: int, run_no: int, what: Said, next_no: int) -> None:
    """Record all that counts of what was said about a restore point."""
    pin, hold = what.pin, what.hold
    args = {
        "share_id": share_id,
        "run_no": run_no,
        "pinned_by": None if pin is None else pin.by,
        "pin_reason": None if pin is None else pin.reason,
        "pinned_at": None if pin is None else pin.at,
        "pinned_until": None if pin is None else pin.until,
        "held_by": None if hold is None else hold.by,
        "hold_reason": None if hold is None else hold.reason,
        "held_at": None if hold is None else hold.at,
        "next_event_no": next_no,
    }
    await conn.execute(_SAY, args)


def _dated(row: tuple[Any, ...]) -> Dated:
    pin = None if row[2] is None else Pin(by=row[2], reason=row[3], at=row[4], until=row[5])
    hold = None if row[6] is None else Hold(by=row[6], reason=row[7], at=row[8])
    return Dated(row[0], row[1], NOTHING_SAID if pin is None and hold is None else Said(pin=pin, hold=hold), row[9])


def _expired(row: tuple[Any, ...]) -> ExpiredPoint:
    return ExpiredPoint(run_no=row[0], taken_at=row[1], expired_at=row[2], by=row[3], reason=row[4])
