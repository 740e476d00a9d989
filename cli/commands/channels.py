"""Who is told of a tenant's alerts: ``channels``."""

import time
from typing import Any, Final

import click

from cli.app import Context, afb, pass_context
from cli.client import Json
from cli.errors import FAILED, NOT_FOUND, OK, CliError
from cli.names import find_tenant
from cli.output import Column, field, moment, number

CONDITIONS: Final = ("run_failed", "completed_with_errors", "no_restore_point", "damage", "unusual_change")
WAIT_S: Final = 180.0
"""For what becomes of a test: deliveries are made every half minute."""
POLL_S: Final = 2.0

CHANNELS: tuple[Column, ...] = (
    ("ID", number("channel_id")),
    ("NAME", field("name")),
    ("KIND", field("kind")),
    ("TO", lambda channel: channel["url"] or ", ".join(channel["recipients"])),
    ("TELLS", lambda channel: ", ".join(channel["conditions"]) or "everything"),
    ("SIGNED WITH", field("credential")),
    ("ON", field("enabled")),
)
DELIVERIES: tuple[Column, ...] = (
    ("ID", number("delivery_id")),
    ("CREATED", moment("created_at")),
    ("EVENT", field("event")),
    ("ALERT", number("alert_id")),
    ("STATE", field("state")),
    ("TRIES", field("attempts")),
    ("NEXT", lambda one: moment("next_at")(one) if one["state"] == "pending" else None),
    ("ERROR", field("error")),
)


@afb.group()
def channels() -> None:
    """Who is told of a tenant's alerts: list, show, add, set, remove, test, deliveries, retry."""


def _all(ctx: Context) -> str:
    return f"/api/tenants/{find_tenant(ctx.client, ctx.tenant)['tenant_id']}/channels"


def _find(ctx: Context, typed: str) -> tuple[str, Json]:
    """The path of the channel with this name or id, and what it is.

    :raises CliError: there is none.
    """
    path = _all(ctx)
    for channel in ctx.client.items(path, "channels"):
        if str(channel["name"]).casefold() == typed.casefold() or str(channel["channel_id"]) == typed:
            return f"{path}/{channel['channel_id']}", channel
    raise CliError(f"there is no channel {typed!r}", NOT_FOUND, hint="afb channels list")


def _show(ctx: Context, channel: Json) -> None:
    ctx.output.one(channel) if ctx.as_json else ctx.output.many([channel], CHANNELS)


@channels.command("list")
@pass_context
def list_channels(ctx: Context) -> None:
    """List who is told of a tenant's alerts."""
    nothing = "nobody is told; afb channels add"
    ctx.output.many(ctx.client.items(_all(ctx), "channels"), CHANNELS, nothing=nothing)


@channels.command("show")
@click.argument("channel")
@pass_context
def show_channel(ctx: Context, channel: str) -> None:
    """Show a channel, named by its name or id."""
    ctx.output.one(ctx.client.get(_find(ctx, channel)[0]))


@channels.command("add")
@click.argument("name")
@click.option("--webhook", metavar="URL", help="POST to this address, which is public and https.")
@click.option("--signed-with", metavar="NAME", help="The secret that webhooks are signed with, as webhook-oncall.")
@click.option("--mail", "recipients", multiple=True, metavar="ADDRESS", help="Write to it; may be repeated.")
@click.option("--on", "conditions", multiple=True, type=click.Choice(CONDITIONS), help="Only this; may be repeated.")
@pass_context
def add_channel(
    ctx: Context,
    name: str,
    webhook: str | None,
    signed_with: str | None,
    recipients: tuple[str, ...],
    conditions: tuple[str, ...],
) -> None:
    """Have somebody told of a tenant's alerts, by a webhook or by mail.

    \b
    Examples:
      afb channels add 'on call' --webhook https://hooks.example.com/backup --signed-with webhook-oncall
      afb channels add team --mail backup-team@example.com --on damage --on unusual_change
    """
    if (webhook is None) == (not recipients):
        raise click.UsageError("say how: either --webhook URL or --mail ADDRESS")
    body: dict[str, Any] = {"name": name, "conditions": list(conditions)}
    body |= {"kind": "email", "recipients": list(recipients)} if recipients else {"kind": "webhook", "url": webhook}
    if signed_with is not None:
        body["credential"] = signed_with
    made = ctx.client.post(_all(ctx), body)
    _show(ctx, made)
    ctx.output.note(f"hint: afb channels test {made['channel_id']} --tenant {made['tenant_id']} --follow")


