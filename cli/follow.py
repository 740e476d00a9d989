"""A run from where it is to its end: bars on a terminal, a line now and then elsewhere.

Nothing depends on whoever follows: Ctrl-C ends the following and not the run, and says how to go on.
"""

import time
from collections.abc import Callable
from typing import Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, Task, TaskProgressColumn, TextColumn
from rich.text import Text

from cli.client import Client, Json
from cli.errors import FAILED, OK, WITH_ERRORS, CliError, Interrupted, Refused
from cli.names import Share
from cli.output import Output, bytes_text, seconds_text

POLL_FIRST_S: Final = 0.3
POLL_S: Final = 2.0
"""Between two looks once a run has gone on for a while."""
LINE_EVERY_S: Final = 15.0
TOLD_ERRORS: Final = 20

PURGE: Final = "purge"
"""A run that is gone, with its share, when it has succeeded."""

_CODES: Final = {"succeeded": OK, "completed_with_errors": WITH_ERRORS}


def follow(client: Client, output: Output, share: Share, started: Json) -> Json:
    """Look at a run until it has ended; the run as it is then.

    :raises Interrupted: whoever follows has gone; the run goes on.
    """
    run_no = started["run_no"]
    path = f"{share.path}/runs/{run_no}"
    try:
        if output.err.is_terminal and not output.as_json:
            return _with_bars(client, output, path, started)
        return _with_lines(client, output, path, started)
    except KeyboardInterrupt:
        raise Interrupted(
            f"{started['kind']} run {run_no} goes on",
            f"afb runs show {share.shown} {run_no} --follow, or afb runs cancel {share.shown} {run_no}",
        ) from None


def _watch(client: Client, path: str, run: Json, look: Callable[[Json], None]) -> Json:
    wait_s = POLL_FIRST_S
    look(run)
    while run["active"]:
        time.sleep(wait_s)
        wait_s = min(POLL_S, wait_s * 1.3)
        try:
            run = client.get(path)
        except Refused as refused:
            if refused.status != 404 or run["kind"] != PURGE:
                raise
            return {**run, "state": "succeeded", "active": False, "gone": True}
        look(run)
    return run


def _with_bars(client: Client, output: Output, path: str, run: Json) -> Json:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), _Done())
    with Progress(*columns, console=output.err, transient=True) as progress:
        task = progress.add_task(f"{run['kind']} {run['run_no']}", total=None, run=run)

        def look(now: Json) -> None:
            part = now["progress"]["part"]
            waits = f" [yellow]{now['waits_for']}[/yellow]" if now.get("waits_for") else ""
            progress.update(
                task,
                description=f"{now['kind']} {now['run_no']} {now['state']}{waits}",
                total=None if part is None else 1.0,
                completed=part or 0.0,
                run=now,
            )

        return _watch(client, path, run, look)


class _Done(MofNCompleteColumn):
    """Files, bytes, rate and time to go."""

    def render(self, task: Task) -> Text:
        """One line."""
        return Text(_told(task.fields["run"]))


def _told(run: Json) -> str:
    done, rate = run["progress"], run["rate"]
    told = f"{done['files']['done']:,} files, {bytes_text(done['bytes']['done'])}, {rate['files_per_s']:,.0f} files/s"
    if run.get("eta_s") is not None:
        told += f", {seconds_text(run['eta_s'])} to go"
    return told + (f", {run['errors']:,} errors" if run["errors"] else "")


def _with_lines(client: Client, output: Output, path: str, run: Json) -> Json:
    told_at, told_state = time.monotonic(), ""

    def look(now: Json) -> None:
        nonlocal told_at, told_state
        if now["active"] and (now["state"] != told_state or time.monotonic() - told_at >= LINE_EVERY_S):
            told_at, told_state = time.monotonic(), now["state"]
            waits = f"; waits for {now['waits_for']}" if now.get("waits_for") else ""
            output.note(f"{now['kind']} run {now['run_no']}: {now['state']}, {_told(now)}{waits}")

    return _watch(client, path, run, look)


def conclude(client: Client, output: Output, share: Share, run: Json) -> int:
    """Say how a run ended, with its first errors; the exit code."""
    if output.as_json:
        output.one(run)
    elif run.get("gone"):
        output.out.print(f"[green]{share.shown} is purged[/green]")
    else:
        done = run["counters"]
        state = {"succeeded": "green", "completed_with_errors": "yellow"}.get(run["state"], "bold red")
        output.out.print(
            f"{run['kind']} run {run['run_no']} [{state}]{run['state']}[/{state}] in {seconds_text(run['seconds'])}:"
            f" {done['files']:,} files, {bytes_text(done['bytes'])}"
        )
        if run["kind"] == "backup":
            output.text(
                f"  {done['changed_files']:,} new or changed ({bytes_text(done['changed_bytes'])}), {done['deleted_files']:,} deleted,"
                f" {done['files_requests']:,} requests"
            )
        if run.get("restore_point"):
            output.text(f"  restore point {run['restore_point']}")
        if run["error"]:
            output.text(f"  {run['error']}")
        _errors(client, output, share, run)
    return _CODES.get(run["state"], FAILED)


def _errors(client: Client, output: Output, share: Share, run: Json) -> None:
    if not run["errors"]:
        return
    told = 0
    for line in client.items(f"{share.path}/runs/{run['run_no']}/journal", "lines"):
        if line["kind"] == "event":
            continue
        output.note(f"  {line['kind']}: /{line['path']}: {line['reason']}")
        if line["hint"]:
            output.note(f"    hint: {line['hint']}")
        told += 1
        if told == TOLD_ERRORS:
            output.note(f"  and more: afb runs journal {share.shown} {run['run_no']}")
            return


def started(client: Client, output: Output, share: Share, run: Json, *, watch: bool) -> int:
    """What every command does that has started a run: follow it, or say how to."""
    if watch:
        return conclude(client, output, share, follow(client, output, share, run))
    output.one(run) if output.as_json else output.text(
        f"{run['kind']} run {run['run_no']} of {share.shown} is {run['state']};"
        f" follow it: afb runs show {share.shown} {run['run_no']} --follow"
    )
    return OK


def ended(run: Json) -> Json:
    """The run, which has a report.

    :raises CliError: it did not come to one.
    """
    if run["state"] not in _CODES or not run.get("report"):
        raise CliError(f"{run['kind']} run {run['run_no']} {run['state']}: {run['error'] or 'it has no report'}")
    return run
