"""``.../verify``: what is proved of a share's restore points, what was found, drills; and the forms that start more of it."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from http_api import runs, verifications
from http_api.call import Answer, AnyCall, Call
from http_api.fields import Fields, scaled
from http_api.models.base import NoQuery
from http_api.models.runs import Run, RunsQuery
from http_api.models.verifications import NewVerification
from http_api.pages.asking import asking
from http_api.pages.places import SHARE
from http_api.pages.run_words import LEVELS
from http_api.pages.runs import to_run
from http_api.rendering import page
from http_api.routes import Routes
from shared.core.coverage import Coverage, coverage
from shared.core.healing import Standing, Stands, standing
from shared.core.verify_report import DRILL_FILES, PARTS, advice, finding_of
from shared.db import restore_points, verified
from shared.db import runs as run_rows
from shared.model.access import Action
from shared.model.run import RestorePoint, RunKey, RunKind
from shared.model.verified import Found, Verified
from shared.model.verify import Finding
from shared.model.verify_order import VerifyLevel

LOOKED_BACK: Final = 1_000
"""Verifies that are looked at for what is covered."""
VERIFIES_TOLD: Final = 5
"""Verifies whose findings are told, each up to :data:`LINES_READ`; there are more in the journals of their runs."""
LINES_READ: Final = 200
FINDINGS_SHOWN: Final = 200
RUNS_SHOWN: Final = 10
POINTS_SHOWN: Final = 100
"""Restore points that one can choose from; of others one knows the number."""
_ORDER: Final = (
    Standing.OPEN,
    Standing.WAITS,
    Standing.SAVED_AGAIN,
    Standing.NOT_FOUND_AGAIN,
    Standing.NOBODY_NEEDS_IT,
)
CELLS: Final = 100
"""Of the strip that shows which parts were read."""


class Cell(NamedTuple):
    """Some neighbouring parts, as a piece of the strip."""

    x: float
    width: float
    state: str
    """``read`` in this pass, ``before`` in one before it, ``unread``, or ``bad``: unreadable files were found."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A finding as a row of the page."""

    found: Found
    stands: Stands
    to_do: str


async def verify_page(call: Call) -> Answer:
    """What is proved, what was found, and what is at work."""
    conn, share_id = call.conn, call.share.share_id
    done = await verified.done(conn, share_id, LOOKED_BACK)
    point = await restore_points.last(conn, share_id)
    found, cut = await _found(call, point)
    findings = sorted((_shown(one, done) for one in found), key=_gravest_first)
    drills = await run_rows.of_share(conn, share_id, limit=RUNS_SHOWN, kind=RunKind.VERIFY, level=VerifyLevel.DRILL)
    recent = await runs.list_runs(asking(call, query=RunsQuery(limit=RUNS_SHOWN, kind=RunKind.VERIFY)))
    samples, drilled = coverage(done, VerifyLevel.SAMPLE), coverage(done, VerifyLevel.DRILL)
    return page(
        call,
        "verify.html",
        tab="verify",
        last={level.value: _last(done, level) for level in VerifyLevel},
        point=point,
        samples=samples,
        strip=strip(samples) if samples else [],
        drilled=drilled,
        findings=findings[:FINDINGS_SHOWN],
        cut=cut or [one.found.by for one in findings[FINDINGS_SHOWN:][:1]],
        drills=[Run.of(one, now=call.now) for one in drills],
        recent=recent.runs,
        recent_more=recent.more,
    )


async def _found(call: AnyCall, point: RestorePoint | None) -> tuple[list[Found], list[Verified]]:
    """What the newest verifies have found, each thing as the last of them did, and those of which it is not all."""
    conn, share = call.conn, call.share
    by = await verified.with_findings(conn, share.share_id, VERIFIES_TOLD)
    keys = [RunKey(share.tenant_id, share.share_id, one.run_no) for one in by]
    pages = await asyncio.gather(*(call.app.journal.page(key, limit=LINES_READ) for key in keys))
    told: dict[str, tuple[Finding, Verified]] = {}
    for one, (lines, _) in zip(by, pages, strict=True):
        for line in lines:
            finding = finding_of(line.kind, line.reason, line.node_id, line.details)
            if finding is not None and finding.kind.is_damage:
                told.setdefault(finding.object, (finding, one))
    findings = [finding for finding, _ in told.values()]
    there = await verified.points_there(conn, share.share_id, {no for finding in findings for no in finding.points})
    waiting = await verified.waiting(conn, share.share_id, {finding.node_id for finding in findings})
    return [
        Found(
            finding=finding,
            by=one,
            points_there=tuple(sorted(finding.points & there)),
            waits=finding.node_id in waiting,
            backed_up=point is not None and point.committed_at > one.ended_at,
        )
        for finding, one in told.values()
    ], [one for one, (_, following) in zip(by, pages, strict=True) if following]


