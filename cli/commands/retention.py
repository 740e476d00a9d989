"""What is kept, for how long: ``policies``, pins, legal holds, ``prune`` and ``sweep``."""

from typing import Any

import click

from cli import follow
from cli.app import Context, afb, pass_context
from cli.client import Json
from cli.commands.points import points
from cli.commands.starting import following
from cli.errors import NOT_FOUND, USAGE, CliError
from cli.names import Share, find_tenant
from cli.output import Column, field, moment, number

RULES = ("keep_last", "hourly", "daily", "weekly", "monthly", "yearly", "keep_days")
POLICIES: tuple[Column, ...] = (
    ("ID", number("policy_id")),
    ("NAME", field("name")),
    ("KEEPS", lambda policy: rules_text(policy["rules"])),
    ("ZONE", field("rules.time_zone")),
    ("CHANGED", moment("changed_at")),
)
DECIDED: tuple[Column, ...] = (
    ("POINT", number("restore_point")),
    ("TAKEN", moment("taken_at")),
    ("", lambda point: "kept" if point["keep"] else "GOES"),
    ("WHY", lambda point: "; ".join(point["reasons"])),
)


def rules_text(rules: Json) -> str:
    """``last 3, 7 daily, 5 weekly``."""
    told = [f"last {rules['keep_last']}"]
    told += [f"{rules[name]} {name}" for name in RULES[1:-1] if rules[name]]
    return ", ".join(told + ([f"all of {rules['keep_days']} days"] if rules["keep_days"] else []))


def find_policy(ctx: Context, tenant_id: str, typed: str) -> Json:
    """The policy with this name or id.

    :raises CliError: there is none.
    """
    for policy in ctx.client.items(f"/api/tenants/{tenant_id}/policies", "policies"):
        if str(policy["name"]).casefold() == typed.casefold() or str(policy["policy_id"]) == typed:
            return policy
    raise CliError(f"there is no policy {typed!r}", NOT_FOUND, hint="afb policies list")


def _rules_of(given: tuple[str, ...]) -> dict[str, Any]:
    """:raises CliError: one is not like ``daily=7``."""
    found: dict[str, Any] = {}
    for pair in given:
        name, _, value = pair.partition("=")
        if name == "time_zone" and value:
            found[name] = value
        elif name in RULES and value.isascii() and value.isdigit():
            found[name] = int(value)
        else:
            raise CliError(
                f"{pair!r} is no rule; expected NUMBER of {', '.join(RULES)}, as daily=7, or time_zone=...", USAGE
            )
    return found


@afb.group()
def policies() -> None:
    """Which restore points are kept: list, add, set, remove, apply, show, preview."""


@policies.command("list")
@pass_context
def list_policies(ctx: Context) -> None:
    """List a tenant's policies."""
    owner = find_tenant(ctx.client, ctx.tenant)
    ctx.output.many(
        ctx.client.items(f"/api/tenants/{owner['tenant_id']}/policies", "policies"), POLICIES, nothing="none yet"
    )


@policies.command("add")
@click.argument("name")
@click.argument("rules", nargs=-1, required=True, metavar="RULE...")
@pass_context
def add_policy(ctx: Context, name: str, rules: tuple[str, ...]) -> None:
    """Add a policy. A restore point is kept if any of its rules keeps it.

    \b
    Example:
      afb policies add standard daily=14 weekly=8 monthly=12 time_zone=Europe/Berlin
    """
    owner = find_tenant(ctx.client, ctx.tenant)
    made = ctx.client.post(f"/api/tenants/{owner['tenant_id']}/policies", {"name": name, "rules": _rules_of(rules)})
    ctx.output.one(made)


@policies.command("set")
@click.argument("policy")
@click.argument("rules", nargs=-1, required=True, metavar="RULE...")
@pass_context
def set_policy(ctx: Context, policy: str, rules: tuple[str, ...]) -> None:
    """Change some rules of a policy; it is what all shares that have it follow from now on."""
    owner = find_tenant(ctx.client, ctx.tenant)
    found = find_policy(ctx, owner["tenant_id"], policy)
    url = f"/api/tenants/{owner['tenant_id']}/policies/{found['policy_id']}"
    ctx.output.one(ctx.client.patch(url, {"rules": {**found["rules"], **_rules_of(rules)}}))


@policies.command("remove")
@click.argument("policy")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@pass_context
def remove_policy(ctx: Context, policy: str, yes: bool) -> None:
    """Remove a policy that no share has."""
    owner = find_tenant(ctx.client, ctx.tenant)
    found = find_policy(ctx, owner["tenant_id"], policy)
    ctx.confirm(f"Remove policy {found['name']}?", yes)
    ctx.client.delete(f"/api/tenants/{owner['tenant_id']}/policies/{found['policy_id']}")
    ctx.output.text("removed")


@policies.command("apply")
@click.argument("share")
@click.argument("policy", metavar="POLICY|none")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@pass_context
def apply_policy(ctx: Context, share: str, policy: str, yes: bool) -> None:
    """Have a share follow a policy, or none. Shows first what would go, and asks."""
    found = ctx.share(share)
    policy_id = None
    if policy != "none":
        chosen = find_policy(ctx, found.tenant_id, policy)
        policy_id = chosen["policy_id"]
        if not yes:
            preview = ctx.client.post(f"{found.path}/retention/preview", chosen["rules"])
            _show(ctx, preview)
            ctx.confirm("Have the share follow it?", yes)
    answer = ctx.client.put(f"{found.path}/retention", {"policy_id": policy_id})
    if ctx.as_json:
        ctx.output.one(answer)
        return
    ctx.output.text(f"{answer['kept']} kept, {answer['expiring']} go")
    if answer["policy"] is not None:
        ctx.output.note(by_itself(answer))


