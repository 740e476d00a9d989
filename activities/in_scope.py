"""Run a use case for a ticket in the world of its run: what all activities share."""

from shared import wiring
from shared.model.tickets import RunTicket, Wire
from shared.wiring import UseCase


async def in_scope(wire: Wire, usecase: UseCase) -> Wire:
    """Return the verdict, also when the world of the run cannot be made: its credential may be gone."""
    app = await wiring.app()
    return (await app.perform(RunTicket.from_wire(wire), usecase)).to_wire()
