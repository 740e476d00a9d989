"""``.../shares/{share_id}/schedules``: what is done by itself and when, and what became of it."""

from contextlib import suppress
from typing import Any, Final

from http_api import schedules
from http_api.call import Answer, AnyCall, Call
from http_api.conditions import etag_of
from http_api.fields import Fields, scaled
from http_api.models.base import Body, NoQuery, Paged
from http_api.models.schedules import (
    NewSchedule,
    OccurrencesQuery,
    Preview,
    PreviewQuery,
    Schedule,
    ScheduleChange,
)
from http_api.pages.asking import asking
from http_api.pages.cron_words import HOURS, WEEKDAYS, Every, Preset, preset_of
from http_api.pages.places import SHARE, share_url
from http_api.pages.typed import Typed, tried
from http_api.pages.unchanged import check_unchanged
from http_api.rendering import page, see
from http_api.routes import Routes
from shared.core import schedule as times_of
from shared.model.access import Action
from shared.model.schedule import CATCH_UP_S, SPREAD_S, ScheduleOptions, Timing, What

LATEST: Final = 10
"""Occurrences that are shown with the schedule; all of them have a page of their own."""
_OPTIONS: Final = {
    What.VERIFY: ("level", "over_runs"),
    What.DRILL: ("over_runs", "files"),
    What.SWEEP: ("margin_days",),
}
"""Which options each kind has: what was typed into those of another, and is hidden, is not sent."""


class ScheduleChangeForm(ScheduleChange):
    """A schedule as it is to be."""

    if_match: str = ""


class DeleteScheduleForm(Body):
    """One that is to go."""

    if_match: str = ""


async def schedules_page(call: Call[Paged]) -> Answer:
    """The schedules of a share, with what comes next and what came last."""
    part = await schedules.list_schedules(call)
    return page(call, "schedules.html", tab="schedules", fragment="_schedules_rows.html", part=part)


async def new_schedule_page(call: Call[Typed]) -> Answer:
    """A schedule to be, and when it would come round."""
    zone = call.share.settings.time_zone
    return await _form(call, None, Preset(every=Every.DAY), Timing(cron="", time_zone=zone))


async def schedule_page(call: Call[Typed]) -> Answer:
    """A schedule, when it comes round, and what became of its last occurrences."""
    found = await schedules.get_schedule(asking(call))
    latest = await schedules.list_occurrences(asking(call, query=OccurrencesQuery(limit=LATEST)))
    timing = Timing(cron=found.cron, time_zone=found.time_zone, spread_s=found.spread_s, catch_up_s=found.catch_up_s)
    return await _form(call, found, preset_of(found.cron), timing, latest=latest)


async def _form(call: AnyCall, found: Schedule | None, preset: Preset, timing: Timing, **more: Any) -> Answer:
    fields = call.filled.fields if call.filled else call.query.fields
    cron = preset.to_cron()
    asked: PreviewQuery | None = PreviewQuery(cron=cron, time_zone=timing.time_zone, spread_s=timing.spread_s)
    if "every" in fields.given:
        asked, filled = tried(fields, PreviewQuery, _asked, lambda query: _check(query, call))
        call.filled = call.filled or filled
    preview: Preview | None = None
    if asked is not None:
        preview = await schedules.preview_schedule(asking(call, query=asked))
    return page(
        call,
        "schedule.html",
        tab="schedules",
        fragment="_schedule_preview.html",
        schedule=found,
        etag=etag_of(found) if found else "",
        preset=preset,
        timing=timing,
        kinds=[(what.value, what.value) for what in What],
        weekdays=list(WEEKDAYS.items()),
        hours=[(hours, "hour" if hours == 1 else f"{hours} hours") for hours in HOURS],
        preview=preview,
        preview_cron=asked.cron if asked else "",
        preview_zone=asked.time_zone if asked else "",
        wrong=call.filled.problem if call.filled else None,
        spread_s=SPREAD_S,
        catch_up_s=CATCH_UP_S,
        **more,
    )


def _check(query: PreviewQuery, call: AnyCall) -> None:
    timing = Timing(cron=query.cron, time_zone=query.time_zone, spread_s=query.spread_s)
    times_of.check(What.BACKUP, timing, ScheduleOptions(), call.now)


