"""``.../shares/{share_id}/runs``, ``/backups`` and ``/scans``: start runs and follow them."""

import itertools
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

import azure.durable_functions as df
import azure.functions as func
from pydantic import BaseModel, ConfigDict

from http_api import answers
from http_api.problems import answered, body_as
from http_api.requested import number_in, requested_share
from shared import wiring
from shared.core import cost
from shared.core.progress import AtWork
from shared.core.rounds import RoundState
from shared.db import batches, restore_points, runs
from shared.db.pool import Connection
from shared.errors import BackupError, InvalidInput
from shared.model.run import Driver, Run, RunKind, RunState
from shared.model.tickets import ORCHESTRATOR_OF, instance_id
from shared.ports import event

logger = logging.getLogger(__name__)
bp = df.Blueprint()

JOURNAL_LINES = 1_000
_KIND = re.compile("[a-z_]{1,40}")


class NoChoice(BaseModel):
    """Body of the POSTs that leave nothing to choose."""

    model_config = ConfigDict(extra="forbid")


async def start(client: df.DurableOrchestrationClient, run: Run, width: int) -> None:
    """Start the orchestration of a queued run. Doing it twice is harmless: a run has one instance in each epoch.

    Nothing for a run that the worker processes drive: they look for it. A run that cannot be started now stays queued, and
    :func:`start_queued` tries again: its caller has what they asked for.
    """
    if run.driver is not Driver.DURABLE:
        return
    try:
        await _start(client, run, width)
    except Exception:
        logger.exception("run_not_started_yet", extra={"run_id": run.run_id})


async def _start(client: df.DurableOrchestrationClient, run: Run, width: int) -> None:
    name = instance_id(run.run_id, run.epoch)
    status = await client.get_status(name)
    if status is None or status.runtime_status is None:
        await client.start_new(
            ORCHESTRATOR_OF[run.kind], name, RoundState(run.run_id, width, epoch=run.epoch).to_wire()
        )


def run_url(run: Run) -> str:
    """Where a run is found."""
    return f"/api/tenants/{run.tenant_id}/shares/{run.share_id}/runs/{run.run_no}"