@channels.command("set")
@click.argument("channel")
@click.option("--name", help="What to call it.")
@click.option("--webhook", metavar="URL", help="Of a webhook: its address.")
@click.option("--signed-with", metavar="NAME", help="Of a webhook: the secret; '' for none.")
@click.option("--mail", "recipients", multiple=True, metavar="ADDRESS", help="Of mail: to these, and no others.")
@click.option("--on", "conditions", multiple=True, type=click.Choice(CONDITIONS), help="Only this; may be repeated.")
@click.option("--everything", is_flag=True, help="Tell of everything.")
@click.option("--enable/--disable", "enabled", default=None, help="Switch it on or off.")
@pass_context
def set_channel(
    ctx: Context,
    channel: str,
    name: str | None,
    webhook: str | None,
    signed_with: str | None,
    recipients: tuple[str, ...],
    conditions: tuple[str, ...],
    everything: bool,
    enabled: bool | None,
) -> None:
    """Change a channel, or switch it on or off."""
    if everything and conditions:
        raise click.UsageError("--everything and --on are both given; expected one of them")
    given = {
        "name": name,
        "url": webhook,
        "credential": signed_with,
        "recipients": list(recipients) or None,
        "conditions": [] if everything else list(conditions) or None,
        "enabled": enabled,
    }
    change = {key: value for key, value in given.items() if value is not None}
    if not change:
        raise click.UsageError("nothing to change; expected at least one option")
    _show(ctx, ctx.client.patch(_find(ctx, channel)[0], change))


@channels.command("remove")
@click.argument("channel")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@pass_context
def remove_channel(ctx: Context, channel: str, yes: bool) -> None:
    """Remove a channel, with what was to be told to it."""
    path, found = _find(ctx, channel)
    ctx.confirm(f"Remove channel {found['name']}?", yes)
    ctx.client.delete(path)
    ctx.output.text("removed")


@channels.command("test")
@click.argument("channel")
@click.option("--follow", "-f", "watch", is_flag=True, help="Stay until it was sent; the exit code says whether.")
@pass_context
def test_channel(ctx: Context, channel: str, watch: bool) -> int:
    """Send a test message to a channel. It goes out within a minute."""
    path, found = _find(ctx, channel)
    tested = ctx.client.post(f"{path}/test")
    if not watch:
        ctx.output.one(tested) if ctx.as_json else ctx.output.text(
            f"test {tested['delivery_id']} is under way; how it went: afb channels deliveries {found['channel_id']}"
        )
        return OK
    told = _outcome(ctx, path, tested["delivery_id"])
    ctx.output.one(told) if ctx.as_json else ctx.output.many([told], DELIVERIES)
    return OK if told["state"] == "sent" else FAILED


def _outcome(ctx: Context, path: str, delivery_id: int) -> Json:
    """A delivery once it was tried; what fails is tried again for a day, which is not waited for.

    :raises CliError: nobody has tried.
    """
    deadline = time.monotonic() + WAIT_S
    while True:
        for delivery in ctx.client.items(f"{path}/deliveries", "deliveries", most=100):
            if delivery["delivery_id"] == delivery_id and (delivery["state"] != "pending" or delivery["error"]):
                return delivery
        if time.monotonic() > deadline:
            raise CliError(f"test {delivery_id} was not sent in {WAIT_S:.0f} seconds", hint="do timers or workers run?")
        time.sleep(POLL_S)


@channels.command("deliveries")
@click.argument("channel")
@click.option("--state", type=click.Choice(["pending", "sent", "dead"]), help="Only those; dead: given up.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Not more than so many.")
@pass_context
def list_deliveries(ctx: Context, channel: str, state: str | None, limit: int) -> None:
    """Show what was told to a channel, is to be told, or could not be told, newest first."""
    path, _ = _find(ctx, channel)
    found = ctx.client.items(f"{path}/deliveries", "deliveries", most=limit, state=state)
    ctx.output.many(found, DELIVERIES, nothing="nothing yet")


@channels.command("retry")
@click.argument("channel")
@pass_context
def retry_deliveries(ctx: Context, channel: str) -> None:
    """Try again what was given up, for another day."""
    path, _ = _find(ctx, channel)
    answer = ctx.client.post(f"{path}/retry")
    ctx.output.one(answer) if ctx.as_json else ctx.output.text(f"{answer['deliveries']} are tried again")
