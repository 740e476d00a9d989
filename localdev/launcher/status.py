"""``status``: show what runs, where, and whether it is well.

Exit codes: 0 everything is well; 1 something is not; 3 nothing runs (as systemctl has it).
"""

import json

from localdev.launcher import report
from localdev.launcher.place import Place
from localdev.launcher.state import State

NOTHING_RUNS = 3


def status(place: Place, *, as_json: bool) -> int:
    """Look at the stack and print what is seen."""
    state = State.read(place.data)
    if state is None:
        print(json.dumps({"running": False, "services": []}) if as_json else place.nothing_runs)
        return NOTHING_RUNS
    lines = report.look(state, place.stack())
    if as_json:
        print(json.dumps(report.wire(state, lines), indent=2))
    else:
        print(report.table(lines))
        print(report.doorway(state))
        if not state.launcher.alive:
            print("the launcher is gone; hint: `python -m localdev down` stops what is left, `up` starts anew")
        elif not state.ready:
            print("starting or stopping")
    well = state.launcher.alive and state.ready and all(line.health == "well" for line in lines)
    return 0 if well else 1
