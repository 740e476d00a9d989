"""``.../runs`` and ``.../runs/{run_no}``: what was done and is being done, live."""

from dataclasses import replace
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from http_api import runs
from http_api.call import Answer, AnyCall, Call
from http_api.models.base import Limit, Paged
from http_api.models.runs import Run, RunsQuery, RunWithCost
from http_api.pages.asking import asking
from http_api.pages.curve import curve
from http_api.pages.places import RUN, SHARE, run_url
from http_api.pages.run_words import KINDS, STATES, cancelled
from http_api.rendering import page, see, wants_fragment
from http_api.routes import Routes
from shared.core.throughput import STRETCHES, Stretch, Throughput, stages_of, throughput
from shared.db import alerts, batches, restore_points
from shared.model.access import Action
from shared.model.alert import Condition
from shared.model.run import RunKind, RunState

ALERTS_TOLD: Final = 5

_EMPTY: Final = BeforeValidator(lambda value: None if value == "" else value)


class RunsChosen(Paged):
    """Which runs; a field of the form that is left empty chooses nothing."""

    limit: Limit = 30
    kind: Annotated[RunKind | None, _EMPTY, Field(description="Only runs of this kind.")] = None
    state: Annotated[RunState | None, _EMPTY, Field(description="Only runs in this state.")] = None


async def runs_page(call: Call[RunsChosen]) -> Answer:
    """The runs of a share, the newest first."""
    chosen = call.query
    found = await runs.list_runs(asking(call, query=RunsQuery(**chosen.model_dump())))
    rows = "_runs_rows.html" if chosen.after else "_runs_list.html"
    return page(call, "runs.html", tab="runs", fragment=rows, part=found, chosen=chosen, kinds=KINDS, states=STATES)


async def run_row(call: Call) -> Answer:
    """One run as a row of the list."""
    return page(call, "run_alone.html", tab="runs", fragment="_runs_row.html", run=await runs.get_run(call))


async def run_page(call: Call) -> Answer:
    """One run: how far it is, and what happened."""
    share, run_no = call.share, call.number("run_no")
    told = await alerts.seen_by(call.conn, share.tenant_id, share.share_id, run_no, ALERTS_TOLD)
    unusual = [alert for alert in told if alert.condition is Condition.UNUSUAL_CHANGE]
    before = await restore_points.of_share(call.conn, share.share_id, before=run_no, limit=1)
    done = [] if wants_fragment(call.headers) else await _course(call)
    run = await runs.get_run(call)
    shown = {"unusual": unusual, "previous": before[0].run_no if before else None, **_charts(call, run, done)}
    answer = page(call, "run.html", tab="runs", fragment="_run_live.html", run=run, **shown)
    return answer if run.active else replace(answer, headers={**answer.headers, "HX-Trigger": "run-ended"})


async def run_course(call: Call) -> Answer:
    """How fast the stages of a run were over time, and what it has cost."""
    if not wants_fragment(call.headers):
        return see(run_url(call.share.tenant_id, call.share.share_id, call.number("run_no")))
    done = await _course(call)
    run = await runs.get_run(call)
    return page(call, "_run_course.html", tab="runs", run=run, **_charts(call, run, done))


async def _course(call: AnyCall) -> list[Stretch]:
    return await batches.course(call.conn, call.share.share_id, call.number("run_no"), STRETCHES)


def _charts(call: AnyCall, run: RunWithCost, done: list[Stretch]) -> dict[str, Any]:
    """The courses of a run's stages, and the curves that they are drawn as."""
    course: Throughput | None = None
    if run.started_at is not None and done:
        stages = stages_of(run.kind, (run.order or {}).get("level", "") if run.kind is RunKind.VERIFY else "")
        course = throughput(done, stages, run.started_at, run.finished_at or run.paused_at or call.now)
    curves = [] if course is None else [curve(one.rates) for one in course.courses]
    return {"course": course, "curves": curves}


async def cancel_page(call: Call) -> Answer:
    """What cancelling a run would mean, and the button that does it."""
    run = await runs.get_run(call)
    ending = cancelled(run.kind, dry_run=bool((run.order or {}).get("dry_run")))
    return page(call, "run_cancel.html", tab="runs", run=run, ending=ending)


async def back_up_now(call: Call) -> Answer:
    """Start a backup and go to its page."""
    return to_run(call, await runs.start_backup(call))


async def scan_now(call: Call) -> Answer:
    """Start a scan and go to its page."""
    return to_run(call, await runs.start_scan(call))


async def pause_form(call: Call) -> Answer:
    """Pause a run."""
    return to_run(call, await runs.pause_run(call))


async def resume_form(call: Call) -> Answer:
    """Resume a run."""
    return to_run(call, await runs.resume_run(call))


async def cancel_form(call: Call) -> Answer:
    """Cancel a run."""
    return to_run(call, await runs.cancel_run(call))


def to_run(call: AnyCall, answer: Answer) -> Answer:
    """To the page of the run that was started or changed."""
    assert isinstance(answer.body, Run)
    return see(run_url(call.share.tenant_id, call.share.share_id, answer.body.run_no), answer)


routes = Routes("run pages")
_list = routes.page(SHARE + "/runs", runs_page, Action.RUNS_READ, purging=True)
_run = routes.page(RUN, run_page, Action.RUNS_READ, purging=True)
_cancel = routes.page(RUN + "/cancel", cancel_page, Action.RUNS_CONTROL, purging=True)
routes.page(RUN + "/row", run_row, Action.RUNS_READ, purging=True)
routes.page(RUN + "/course", run_course, Action.RUNS_READ, purging=True)
routes.form(SHARE + "/backups", back_up_now, Action.RUNS_START, _list, starts=True)
routes.form(SHARE + "/scans", scan_now, Action.RUNS_START, _list, starts=True)
routes.form(RUN + "/pause", pause_form, Action.RUNS_CONTROL, _run, starts=True, purging=True)
routes.form(RUN + "/resume", resume_form, Action.RUNS_CONTROL, _run, starts=True, purging=True)
routes.form(RUN + "/cancel", cancel_form, Action.RUNS_CONTROL, _cancel, starts=True, purging=True)
bp = routes.blueprint