async def occurrences_page(call: Call[OccurrencesQuery]) -> Answer:
    """All that is known of what became of a schedule's occurrences."""
    found = await schedules.get_schedule(asking(call))
    part = await schedules.list_occurrences(call)
    return page(call, "occurrences.html", tab="schedules", fragment="_occurrences_rows.html", schedule=found, part=part)


async def create_schedule_form(call: Call[NoQuery, NewSchedule]) -> Answer:
    """Add it."""
    return _to_list(call, await schedules.create_schedule(call))


async def change_schedule_form(call: Call[NoQuery, ScheduleChangeForm]) -> Answer:
    """Change it."""
    check_unchanged(call.body.if_match, await schedules.current_schedule(asking(call)), "the schedule")
    await schedules.change_schedule(asking(call, body=call.body))
    return _to_list(call)


async def switch_schedule_form(call: Call[NoQuery, ScheduleChange]) -> Answer:
    """Switch it on or off."""
    await schedules.change_schedule(call)
    return _to_list(call)


async def delete_schedule_form(call: Call[NoQuery, DeleteScheduleForm]) -> Answer:
    """Remove it."""
    check_unchanged(call.body.if_match, await schedules.current_schedule(asking(call)), "the schedule")
    await schedules.delete_schedule(asking(call))
    return _to_list(call)


def _to_list(call: AnyCall, answer: Answer | None = None) -> Answer:
    return see(f"{share_url(call.share.tenant_id, call.share.share_id)}/schedules", answer)


def _cron(fields: Fields) -> str:
    """Of the preset that is chosen; where its fields make no sense, something that is refused as a cron expression."""
    with suppress(ValueError):
        preset = Preset(
            every=Every(fields.text("every") or Every.CRON),
            at=fields.text("at"),
            weekday=fields.text("weekday"),
            month_day=int(fields.text("month_day") or 1),
            hours=int(fields.text("hours") or 1),
            cron=fields.text("cron"),
        )
        return preset.to_cron()
    return fields.text("cron")


def _asked(fields: Fields) -> dict[str, Any]:
    return {**fields.nested("time_zone", spread_s=scaled(60)), "cron": _cron(fields)}


def _timing(fields: Fields) -> dict[str, Any]:
    return {**_asked(fields), **fields.nested(catch_up_s=scaled(3_600))}


def _options(fields: Fields) -> dict[str, Any]:
    try:
        what = What(fields.text("what"))
    except ValueError:
        return {}
    told: dict[str, Any] = fields.nested(*(f"options.{name}" for name in _OPTIONS.get(what, ()))).get("options", {})
    return told | ({"all_points": fields.flag("options.all_points")} if what is What.VERIFY else {})


def _new(fields: Fields) -> dict[str, Any]:
    rest = {"enabled": fields.flag("enabled"), "options": _options(fields)}
    return {**fields.nested("name", "what"), **_timing(fields), **rest}


def _changed(fields: Fields) -> dict[str, Any]:
    rest = {"enabled": fields.flag("enabled"), "options": _options(fields)}
    return {**fields.nested("name", "if_match"), **_timing(fields), **rest}


_ONE: Final = SHARE + "/schedules/{schedule_id:int}"
routes = Routes("schedule pages")
_list = routes.page(SHARE + "/schedules", schedules_page, Action.SCHEDULES_READ)
_new_page = routes.page(SHARE + "/schedules/new", new_schedule_page, Action.SCHEDULES_READ)
_page = routes.page(_ONE, schedule_page, Action.SCHEDULES_READ)
routes.page(_ONE + "/occurrences", occurrences_page, Action.SCHEDULES_READ)
routes.form(SHARE + "/schedules/new", create_schedule_form, Action.SCHEDULES_CHANGE, _new_page, fields=_new)
routes.form(_ONE, change_schedule_form, Action.SCHEDULES_CHANGE, _page, fields=_changed)
routes.form(
    _ONE + "/switch",
    switch_schedule_form,
    Action.SCHEDULES_CHANGE,
    _page,
    fields=lambda fields: {"enabled": fields.flag("enabled")},
)
routes.form(
    _ONE + "/delete", delete_schedule_form, Action.SCHEDULES_CHANGE, _page, fields=lambda f: f.nested("if_match")
)
bp = routes.blueprint
