"""Open a run, fan out rounds of activities until nothing is left, close it."""

from collections.abc import Generator
from datetime import timedelta
from typing import Any, Final

import azure.durable_functions as df

from shared.core.rounds import BARREN_MAX, Phase, RoundState, pause_s
from shared.model.tickets import CLOSE_RUN, OPEN_RUN, Receipt, RunTicket, Wire

Orchestration = Generator[Any, Any, Wire | None]

STEPS_PER_EXECUTION: Final = 50
"""Steps before the history is dropped by continue-as-new: some 50 x width activities, a replay of under 50 ms."""


def run_in_rounds(context: df.DurableOrchestrationContext, work: str) -> Orchestration:
    """Take one run from queued to its end, or until it is paused; ``work`` names the activity that is fanned out.

    Input and output: a :class:`RoundState`. An activity reports trouble in its receipt; one that raises has a bug or ran out
    of time, which counts as a step without a result. Failures are never caught around retried tasks, and windows are plain
    ``task_all``: with 1.x anything cleverer can lose results.
    """
    state = RoundState.from_wire(context.get_input())
    for _ in range(STEPS_PER_EXECUTION):
        context.set_custom_status({"phase": state.phase, "left": state.left, "error": state.error})
        try:
            wires = yield context.task_all(_window(context, state, work))
            receipts = [Receipt.from_wire(wire) for wire in wires]
        except Exception as error:
            receipts = [Receipt(left=-1, error=str(error))]
        state = state.after(receipts)
        if state.phase is Phase.ENDED:
            return state.to_wire()
        if state.barren:
            if state.phase is Phase.CLOSING and state.barren >= BARREN_MAX:
                raise RuntimeError(f"run {state.run_id} could not be closed: {receipts[-1].error}")
            yield context.create_timer(context.current_utc_datetime + timedelta(seconds=pause_s(state.barren)))
    context.continue_as_new(state.to_wire())
    return None


def _window(context: df.DurableOrchestrationContext, state: RoundState, work: str) -> list[Any]:
    """The activities of one step."""
    if state.phase is Phase.WORKING:
        # A worker's name is the same when its activity is delivered again, and no two at work have the same.
        tickets = [
            RunTicket(run_id=state.run_id, worker=f"{context.instance_id}-{number}", epoch=state.epoch)
            for number in range(state.width)
        ]
        return [context.call_activity(work, ticket.to_wire()) for ticket in tickets]
    if state.phase is Phase.OPENING:
        return [context.call_activity(OPEN_RUN, RunTicket(run_id=state.run_id, epoch=state.epoch).to_wire())]
    ticket = RunTicket(run_id=state.run_id, error=state.error, epoch=state.epoch)
    return [context.call_activity(CLOSE_RUN, ticket.to_wire())]
