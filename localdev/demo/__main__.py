"""``python -m localdev.demo``: prove on this machine that what is restored is what was backed up.

Exit codes: 0 both restores are exact and every promised number holds; 1 something is not, or failed; 130 Ctrl-C.
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from localdev.demo import report
from localdev.demo.api import ApiError
from localdev.demo.progress import Steps
from localdev.demo.scenario import FULL_CAP, Outcome, play
from localdev.demo.uploader import UploadFailed
from localdev.launcher.addresses import Addresses
from localdev.launcher.down import down
from localdev.launcher.place import Place
from localdev.launcher.stack import AlreadyRunning, Stack
from localdev.launcher.up import up_detached
from localdev.services.service import ROOT, ServiceFailed

DEFAULT_DATA = ROOT / "build" / "demo"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m localdev.demo",
        description="Back up a real tree of files, change it, back it up again, restore both restore points to new "
        "shares, and compare everything.",
    )
    parser.add_argument(
        "--files-cap",
        type=int,
        default=FULL_CAP,
        metavar="N",
        help=f"library files to write; fewer make everything smaller (default: {FULL_CAP})",
    )
    parser.add_argument(
        "--stop", action="store_true", help="stop everything at the end; else the stack goes on in the background"
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=DEFAULT_DATA,
        metavar="DIR",
        help="deleted first, kept afterwards; results are written beside it, as DIR.json and DIR-differences.txt "
        "(default: build/demo)",
    )
    return parser


def main(arguments: Sequence[str]) -> int:
    """Run the demo and return its exit code."""
    chosen = _parser().parse_args(arguments)
    if chosen.files_cap < 200:
        print("error: --files-cap must be 200 or more, to have something to change", file=sys.stderr)
        return 1
    data: Path = chosen.data.resolve()
    # Being told to stop is like Ctrl-C: the stack is stopped on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console(width=None if sys.stdout.isatty() else 120)
    try:
        return _run(console, data, cap=chosen.files_cap, stop=chosen.stop)
    except (ApiError, UploadFailed, ServiceFailed, AlreadyRunning, OSError) as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


def _run(console: Console, data: Path, *, cap: int, stop: bool) -> int:
    steps = Steps(console)
    place = Place(data / "stack")
    if place.running and (code := down(place, erase=False)):
        return code
    # The well-known ports where they are free: `localdev up` chooses the same later, and the protected share is
    # registered under the port of the emulator.
    stack = Stack(place.data, addresses=Addresses.defaults_where_free())
    stack.erase()
    with steps.step("start Postgres, Azurite, the Azure Files emulator and the app"):
        stack.start()
    try:
        outcome = play(stack, steps, cap=cap)
        _report(console, outcome, steps, data)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave half of it running
        stack.stop()
    if stop:
        again = f".venv/bin/python -m localdev up --data {_short(place.data)}"
        console.print(f"To look around: {again}", highlight=False, soft_wrap=True)
    else:
        # By itself from now on, so that nobody has to keep this terminal open to look around.
        if code := up_detached(place, ["up", "--data", str(place.data), "--app", str(ROOT)]):
            return code
        console.print(f"\nLook around, at {stack.host_url}/", highlight=False, soft_wrap=True)
    return 0 if outcome.holds else 1


def _report(console: Console, outcome: Outcome, steps: Steps, data: Path) -> None:
    result, differences = data.parent / f"{data.name}.json", data.parent / f"{data.name}-differences.txt"
    report.write(outcome, steps.took, result=result, differences=differences)
    report.show(console, outcome, steps.took, differences)
    verdict = "both restores are exact, and every number holds" if outcome.holds else "NOT as promised, see above"
    console.print(f"\n{verdict}; {sum(steps.took.values()):.0f} seconds; {_short(result)}", highlight=False)


def _short(path: Path) -> Path:
    """Name a path as one would type it here, if it is below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
