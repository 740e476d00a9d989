"""Stop early: a run that is paused or cancelled, or a process that is asked to go.

A scope has one :class:`StopSignal`. Whoever works for long looks at it between two pieces: the walk between groups of listings, the saver between
files, a span between chunks. What is in hand is then committed and the rest given back, so that nothing that was read is lost.
Only of a run that is cancelled, or that somebody else has ended, everything is dropped: nothing of it could be committed.
"""

from typing import TYPE_CHECKING, Final

from shared.core.rounds import stop_of
from shared.errors import Fenced
from shared.model.tickets import Stop

if TYPE_CHECKING:
    from shared.usecases.scope import RunScope

DROPS: Final = frozenset({Stop.CANCELLED, Stop.ENDED})


class Stopped(Exception):
    """Carries the wish to stop out of the middle of a file; whoever raises it knows who catches it."""


class StopSignal:
    """Whether to stop, and why; true when asked to. Asked once, it stays so."""

    def __init__(self, above: "StopSignal | None" = None) -> None:
        """``above``: what stops that stops this too."""
        self._why = Stop.NO
        self._above = above

    @property
    def why(self) -> Stop:
        """The reason; ``Stop.NO`` while there is none."""
        return self._why or (self._above.why if self._above is not None else Stop.NO)

    def __bool__(self) -> bool:
        return self.why is not Stop.NO

    def ask(self, why: Stop) -> None:
        """Have it stop. That everything is to be dropped outdoes an earlier reason."""
        if self._why is Stop.NO or why in DROPS:
            self._why = why

    def check(self) -> None:
        """Raise ``Fenced`` if what is in hand can be dropped."""
        if self.why in DROPS:
            raise Fenced(f"the run was {self.why} while this batch was worked on")


async def look(scope: "RunScope") -> None:
    """Ask whether the run is to go on, and have the scope stop if not."""
    state, epoch = await scope.catalogue.state_now(scope.run.run_id)
    why = stop_of(state, epoch, scope.run.epoch)
    if why is not Stop.NO:
        scope.stop.ask(why)
