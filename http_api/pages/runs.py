"""``.../runs`` and ``.../runs/{run_no}``: what was done and is being done, live."""

from http_api import runs
from http_api.call import Answer, AnyCall, Call
from http_api.models.runs import JournalQuery, Run, RunsQuery
from http_api.pages.places import RUN, SHARE, run_url
from http_api.rendering import page, see
from http_api.routes import Routes
from shared.model.access import Action


async def runs_page(call: Call[RunsQuery]) -> Answer:
    """The runs of a share, the newest first."""
    found = await runs.list_runs(call)
    return page(call, "runs.html", tab="runs", fragment="_runs_rows.html", part=found)


async def run_page(call: Call) -> Answer:
    """One run: how far it is, and what happened."""
    run = await runs.get_run(call)
    return page(call, "run.html", tab="runs", fragment="_run_live.html", run=run)


async def run_journal(call: Call[JournalQuery]) -> Answer:
    """Lines of a run's journal."""
    return page(call, "run_journal.html", tab="runs", fragment="_journal_rows.html", part=await runs.get_journal(call))


async def back_up_now(call: Call) -> Answer:
    """Start a backup and go to its page."""
    return _to_run(call, await runs.start_backup(call))


async def scan_now(call: Call) -> Answer:
    """Start a scan and go to its page."""
    return _to_run(call, await runs.start_scan(call))


async def pause_form(call: Call) -> Answer:
    """Pause a run."""
    return _to_run(call, await runs.pause_run(call))


async def resume_form(call: Call) -> Answer:
    """Resume a run."""
    return _to_run(call, await runs.resume_run(call))


async def cancel_form(call: Call) -> Answer:
    """Cancel a run."""
    return _to_run(call, await runs.cancel_run(call))


def _to_run(call: AnyCall, answer: Answer) -> Answer:
    assert isinstance(answer.body, Run)
    return see(run_url(call.share.tenant_id, call.share.share_id, answer.body.run_no), answer)


routes = Routes("run pages")
_list = routes.page(SHARE + "/runs", runs_page, Action.RUNS_READ, purging=True)
_run = routes.page(RUN, run_page, Action.RUNS_READ, purging=True)
routes.page(RUN + "/journal", run_journal, Action.RUNS_READ, purging=True)
routes.form(SHARE + "/backups", back_up_now, Action.RUNS_START, _list, starts=True)
routes.form(SHARE + "/scans", scan_now, Action.RUNS_START, _list, starts=True)
routes.form(RUN + "/pause", pause_form, Action.RUNS_CONTROL, _run, starts=True, purging=True)
routes.form(RUN + "/resume", resume_form, Action.RUNS_CONTROL, _run, starts=True, purging=True)
routes.form(RUN + "/cancel", cancel_form, Action.RUNS_CONTROL, _run, starts=True, purging=True)
bp = routes.blueprint
