"""``.../shares/{share_id}/runs``, ``/backups`` and ``/scans``: start runs, follow and steer them."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final
from urllib.parse import urlencode

from http_api.call import Answer, AnyCall, Call
from http_api.endpoint import SHARE
from http_api.models.runs import (
    Cost,
    JournalLinesQuery,
    JournalPart,
    JournalQuery,
    Line,
    Run,
    RunPage,
    RunsQuery,
    RunWithCost,
)
from http_api.routes import Routes
from http_api.starting import run_url, start, started
from shared.core import cost
from shared.core.progress import AtWork, is_measured, worked_seconds
from shared.db import batches, restore_points, runs
from shared.db.pool import Connection
from shared.errors import BackupError, NotFound
from shared.model import run
from shared.model.access import Action
from shared.model.run import RunKind, RunState
from shared.ports.journal import event

logger = logging.getLogger(__name__)

LINES_AT_ONCE: Final = 20_000
"""Lines of a journal in one answer: some megabytes, and seconds of asking for them."""


async def start_backup(call: Call) -> Answer:
    """Start a backup. 409 while another run of the share is active."""
    return await _started(call, RunKind.BACKUP)


async def start_scan(call: Call) -> Answer:
    """Start a scan: list and compare, and move no content. 409 while another run of the share is active."""
    return await _started(call, RunKind.SCAN)


async def _started(call: AnyCall, kind: RunKind) -> Answer:
    share = call.share
    queued = await runs.create(call.conn, share.tenant_id, share.share_id, kind, driver=call.app.settings.driver)
    return started(call, queued)


async def list_runs(call: Call[RunsQuery]) -> RunPage:
    """The runs of a share, the newest first."""
    place = call.place(int)
    found = await runs.of_share(
        call.conn,
        call.share.share_id,
        before=place[0] if place else None,
        limit=call.query.limit + 1,
        kind=call.query.kind,
        state=call.query.state,
    )
    shown = found[: call.query.limit]
    return RunPage(
        runs=[Run.of(one, now=call.now) for one in shown],
        **call.part_after(found, shown, lambda one: (one.run_no,)),
    )


async def get_run(call: Call) -> RunWithCost:
    """One run: state, counters so far, rate, ETA, errors, cost."""
    share_id, conn = call.share.share_id, call.conn
    found = await runs.by_number(conn, share_id, call.number("run_no"))
    expected = await _expected(conn, found)
    holding = await batches.workers(conn, found.run_id)
    await call.release()
    left = await call.app.catalogue_of(call.share).left(found.run_id)
    at_work = AtWork(workers=holding, left=left, place=await call.app.place_of(found))
    return RunWithCost.of(found, now=call.now, at_work=at_work, expected=expected, cost=_cost(call, found))


async def _expected(conn: Connection, found: run.Run) -> run.RestorePoint | None:
    """What a run is expected to come to; None also if the restore point it is about is gone."""
    if not is_measured(found):
        return None
    about = found.verify or found.order
    if about is not None:
        with suppress(NotFound):
            return await restore_points.get(conn, found.share_id, about.restore_point)
        return None
    before = await restore_points.of_share(conn, found.share_id, before=found.run_no, limit=1)
    return before[0] if before else None


def _cost(call: AnyCall, found: run.Run) -> Cost:
    """What the run has cost so far, as if all workers had been at it all the time."""
    seconds = worked_seconds(found, call.now)
    done = cost.work_of(found.kind, found.counters, worker_s=seconds * call.app.settings.width)
    return Cost.model_validate(cost.cost_answer(cost.cost_of(done, call.app.prices), call.app.prices))


async def get_journal(call: Call[JournalQuery]) -> JournalPart:
    """What was skipped or failed in a run and why, and what happened to it."""
    after = call.after()
    found = await runs.by_number(call.conn, call.share.share_id, call.number("run_no"))
    await call.release()
    lines, following = await call.app.journal.page(found.key, after=after, kind=call.query.kind, limit=call.query.limit)
    return JournalPart(lines=[Line.of(line) for line in lines], **call.part(following))


async def get_journal_lines(call: Call[JournalLinesQuery]) -> Answer:
    """The journal as lines of JSON, the oldest first: up to 20,000; if there are more, `Link` has the address of the next ones."""
    after = call.after()
    found = await runs.by_number(call.conn, call.share.share_id, call.number("run_no"))
    await call.release()
    kind = call.query.kind
    lines, following = await call.app.journal.page(found.key, after=after, kind=kind, limit=LINES_AT_ONCE)
    body = "".join(f"{Line.of(line).model_dump_json()}\n" for line in lines).encode("utf-8")
    headers = {}
    if following:
        query = urlencode({"after": call.cursor(following), **({"kind": kind} if kind else {})})
        headers["Link"] = f'<{run_url(found)}/journal-lines?{query}>; rel="next"'
    return Answer(body=body, media=_LINES, headers=headers)


Control = Callable[[Connection, int], Awaitable[int | None]]


async def _control(call: AnyCall, change: Control, told: str) -> Answer:
    """Change a run's state as somebody asked, have it followed, and tell the journal; nothing new if it is so already."""
    asked = await runs.by_number(call.conn, call.share.share_id, call.number("run_no"))
    line_no = await change(call.conn, asked.run_id)
    found = await runs.get(call.conn, asked.run_id)

    async def then() -> None:
        if found.state in (RunState.QUEUED, RunState.CANCELLING):
            await start(call.client, found, call.app.settings.width)
        if line_no is not None:
            line = event(call.now, told, f"asked for by {call.principal.name} through the API")
            try:
                await call.app.journal.write(found.key, line_no, [line])
            except BackupError:  # what was asked for is done, whether the journal can be written or not
                logger.exception("journal_not_written", extra={"run_id": found.run_id, "event": told})

    return Answer(body=Run.of(found, now=call.now), location=run_url(found), then=then)


