"""Starting the orchestration of a run, and what every POST answers that queues one."""

import logging
from collections.abc import Awaitable, Callable, Iterable

import azure.durable_functions as df

from http_api.call import Answer, AnyCall
from http_api.models.runs import Run
from shared import wiring
from shared.core.rounds import RoundState
from shared.errors import BackupError
from shared.model import run
from shared.model.run import Driver, RunState
from shared.model.tickets import ORCHESTRATOR_OF, instance_id

logger = logging.getLogger(__name__)


async def now_or_by_upkeep(what: Callable[[], Awaitable[None]]) -> None:
    """Do what an upkeep does within a minute, if it fails now: it is decided, and its caller need not wait for that."""
    try:
        await what()
    except BackupError as error:
        logger.warning("left_to_upkeep", extra={"error": str(error)})


async def start(client: df.DurableOrchestrationClient, queued: run.Run, width: int) -> None:
    """Start the orchestration of a queued run if it is its turn, and of all others whose turn it is; or of one being cancelled.

    Doing it twice is harmless: a run has one instance in each epoch. Nothing for runs that the worker processes drive: they look for
    them. A run that cannot be started now stays queued, and the timers try again: its caller has what they asked for.
    """
    try:
        ready = [queued] if queued.state is RunState.CANCELLING else await (await wiring.app()).admit()
    except Exception:
        logger.exception("run_not_started_yet", extra={"run_id": queued.run_id})
        return
    await start_all(client, ready, width)


async def start_all(client: df.DurableOrchestrationClient, ready: Iterable[run.Run], width: int) -> None:
    """Start the orchestrations of runs that may be opened."""
    for queued in ready:
        if queued.driver is Driver.DURABLE:
            try:
                await _start(client, queued, width)
            except Exception:
                logger.exception("run_not_started_yet", extra={"run_id": queued.run_id})


async def _start(client: df.DurableOrchestrationClient, queued: run.Run, width: int) -> None:
    name = instance_id(queued.run_id, queued.epoch)
    status = await client.get_status(name)
    if status is None or status.runtime_status is None:
        await client.start_new(
            ORCHESTRATOR_OF[queued.kind], name, RoundState(queued.run_id, width, epoch=queued.epoch).to_wire()
        )


def run_url(queued: run.Run) -> str:
    """Where a run is found."""
    return f"/api/tenants/{queued.tenant_id}/shares/{queued.share_id}/runs/{queued.run_no}"


def started(call: AnyCall, queued: run.Run) -> Answer:
    """The answer of whoever queued a run: it is started when the run is committed, and soon by the timer if that fails."""

    async def then() -> None:
        call.app.telemetry.run_started(queued)
        await start(call.client, queued, call.app.settings.width)

    return Answer(body=Run.of(queued, now=call.now), location=run_url(queued), then=then)
