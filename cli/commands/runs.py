"""Runs: list, show, follow, steer, and what they wrote down."""

import click

from cli import follow
from cli.app import Context, afb, pass_context
from cli.client import Client
from cli.commands.starting import following
from cli.errors import OK
from cli.names import Share
from cli.output import Column, bytes_text, field, moment, number, seconds_text, size

COLUMNS: tuple[Column, ...] = (
    ("RUN", number("run_no")),
    ("KIND", field("kind")),
    ("STATE", field("state")),
    ("REQUESTED", moment("requested_at")),
    ("TOOK", lambda run: seconds_text(run["seconds"]) if run["started_at"] else None),
    ("FILES", field("counters.files")),
    ("CHANGED", field("counters.changed_files")),
    ("BYTES", size("counters.bytes")),
    ("ERRORS", field("errors")),
)
LINES: tuple[Column, ...] = (
    ("TIME", moment("at")),
    ("KIND", lambda line: line["details"].get("event", "event") if line["kind"] == "event" else line["kind"]),
    ("PATH", lambda line: f"/{line['path']}" if line["path"] else ""),
    ("REASON", lambda line: line["reason"] + (f" (hint: {line['hint']})" if line["hint"] else "")),
)
SHOWN: tuple[Column, ...] = (
    ("run", number("run_no")),
    ("kind", field("kind")),
    ("state", field("state")),
    ("waits for", field("waits_for")),
    ("requested", moment("requested_at")),
    ("started", moment("started_at")),
    ("finished", moment("finished_at")),
    ("took", lambda run: seconds_text(run["seconds"])),
    ("files", field("counters.files")),
    ("bytes", size("counters.bytes")),
    (
        "new or changed",
        lambda run: f"{run['counters']['changed_files']:,} ({bytes_text(run['counters']['changed_bytes'])})",
    ),
    ("requests", lambda run: run["counters"]["files_requests"]),
    ("to the vault", size("counters.vault_bytes")),
    ("errors", field("errors")),
    ("error", field("error")),
    ("left", field("left")),
    ("workers", field("workers")),
    ("restore point", number("restore_point")),
    ("cost", lambda run: _cost(run.get("cost"))),
    ("report", lambda run: _report(run)),
)


def _cost(cost: object) -> str | None:
    return f"{cost['total']:.2f} {cost['currency']}" if isinstance(cost, dict) else None


def _report(run: object) -> str | None:
    report = run.get("report") if isinstance(run, dict) else None
    return None if not report else "afb runs show ... --json has it, a restore's whole one is at 'afb runs report'"


@afb.group()
def runs() -> None:
    """What was and is done: list, show, follow, pause, resume, cancel, journal."""


@runs.command("list")
@click.argument("share")
@click.option("--kind", metavar="KIND", help="Only runs of this kind, such as backup.")
@click.option("--state", metavar="STATE", help="Only runs in this state, such as failed.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Not more than so many.")
@pass_context
def list_runs(ctx: Context, share: str, kind: str | None, state: str | None, limit: int) -> None:
    """List a share's runs, newest first."""
    found = ctx.client.items(f"{ctx.share(share).path}/runs", "runs", most=limit, kind=kind, state=state)
    ctx.output.many(found, COLUMNS, nothing="none" if kind or state else "no runs yet")


@runs.command("show")
@click.argument("share")
@click.argument("run_no", type=click.IntRange(1), metavar="RUN")
@following
@pass_context
def show_run(ctx: Context, share: str, run_no: int, watch: bool) -> int:
    """Show a run, or follow it to its end."""
    found = ctx.share(share)
    run = ctx.client.get(f"{found.path}/runs/{run_no}")
    if watch:
        return follow.started(ctx.client, ctx.output, found, run, watch=True)
    ctx.output.one(run, SHOWN)
    return OK


def _steer(ctx: Context, share: str, run_no: int, verb: str) -> None:
    found = ctx.share(share)
    run = ctx.client.post(f"{found.path}/runs/{run_no}/{verb}")
    if ctx.as_json:
        ctx.output.one(run)
    else:
        ctx.output.text(f"{run['kind']} run {run_no} is {run['state']}")


@runs.command()
@click.argument("share")
@click.argument("run_no", type=click.IntRange(1), metavar="RUN")
@pass_context
def pause(ctx: Context, share: str, run_no: int) -> None:
    """Pause a run: within seconds nothing more is begun."""
    _steer(ctx, share, run_no, "pause")


@runs.command()
@click.argument("share")
@click.argument("run_no", type=click.IntRange(1), metavar="RUN")
@pass_context
def resume(ctx: Context, share: str, run_no: int) -> None:
    """Let a paused run go on."""
    _steer(ctx, share, run_no, "resume")


@runs.command()
@click.argument("share")
@click.argument("run_no", type=click.IntRange(1), metavar="RUN")
@pass_context
def cancel(ctx: Context, share: str, run_no: int) -> None:
    """End a run early. What it has saved is not saved again by the next one."""
    _steer(ctx, share, run_no, "cancel")


@runs.command()
@click.argument("share")
@click.argument("run_no", type=click.IntRange(1), metavar="RUN")
@click.option("--kind", metavar="KIND", help="Only lines of this kind, such as unreadable.")
@click.option("--limit", type=click.IntRange(1), help="Not more than so many.")
@pass_context
def journal(ctx: Context, share: str, run_no: int, kind: str | None, limit: int | None) -> None:
    """Show what was skipped or failed in a run, why, and what happened to it."""
    found = ctx.share(share)
    lines = ctx.client.items(f"{found.path}/runs/{run_no}/journal", "lines", most=limit, kind=kind)
    ctx.output.many(lines, LINES, nothing="nothing")


@runs.command()
@click.argument("share")
@click.argument("run_no", type=click.IntRange(1), metavar="RUN")
@pass_context
def report(ctx: Context, share: str, run_no: int) -> None:
    """Print the whole report of a restore, a line of JSON for each exception."""
    found = ctx.share(share)
    ctx.as_json = True
    _print_lines(ctx, ctx.client, found, run_no)


def _print_lines(ctx: Context, client: Client, share: Share, run_no: int) -> None:
    ctx.output.as_json = True
    ctx.output.many(client.lines(f"{share.path}/runs/{run_no}/report"), ())
