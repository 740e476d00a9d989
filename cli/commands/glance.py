"""All at a glance: ``status``, ``usage``, ``health``, ``metrics``."""

import sys
from collections.abc import Iterator
from contextlib import closing

import click

from cli.app import Context, afb, pass_context
from cli.client import Json
from cli.errors import FAILED, OK, Refused
from cli.names import find_tenant
from cli.output import Column, bytes_text, field, moment, number, seconds_text, size

STATUS: tuple[Column, ...] = (
    ("TENANT", field("tenant_name")),
    ("SHARE", field("share_name")),
    ("POINT", number("restore_point.restore_point")),
    ("TAKEN", moment("restore_point.taken_at")),
    ("AGE", lambda share: seconds_text(share["restore_point"]["age_s"]) if share["restore_point"] else None),
    ("FILES", field("restore_point.files")),
    ("BYTES", size("restore_point.bytes")),
    ("LAST RUN", lambda share: f"{share['run']['kind']} {share['run']['run_no']}" if share["run"] else None),
    ("STATE", field("run.state")),
)
USAGE: tuple[Column, ...] = (
    ("TENANT ID", field("tenant_id")),
    ("SHARE", field("share_name")),
    ("FILES", field("protected.files")),
    ("PROTECTED", size("protected.bytes")),
    ("POINTS", field("restore_points")),
    ("TO THE VAULT", size("vault_bytes")),
    ("RUNS", field("month.runs")),
    ("REQUESTS", lambda share: sum(share["month"]["requests"].values())),
    ("COST", lambda share: f"{share['month']['cost']['total']:.2f} {share['month']['cost']['currency']}"),
)
CHECKS: tuple[Column, ...] = (
    ("CHECK", field("name")),
    ("OUTCOME", lambda check: "ok" if check["ok"] else "failed"),
    ("DETAIL", lambda check: check["detail"] + (f" (hint: {check['hint']})" if check["hint"] else "")),
)


@afb.command()
@pass_context
def status(ctx: Context) -> None:
    """Show how all shares stand: newest restore point and last run. With --tenant those of one."""
    wanted = find_tenant(ctx.client, ctx.tenant)["tenant_id"] if ctx.tenant else None
    found = ctx.client.items("/api/overview", "shares")
    shown = (share for share in found if wanted is None or share["tenant_id"] == wanted)
    ctx.output.many(shown, STATUS, nothing="no shares")


@afb.command()
@click.option("--month", metavar="YYYY-MM", help="Of which month, in UTC (default: this one).")
@pass_context
def usage(ctx: Context, month: str | None) -> None:
    """Show what is protected, what the runs of a month took, and what that costs at list prices. With --tenant of one."""
    owner = find_tenant(ctx.client, ctx.tenant) if ctx.tenant else None
    path = f"/api/tenants/{owner['tenant_id']}/usage" if owner else "/api/usage"
    totals: list[Json] = []

    def shares() -> Iterator[Json]:
        for page in ctx.client.pages(path, month=month, limit=1_000):
            totals[:] = [page["total"]]
            yield from page["shares"]

    ctx.output.many(shares(), USAGE, nothing="no shares")
    for total in totals if not ctx.as_json else ():
        cost = total["month"]["cost"]
        ctx.output.text(
            f"{total['shares']:,} shares, {total['protected']['files']:,} files, {bytes_text(total['protected']['bytes'])};"
            f" {total['month']['runs']:,} runs, {cost['total']:.2f} {cost['currency']}, and"
            f" {cost['storage_per_month']:.2f} {cost['currency']} a month for what they added"
        )


@afb.command()
@pass_context
def health(ctx: Context) -> int:
    """Show whether the app answers, and whether all that it needs is there."""
    client = ctx.client
    client.get_now("/api/health")
    try:
        answer = client.get_now("/api/ready")
    except Refused as refused:
        if "checks" not in refused.problem:
            raise
        answer = refused.problem
    ctx.output.one(answer) if ctx.as_json else ctx.output.many(answer["checks"], CHECKS)
    return OK if answer["ready"] else FAILED


@afb.command()
@pass_context
def metrics(ctx: Context) -> None:
    """Print what is measured, as text for Prometheus (with --json as one line that holds it). For platform admins."""
    with closing(ctx.client.open("/api/metrics")) as answer:
        text = answer.read().decode()
    ctx.output.one({"text": text}) if ctx.as_json else sys.stdout.write(text)
