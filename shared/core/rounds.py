"""Decide, between rounds of activities, whether a run goes on, is closed or is given up."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Final, Self

from shared.model.run import ACTIVE, RunState
from shared.model.tickets import Receipt, Stop, Wire, without_default

BARREN_MAX: Final = 10
"""Activities or rounds in a row without a result after which a run is given up. With the pauses between them these are six
minutes of a service that refuses at once, which is longer than a database or a storage account takes to come back, and up to
half an hour of one that does not answer, because each step holds every retry that is made within its own time."""

FIRST_PAUSE_S: Final = 5
PAUSE_MAX_S: Final = 60


def pause_s(barren: int) -> int:
    """How long to wait after ``barren`` steps in a row without a result: 5 s, 10 s, 20 s, 40 s, then a minute."""
    return min(PAUSE_MAX_S, FIRST_PAUSE_S << (barren - 1)) if barren > 0 else 0


def stop_of(state: RunState, epoch: int, mine: int) -> Stop:
    """Whether work on a run of epoch ``mine`` is to stop now that the run is in ``state`` and ``epoch``."""
    if state not in ACTIVE:
        return Stop.ENDED
    if epoch != mine:
        return Stop.SUPERSEDED
    if state is RunState.PAUSED:
        return Stop.PAUSED
    if state is RunState.CANCELLING:
        return Stop.CANCELLED
    return Stop.NO


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
    epoch: int = 0
    """Of the run, when this was started."""

    def to_wire(self) -> Wire:
        """Plain JSON."""
        return without_default(asdict(self), "epoch", 0)

    @classmethod
    def from_wire(cls, wire: Wire) -> Self:
        """The opposite of :meth:`to_wire`."""
        return cls(**(wire | {"phase": Phase(wire.get("phase", Phase.OPENING))}))

    def after(self, receipts: Sequence[Receipt]) -> "RoundState":
        """The state after a step: one receipt of opening or closing, or those of a round of work."""
        stops = {receipt.stop for receipt in receipts}
        if stops & {Stop.PAUSED, Stop.SUPERSEDED, Stop.ENDED}:
            return replace(self, phase=Phase.ENDED)  # whoever resumes the run starts anew, at its opening
        if Stop.CANCELLED in stops:
            return replace(self, phase=Phase.CLOSING, error="", barren=0)
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
