"""Run a use case for a ticket in the world of its run: what all activities share."""

from collections.abc import Awaitable, Callable

from shared import wiring
from shared.errors import BackupError
from shared.model.tickets import Receipt, RunTicket, Wire
from shared.usecases.scope import RunScope
from shared.usecases.verdict import verdict

UseCase = Callable[[RunTicket, RunScope], Awaitable[Receipt]]


async def in_scope(wire: Wire, usecase: UseCase) -> Wire:
    """Return the verdict, also when the world of the run cannot be made: its credential may be gone."""
    ticket = RunTicket.from_wire(wire)
    try:
        async with wiring.run_scope(ticket.run_id) as scope:
            receipt = await usecase(ticket, scope)
    except BackupError as error:
        receipt = verdict(error)
    return receipt.to_wire()
