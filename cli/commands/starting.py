"""Commands that start a run: ``backup``, ``scan``, ``verify``, ``rebuild``."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from cli import follow
from cli.app import Context, afb, pass_context
from cli.errors import OK
from cli.names import Share
from cli.output import bytes_text, field, number

F = TypeVar("F", bound=Callable[..., Any])


def following(command: F) -> F:
    """Add ``--follow``."""
    return click.option(
        "--follow", "-f", "watch", is_flag=True, help="Stay until it has ended; the exit code says how."
    )(command)


@afb.command()
@click.argument("share")
@following
@pass_context
def backup(ctx: Context, share: str, watch: bool) -> int:
    """Back up a share: what has changed since the last time."""
    found = ctx.share(share)
    run = ctx.client.post(f"{found.path}/backups")
    return follow.started(ctx.client, ctx.output, found, run, watch=watch)


@afb.command()
@click.argument("share")
@following
@pass_context
def scan(ctx: Context, share: str, watch: bool) -> int:
    """Look what a backup would save and cost. Nothing is moved."""
    found = ctx.share(share)
    run = ctx.client.post(f"{found.path}/scans")
    code = follow.started(ctx.client, ctx.output, found, run, watch=watch)
    if watch and not ctx.as_json:
        _tell_scan(ctx, found, run["run_no"])
    return code


def _tell_scan(ctx: Context, share: Share, run_no: int) -> None:
    report = ctx.client.get(f"{share.path}/runs/{run_no}").get("report") or {}
    for name, value in report.items():
        if isinstance(value, dict):
            told = ", ".join(
                f"{key} {_plain(key, item)}" for key, item in value.items() if not isinstance(item, dict | list)
            )
            ctx.output.text(f"  {name}: {told}")


def _plain(name: str, value: Any) -> str:
    if isinstance(value, int) and "bytes" in name:
        return bytes_text(value)
    return f"{value:,}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


@afb.command()
@click.argument("address", metavar="SHARE[@POINT]")
@click.option("--level", type=click.Choice(["quick", "sample", "full", "drill"]), default="quick", show_default=True)
@click.option("--all", "every", is_flag=True, help="All restore points (default: the newest, or the one behind @).")
@click.option("--over-runs", type=click.IntRange(1, 10_000), help="sample, drill: after so many of them all was read.")
@click.option("--files", type=click.IntRange(1, 10_000_000), help="drill: about so many files.")
@click.option("--percent", type=click.FloatRange(0, 100, min_open=True), help="drill: so many of a hundred files.")
@click.option("--target-url", metavar="URL", help="drill: the account in which its scratch share is made.")
@click.option("--target-credential", metavar="NAME", help="drill: the credential for it.")
@following
@pass_context
def verify(
    ctx: Context,
    address: str,
    level: str,
    every: bool,
    over_runs: int | None,
    files: int | None,
    percent: float | None,
    target_url: str | None,
    target_credential: str | None,
    watch: bool,
) -> int:
    """Prove that restore points can be restored.

    \b
    quick   every object that is needed is there (the vault's listing and the manifests)
    sample  and a part of the files, another part each time, is byte for byte what was saved
    full    and every file is
    drill   a part of the files is restored to a scratch share and compared
    """
    typed = ctx.address(address)
    share = ctx.share(str(typed)) if typed.point is None else ctx.place(address)[0]
    point: int | str = "all" if every else "latest"
    if typed.point is not None and not typed.point.is_latest:
        point = ctx.place(address)[2]
    target = {"account_url": target_url, "credential": target_credential}
    body = {
        "level": level,
        "restore_point": point,
        "over_runs": over_runs,
        "files": files,
        "percent": percent,
        "target": {name: value for name, value in target.items() if value is not None} or None,
    }
    run = ctx.client.post(
        f"{share.path}/verifications", {name: value for name, value in body.items() if value is not None}
    )
    code = follow.started(ctx.client, ctx.output, share, run, watch=watch)
    if watch and not ctx.as_json:
        report = ctx.client.get(f"{share.path}/runs/{run['run_no']}").get("report") or {}
        if report.get("statement"):
            ctx.output.text(f"  {report['statement']}")
    return code


@afb.command()
@click.argument("share", metavar="[TENANT[/SHARE-ID]]", required=False, default="")
@click.option("--point", type=click.IntRange(1), metavar="N", help="The catalogue as it was at this restore point.")
@click.option("--replace", is_flag=True, help="Drop the catalogue that the share has.")
@click.option("--credential", default="", metavar="NAME", help="Of shares whose restore points do not say it.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@pass_context
def rebuild(ctx: Context, share: str, point: int | None, replace: bool, credential: str, yes: bool) -> int:
    """Rebuild catalogues from the vault: of all shares, of a tenant's, or of one. Ids, not names: these may be lost.

    See docs/DISASTER.md before.
    """
    tenant_id, _, share_id = share.partition("/")
    if share_id and not share_id.isdigit():
        raise click.UsageError(f"{share!r}: expected TENANT-ID/SHARE-ID, the latter a number")
    if replace:
        ctx.confirm(f"Drop the catalogue of {share} and make it anew?", yes)
    body = {
        "tenant_id": tenant_id or None,
        "share_id": int(share_id) if share_id else None,
        "restore_point": point,
        "replace": replace,
        "credential": credential,
    }
    answer = ctx.client.post("/api/rebuilds", {name: value for name, value in body.items() if value not in (None, "")})
    columns = (
        ("TENANT ID", field("tenant_id")),
        ("SHARE", number("share_id")),
        ("RUN", number("run_no")),
        ("STATE", field("state")),
    )
    ctx.output.many(answer["runs"], columns)
    for one in answer["left_out"]:
        ctx.output.note(f"left out: {one['tenant_id']}/{one['share_id']}: {one['reason']}")
    return OK
