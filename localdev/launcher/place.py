"""Where a stack of the command line lives."""

from dataclasses import dataclass
from pathlib import Path

from localdev.launcher.addresses import Addresses
from localdev.launcher.stack import Stack
from localdev.launcher.state import State
from localdev.services.service import ROOT

DEFAULT_DATA = ROOT / "build" / "localdev"
DEFAULT_LOGS = ROOT / "build" / "logs"


@dataclass(frozen=True, slots=True)
class Place:
    """A data directory, and what follows from it."""

    data: Path

    @property
    def logs(self) -> Path:
        """Where its services log."""
        return DEFAULT_LOGS if self.data == DEFAULT_DATA else self.data / "logs"

    @property
    def launcher_log(self) -> Path:
        """Where a launcher in the background writes."""
        return self.logs / "launcher.log"

    @property
    def running(self) -> State | None:
        """The stack that a live launcher runs here, if one does; perhaps not ready yet."""
        state = State.read(self.data)
        return state if state and state.launcher.alive else None

    @property
    def nothing_runs(self) -> str:
        """What is said where no stack is: where in this clone there is one, such as the demo's."""
        said = f"nothing runs on {self.data}"
        files = (file for depth in ("*", "*/*") for file in sorted((ROOT / "build").glob(f"{depth}/state.json")))
        places = (Place(file.parent) for file in files)
        others = [place.data.relative_to(ROOT) for place in places if place.running and place.data != self.data]
        return said + "".join(f"\nhint: a stack runs on {other}: add --data {other}" for other in others)

    def stack(self, addresses: Addresses | None = None) -> Stack:
        """Describe the stack here, at ``addresses``, or at those it runs at, or at free ones."""
        if addresses is None and (state := State.read(self.data)):
            addresses = state.addresses
        return Stack(self.data, logs=self.logs, addresses=addresses)
