"""What is done by itself: ``schedules``; and what one is told of: ``alerts``."""

from typing import Any

import click

from cli.app import Context, afb, pass_context
from cli.names import find_tenant
from cli.output import Column, field, moment, number

WHATS = click.Choice(["backup", "scan", "verify", "drill", "prune", "sweep"])
SCHEDULES: tuple[Column, ...] = (
    ("ID", number("schedule_id")),
    ("SHARE", number("share_id")),
    ("NAME", field("name")),
    ("WHAT", field("what")),
    ("WHEN", lambda one: f"{one['cron']} {one['time_zone']}"),
    ("NEXT", lambda one: moment("next_at")(one) if one["enabled"] else "switched off"),
    ("LAST", lambda one: f"{moment('last_at')(one)} {one['last_outcome']}" if one["last_outcome"] else None),
    ("WAITS FOR", field("waits_for")),
)
OCCURRENCES: tuple[Column, ...] = (
    ("DUE", moment("due_at")),
    ("OUTCOME", field("outcome")),
    ("RUN", number("run_no")),
    ("NOTE", field("note")),
)
TIMES: tuple[Column, ...] = (("DUE", moment("due_at")), ("STARTS", moment("starts_at")))
ALERTS: tuple[Column, ...] = (
    ("ID", number("alert_id")),
    ("SHARE", number("share_id")),
    ("OPENED", moment("opened_at")),
    ("CONDITION", field("condition")),
    ("STATE", lambda one: _state(one)),
    ("RUN", number("run_no")),
    ("TITLE", field("title")),
)


def _state(alert: Any) -> str:
    if not alert["open"]:
        return f"closed by {alert['closed_by']}" if alert["closed_by"] else "over"
    return f"seen by {alert['acknowledged_by']}" if alert["acknowledged_by"] else "open"


@afb.group()
def schedules() -> None:
    """What is done by itself: list, add, set, remove, occurrences, preview, show."""


@schedules.command("list")
@click.argument("share", required=False)
@pass_context
def list_schedules(ctx: Context, share: str | None) -> None:
    """List the schedules of a share, or of all shares of a tenant."""
    path = ctx.share(share).path if share else f"/api/tenants/{find_tenant(ctx.client, ctx.tenant)['tenant_id']}"
    ctx.output.many(
        ctx.client.items(f"{path}/schedules", "schedules"), SCHEDULES, nothing="none yet; afb schedules add"
    )


def _options(
    level: str | None, every: bool, over_runs: int | None, files: int | None, margin: int | None
) -> dict[str, Any]:
    given = {
        "level": level,
        "all_points": every or None,
        "over_runs": over_runs,
        "files": files,
        "margin_days": margin,
    }
    return {name: value for name, value in given.items() if value is not None}


@schedules.command("add")
@click.argument("share")
@click.argument("what", type=WHATS)
@click.argument("cron")
@click.option("--name", help="What to call it (default: what it does).")
@click.option("--zone", metavar="ZONE", help="Its time zone, such as Europe/Berlin (default: UTC).")
@click.option("--spread", type=click.IntRange(0, 86_400), metavar="SECONDS", help="It begins up to so much later.")
@click.option(
    "--catch-up", type=click.IntRange(0, 604_800), metavar="SECONDS", help="What was missed begins until so much later."
)
@click.option("--level", type=click.Choice(["quick", "sample", "full"]), help="verify: how much it proves.")
@click.option("--all", "every", is_flag=True, help="verify: all restore points.")
@click.option("--over-runs", type=click.IntRange(1, 10_000), help="sample, drill: after so many of them all was read.")
@click.option("--files", type=click.IntRange(1, 10_000_000), help="drill: about so many files.")
@click.option(
    "--margin", type=click.IntRange(1, 3_650), metavar="DAYS", help="sweep: delete what was let go so long ago."
)
@pass_context
def add_schedule(
    ctx: Context,
    share: str,
    what: str,
    cron: str,
    name: str | None,
    zone: str | None,
    spread: int | None,
    catch_up: int | None,
    level: str | None,
    every: bool,
    over_runs: int | None,
    files: int | None,
    margin: int | None,
) -> None:
    """Have a share backed up, verified, drilled, pruned or swept by itself. CRON has five fields: minute, hour, day, month, weekday.

    \b
    Examples:
      afb schedules add contoso/finance backup '30 2 * * *' --zone Europe/Berlin
      afb schedules add contoso/finance verify '0 6 * * sun' --level sample
    """
    found = ctx.share(share)
    body = {
        "name": name or what,
        "what": what,
        "cron": cron,
        "time_zone": zone,
        "spread_s": spread,
        "catch_up_s": catch_up,
    }
    options = _options(level, every, over_runs, files, margin)
    sent = {key: value for key, value in body.items() if value is not None} | ({"options": options} if options else {})
    made = ctx.client.post(f"{found.path}/schedules", sent)
    ctx.output.many([made], SCHEDULES) if not ctx.as_json else ctx.output.one(made)