def _gravest_first(shown: Shown) -> tuple[int, str]:
    return _ORDER.index(shown.stands.standing), shown.found.finding.object


def _last(done: list[Verified], level: VerifyLevel) -> Verified | None:
    return next((one for one in done if one.level is level), None)


def _shown(found: Found, done: list[Verified]) -> Shown:
    stands = standing(found, done)
    return Shown(found, stands, "" if stands.standing.is_healed else _to_do(found, stands.standing))


def _to_do(found: Found, how: Standing) -> str:
    """What to do now; when a backup has seen to today's files, there is no more to it than for what is older."""
    if how is not Standing.SAVED_AGAIN:
        return advice(found.finding)
    if found.finding.object.split("/")[1:2] == ["chunk"]:
        return "nothing: what was saved again mends all restore points that have it. A verify proves it"
    return "restore what it concerns from later restore points, or from ones that are not named here"


def strip(of: Coverage, cells: int = CELLS) -> list[Cell]:
    """Which parts were read, from left to right, in a box of 600 x 12; of more parts than ``cells`` several in one."""
    count = min(of.parts, cells)
    began = of.read[0].run_no if 0 in of.read else 0
    width = 600 / count
    found: list[Cell] = []
    for index in range(count):
        parts = range(index * of.parts // count, (index + 1) * of.parts // count)
        read = [of.read[part] for part in parts if part in of.read]
        if any(one.unreadable for one in read):
            state = "bad"
        elif len(read) < len(parts):
            state = "unread"
        else:
            state = "read" if all(one.run_no >= began for one in read) else "before"
        found.append(Cell(round(index * width, 2), round(width, 2), state))
    return found


async def verify_new_page(call: Call) -> Answer:
    """The form that starts a verify."""
    newest, points = await _points(call)
    choices = [("latest", f"the newest, {newest}"), ("all", "all of them"), *points]
    return page(call, "verify_new.html", tab="verify", points=choices, newest=newest, levels=LEVELS, parts=PARTS)


async def drill_new_page(call: Call) -> Answer:
    """The form that starts a drill."""
    newest, points = await _points(call)
    choices = [("latest", f"the newest, {newest}"), *points]
    return page(call, "verify_drill.html", tab="verify", points=choices, newest=newest, files=DRILL_FILES)


async def _points(call: AnyCall) -> tuple[int | None, list[tuple[str, str]]]:
    """The newest restore point, and those that one can choose from with their texts."""
    points = await restore_points.of_share(call.conn, call.share.share_id, limit=POINTS_SHOWN)
    told = [(str(point.run_no), f"{point.run_no}, taken {point.taken_at:%Y-%m-%d %H:%M} UTC") for point in points]
    return (points[0].run_no if points else None), told


async def verify_form(call: Call[NoQuery, NewVerification]) -> Answer:
    """Start a verify and go to its run."""
    return to_run(call, await verifications.start_verification(call))


async def drill_form(call: Call[NoQuery, NewVerification]) -> Answer:
    """Start a drill and go to its run."""
    return to_run(call, await verifications.start_verification(call))


def _number_or_word(text: str) -> Any:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else text


def _verify_fields(fields: Fields) -> dict[str, Any]:
    return fields.nested("level", restore_point=_number_or_word, over_runs=scaled(1))


def _drill_fields(fields: Fields) -> dict[str, Any]:
    body = fields.nested(
        "target.account_url",
        "target.credential",
        restore_point=_number_or_word,
        files=scaled(1),
        percent=_decimal,
        over_runs=scaled(1),
    )
    return {**body, "level": VerifyLevel.DRILL.value}


def _decimal(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


routes = Routes("verify pages")
routes.page(SHARE + "/verify", verify_page, Action.RUNS_READ)
_new = routes.page(SHARE + "/verify/new", verify_new_page, Action.VERIFIES_START)
_drill = routes.page(SHARE + "/verify/drill", drill_new_page, Action.VERIFIES_START)
routes.form(SHARE + "/verify/new", verify_form, Action.VERIFIES_START, _new, fields=_verify_fields, starts=True)
routes.form(SHARE + "/verify/drill", drill_form, Action.VERIFIES_START, _drill, fields=_drill_fields, starts=True)
bp = routes.blueprint