@answered
async def start_backup(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Start a backup: 202 with the run, 409 while another run of the share is active."""
    body_as(req, NoChoice)
    return await _started(req, client, RunKind.BACKUP)


@answered
async def start_scan(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Start a scan: 202 with the run, 409 while another run of the share is active."""
    body_as(req, NoChoice)
    return await _started(req, client, RunKind.SCAN)


async def _started(req: func.HttpRequest, client: df.DurableOrchestrationClient, kind: RunKind) -> func.HttpResponse:
    app = await wiring.app()
    async with app.transaction() as conn:
        share = await requested_share(conn, req)
        run = await runs.create(conn, share.tenant_id, share.share_id, kind, driver=app.settings.driver)
    await start(client, run, app.settings.width)
    return answers.answer(answers.run(run, now=app.clock.now()), 202, run_url(run))


@answered
async def list_runs(req: func.HttpRequest) -> func.HttpResponse:
    """A share's runs, newest first."""
    app = await wiring.app()
    async with app.transaction() as conn:
        share = await requested_share(conn, req)
        found = await runs.of_share(conn, share.share_id)
    return answers.answer({"runs": [answers.run(r, now=app.clock.now()) for r in found]})


@answered
async def get_run(req: func.HttpRequest) -> func.HttpResponse:
    """One run: state, counters so far, rate, ETA, errors."""
    app = await wiring.app()
    async with app.transaction() as conn:
        share = await requested_share(conn, req)
        run = await runs.by_number(conn, share.share_id, int(req.route_params["run_no"]))
        if run.verify is not None:
            before = [await restore_points.get(conn, share.share_id, run.verify.restore_point)]
        elif run.order is not None:
            before = [await restore_points.get(conn, share.share_id, run.order.restore_point)]
        else:
            before = await restore_points.of_share(conn, share.share_id, before=run.run_no, limit=1)
        holding = await batches.workers(conn, run.run_id)
    at_work = AtWork(workers=holding, left=await app.catalogue.left(run.run_id))
    is_part = run.kind is RunKind.REBUILD or (run.order is not None and not run.order.is_whole)
    expected = before[0] if before and not is_part else None
    shown = answers.run(run, now=app.clock.now(), at_work=at_work, expected=expected)
    return answers.answer(shown | {"cost": _cost(run, shown["seconds"], app.settings.width, app.prices)})


def _cost(run: Run, seconds: float, workers: int, prices: cost.Prices) -> dict[str, Any]:
    """What the run has cost so far, as if all workers had been at it all the time."""
    done = cost.work_of(run.kind, run.counters, worker_s=seconds * workers)
    return cost.cost_answer(cost.cost_of(done, prices), prices)


@answered
async def get_journal(req: func.HttpRequest) -> func.HttpResponse:
    """What was skipped or failed in a run and why, and what happened to it: lines after a cursor, and the next cursor."""
    limit = number_in(req, "limit", default=JOURNAL_LINES, least=1, most=JOURNAL_LINES)
    kind = req.params.get("kind", "")
    if kind and not _KIND.fullmatch(kind):
        raise InvalidInput(f"kind is {kind!r}; expected a word such as unreadable or event", field="kind")
    app = await wiring.app()
    async with app.transaction() as conn:
        share = await requested_share(conn, req)
        run = await runs.by_number(conn, share.share_id, int(req.route_params["run_no"]))
    lines, following = await app.journal.page(run.key, after=req.params.get("after", ""), kind=kind, limit=limit)
    told = [answers.journal_line(line) for line in lines]
    return answers.answer({"lines": told, "more": bool(following), "next": following or None})


Control = Callable[[Connection, int], Awaitable[int | None]]


async def _control(
    req: func.HttpRequest, client: df.DurableOrchestrationClient, change: Control, told: str
) -> func.HttpResponse:
    """Change a run's state as somebody asked, have it followed, and tell the journal; nothing new if it is so already."""
    body_as(req, NoChoice)
    app = await wiring.app()
    async with app.transaction() as conn:
        share = await requested_share(conn, req)
        asked = await runs.by_number(conn, share.share_id, int(req.route_params["run_no"]))
        line_no = await change(conn, asked.run_id)
        run = await runs.get(conn, asked.run_id)
    if run.state in (RunState.QUEUED, RunState.CANCELLING):
        await start(client, run, app.settings.width)
    if line_no is not None:
        try:
            await app.journal.write(run.key, line_no, [event(app.clock.now(), told, "asked for through the API")])
        except BackupError:  # what was asked for is done, whether the journal can be written or not
            logger.exception("journal_not_written", extra={"run_id": run.run_id, "event": told})
    return answers.answer(answers.run(run, now=app.clock.now()), 202, run_url(run))


@answered
async def pause_run(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Pause a run: 202 with the run, 409 with the reason if it has ended or is being closed or cancelled."""
    return await _control(req, client, runs.pause, "paused")


@answered
async def resume_run(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Resume a paused run: 202 with the run, 409 with the reason if it has ended or is being cancelled."""
    return await _control(req, client, runs.resume, "resumed")


@answered
async def cancel_run(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Cancel a run: 202 with the run, 409 with the reason if it has ended or is being closed."""
    return await _control(req, client, runs.cancel, "cancel")


async def start_queued(timer: func.TimerRequest, client: df.DurableOrchestrationClient) -> None:  # noqa: ARG001
    """Start runs whose starter died between the row and the orchestration: new, resumed and cancelled ones."""
    app = await wiring.app()
    async with app.transaction() as conn:
        waiting = await runs.queued_for(conn, 60.0)
    for run in itertools.islice(waiting, 100):
        await start(client, run, app.settings.width)


_SHARE = "api/tenants/{tenant_id}/shares/{share_id:int}"


def with_client(blueprint: df.Blueprint, handler: Any) -> Any:
    """``handler`` with a client of Durable Functions."""
    return blueprint.durable_client_input(client_name="client")(handler)


bp.route(route=_SHARE + "/backups", methods=["POST"])(with_client(bp, start_backup))
bp.route(route=_SHARE + "/scans", methods=["POST"])(with_client(bp, start_scan))
bp.route(route=_SHARE + "/runs", methods=["GET"])(list_runs)
bp.route(route=_SHARE + "/runs/{run_no:int}", methods=["GET"])(get_run)
bp.route(route=_SHARE + "/runs/{run_no:int}/journal", methods=["GET"])(get_journal)
bp.route(route=_SHARE + "/runs/{run_no:int}/pause", methods=["POST"])(with_client(bp, pause_run))
bp.route(route=_SHARE + "/runs/{run_no:int}/resume", methods=["POST"])(with_client(bp, resume_run))
bp.route(route=_SHARE + "/runs/{run_no:int}/cancel", methods=["POST"])(with_client(bp, cancel_run))
bp.timer_trigger(arg_name="timer", schedule="15 * * * * *")(with_client(bp, start_queued))
