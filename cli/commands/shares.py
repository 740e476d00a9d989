"""Shares under protection."""

import json
from collections.abc import Iterator
from typing import Any

import click

from cli.app import Context, afb, pass_context
from cli.client import Json
from cli.errors import FAILED, OK, USAGE, CliError
from cli.names import find_tenant
from cli.output import Column, field, number

COLUMNS: tuple[Column, ...] = (
    ("TENANT", field("tenant")),
    ("SHARE", field("name")),
    ("ID", number("share_id")),
    ("AZURE SHARE", lambda share: f"{share['account_url'].rstrip('/')}/{share['share_name']}"),
    ("CREDENTIAL", lambda share: share["credential"] or "managed identity"),
)


CHECKS: tuple[Column, ...] = (
    ("CHECK", field("name")),
    ("OUTCOME", field("outcome")),
    ("DETAIL", lambda check: check["detail"] + (f" (hint: {check['hint']})" if check["hint"] else "")),
)


@afb.group()
def shares() -> None:
    """Azure Files shares under protection: list, add, show, set, test."""


@shares.command("list")
@pass_context
def list_shares(ctx: Context) -> None:
    """List the shares of all tenants that you may see, or of --tenant."""
    client = ctx.client
    owners = [find_tenant(client, ctx.tenant)] if ctx.tenant else list(client.items("/api/tenants", "tenants"))

    def found() -> Iterator[Json]:
        for owner in owners:
            for share in client.items(f"/api/tenants/{owner['tenant_id']}/shares", "shares"):
                yield share if ctx.as_json else {**share, "tenant": owner["name"]}

    ctx.output.many(found(), COLUMNS, nothing="no shares; afb shares add protects one")


@shares.command("show")
@click.argument("share")
@pass_context
def show_share(ctx: Context, share: str) -> None:
    """Show a share and its settings."""
    found = ctx.share(share)
    ctx.output.one(ctx.client.get(found.path))


@shares.command("add")
@click.argument("url", metavar="URL")
@click.option("--name", help="What to call it (default: the name of the Azure share).")
@click.option(
    "--credential", default="", metavar="NAME", help="Name of a credential (default: the app's managed identity)."
)
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A setting, such as requests_per_s=500.")
@pass_context
def add_share(ctx: Context, url: str, name: str | None, credential: str, settings: tuple[str, ...]) -> None:
    """Protect an Azure Files share.

    URL is its address, as the portal shows it: https://ACCOUNT.file.core.windows.net/SHARE.

    \b
    Example:
      afb shares add https://contoso.file.core.windows.net/finance --tenant contoso --credential contoso
    """
    account_url, _, share_name = url.rstrip("/").rpartition("/")
    if "://" not in account_url or account_url.endswith(":/"):
        raise click.UsageError(f"URL is {url!r}; expected https://ACCOUNT.file.core.windows.net/SHARE")
    owner = find_tenant(ctx.client, ctx.tenant)
    body: dict[str, Any] = {
        "name": name or share_name,
        "account_url": account_url,
        "share_name": share_name,
        "credential": credential,
    }
    if settings:
        body["settings"] = _settings(settings)
    made = ctx.client.post(f"/api/tenants/{owner['tenant_id']}/shares", body)
    ctx.output.one(made)
    ctx.output.note(f"hint: afb backup {owner['name']}/{made['name']} --follow")


@shares.command("test")
@click.argument("share")
@pass_context
def test_share(ctx: Context, share: str) -> int:
    """Try whether backups of a share can work, and say which right, rule or share is missing. Nothing of it stays."""
    found = ctx.share(share)
    answer = ctx.client.post(f"{found.path}/connection-test")
    if ctx.as_json:
        ctx.output.one(answer)
    else:
        ctx.output.many(answer["checks"], CHECKS)
    return OK if answer["ok"] else FAILED


@shares.command("set")
@click.argument("share")
@click.argument("settings", nargs=-1, required=True, metavar="NAME=VALUE...")
@pass_context
def set_share(ctx: Context, share: str, settings: tuple[str, ...]) -> None:
    """Change settings of a share, for runs that are started from now on.

    A value is JSON or else text; a list is written with commas, and nothing is null.

    \b
    Examples:
      afb shares set contoso/finance requests_per_s=500
      afb shares set contoso/finance 'exclude=*.tmp,~$*' keep_share_snapshot=false
    """
    found = ctx.share(share)
    ctx.output.one(ctx.client.patch(found.path, {"settings": _settings(settings)}))


_LISTS = frozenset({"exclude", "include"})


def _settings(given: tuple[str, ...]) -> dict[str, Any]:
    """:raises CliError: one is not like ``name=value``."""
    found: dict[str, Any] = {}
    for pair in given:
        name, sign, value = pair.partition("=")
        if not sign or not name:
            raise CliError(f"{pair!r} is no setting; expected NAME=VALUE", USAGE)
        if name in _LISTS and not value.startswith("["):
            found[name] = [part for part in value.split(",") if part]
            continue
        try:
            found[name] = json.loads(value) if value else None
        except ValueError:
            found[name] = value
    return found
