"""``delete``, ``undelete`` and ``purge`` of shares and tenants."""

import sys
import time
from typing import Final

import click

from cli import follow
from cli.app import Context, pass_context
from cli.client import Json
from cli.commands.shares import shares
from cli.commands.starting import following
from cli.commands.tenants import tenants
from cli.errors import CONFLICT, OK, USAGE, WITH_ERRORS, CliError, Refused
from cli.names import Share, find_tenant
from cli.output import time_text

TENANT_S: Final = 180.0
"""How long a tenant without shares may take to go: its container goes with it, and an upkeep does it once a minute."""

reason_option = click.option("--reason", default="", metavar="TEXT", help="Why, for whoever finds it deleted.")
confirm_option = click.option("--confirm", "typed", metavar="NAME", help="Its name, instead of being asked to type it.")


@shares.command("delete")
@click.argument("share")
@reason_option
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@pass_context
def delete_share(ctx: Context, share: str, reason: str, yes: bool) -> None:
    """Delete a share: it is backed up no more. It can be restored from and brought back until it is purged."""
    found = ctx.share(share)
    ctx.confirm(f"Delete share {found.shown}? It can be brought back until it is purged.", yes)
    _tell(ctx, found.shown, ctx.client.post(f"{found.path}/delete", {"reason": reason}))


@shares.command("undelete")
@click.argument("share")
@pass_context
def undelete_share(ctx: Context, share: str) -> None:
    """Bring a deleted share back, as long as its purge has not begun."""
    found = ctx.share(share)
    _tell(ctx, found.shown, ctx.client.post(f"{found.path}/undelete"))


@shares.command("purge")
@click.argument("share")
@confirm_option
@following
@pass_context
def purge_share(ctx: Context, share: str, typed: str | None, watch: bool) -> int:
    """Delete all restore points of a deleted share and all that is known of it, for good. Its name must be typed."""
    found = ctx.share(share)
    name = _typed(typed, "share", found.name)
    run = ctx.client.post(f"{found.path}/purge", {"confirm": name})
    return follow.started(ctx.client, ctx.output, found, run, watch=watch)


@tenants.command("delete")
@click.argument("tenant")
@reason_option
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@pass_context
def delete_tenant(ctx: Context, tenant: str, reason: str, yes: bool) -> None:
    """Delete a tenant with all its shares; its people and keys are locked out. It can be brought back until it is purged."""
    found = find_tenant(ctx.client, tenant)
    ctx.confirm(
        f"Delete tenant {found['name']} with all its shares? Its people and keys are locked out at once. It can be brought back"
        " until it is purged.",
        yes,
    )
    _tell(ctx, found["name"], ctx.client.post(f"/api/tenants/{found['tenant_id']}/delete", {"reason": reason}))


@tenants.command("undelete")
@click.argument("tenant")
@pass_context
def undelete_tenant(ctx: Context, tenant: str) -> None:
    """Bring a deleted tenant back with its people and keys, as long as its purge has not begun."""
    found = find_tenant(ctx.client, tenant)
    _tell(ctx, found["name"], ctx.client.post(f"/api/tenants/{found['tenant_id']}/undelete"))


@tenants.command("purge")
@click.argument("tenant")
@confirm_option
@following
@pass_context
def purge_tenant(ctx: Context, tenant: str, typed: str | None, watch: bool) -> int:
    """Purge all shares of a deleted tenant and the tenant itself, for good. Its name must be typed."""
    found = find_tenant(ctx.client, tenant)
    name, path = _typed(typed, "tenant", found["name"]), f"/api/tenants/{found['tenant_id']}"
    while True:
        begun = ctx.client.post(f"{path}/purge", {"confirm": name})
        if not watch:
            if ctx.as_json:
                ctx.output.one(begun)
            else:
                ctx.output.text(
                    f"tenant {name} is being purged: {len(begun['runs'])} purges of shares were queued, {begun['shares_left']} shares are"
                    f" left; follow it: afb tenants purge {found['tenant_id']} --follow"
                )
            return OK
        for run in begun["runs"]:
            share = _share(run)
            ended = follow.follow(ctx.client, ctx.output, share, run)
            if not ended.get("gone"):
                return follow.conclude(ctx.client, ctx.output, share, ended)
        if begun["shares_left"] <= len(begun["runs"]):
            break
    return _until_gone(ctx, name, path)


def _share(run: Json) -> Share:
    shown = f"{run['tenant_id']}/{run['share_id']}"
    return Share(str(run["tenant_id"]), int(run["share_id"]), shown, shown, run)


def _until_gone(ctx: Context, name: str, path: str) -> int:
    """Wait for a tenant without shares to go."""
    deadline = time.monotonic() + TENANT_S
    while time.monotonic() < deadline:
        try:
            trouble = (ctx.client.get(path)["deletion"] or {}).get("trouble")
        except Refused as refused:
            if refused.status != 404:
                raise
            ctx.output.one({"tenant": name, "purged": True}) if ctx.as_json else ctx.output.text(
                f"tenant {name} is purged"
            )
            return OK
        if trouble:
            ctx.output.note(f"tenant {name}: {trouble}")
            return WITH_ERRORS
        time.sleep(1)
    raise CliError(
        f"tenant {name} has no shares left, and is there yet", hint="afb tenants show says why, if it cannot be purged"
    )


def _typed(typed: str | None, what: str, name: str) -> str:
    """What somebody has typed to confirm; whether it is the name the API decides.

    :raises CliError: nobody sits there, or they have typed something else.
    """
    if typed is None:
        if not sys.stdin.isatty():
            raise CliError(
                f"the name of the {what} must be typed, and there is nobody to ask", USAGE, hint=f"--confirm {name!r}"
            )
        typed = str(click.prompt(f"Nothing brings it back. Type the name of the {what}, {name}, to purge it", err=True))
        if typed != name:
            raise CliError(f"{typed!r} is not its name; nothing was done", CONFLICT)
    return typed


def _tell(ctx: Context, shown: str, answer: Json) -> None:
    if ctx.as_json:
        ctx.output.one(answer)
        return
    deletion = answer["deletion"]
    if deletion is None:
        ctx.output.text(f"{shown} is not deleted any more")
    else:
        ctx.output.text(f"{shown} is deleted; it may be purged from {time_text(deletion['purge_after'])} on")
