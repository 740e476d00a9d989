"""Restore points."""

import click

from cli.app import Context, afb, pass_context
from cli.output import Column, field, moment, number, size

COLUMNS: tuple[Column, ...] = (
    ("POINT", number("restore_point")),
    ("TAKEN", moment("taken_at")),
    ("FILES", field("files")),
    ("BYTES", size("bytes")),
    ("ERRORS", field("errors")),
)


EXPIRED: tuple[Column, ...] = (
    ("POINT", number("restore_point")),
    ("TAKEN", moment("taken_at")),
    ("GONE SINCE", moment("expired_at")),
    ("BY", field("by")),
    ("WHY", field("reason")),
)


@afb.group()
def points() -> None:
    """Restore points: list, show, expired, pin, unpin, hold, release, delete."""


@points.command("list")
@click.argument("share")
@click.option("--limit", type=click.IntRange(1), help="Not more than so many.")
@pass_context
def list_points(ctx: Context, share: str, limit: int | None) -> None:
    """List a share's restore points, newest first, with the time that each shows."""
    found = ctx.share(share)
    listed = ctx.client.items(f"{found.path}/restore-points", "restore_points", most=limit)
    ctx.output.many(listed, COLUMNS, nothing=f"none yet; afb backup {found.shown} makes one")


@points.command("show")
@click.argument("address", metavar="SHARE@POINT")
@pass_context
def show_point(ctx: Context, address: str) -> None:
    """Show a restore point, and whether it is pinned or under a legal hold, by whom and why."""
    share, _, point = ctx.place(address)
    path = f"{share.path}/restore-points/{point}"
    ctx.output.one({**ctx.client.get(path), **ctx.client.get(f"{path}/keeping")})


@points.command("expired")
@click.argument("share")
@click.option("--limit", type=click.IntRange(1), help="Not more than so many.")
@pass_context
def expired_points(ctx: Context, share: str, limit: int | None) -> None:
    """List the restore points that were let go, newest first: when, by whom and why."""
    found = ctx.client.items(f"{ctx.share(share).path}/expired-points", "expired_points", most=limit)
    ctx.output.many(found, EXPIRED, nothing="none")
