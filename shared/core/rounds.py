"""Decide, between rounds of activities, whether a run goes on, is closed or is given up."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Final, Self

from shared.model.tickets import Receipt, Wire

BARREN_MAX: Final = 10
"""Activities or rounds in a row without a result after which a run is given up. Each already holds every retry that the
activities make within their own time, so ten of them are many minutes of a service that does not answer."""

PAUSE_S: Final = 5
"""Before a step that failed is tried again."""


class Phase(StrEnum):
    """Where a run is in its life."""

    OPENING = "opening"
    WORKING = "working"
    CLOSING = "closing"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class RoundState:
    """What an orchestrator remembers from step to step, and across continue-as-new."""

    run_id: int
    width: int
    """Activities per round."""
    phase: Phase = Phase.OPENING
    barren: int = 0
    """Steps in a row that achieved nothing."""
    left: int = -1
    """Work items left, as last seen; -1 when nobody has looked."""
    error: str = ""
    """Closing: why the run is given up. Before: the last error seen."""

    def to_wire(self) -> Wire:
        """Plain JSON."""
        return asdict(self)

    @classmethod
    def from_wire(cls, wire: Wire) -> Self:
        """The opposite of :meth:`to_wire`."""
        return cls(**(wire | {"phase": Phase(wire.get("phase", Phase.OPENING))}))

    def after(self, receipts: Sequence[Receipt]) -> "RoundState":
        """The state after a step: one receipt of opening or closing, or those of a round of work."""
        errors = [receipt for receipt in receipts if receipt.error]
        final = next((receipt.error for receipt in errors if not receipt.retryable), "")
        working = self.phase is Phase.WORKING
        progressed = any(receipt.batches for receipt in receipts) if working else not errors
        state = replace(
            self,
            barren=0 if progressed else self.barren + 1,
            left=min((receipt.left for receipt in receipts if not receipt.error), default=self.left),
            error=self.error if self.phase is Phase.CLOSING else (errors[-1].error if errors else ""),
        )
        if self.phase is Phase.CLOSING:
            if not errors:
                return replace(state, phase=Phase.ENDED)
            if not self.error and (final or state.barren >= BARREN_MAX):
                return replace(state, error=final or errors[-1].error, barren=0)  # cannot be committed: give it up
            return state
        if working and state.left == 0:
            return replace(state, phase=Phase.CLOSING, error="", barren=0)  # done, whoever did it
        if final or state.barren >= BARREN_MAX:
            stuck = f"{state.left} work items are left, but in {state.barren} rounds no worker could finish any"
            return replace(state, phase=Phase.CLOSING, error=final or state.error or stuck, barren=0)
        if self.phase is Phase.OPENING and not errors:
            return replace(state, phase=Phase.WORKING)
        return state
