"""Tell of one step of a run, whoever takes it: a span in the run's trace, a line in the log, a duration."""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from shared.model.metric import STEP_SECONDS
from shared.model.tickets import Receipt, RunTicket
from shared.ports.telemetry import Attribute
from shared.telemetry import ids_of, tagged
from shared.usecases.scope import RunScope

log = logging.getLogger(__name__)

STEPS: Final = {"open_run": "open", "close_run": "close"}
"""What is told of these use cases; the others do the work of a run."""


async def tell_step(
    ticket: RunTicket, scope: RunScope, usecase: Callable[[RunTicket, RunScope], Awaitable[Receipt]]
) -> Receipt:
    """The receipt of ``usecase``. Nothing is told of one that found nothing to do: workers look again every second."""
    run, monotonic = scope.run, scope.clock.monotonic
    step, began_at = STEPS.get(getattr(usecase, "__name__", ""), "work"), monotonic()
    told = scope.telemetry.span(f"{run.kind}.{step}", of=run, worker=ticket.worker, epoch=run.epoch)
    with tagged(**ids_of(run)), told as span:
        receipt = await usecase(ticket, scope)
        outcome = "failed" if receipt.error else receipt.stop.value or "done"
        if step == "work" and outcome == "done" and not receipt.batches:
            span.drop()
            return receipt
        result: dict[str, Attribute] = {"outcome": outcome, "batches": receipt.batches, "left": receipt.left}
        span.set(**result)
        log.info("run_step", extra={"step": step, **result, **({"error": receipt.error} if receipt.error else {})})
    scope.telemetry.observe(STEP_SECONDS, monotonic() - began_at, run.kind.value, step, outcome)
    return receipt
