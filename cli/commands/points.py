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


@afb.group()
def points() -> None:
    """Restore points."""


@points.command("list")
@click.argument("share")
@click.option("--limit", type=click.IntRange(1), help="Not more than so many.")
@pass_context
def list_points(ctx: Context, share: str, limit: int | None) -> None:
    """List a share's restore points, newest first, with the time that each shows."""
    found = ctx.share(share)
    listed = ctx.client.items(f"{found.path}/restore-points", "restore_points", most=limit)
    ctx.output.many(listed, COLUMNS, nothing=f"none yet; afb backup {found.shown} makes one")
