"""Who may do what: ``members``, ``keys``, ``audit``. With --platform of the whole platform, else of a tenant."""

from typing import Any

import click

from cli.address import parse_point
from cli.app import Context, afb, pass_context
from cli.errors import USAGE, CliError
from cli.names import find_share, find_tenant
from cli.output import Column, field, moment, number

ROLES = click.Choice(["viewer", "operator", "tenant_admin", "platform_admin"])
MEMBERS: tuple[Column, ...] = (
    ("MEMBER", number("member_id")),
    ("NAME", field("name")),
    ("KIND", field("kind")),
    ("ROLE", field("role")),
    ("SHARE", number("share_id")),
    ("OBJECT ID", field("object_id")),
    ("SINCE", moment("created_at")),
)
KEYS: tuple[Column, ...] = (
    ("KEY ID", field("key_id")),
    ("NAME", field("name")),
    ("ROLE", field("role")),
    ("SHARE", number("share_id")),
    ("VALID", field("valid")),
    ("EXPIRES", moment("expires_at")),
    ("LAST USED", moment("last_used_at")),
)
AUDIT: tuple[Column, ...] = (
    ("TIME", moment("at")),
    ("WHO", lambda entry: entry["actor_name"] or entry["actor"]),
    ("ACTION", field("action")),
    ("OUTCOME", field("outcome")),
    ("FROM", field("source")),
    ("WHAT", lambda entry: f"{entry['method']} {entry['path']}" + (f"?{entry['query']}" if entry["query"] else "")),
)

platform_option = click.option("--platform", is_flag=True, help="Of the whole platform, not of a tenant.")


def _owner(ctx: Context, platform: bool) -> str:
    """The path of what is administered."""
    if platform and ctx.tenant:
        raise CliError("--platform and --tenant are both given; expected one of them", USAGE)
    return "/api" if platform else f"/api/tenants/{find_tenant(ctx.client, ctx.tenant)['tenant_id']}"


def _scope(ctx: Context, share: str | None) -> dict[str, Any]:
    if share is None:
        return {}
    return {"share_id": find_share(ctx.client, ctx.address(share), ctx.tenant).share_id}


@afb.group()
def members() -> None:
    """People and groups with a role."""


@members.command("list")
@platform_option
@pass_context
def list_members(ctx: Context, platform: bool) -> None:
    """List members."""
    ctx.output.many(ctx.client.items(f"{_owner(ctx, platform)}/members", "members"), MEMBERS, nothing="nobody yet")


@members.command("add")
@click.argument("object_id", metavar="OBJECT-ID")
@click.option("--name", required=True, help="What people call them.")
@click.option("--role", type=ROLES, required=True)
@click.option("--group", is_flag=True, help="The id is that of a group.")
@click.option("--share", metavar="SHARE", help="For this share only.")
@platform_option
@pass_context
def add_member(
    ctx: Context, object_id: str, name: str, role: str, group: bool, share: str | None, platform: bool
) -> None:
    """Give a person or a group of Entra ID a role."""
    body = {"object_id": object_id, "name": name, "role": role, "kind": "group" if group else "person"}
    ctx.output.one(ctx.client.post(f"{_owner(ctx, platform)}/members", {**body, **_scope(ctx, share)}))


@members.command("set")
@click.argument("member_id", type=click.IntRange(1), metavar="MEMBER")
@click.option("--role", type=ROLES, required=True)
@platform_option
@pass_context
def set_member(ctx: Context, member_id: int, role: str, platform: bool) -> None:
    """Give a member another role."""
    ctx.output.one(ctx.client.patch(f"{_owner(ctx, platform)}/members/{member_id}", {"role": role}))


@members.command("remove")
@click.argument("member_id", type=click.IntRange(1), metavar="MEMBER")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@platform_option
@pass_context
def remove_member(ctx: Context, member_id: int, yes: bool, platform: bool) -> None:
    """Take a role away."""
    path = f"{_owner(ctx, platform)}/members/{member_id}"
    ctx.confirm(f"Take the role of member {member_id} away?", yes)
    ctx.client.delete(path)
    ctx.output.text("removed")


@afb.group()
def keys() -> None:
    """API keys of programs."""


@keys.command("list")
@platform_option
@pass_context
def list_keys(ctx: Context, platform: bool) -> None:
    """List keys, without their secrets."""
    ctx.output.many(ctx.client.items(f"{_owner(ctx, platform)}/keys", "keys"), KEYS, nothing="none yet")


