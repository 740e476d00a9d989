"""Decide after each round of activities whether a run goes on, ends or is given up."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final, Self

from shared.model.tickets import Receipt, Wire

BARREN_ROUNDS_MAX: Final = 5
"""Rounds without a single committed batch after which a run is given up. Each round already holds every retry that the
activities make within their own time, so five of them are many minutes of a service that does not answer."""


class Step(StrEnum):
    """What comes next."""

    GO_ON = "go_on"
    CLOSE = "close"
    GIVE_UP = "give_up"


@dataclass(frozen=True, slots=True)
class RoundState:
    """What an orchestrator remembers from round to round, and across continue-as-new."""

    run_id: int
    width: int
    """Activities per round."""
    barren: int = 0
    """Rounds in a row in which nothing was committed."""
    left: int = -1
    """Work items left at the end of the last round; -1 before the first."""
    error: str = ""
    """The last error that ended an activity."""
    permanent: bool = False
    """``error`` will not go away by trying again."""

    def to_wire(self) -> Wire:
        """Plain JSON."""
        return asdict(self)

    @classmethod
    def from_wire(cls, wire: Wire) -> Self:
        """The opposite of :meth:`to_wire`."""
        return cls(**wire)

    def after(self, receipts: Sequence[Receipt]) -> "RoundState":
        """The state after a round."""
        errors = [r for r in receipts if r.error]
        progressed = any(r.batches for r in receipts)
        return RoundState(
            run_id=self.run_id,
            width=self.width,
            barren=0 if progressed else self.barren + 1,
            left=min((r.left for r in receipts if not r.error), default=self.left),
            error=errors[-1].error if errors else "",
            permanent=any(not r.retryable for r in errors),
        )

    def step(self) -> Step:
        """What comes next. Nothing left wins over errors: the work is done whoever did it."""
        if self.left == 0:
            return Step.CLOSE
        if self.permanent or self.barren >= BARREN_ROUNDS_MAX:
            return Step.GIVE_UP
        return Step.GO_ON

    def reason(self) -> str:
        """Why the run is given up, for people."""
        return self.error or f"{self.left} work items are left but no worker could claim any in {self.barren} rounds"
