"""``.../shares/{share_id}/settings``: what an owner may choose, whether the share can be reached, and how it goes away."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from http_api import deletions, shares
from http_api.call import Answer, AnyCall, Call
from http_api.conditions import etag_of
from http_api.fields import Fields, Filled, scaled
from http_api.models.base import NoQuery, Query
from http_api.models.deletions import NewDeletion, NewPurge
from http_api.models.runs import Run
from http_api.models.shares import NewSettings, Share, ShareChange
from http_api.pages.asking import asking
from http_api.pages.places import SHARE, run_url, share_url
from http_api.pages.typed import TypedBody, as_typed, tried
from http_api.pages.unchanged import check_unchanged
from http_api.rendering import page, see, wants_fragment
from http_api.routes import Routes
from http_api.shown_as import words
from shared.core.rules import Rules
from shared.db import restore_points
from shared.model.access import Action
from shared.model.share import ShareSettings
from shared.model.window import DAYS
from shared.usecases.rules_preview import SHOWN_MAX, RulesPreview, rules_preview

_KIB, _MIB, _HOUR_S = 1024, 1024 * 1024, 3_600
_CHANGED: Final = 412
_ROW: Final = re.compile(r"settings\.(windows|pace_windows)\.(\d{1,3})\.")


class SettingsForm(ShareChange):
    """The settings as they are to be."""

    if_match: str = ""


@dataclass(frozen=True, slots=True)
class Differs:
    """A setting that somebody else has changed, or that is about to be changed."""

    name: str
    now: str
    typed: str


class SettingsQuery(Query):
    """Whether they were saved just now."""

    saved: bool = False


async def settings_page(call: Call[SettingsQuery]) -> Answer:
    """All settings of a share."""
    return _page(call, saved=call.query.saved)


def _page(call: AnyCall, **more: Any) -> Answer:
    share = call.share
    filled = call.filled
    given = filled.fields if filled else Fields({})
    return page(
        call,
        "settings.html",
        tab="settings",
        share=share,
        settings=share.settings,
        etag=etag_of(Share.of(share)),
        days=DAYS,
        windows=_rows(given, "windows", share.settings.windows),
        pace_windows=_rows(given, "pace_windows", share.settings.pace_windows),
        meanwhile=_meanwhile(filled, share.settings),
        shown_max=SHOWN_MAX,
        **{"preview": None, "looked_at": None, "tried": False, "saved": False, **more},
    )


def _rows(given: Fields, name: str, there: Sequence[object]) -> list[object]:
    """Rows of a list of windows: those that there are, or were typed, and an empty one."""
    typed = [int(found[2]) for key in given.given if (found := _ROW.match(key)) and found[1] == name]
    count = max(typed) + 1 if typed else len(there) + 1
    return [there[at] if at < len(there) else None for at in range(count)]


def _meanwhile(filled: Filled | None, now: ShareSettings) -> list[Differs]:
    """Where what was typed differs from what somebody else has saved meanwhile."""
    if filled is None or filled.problem is None or filled.problem.status != _CHANGED:
        return []
    change, _ = tried(filled.fields, SettingsForm, _body, lambda _: None)
    if change is None:
        return []
    wire = now.to_wire()
    typed = change.settings.changes()
    return [Differs(name, _told(wire[name]), _told(value)) for name, value in typed.items() if wire[name] != value]


def _told(value: object) -> str:
    """A setting as the API has it, for people; lists in lines."""
    match value:
        case None | [] | "":
            return "none"
        case bool():
            return "yes" if value else "no"
        case list():
            return "\n".join(_told(one) for one in value)
        case {"days": days, "begin": begin, "end": end, **rates}:
            limits = [f"{words(name)} {_told(rate)}" for name, rate in rates.items()]
            return ", ".join([f"{' '.join(days)} {begin} to {end}", *limits])
        case _:
            return str(value)


async def save_settings(call: Call[NoQuery, SettingsForm]) -> Answer:
    """Save them, if nobody else did meanwhile."""
    check_unchanged(call.body.if_match, await shares.current_share(asking(call)), "the settings of the share")
    await shares.change_share(asking(call, body=ShareChange(settings=call.body.settings)))
    return see(f"{share_url(call.share.tenant_id, call.share.share_id)}/settings?saved=true")


async def preview_rules(call: Call[NoQuery, TypedBody]) -> Answer:
    """What the rules that are typed would leave out of what is backed up now."""
    typed, filled = tried(call.body.fields, NewSettings, _rules, lambda _: None)
    call.filled = filled
    newest = await restore_points.last(call.conn, call.share.share_id)
    await call.release()
    found: RulesPreview | None = None
    if typed is not None and newest is not None:
        rules = Rules(typed.exclude, typed.include, ignore_case=typed.rules_ignore_case)
        found = await rules_preview(call.app.past(call.share), call.app.clock, rules)
    told: dict[str, Any] = {"preview": found, "looked_at": newest, "tried": True}
    if wants_fragment(call.headers):
        answer = page(call, "_rules_preview.html", shown_max=SHOWN_MAX, **told)
    else:
        answer = _page(call, **told)
    return replace(answer, status=200)


async def delete_share_form(call: Call[NoQuery, NewDeletion]) -> Answer:
    """Mark the share deleted."""
    return _to_deletion(call, await deletions.delete_share(call))


async def undelete_share_form(call: Call) -> Answer:
    """Bring it back."""
    return _to_deletion(call, await deletions.undelete_share(call))


async def purge_share_form(call: Call[NoQuery, NewPurge]) -> Answer:
    """Delete it for good: goes to the page of the run that does."""
    answer = await deletions.start_purge(call)
    assert isinstance(answer.body, Run)
    return see(run_url(call.share.tenant_id, call.share.share_id, answer.body.run_no), answer)


def _to_deletion(call: AnyCall, answer: Answer) -> Answer:
    return see(f"{share_url(call.share.tenant_id, call.share.share_id)}/settings#deletion", answer)


_NUMBERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "requests_per_s": scaled(1.0),
    "bytes_per_s": scaled(_MIB),
    "objective_s": scaled(_HOUR_S),
    "bundle_file_max_bytes": scaled(_KIB),
    "bundle_target_bytes": scaled(_MIB),
    "large_file_bytes": scaled(_MIB),
}
_MAY_BE_NONE: Final = ("requests_per_s", "bytes_per_s", "objective_s")
_FLAGS: Final = ("keep_share_snapshot", "pause_outside_windows", "repack", "watch_changes")


def _body(fields: Fields) -> dict[str, Any]:
    settings: dict[str, Any] = dict.fromkeys(_MAY_BE_NONE)
    settings |= fields.nested(
        "settings.time_zone", **{f"settings__{name}": read for name, read in _NUMBERS.items()}
    ).get("settings", {})
    settings |= {name: fields.flag(f"settings.{name}") for name in _FLAGS}
    settings |= {name: _windows(fields, name) for name in ("windows", "pace_windows")}
    settings |= _rules(fields)
    return {"settings": settings, **fields.nested("if_match")}


def _rules(fields: Fields) -> dict[str, Any]:
    return {
        "exclude": fields.lines("settings.exclude"),
        "include": fields.lines("settings.include"),
        "rules_ignore_case": fields.flag("settings.rules_ignore_case"),
    }


def _windows(fields: Fields, name: str) -> list[dict[str, Any]]:
    """The rows that have a beginning or an end; one that has neither is none."""
    numbers = sorted({int(found[2]) for key in fields.given if (found := _ROW.match(key)) and found[1] == name})
    rows: list[dict[str, Any]] = []
    for number in numbers:
        prefix = f"settings.{name}.{number}"
        begin, end = fields.text(f"{prefix}.begin"), fields.text(f"{prefix}.end")
        if not begin and not end:
            continue
        # A field for times knows no 24:00: an end at midnight is the end of the day on which it began.
        row: dict[str, Any] = {"days": fields.chosen(f"{prefix}.days"), "begin": begin}
        row["end"] = "24:00" if end == "00:00" else end
        if name == "pace_windows":
            for rate in ("requests_per_s", "bytes_per_s"):
                text = fields.text(f"{prefix}.{rate}")
                row[rate] = _NUMBERS[rate](text) if text else None
        rows.append(row)
    return rows


routes = Routes("settings pages")
_settings = routes.page(SHARE + "/settings", settings_page, Action.SHARES_READ, purging=True)
routes.form(SHARE + "/settings", save_settings, Action.SHARES_CHANGE, _settings, fields=_body)
routes.form(
    SHARE + "/settings/rules-preview", preview_rules, Action.NODES_READ, _settings, fields=as_typed, changes=False
)
routes.form(
    SHARE + "/delete",
    delete_share_form,
    Action.SHARES_DELETE,
    _settings,
    fields=lambda fields: fields.nested("reason"),
    purging=True,
)
routes.form(SHARE + "/undelete", undelete_share_form, Action.SHARES_DELETE, _settings, purging=True)
routes.form(
    SHARE + "/purge",
    purge_share_form,
    Action.SHARES_PURGE,
    _settings,
    fields=lambda fields: fields.nested("confirm"),
    starts=True,
    purging=True,
)
bp = routes.blueprint
