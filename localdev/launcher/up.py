"""``up``: run the stack until somebody says stop.

Exit codes: 0 it ran and was stopped, or is already running; 1 it did not start, or a service ended by itself.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from localdev.launcher import report
from localdev.launcher.addresses import Addresses
from localdev.launcher.place import DEFAULT_DATA, Place
from localdev.launcher.stack import AlreadyRunning, Stack
from localdev.services.processes import last_lines, wait_until
from localdev.services.service import ROOT, Cancelled, ServiceFailed

WATCH_SECONDS = 0.25


def up(place: Place, *, app: Path, fresh: bool, with_host: bool) -> int:
    """Run the stack in the foreground."""
    if place.running:
        return _already_running(place, fresh=fresh)
    with_downloads = with_host and app.resolve() == ROOT  # another app knows nothing of it
    stop = _stop_on_signals()
    stack = Stack(
        place.data,
        app=app,
        logs=place.logs,
        addresses=Addresses.defaults_where_free(),
        settings=_own_settings(os.environ),
        with_host=with_host,
        with_downloads=with_downloads,
    )
    try:
        if fresh:
            stack.erase()
        _say(
            "starting postgres, azurite, files"
            + (", host" if with_host else "")
            + (", downloads" if with_downloads else "")
        )
        stack.start(cancelled=stop.is_set)
    except Cancelled:
        return 0
    except AlreadyRunning:
        return _already_running(place, fresh=fresh)
    except (ServiceFailed, OSError, ValueError) as problem:
        _complain(str(problem))
        return 1
    try:
        _show(place)
        _say("running; Ctrl-C stops it" if sys.stdout.isatty() else "running")
        while not stop.wait(WATCH_SECONDS):
            if ended := stack.ended():
                _complain(ended.describe(f"ended by itself with {ended.exit_code}"))
                return 1
    finally:
        _say("stopping")
        stack.stop()
    return 0


def up_detached(place: Place, arguments: list[str]) -> int:
    """Run the stack in the background; return when it is ready.

    :param arguments: command line of the ``up`` to run there.
    """
    if place.running:
        return _already_running(place, fresh="--fresh" in arguments)
    place.logs.mkdir(parents=True, exist_ok=True)
    with place.launcher_log.open("wb") as log:
        launcher = subprocess.Popen(
            [sys.executable, "-m", "localdev", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        )
    # No limit of our own: every wait of the launcher has one.
    while launcher.poll() is None:
        if wait_until(lambda: (state := place.running) is not None and state.ready, 1):
            _show(place)
            _say(f"running in the background; to stop it: {_command('down', place)}")
            return 0
    _complain(last_lines(place.launcher_log, 60))
    return launcher.returncode or 1


def _command(name: str, place: Place) -> str:
    """What one would type here."""
    data = place.data.relative_to(Path.cwd()) if place.data.is_relative_to(Path.cwd()) else place.data
    return f".venv/bin/python -m localdev {name}" + ("" if place.data == DEFAULT_DATA else f" --data {data}")


def _already_running(place: Place, *, fresh: bool) -> int:
    wait_until(lambda: (state := place.running) is None or state.ready, 60)
    _say("already running")
    _show(place)
    if fresh:
        _complain("error: --fresh would delete the data of a running stack; hint: `python -m localdev down` first")
        return 1
    return 0


def _own_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Pass on what the developer set for the app, such as credentials of real shares."""
    return {name: value for name, value in environ.items() if name.startswith("AFB_")}


def _stop_on_signals() -> threading.Event:
    """Return an event that Ctrl-C and SIGTERM set.

    A flag, not an exception: an exception between starting a process and writing down its id would orphan it, and a
    second Ctrl-C must not interrupt the orderly stop that the first one began.
    """
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    return stop


def _show(place: Place) -> None:
    if state := place.running:
        print(report.table(report.look(state, place.stack())))
        print(report.doorway(state), flush=True)


def _say(message: str) -> None:
    print(message, flush=True)


def _complain(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