def by_itself(answer: Json) -> str:
    """When a share is pruned and swept without anybody asking for it."""
    prune, sweep = (
        moment(name)(answer) if answer[name] else "not by itself" for name in ("next_prune_at", "next_sweep_at")
    )
    return f"next prune: {prune}; next sweep: {sweep}"


@policies.command("show")
@click.argument("share")
@pass_context
def show_policy(ctx: Context, share: str) -> None:
    """Show which policy a share follows, and why each of its restore points is kept or goes."""
    answer = ctx.client.get(f"{ctx.share(share).path}/retention")
    if answer["policy"] is not None:
        ctx.output.note(f"policy {answer['policy']['name']}: {rules_text(answer['policy']['rules'])}")
    else:
        ctx.output.note("no policy: nothing is ever pruned")
    ctx.output.note(by_itself(answer))
    _show(ctx, answer)


@policies.command("preview")
@click.argument("share")
@click.argument("rules", nargs=-1, required=True, metavar="RULE...")
@pass_context
def preview_policy(ctx: Context, share: str, rules: tuple[str, ...]) -> None:
    """Show what rules would mean for a share's restore points now. Nothing is changed."""
    _show(ctx, ctx.client.post(f"{ctx.share(share).path}/retention/preview", _rules_of(rules)))


def _show(ctx: Context, answer: Json) -> None:
    ctx.output.many(answer["restore_points"], DECIDED, nothing="no restore points yet")
    ctx.output.note(f"{answer['kept']} kept, {answer['expiring']} go")


def _said(ctx: Context, share: Share, point: int, verb: str, answer: Json) -> None:
    ctx.output.one(answer) if ctx.as_json else ctx.output.text(f"restore point {point} of {share.shown} is {verb}")


@points.command()
@click.argument("address", metavar="SHARE@POINT")
@click.option("--reason", required=True, help="Why; it is shown to whoever wonders.")
@click.option("--until", metavar="TIME", help="Until then, as RFC 3339 (default: until it is unpinned).")
@pass_context
def pin(ctx: Context, address: str, reason: str, until: str | None) -> None:
    """Keep a restore point, whatever the policy says."""
    share, _, point = ctx.place(address)
    body = {"reason": reason, **({"until": until} if until else {})}
    _said(ctx, share, point, "pinned", ctx.client.put(f"{share.path}/restore-points/{point}/pin", body))


@points.command()
@click.argument("address", metavar="SHARE@POINT")
@click.option("--reason", required=True, help="Why.")
@pass_context
def unpin(ctx: Context, address: str, reason: str) -> None:
    """Let the policy decide again about a pinned restore point."""
    share, _, point = ctx.place(address)
    answer = ctx.client.post(f"{share.path}/restore-points/{point}/unpin", {"reason": reason})
    _said(ctx, share, point, "unpinned", answer)


@points.command()
@click.argument("address", metavar="SHARE@POINT")
@click.option("--reason", required=True, help="Why, such as the matter it is for.")
@pass_context
def hold(ctx: Context, address: str, reason: str) -> None:
    """Put a restore point under legal hold: nothing deletes it until it is released."""
    share, _, point = ctx.place(address)
    answer = ctx.client.put(f"{share.path}/restore-points/{point}/hold", {"reason": reason})
    _said(ctx, share, point, "held", answer)


@points.command()
@click.argument("address", metavar="SHARE@POINT")
@click.option("--reason", required=True, help="Why.")
@pass_context
def release(ctx: Context, address: str, reason: str) -> None:
    """End a legal hold."""
    share, _, point = ctx.place(address)
    answer = ctx.client.post(f"{share.path}/restore-points/{point}/release", {"reason": reason})
    _said(ctx, share, point, "released", answer)


@points.command()
@click.argument("address", metavar="SHARE@POINT")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@following
@pass_context
def delete(ctx: Context, address: str, yes: bool, watch: bool) -> int:
    """Let a restore point go, for good."""
    typed = ctx.address(address)
    if typed.point is None or typed.point.number is None:
        raise CliError(f"{address!r}: expected SHARE@NUMBER: what is deleted is named by its number", USAGE)
    share, _, point = ctx.place(address)
    ctx.confirm(f"Delete restore point {point} of {share.shown}? Nothing brings it back.", yes)
    run = ctx.client.delete(f"{share.path}/restore-points/{point}")
    return follow.started(ctx.client, ctx.output, share, run, watch=watch)


@afb.command()
@click.argument("share")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@following
@pass_context
def prune(ctx: Context, share: str, yes: bool, watch: bool) -> int:
    """Let go of the restore points that a share's policy does not keep. Shows which, and asks."""
    found = ctx.share(share)
    if not yes:
        answer = ctx.client.get(f"{found.path}/retention")
        _show(ctx, {**answer, "restore_points": [one for one in answer["restore_points"] if not one["keep"]]})
        ctx.confirm("Let them go?", yes)
    run = ctx.client.post(f"{found.path}/prunes")
    return follow.started(ctx.client, ctx.output, found, run, watch=watch)


@afb.command()
@click.argument("share")
@click.option("--margin-days", type=click.IntRange(1, 3_650), help="What was let go stays for so many days.")
@following
@pass_context
def sweep(ctx: Context, share: str, margin_days: int | None, watch: bool) -> int:
    """Delete from the vault what no restore point needs any more, once the margin is over."""
    found = ctx.share(share)
    run = ctx.client.post(f"{found.path}/sweeps", {"margin_days": margin_days} if margin_days else {})
    return follow.started(ctx.client, ctx.output, found, run, watch=watch)