async def pause_run(call: Call) -> Answer:
    """Pause a run. 409 with the reason if it has ended or is being closed or cancelled."""
    return await _control(call, runs.pause, "paused")


async def resume_run(call: Call) -> Answer:
    """Resume a paused run. 409 with the reason if it has ended or is being cancelled."""
    return await _control(call, runs.resume, "resumed")


async def cancel_run(call: Call) -> Answer:
    """Cancel a run. 409 with the reason if it has ended or is being closed."""
    return await _control(call, runs.cancel, "cancel")


_LINES: Final = "application/x-ndjson"
_RUN = SHARE + "/runs/{run_no:int}"
routes = Routes("runs")
routes.post(SHARE + "/backups", start_backup, Action.RUNS_START, {202: Run}, refuses={409}, starts=True)
routes.post(SHARE + "/scans", start_scan, Action.RUNS_START, {202: Run}, refuses={409}, starts=True)
routes.get(SHARE + "/runs", list_runs, Action.RUNS_READ, {200: RunPage}, purging=True)
routes.get(_RUN, get_run, Action.RUNS_READ, {200: RunWithCost}, purging=True)
routes.get(_RUN + "/journal", get_journal, Action.RUNS_READ, {200: JournalPart}, purging=True)
routes.get(_RUN + "/journal-lines", get_journal_lines, Action.RUNS_READ, {200: _LINES}, purging=True)
routes.post(_RUN + "/pause", pause_run, Action.RUNS_CONTROL, {202: Run}, refuses={409}, starts=True, purging=True)
routes.post(_RUN + "/resume", resume_run, Action.RUNS_CONTROL, {202: Run}, refuses={409}, starts=True, purging=True)
routes.post(_RUN + "/cancel", cancel_run, Action.RUNS_CONTROL, {202: Run}, refuses={409}, starts=True, purging=True)
bp = routes.blueprint
