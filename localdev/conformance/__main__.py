"""``python -m localdev.conformance``: compare localdev's Functions host with the real one.

Exit codes: 0 as the real host; 1 not so, or a scenario could not be played; 2 something could not be started; 3 no real host is
here, and what could be compared is as written down: nothing is known about Azure; 130 Ctrl-C.
"""

import argparse
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from localdev.conformance import hazards, programs, report, sides, traces
from localdev.conformance.differences import compare
from localdev.conformance.expected import Expected
from localdev.conformance.programs import Program
from localdev.conformance.report import Compared
from localdev.conformance.sides import Played
from localdev.launcher.stack import AlreadyRunning
from localdev.services.service import ROOT, ServiceFailed

OUT = ROOT / "build" / "conformance"
UNIT_S = 2.0
IMAGE = "FUNCTIONS_IMAGE"
INSTALL = f"""\
no real host is here, so nothing is said about Azure. To have one: Azure Functions Core Tools 4
(npm install --global azure-functions-core-tools@4), or a container engine and, in {IMAGE}, the name of the
image of Azure Functions 4 for Python that Microsoft publishes (docs/CONFORMANCE.md)"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m localdev.conformance", description=__doc__)
    parser.add_argument("--app", choices=sorted(sides.APPS), help="only this one")
    parser.add_argument("--only", nargs="+", default=[], metavar="SCENARIO", help="only these of the app hazards")
    parser.add_argument(
        "--host",
        choices=("auto", "core-tools", "container", "none"),
        default="auto",
        help="the real host to compare with (default: whichever is there)",
    )
    parser.add_argument(
        "--host-command",
        metavar="TEMPLATE",
        help="compare with what this command runs, which is then not called the real host; gaps: {app} {port} {python} "
        "{postgres} {record}",
    )
    parser.add_argument(
        "--unit", type=float, default=UNIT_S, metavar="S", help="seconds of waiting in scenarios (default: %(default)s)"
    )
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="report, logs and records (%(default)s)")
    parser.add_argument(
        "--update", action="store_true", help="write down what the real host gave, or, if there is none, localdev's"
    )
    commands = parser.add_subparsers(dest="command")
    two = commands.add_parser("traces", help="compare what two hosts of ours recorded")
    two.add_argument("ours", type=Path, metavar="DIR")
    two.add_argument("theirs", type=Path, metavar="DIR")
    commands.add_parser("list", help="list the scenarios of the app hazards")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Run it and return the exit code."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.only) - {scenario.name for scenario in hazards.SCENARIOS}:
        parser.error(f"no scenario {', '.join(sorted(unknown))}; `list` lists them")
    if chosen.update and (chosen.only or chosen.host_command):
        parser.error("--update takes all scenarios, of a real host or of localdev's")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # being told to stop is like Ctrl-C: all is stopped
    try:
        match chosen.command:
            case "list":
                return _list()
            case "traces":
                return _traces(chosen.ours, chosen.theirs)
            case _:
                return _compare(chosen)
    except (ServiceFailed, AlreadyRunning, traces.NotATrace, OSError) as problem:
        print(f"error: {problem}", file=sys.stderr)
        return report.FAILED
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


def _list() -> int:
    for scenario in hazards.SCENARIOS:
        print(f"{scenario.name:<18} {scenario.about}")
    return 0


def _traces(ours: Path, theirs: Path) -> int:
    found = compare(traces.summary(traces.read(ours)), traces.summary(traces.read(theirs)))
    for difference in found:
        print("\n".join(difference.lines(ours.name, theirs.name)))
    print(f"{len(found)} differences")
    return report.DIFFERS if found else report.ALIKE


def _compare(chosen: argparse.Namespace) -> int:
    out: Path = chosen.out.resolve()
    # With --only nothing is left to do for the product.
    apps = [chosen.app] if chosen.app else [sides.HAZARDS] if chosen.only else list(sides.APPS)
    reference = (
        programs.command(chosen.host_command)
        if chosen.host_command
        else programs.find(chosen.host, image=os.environ.get(IMAGE, ""))
    )
    if reference is None and chosen.host not in ("auto", "none"):
        print(f"error: {chosen.host} is not here", file=sys.stderr)
        return report.FAILED
    ours = programs.localdev()
    given = _play(ours, apps, out / "localdev", chosen)
    theirs = _play(reference, apps, out / "reference", chosen) if reference else {}
    all_of_it = [_against(app, given[app], reference, theirs.get(app)) for app in apps]
    for one in all_of_it:
        print("\n".join(report.lines(one)), end="\n\n")
    report.write(all_of_it, out / "report.json", ours=ours.version)
    print(f"{out / 'report.json'}")
    if chosen.update:
        return _update(reference or ours, theirs or given)
    if reference is None:
        print(INSTALL)
    return report.code(all_of_it)


def _play(program: Program, apps: Sequence[str], out: Path, chosen: argparse.Namespace) -> dict[str, Played]:
    with sides.services(out / "services") as services:
        return {
            app: sides.play(app, program, services, out=out / app, unit_s=chosen.unit, only=chosen.only, say=_say)
            for app in apps
        }


def _against(app: str, ours: Played, reference: Program | None, theirs: Played | None) -> Compared:
    if reference is not None and theirs is not None:
        return report.compared(
            app, ours.seen, theirs.seen, reference=reference.name, version=theirs.version, real=reference.real
        )
    written = Expected.read(app)
    if written is None:
        return report.compared(app, ours.seen, None, reference="nothing", version="none written down", real=False)
    return report.compared(app, ours.seen, written.seen, reference=written.name, version=written.version, real=False)


def _update(program: Program, found: Mapping[str, Played]) -> int:
    today = datetime.now(UTC).date().isoformat()
    for app, played in found.items():
        before = Expected.read(app)
        if before is not None and before.real and not program.real:
            print(
                f"error: {app}: {before.name} is worth more than what localdev gives; delete it first", file=sys.stderr
            )
            return report.FAILED
        if any("problem" in what for what in played.seen.values()):
            print(f"error: {app}: not everything could be played; nothing is written down", file=sys.stderr)
            return report.FAILED
        print(f"written: {Expected.of(program, played.version, today, played.seen).write(app)}")
    return report.ALIKE if program.real else report.UNKNOWN


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
