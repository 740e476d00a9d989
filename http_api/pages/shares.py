"""``/tenants/{tenant_id}/shares/{share_id}``: how a share stands, and its restore points as a calendar and a list."""

import datetime as dt
from typing import Annotated, Any, Final

from pydantic import Field

from http_api.call import Answer, AnyCall, Call
from http_api.models.base import Paged
from http_api.pages.calendar import Calendar, Month, bounds, calendar
from http_api.pages.places import SHARE
from http_api.rendering import page, wants_fragment
from http_api.routes import Routes
from shared.core.cron import time_zone
from shared.db import standing
from shared.errors import InvalidInput
from shared.model.access import Action
from shared.model.schedule import What

DAY_POINTS_MAX: Final = 10_000
"""Restore points that a month's grid counts: one every five minutes, which is as often as a schedule comes round, makes 8,928."""
SHOWN: Final = 5
"""Runs at work that are named."""
SCHEDULES: Final = 50
"""Schedules among which the next backup is looked for."""


class TimelineQuery(Paged):
    """Which restore points: those of a month or of a day, in the share's time zone; without either all."""

    month: Annotated[str, Field(max_length=10)] = ""
    day: Annotated[str, Field(max_length=10)] = ""


async def share_page(call: Call[TimelineQuery]) -> Answer:
    """The restore points of a share, the newest first, and a calendar of them."""
    share, zone = call.share, time_zone(call.share.settings.time_zone)
    month, day = _month(call.query.month), _day(call.query.day)
    since = until = None
    if day is not None:
        since, until = bounds(day, day + dt.timedelta(days=1), zone)
    elif month is not None:
        since, until = bounds(month.first, month.after.first, zone)
    place = call.place(int)
    found = await standing.marked(
        call.conn,
        share.share_id,
        before=place[0] if place else None,
        since=since,
        until=until,
        limit=call.query.limit + 1,
    )
    points = found[: call.query.limit]
    part = call.part_after(found, points, lambda point: (point.run_no,))
    rows: dict[str, Any] = {"points": points, "part": part, "of_day": day, "of_month": month}
    if wants_fragment(call.headers):
        return page(call, "_points_rows.html", **rows)
    stand = await _standing(call)
    extent: standing.Extent = stand["extent"]
    shown = Month.of(day) if day else month or Month.of((extent.newest_at or call.now).astimezone(zone))
    grid = await _calendar(call, shown, zone, extent)
    return page(call, "share.html", tab="points", calendar=grid, zone=share.settings.time_zone, **rows, **stand)


async def _calendar(call: AnyCall, month: Month, zone: dt.tzinfo, extent: standing.Extent) -> Calendar:
    since, until = bounds(month.first, month.after.first, zone)
    found = await standing.marked(call.conn, call.share.share_id, since=since, until=until, limit=DAY_POINTS_MAX)
    return calendar(month, found, zone, call.now, extent.oldest_at, extent.newest_at)


async def share_state(call: Call) -> Answer:
    """How a share stands, by itself: asked again and again while a run is at work."""
    stand = await _standing(call)
    ended = not stand["at_work"]
    return page(call, "share_state.html", tab="points", fragment="_share_state.html", **{**stand, "ended": ended})


async def _standing(call: AnyCall) -> dict[str, Any]:
    share_id = call.share.share_id
    newest = await standing.marked(call.conn, share_id, limit=1)
    objective_s = call.share.settings.objective_s
    age_s = (call.now - newest[0].taken_at).total_seconds() if newest else None
    ahead = await standing.ahead(call.conn, share_id, SCHEDULES)
    return {
        "extent": await standing.extent(call.conn, share_id),
        "newest": newest[0] if newest else None,
        "late": objective_s is not None and (age_s is None or age_s > objective_s),
        "next_backup": next((one for one in ahead if one.what == What.BACKUP), None),
        "ended": False,
        "at_work": await standing.at_work(call.conn, share_id, SHOWN),
    }


def _month(text: str) -> Month | None:
    if not text:
        return None
    try:
        return Month.parse(text)
    except ValueError:
        raise InvalidInput(f"month is {text!r}; expected one as 2026-11", field="month") from None


def _day(text: str) -> dt.date | None:
    if not text:
        return None
    try:
        found = dt.date.fromisoformat(text)
        Month.parse(str(Month.of(found)))
    except ValueError:
        raise InvalidInput(f"day is {text!r}; expected one as 2026-11-29", field="day") from None
    return found


routes = Routes("share pages")
routes.page(SHARE, share_page, Action.POINTS_READ)
routes.page(SHARE + "/state", share_state, Action.POINTS_READ)
bp = routes.blueprint