@schedules.command("set")
@click.argument("share")
@click.argument("schedule_id", type=click.IntRange(1), metavar="ID")
@click.option("--cron", help="When.")
@click.option("--name", help="What to call it.")
@click.option("--zone", metavar="ZONE", help="Its time zone.")
@click.option("--spread", type=click.IntRange(0, 86_400), metavar="SECONDS")
@click.option("--catch-up", type=click.IntRange(0, 604_800), metavar="SECONDS")
@click.option("--on/--off", "enabled", default=None, help="Switch it on or off.")
@pass_context
def set_schedule(
    ctx: Context,
    share: str,
    schedule_id: int,
    cron: str | None,
    name: str | None,
    zone: str | None,
    spread: int | None,
    catch_up: int | None,
    enabled: bool | None,
) -> None:
    """Change a schedule, or switch it on or off."""
    found = ctx.share(share)
    given = {
        "cron": cron,
        "name": name,
        "time_zone": zone,
        "spread_s": spread,
        "catch_up_s": catch_up,
        "enabled": enabled,
    }
    change = {key: value for key, value in given.items() if value is not None}
    if not change:
        raise click.UsageError("nothing to change; expected at least one option")
    changed = ctx.client.patch(f"{found.path}/schedules/{schedule_id}", change)
    ctx.output.many([changed], SCHEDULES) if not ctx.as_json else ctx.output.one(changed)


@schedules.command("remove")
@click.argument("share")
@click.argument("schedule_id", type=click.IntRange(1), metavar="ID")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@pass_context
def remove_schedule(ctx: Context, share: str, schedule_id: int, yes: bool) -> None:
    """Remove a schedule. Its runs stay."""
    found = ctx.share(share)
    ctx.confirm(f"Remove schedule {schedule_id} of {found.shown}?", yes)
    ctx.client.delete(f"{found.path}/schedules/{schedule_id}")
    ctx.output.text("removed")


@schedules.command("occurrences")
@click.argument("share")
@click.argument("schedule_id", type=click.IntRange(1), metavar="ID")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Not more than so many.")
@pass_context
def occurrences(ctx: Context, share: str, schedule_id: int, limit: int) -> None:
    """Show what became of a schedule's occurrences: started, skipped or refused, and why."""
    found = ctx.share(share)
    url = f"{found.path}/schedules/{schedule_id}/occurrences"
    ctx.output.many(ctx.client.items(url, "occurrences", most=limit), OCCURRENCES, nothing="none yet")


@schedules.command("preview")
@click.argument("share")
@click.argument("cron")
@click.option("--zone", metavar="ZONE", help="A time zone, such as Europe/Berlin (default: UTC).")
@pass_context
def preview(ctx: Context, share: str, cron: str, zone: str | None) -> None:
    """Show when a schedule would come round."""
    found = ctx.share(share)
    answer = ctx.client.get(f"{found.path}/schedule-preview", cron=cron, time_zone=zone)
    ctx.output.many(answer["upcoming"], TIMES)


@schedules.command("show")
@click.argument("share")
@click.argument("schedule_id", type=click.IntRange(1), metavar="ID")
@pass_context
def show_schedule(ctx: Context, share: str, schedule_id: int) -> None:
    """Show a schedule, with the next times it comes round."""
    ctx.output.one(ctx.client.get(f"{ctx.share(share).path}/schedules/{schedule_id}"))


@afb.group()
def alerts() -> None:
    """What somebody is to be told of: list, show, ack, close."""


@alerts.command("list")
@click.argument("share", required=False)
@click.option("--all", "every", is_flag=True, help="Those that are over, too.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Not more than so many.")
@pass_context
def list_alerts(ctx: Context, share: str | None, every: bool, limit: int) -> None:
    """List a tenant's open alerts, newest first, or those of one share."""
    path = ctx.share(share).path if share else f"/api/tenants/{find_tenant(ctx.client, ctx.tenant)['tenant_id']}"
    found = ctx.client.items(f"{path}/alerts", "alerts", most=limit, open=None if every else "true")
    ctx.output.many(found, ALERTS, nothing="nothing is wrong")


def _alert(ctx: Context, alert_id: int, verb: str) -> None:
    owner = find_tenant(ctx.client, ctx.tenant)
    changed = ctx.client.post(f"/api/tenants/{owner['tenant_id']}/alerts/{alert_id}/{verb}")
    ctx.output.many([changed], ALERTS) if not ctx.as_json else ctx.output.one(changed)


@alerts.command("show")
@click.argument("alert_id", type=click.IntRange(1), metavar="ID")
@pass_context
def show_alert(ctx: Context, alert_id: int) -> None:
    """Show an alert: what happened, and what to do."""
    owner = find_tenant(ctx.client, ctx.tenant)
    ctx.output.one(ctx.client.get(f"/api/tenants/{owner['tenant_id']}/alerts/{alert_id}"))


@alerts.command("ack")
@click.argument("alert_id", type=click.IntRange(1), metavar="ID")
@pass_context
def acknowledge(ctx: Context, alert_id: int) -> None:
    """Note that you have seen an alert. It stays open until it is over."""
    _alert(ctx, alert_id, "acknowledge")


@alerts.command("close")
@click.argument("alert_id", type=click.IntRange(1), metavar="ID")
@pass_context
def close(ctx: Context, alert_id: int) -> None:
    """Close an alert because it is over. If it is not, the next run that finds it opens another one."""
    _alert(ctx, alert_id, "close")
