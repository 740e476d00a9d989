"""What a schedule's prune or sweep is to do, or that there is nothing to do: a run is made only of what changes something.

A sweep reads the records of a whole share, whatever it then deletes, so it is started when there is reason to believe that it finds something:

* a restore point was let go before the margin, and after the margin of the last sweep that ended well;
* a backup that failed or was cancelled has left objects as long ago, or that sweep could not look at them, because no restore point was newer;
* that sweep could not delete all that it found.

What a worker leaves behind that dies in the middle of a run which then ends well is little, and goes with the next sweep.
"""

import datetime as dt
from typing import Final, LiteralString

from shared.core.retention import decide
from shared.db import retention
from shared.db.pool import Connection
from shared.errors import NotFound
from shared.model.retention import PruneOrder
from shared.model.schedule import Schedule, What
from shared.model.sweep import MARGIN_S, SweepOrder
from shared.ports.schedules import Idle

DAY_S: Final = 86_400

# The last sweep that ended well: what was let go up to its opening less its margin is dealt with, of runs up to its horizon.
_LAST: Final[LiteralString] = """
    SELECT (retention_order->>'opened_at')::timestamptz - make_interval(secs => (retention_order->>'margin_s')::int),
           (retention_order->>'horizon')::int, run_no, coalesce((report->>'refused_objects')::bigint, 0)
      FROM run
     WHERE share_id = %s AND kind = 'sweep' AND state = 'succeeded' AND retention_order->>'horizon' IS NOT NULL
  ORDER BY run_no DESC LIMIT 1
"""
_LET_GO: Final[LiteralString] = """
    SELECT count(*), min(run_no) FROM expired_point
     WHERE share_id = %(share_id)s AND expired_at <= %(until)s AND (%(since)s::timestamptz IS NULL OR expired_at > %(since)s)
"""
_LEFT_BEHIND: Final[LiteralString] = """
    SELECT run_no, state FROM run
     WHERE share_id = %(share_id)s AND kind = 'backup' AND state IN ('failed', 'cancelled') AND started_at IS NOT NULL
       AND finished_at <= %(until)s AND run_no <= %(newest)s
       AND (%(since)s::timestamptz IS NULL OR finished_at > %(since)s OR run_no > %(horizon)s)
  ORDER BY run_no DESC LIMIT 1
"""
_NEWEST: Final[LiteralString] = "SELECT max(run_no) FROM restore_point WHERE share_id = %s"


async def of_schedule(conn: Connection, schedule: Schedule, now: dt.datetime) -> PruneOrder | SweepOrder | Idle | None:
    """The order of a schedule's next prune or sweep, or why there is none to give; None if it is for something else.

    :raises NotFound: a prune of a share that has no policy.
    """
    by = f"schedule {schedule.name!r}"
    if schedule.what is What.PRUNE:
        return await _prune(conn, schedule.share_id, by, now)
    if schedule.what is What.SWEEP:
        days = schedule.options.margin_days
        order = SweepOrder(by=by, margin_s=MARGIN_S if days is None else days * DAY_S)
        reason = await why_sweep(conn, schedule.share_id, order.margin_s, now)
        return (
            order
            if reason
            else Idle("nothing to delete: no restore point was let go, and no backup failed, since the last sweep")
        )
    return None


async def _prune(conn: Connection, share_id: int, by: str, now: dt.datetime) -> PruneOrder | Idle:
    policy = await retention.policy_of(conn, share_id)
    if policy is None:
        raise NotFound("the share has no retention policy; hint: give it one, or switch this schedule off")
    points = await retention.points(conn, share_id)
    # What a prune that died has let go of, and not told the vault, is for the next one too.
    if all(d.keep for d in decide(points, policy, now)) and not await retention.unmarked(conn, share_id, 1):
        return Idle(f"nothing to let go: all of {len(points)} restore points are kept")
    return PruneOrder(by=by)


async def why_sweep(conn: Connection, share_id: int, margin_s: int, now: dt.datetime) -> str:
    """Why a sweep with this margin can be expected to find something to delete, for people; empty if it cannot."""
    row = await (await conn.execute(_NEWEST, [share_id])).fetchone()
    newest = row[0] if row is not None else None
    if newest is None:
        return ""  # nothing of what there is can be told from a backup at work
    last = await (await conn.execute(_LAST, [share_id])).fetchone()
    since, horizon, sweep_no, refused = last if last is not None else (None, 0, 0, 0)
    if refused:
        return f"sweep run {sweep_no} could not delete {refused} objects"
    args = {
        "share_id": share_id,
        "until": now - dt.timedelta(seconds=margin_s),
        "since": since,
        "horizon": horizon,
        "newest": newest,
    }
    gone = await (await conn.execute(_LET_GO, args)).fetchone()
    if gone is not None and gone[0]:
        return f"{gone[0]} restore points were let go, the first of them {gone[1]}"
    left = await (await conn.execute(_LEFT_BEHIND, args)).fetchone()
    return "" if left is None else f"backup run {left[0]} {left[1]}, and may have left objects"