@keys.command("show")
@click.argument("key_id", metavar="KEY-ID")
@platform_option
@pass_context
def show_key(ctx: Context, key_id: str, platform: bool) -> None:
    """Show a key, without its secret."""
    ctx.output.one(ctx.client.get(f"{_owner(ctx, platform)}/keys/{key_id}"))


@keys.command("add")
@click.argument("name")
@click.option("--role", type=ROLES, required=True)
@click.option("--share", metavar="SHARE", help="For this share only.")
@click.option("--days", type=click.IntRange(1, 730), help="How long it is valid (default: 90).")
@platform_option
@pass_context
def add_key(ctx: Context, name: str, role: str, share: str | None, days: int | None, platform: bool) -> None:
    """Make a key. It is shown this once."""
    body = {"name": name, "role": role, **({"days": days} if days else {}), **_scope(ctx, share)}
    made = ctx.client.post(f"{_owner(ctx, platform)}/keys", body)
    if ctx.as_json:
        ctx.output.one(made)
        return
    ctx.output.note(f"key {made['key_id']} is valid until {made['expires_at']}; it is shown this once:")
    ctx.output.text(made["key"])


@keys.command("revoke")
@click.argument("key_id", metavar="KEY-ID")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@platform_option
@pass_context
def revoke_key(ctx: Context, key_id: str, yes: bool, platform: bool) -> None:
    """Make a key invalid, at once and for good."""
    path = f"{_owner(ctx, platform)}/keys/{key_id}"
    ctx.confirm(f"Revoke key {key_id}? Whoever uses it is locked out.", yes)
    ctx.output.one(ctx.client.delete(path))


@afb.command()
@click.option("--actor", metavar="ID", help="Only of this person (object id) or key (key id).")
@click.option("--action", metavar="ACTION", help="Only this, such as restores.start.")
@click.option("--since", metavar="POINT", help="From then on: a time, or an age such as 7d.")
@click.option("--until", metavar="POINT", help="Before then.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Not more than so many.")
@platform_option
@pass_context
def audit(
    ctx: Context,
    actor: str | None,
    action: str | None,
    since: str | None,
    until: str | None,
    limit: int,
    platform: bool,
) -> None:
    """Show who changed what, and who read file content, newest first."""
    query: dict[str, Any] = {"actor": actor, "action": action, "since": _time(ctx, since), "until": _time(ctx, until)}
    found = ctx.client.items(f"{_owner(ctx, platform)}/audit", "entries", most=limit, **query)
    ctx.output.many(found, AUDIT, nothing="nothing")


def _time(ctx: Context, typed: str | None) -> str | None:
    if typed is None:
        return None
    point = parse_point(typed, ctx.now())
    if point is None or point.until is None:
        raise CliError(f"{typed!r} is no time; expected one such as 2026-11-27T14:05, or an age such as 7d", USAGE)
    return point.until.isoformat()


ACCOUNTS: tuple[Column, ...] = (
    ("ID", number("account_id")),
    ("ACCOUNT", field("account_url")),
    ("CREDENTIAL", lambda account: account["credential"] or "the app's identity"),
    ("SINCE", moment("created_at")),
    ("BY", field("created_by")),
)


@afb.group()
def accounts() -> None:
    """Storage accounts that a tenant's shares may be in."""


@accounts.command("list")
@pass_context
def list_accounts(ctx: Context) -> None:
    """List a tenant's storage accounts."""
    ctx.output.many(ctx.client.items(f"{_owner(ctx, False)}/accounts", "accounts"), ACCOUNTS, nothing="none yet")


@accounts.command("add")
@click.argument("url")
@click.option("--credential", default="", metavar="NAME", help="Name of a credential (default: the app's identity).")
@pass_context
def add_account(ctx: Context, url: str, credential: str) -> None:
    """Let a tenant's shares be in a storage account. For platform admins."""
    ctx.output.one(ctx.client.post(f"{_owner(ctx, False)}/accounts", {"account_url": url, "credential": credential}))


@accounts.command("remove")
@click.argument("account_id", type=click.IntRange(1), metavar="ID")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@pass_context
def remove_account(ctx: Context, account_id: int, yes: bool) -> None:
    """Take a storage account from a tenant. Shares that are in it stay. For platform admins."""
    path = f"{_owner(ctx, False)}/accounts/{account_id}"
    ctx.confirm(f"Take account {account_id} from the tenant?", yes)
    ctx.client.delete(path)
    ctx.output.text("removed")
