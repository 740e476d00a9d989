"""Pins, legal holds and deletion of restore points; prunes and sweeps."""

import datetime as dt

from http_api.call import Answer, AnyCall, Call
from http_api.endpoint import SHARE
from http_api.members import made_by
from http_api.models.base import NoQuery, Paged
from http_api.models.retention import (
    ExpiredPage,
    ExpiredPoint,
    Keeping,
    NewHold,
    NewPin,
    NewPrune,
    NewSweep,
    Reasoned,
)
from http_api.models.runs import Run
from http_api.routes import Routes
from http_api.starting import started
from shared.db import policies, restore_points, retention, runs
from shared.errors import NotFound
from shared.model.access import Action
from shared.model.retention import KeepKind, PruneOrder
from shared.model.run import RunKind
from shared.model.sweep import SweepOrder
from shared.usecases.keep_point import keep_point

POINT = SHARE + "/restore-points/{restore_point:int}"
DAY_S = 86_400


async def get_keeping(call: Call) -> Keeping:
    """Whether a restore point is pinned or under a legal hold, by whom and why."""
    run_no = call.number("restore_point")
    said, _ = await retention.said(call.conn, call.share.share_id, run_no)
    return Keeping.of(run_no, said)


async def pin_restore_point(call: Call[NoQuery, NewPin]) -> Keeping:
    """Have a restore point kept, until some time or until it is unpinned. A pin that it has is replaced."""
    return await _say(call, KeepKind.PIN, call.body.reason, until=call.body.until)


async def unpin_restore_point(call: Call[NoQuery, Reasoned]) -> Keeping:
    """Take a pin back."""
    return await _say(call, KeepKind.UNPIN, call.body.reason)


async def hold_restore_point(call: Call[NoQuery, NewHold]) -> Keeping:
    """Put a restore point under a legal hold."""
    return await _say(call, KeepKind.HOLD, call.body.reason)


async def release_restore_point(call: Call[NoQuery, Reasoned]) -> Keeping:
    """Release a restore point from its legal hold."""
    return await _say(call, KeepKind.RELEASE, call.body.reason)


async def _say(call: AnyCall, kind: KeepKind, reason: str, until: dt.datetime | None = None) -> Keeping:
    """In transactions of its own: the vault is told in between."""
    share, run_no = call.share, call.number("restore_point")
    by = made_by(call.principal)
    await restore_points.get(call.conn, share.share_id, run_no)
    await call.release()
    app = call.app
    said = await keep_point(
        app.retentions,
        app.vault(share.tenant_id),
        app.clock,
        share.share_id,
        run_no,
        kind,
        by=by,
        reason=reason,
        until=until,
    )
    return Keeping.of(run_no, said)


async def delete_restore_point(call: Call) -> Answer:
    """Let go of one restore point: starts a prune of it. Its content goes with a sweep, after the margin.

    One that is pinned, under a legal hold, in use or the newest stays, and the run says so.
    """
    run_no = call.number("restore_point")
    await restore_points.get(call.conn, call.share.share_id, run_no)
    return await _start(call, RunKind.PRUNE, PruneOrder(by=made_by(call.principal), run_nos=[run_no]))


async def start_prune(call: Call[NoQuery, NewPrune]) -> Answer:
    """Let go of the restore points that the share's policy does not keep, or of those that are named."""
    if call.body.restore_points is None and await policies.of_share(call.conn, call.share.share_id) is None:
        raise NotFound(f"share {call.share.name!r} has no retention policy; hint: give it one, or name restore points")
    return await _start(call, RunKind.PRUNE, PruneOrder(by=made_by(call.principal), run_nos=call.body.restore_points))


async def start_sweep(call: Call[NoQuery, NewSweep]) -> Answer:
    """Delete from the vault what no restore point of the share needs. 409 while a verify or another sweep of it is active."""
    order = SweepOrder(by=made_by(call.principal), margin_s=call.body.margin_days * DAY_S)
    return await _start(call, RunKind.SWEEP, order)


async def _start(call: AnyCall, kind: RunKind, order: PruneOrder | SweepOrder) -> Answer:
    share, driver = call.share, call.app.settings.driver
    return started(
        call, await runs.create(call.conn, share.tenant_id, share.share_id, kind, driver=driver, retention=order)
    )


async def list_expired(call: Call[Paged]) -> ExpiredPage:
    """Restore points that were let go, when, by whom and why; the newest first."""
    place = call.place(int)
    found = [
        point
        for point in (await retention.expired(call.conn, call.share.share_id))[::-1]
        if place is None or point.run_no < place[0]
    ]
    shown = found[: call.query.limit]
    return ExpiredPage(
        expired_points=[
            ExpiredPoint(
                restore_point=one.run_no, taken_at=one.taken_at, expired_at=one.expired_at, by=one.by, reason=one.reason
            )
            for one in shown
        ],
        **call.part_after(found, shown, lambda one: (one.run_no,)),
    )


routes = Routes("retention")
routes.get(POINT + "/keeping", get_keeping, Action.POINTS_READ, {200: Keeping})
routes.put(POINT + "/pin", pin_restore_point, Action.POINTS_PIN, {200: Keeping})
routes.post(POINT + "/unpin", unpin_restore_point, Action.POINTS_UNPIN, {200: Keeping}, refuses={409}, idempotent=False)
routes.put(POINT + "/hold", hold_restore_point, Action.POINTS_HOLD, {200: Keeping})
routes.post(
    POINT + "/release", release_restore_point, Action.POINTS_HOLD, {200: Keeping}, refuses={409}, idempotent=False
)
routes.delete(POINT, delete_restore_point, Action.POINTS_DELETE, {202: Run}, refuses={409}, starts=True)
routes.post(SHARE + "/prunes", start_prune, Action.RETENTION_RUN, {202: Run}, refuses={409}, starts=True)
routes.post(SHARE + "/sweeps", start_sweep, Action.RETENTION_RUN, {202: Run}, refuses={409}, starts=True)
routes.get(SHARE + "/expired-points", list_expired, Action.POINTS_READ, {200: ExpiredPage})
bp = routes.blueprint
