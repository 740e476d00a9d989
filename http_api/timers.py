"""Timers: what nobody asks for. Each may be missed, fire twice or be cut off: whatever was not done is done by the next."""

import itertools

import azure.durable_functions as df
import azure.functions as func

from http_api.starting import start_all
from shared import wiring
from shared.db import runs

bp = df.Blueprint()

LOST_S = 60.0
"""Who was to start an orchestration has done it after so long, or has died."""
LOST_AT_ONCE = 100


async def begin_due(timer: func.TimerRequest, client: df.DurableOrchestrationClient) -> None:  # noqa: ARG001
    """Start runs of schedules that are due, and keep them within their windows."""
    app = await wiring.app()
    await start_all(client, await app.begin_due(), app.settings.width)


async def start_queued(timer: func.TimerRequest, client: df.DurableOrchestrationClient) -> None:  # noqa: ARG001
    """Open queued runs whose turn has come, and those whose starter died between row and orchestration: new, resumed, cancelled ones."""
    app = await wiring.app()
    await start_all(client, await app.admit(), app.settings.width)
    async with app.transaction() as conn:
        lost = await runs.queued_for(conn, LOST_S)
    await start_all(client, itertools.islice(lost, LOST_AT_ONCE), app.settings.width)


async def look_after(timer: func.TimerRequest) -> None:  # noqa: ARG001
    """Raise alerts about what has happened."""
    await (await wiring.app()).look_after()


async def deliver_alerts(timer: func.TimerRequest) -> None:  # noqa: ARG001
    """Tell of them, and try again what could not be told."""
    await (await wiring.app()).deliver()


bp.timer_trigger(arg_name="timer", schedule="0 * * * * *")(bp.durable_client_input(client_name="client")(begin_due))
bp.timer_trigger(arg_name="timer", schedule="*/15 * * * * *")(
    bp.durable_client_input(client_name="client")(start_queued)
)
bp.timer_trigger(arg_name="timer", schedule="20 * * * * *")(look_after)
bp.timer_trigger(arg_name="timer", schedule="*/30 * * * * *")(deliver_alerts)
