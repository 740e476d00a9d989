"""Starting the orchestration of a run, and what every POST answers that queues one."""

import logging

import azure.durable_functions as df

from http_api.call import Answer, AnyCall
from http_api.models.runs import Run
from shared.core.rounds import RoundState
from shared.model import run
from shared.model.run import Driver
from shared.model.tickets import ORCHESTRATOR_OF, instance_id

logger = logging.getLogger(__name__)


async def start(client: df.DurableOrchestrationClient, queued: run.Run, width: int) -> None:
    """Start the orchestration of a queued run. Doing it twice is harmless: a run has one instance in each epoch.

    Nothing for a run that the worker processes drive: they look for it. A run that cannot be started now stays queued, and the timer
    ``start_queued`` tries again: its caller has what they asked for.
    """
    if queued.driver is not Driver.DURABLE:
        return
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
