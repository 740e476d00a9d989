"""Tenants."""

import click

from cli.app import Context, afb, pass_context
from cli.errors import USAGE, CliError
from cli.names import find_tenant
from cli.output import Column, field, moment

COLUMNS: tuple[Column, ...] = (("NAME", field("name")), ("TENANT ID", field("tenant_id")))
DELETED: tuple[Column, ...] = (
    *COLUMNS,
    ("DELETED", moment("deletion.at")),
    ("PURGE FROM", moment("deletion.purge_after")),
)


@afb.group()
def tenants() -> None:
    """Who owns what is backed up."""


@tenants.command("list")
@click.option("--deleted", is_flag=True, help="Also those that are deleted.")
@pass_context
def list_tenants(ctx: Context, deleted: bool) -> None:
    """List the tenants that you may see."""
    found = ctx.client.items("/api/tenants", "tenants", deleted="true" if deleted else None)
    ctx.output.many(found, DELETED if deleted else COLUMNS, nothing="no tenants")


@tenants.command("show")
@click.argument("tenant", required=False, default="")
@pass_context
def show_tenant(ctx: Context, tenant: str) -> None:
    """Show a tenant, named by its name or id."""
    found = find_tenant(ctx.client, tenant or ctx.tenant)
    ctx.output.one(ctx.client.get(f"/api/tenants/{found['tenant_id']}"))


@tenants.command("add")
@click.argument("name")
@click.option(
    "--id", "tenant_id", metavar="ID", help="Its id, 3 to 63 lower-case letters, digits and hyphens (default: made up)."
)
@pass_context
def add_tenant(ctx: Context, name: str, tenant_id: str | None) -> None:
    """Add a tenant."""
    made = ctx.client.post("/api/tenants", {"name": name, **({"tenant_id": tenant_id} if tenant_id else {})})
    ctx.output.one(made)


LIMITS: tuple[Column, ...] = (
    ("runs at once", lambda limits: limits["runs_at_once"] or "no limit of its own"),
    ("of all tenants", lambda limits: limits["platform_runs_at_once"] or "no limit"),
)


@tenants.command("limits")
@click.argument("tenant", required=False, default="")
@click.option(
    "--runs-at-once", metavar="N|none", help="So many of its runs may be at work at once. For platform admins."
)
@pass_context
def limits(ctx: Context, tenant: str, runs_at_once: str | None) -> None:
    """Show or set how many runs of a tenant may be at work at once."""
    path = f"/api/tenants/{find_tenant(ctx.client, tenant or ctx.tenant)['tenant_id']}/limits"
    if runs_at_once is None:
        ctx.output.one(ctx.client.get(path), LIMITS)
        return
    if runs_at_once != "none" and not (runs_at_once.isascii() and runs_at_once.isdigit()):
        raise CliError(f"--runs-at-once is {runs_at_once!r}; expected a number, or none", USAGE)
    wanted = None if runs_at_once == "none" else int(runs_at_once)
    ctx.output.one(ctx.client.put(path, {"runs_at_once": wanted}), LIMITS)


@tenants.command("rename")
@click.argument("tenant")
@click.argument("name")
@pass_context
def rename_tenant(ctx: Context, tenant: str, name: str) -> None:
    """Give a tenant another name; its id stays."""
    found = find_tenant(ctx.client, tenant)
    ctx.output.one(ctx.client.patch(f"/api/tenants/{found['tenant_id']}", {"name": name}))
