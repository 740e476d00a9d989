"""``down``: stop the stack, whatever is left of it.

Exit codes: 0 nothing runs any more; 1 the launcher would not end, or the data could not be deleted.
"""

import signal
import sys

from localdev.launcher.place import Place
from localdev.launcher.state import State, forget
from localdev.services.processes import wait_until

# The launcher stops its services one after the other, each within its own limit.
LAUNCHER_SECONDS = 60.0


def down(place: Place, *, erase: bool) -> int:
    """Stop the launcher, which stops its services; then whatever a launcher that was killed left behind."""
    state = State.read(place.data)
    if state is None:
        print(place.nothing_runs)
    else:
        state.launcher.send(signal.SIGTERM)
        if not wait_until(lambda: not state.launcher.alive, LAUNCHER_SECONDS):
            print(f"error: the launcher (pid {state.launcher.pid}) does not stop; see {place.logs}", file=sys.stderr)
            return 1
        # Read again: it may have started something between our look and our signal.
        if orphans := State.read(place.data):
            stopped = orphans.stop_members()
            if stopped:
                print(f"stopped what a killed launcher had left running: {', '.join(stopped)}")
            forget(place.data)
        print("stopped")
    if erase:
        place.stack().erase()
        print(f"deleted the data in {place.data}")
    return 0
