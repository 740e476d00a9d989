"""``.../shares/{share_id}/schedules``: when something is done by itself; and how many runs may be at work."""

import datetime as dt
from dataclasses import replace

from http_api.call import Answer, AnyCall, Call
from http_api.endpoint import SHARE, TENANT
from http_api.models.base import NoQuery, Paged
from http_api.models.schedules import (
    SHOWN_AHEAD,
    Limits,
    LimitsShown,
    NewSchedule,
    Occurrence,
    OccurrencePage,
    OccurrencesQuery,
    Preview,
    PreviewQuery,
    Schedule,
    ScheduleChange,
    SchedulePage,
    Times,
)
from http_api.routes import Routes
from shared.core import schedule as times_of
from shared.db import schedules, tenant_limits
from shared.model import schedule
from shared.model.access import Action
from shared.model.schedule import ScheduleOptions, What


async def create_schedule(call: Call[NoQuery, NewSchedule]) -> Answer:
    """Add a schedule to a share. It comes round for the first time after now."""
    body, share = call.body, call.share
    timing, options = body.timing, body.options.chosen()
    times_of.check(body.what, timing, options, call.now)
    times = times_of.next_after(timing, share.share_id, call.now) if body.enabled else None
    made = await schedules.create(
        call.conn,
        share.tenant_id,
        share.share_id,
        name=body.name,
        what=body.what,
        timing=timing,
        options=options,
        times=times,
    )
    return Answer(body=Schedule.of(made), location=_url(made))


def _url(made: schedule.Schedule) -> str:
    return f"/api/tenants/{made.tenant_id}/shares/{made.share_id}/schedules/{made.schedule_id}"


async def list_schedules(call: Call[Paged]) -> SchedulePage:
    """The schedules of a share, by id."""
    place = call.place(int)
    found = await schedules.of_share(
        call.conn, call.share.share_id, after=place[0] if place else 0, limit=call.query.limit + 1
    )
    shown = found[: call.query.limit]
    return SchedulePage(
        schedules=[Schedule.of(one) for one in shown], **call.part_after(found, shown, lambda one: (one.schedule_id,))
    )


async def list_schedules_of_tenant(call: Call[Paged]) -> SchedulePage:
    """The schedules of all shares of a tenant, by id."""
    place = call.place(int)
    found = await schedules.of_tenant(
        call.conn, call.tenant.tenant_id, after=place[0] if place else 0, limit=call.query.limit + 1
    )
    shown = found[: call.query.limit]
    return SchedulePage(
        schedules=[Schedule.of(one) for one in shown], **call.part_after(found, shown, lambda one: (one.schedule_id,))
    )


async def get_schedule(call: Call) -> Schedule:
    """One schedule, with what comes next."""
    return Schedule.of(await schedules.get(call.conn, call.share.share_id, call.number("schedule_id")))


async def change_schedule(call: Call[NoQuery, ScheduleChange]) -> Schedule:
    """Change some of a schedule. What comes next is reckoned anew from now on."""
    before = await schedules.get(call.conn, call.share.share_id, call.number("schedule_id"), lock=True)
    given = call.body
    timing = replace(
        before.timing,
        **{
            name: value
            for name in ("cron", "time_zone", "spread_s", "catch_up_s")
            if (value := getattr(given, name)) is not None
        },
    )
    options: ScheduleOptions = before.options if given.options is None else given.options.chosen()
    times_of.check(What(before.what), timing, options, call.now)
    enabled = before.enabled if given.enabled is None else given.enabled
    changed = replace(before, name=before.name if given.name is None else given.name, timing=timing, options=options)
    times = times_of.next_after(timing, before.share_id, call.now) if enabled else None
    return Schedule.of(await schedules.change(call.conn, changed, times))


async def current_schedule(call: Call) -> Schedule:
    """A schedule as it is, until the transaction ends."""
    return Schedule.of(await schedules.get(call.conn, call.share.share_id, call.number("schedule_id"), lock=True))


async def delete_schedule(call: Call) -> Answer:
    """Remove a schedule. Its runs stay, one at work goes on."""
    await schedules.delete(call.conn, call.share.share_id, call.number("schedule_id"))
    return Answer()


async def list_occurrences(call: Call[OccurrencesQuery]) -> OccurrencePage:
    """What became of a schedule's occurrences, the newest first: started, skipped, or refused, and why."""
    place = call.place(str)
    found_schedule = await schedules.get(call.conn, call.share.share_id, call.number("schedule_id"))
    found = await schedules.occurrences(
        call.conn,
        call.share.share_id,
        found_schedule.schedule_id,
        before=dt.datetime.fromisoformat(place[0]) if place else None,
        limit=call.query.limit + 1,
    )
    shown = found[: call.query.limit]
    return OccurrencePage(
        occurrences=[Occurrence.model_validate(one) for one in shown],
        **call.part_after(found, shown, lambda one: (one.due_at.isoformat(),)),
    )


async def preview_schedule(call: Call[PreviewQuery]) -> Preview:
    """When a schedule would come round that is not saved yet."""
    query = call.query
    timing = schedule.Timing(cron=query.cron, time_zone=query.time_zone, spread_s=query.spread_s)
    times_of.check(What.BACKUP, timing, ScheduleOptions(), call.now)
    ahead = times_of.upcoming(timing, call.share.share_id, call.now, SHOWN_AHEAD)
    return Preview(upcoming=[Times.model_validate(times) for times in ahead])


async def get_limits(call: Call) -> LimitsShown:
    """How many runs of a tenant may be at work at once."""
    return await _limits(call)


async def _limits(call: AnyCall) -> LimitsShown:
    own = await tenant_limits.runs_at_once(call.conn, call.tenant.tenant_id)
    return LimitsShown(runs_at_once=own, platform_runs_at_once=call.app.settings.runs_at_once or None)


async def set_limits(call: Call[NoQuery, Limits]) -> LimitsShown:
    """Set how many runs of a tenant may be at work at once. Those at work go on; others wait for their turn."""
    await tenant_limits.limit_runs(call.conn, call.tenant.tenant_id, call.body.runs_at_once)
    return await _limits(call)


_ONE = SHARE + "/schedules/{schedule_id:int}"
routes = Routes("schedules")
routes.post(SHARE + "/schedules", create_schedule, Action.SCHEDULES_CHANGE, {201: Schedule}, refuses={409})
routes.get(SHARE + "/schedules", list_schedules, Action.SCHEDULES_READ, {200: SchedulePage})
routes.get(SHARE + "/schedule-preview", preview_schedule, Action.SCHEDULES_READ, {200: Preview})
routes.get(_ONE, get_schedule, Action.SCHEDULES_READ, {200: Schedule}, etag=True)
routes.patch(_ONE, change_schedule, Action.SCHEDULES_CHANGE, {200: Schedule}, current=current_schedule, refuses={409})
routes.delete(_ONE, delete_schedule, Action.SCHEDULES_CHANGE, {204: None}, current=current_schedule)
routes.get(_ONE + "/occurrences", list_occurrences, Action.SCHEDULES_READ, {200: OccurrencePage})
routes.get(TENANT + "/schedules", list_schedules_of_tenant, Action.SCHEDULES_READ, {200: SchedulePage})
routes.get(TENANT + "/limits", get_limits, Action.TENANT_READ, {200: LimitsShown})
routes.put(TENANT + "/limits", set_limits, Action.TENANT_LIMIT, {200: LimitsShown})
bp = routes.blueprint
