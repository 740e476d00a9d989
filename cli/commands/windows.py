"""When scheduled runs of a share may be at work, and how fast: ``shares windows``, ``shares pace``."""

from typing import Any

import click

from cli.app import Context, pass_context
from cli.client import Json
from cli.commands.shares import shares
from cli.errors import USAGE, CliError
from cli.output import Column, field
from cli.windows import parse_window, window_text

START: tuple[Column, ...] = (
    ("windows", lambda found: "; ".join(map(window_text, found["windows"])) or "any time"),
    ("time zone", field("time_zone")),
    ("pause outside", field("pause_outside_windows")),
)
PACE: tuple[Column, ...] = (
    ("windows", lambda found: "; ".join(map(window_text, found["pace_windows"])) or "none"),
    ("time zone", field("time_zone")),
    ("requests/s otherwise", lambda found: found["requests_per_s"] or "no limit"),
    ("bytes/s otherwise", lambda found: found["bytes_per_s"] or "no limit"),
)


@shares.command("windows")
@click.argument("share")
@click.argument("windows", nargs=-1, metavar="[WINDOW...]")
@click.option("--zone", metavar="ZONE", help="The time zone of all windows of the share, such as Europe/Berlin.")
@click.option("--pause/--no-pause", default=None, help="Pause a scheduled run when its window ends; it goes on later.")
@pass_context
def start_windows(ctx: Context, share: str, windows: tuple[str, ...], zone: str | None, pause: bool | None) -> None:
    """Show or set when scheduled runs of a share may start. What people order starts when they order it.

    \b
    Examples:
      afb shares windows contoso/finance 'mon-fri 20:00-06:00' 'sat,sun 00:00-24:00' --zone Europe/Berlin --pause
      afb shares windows contoso/finance none
    """
    change = {"windows": _given(windows, paced=False), "time_zone": zone, "pause_outside_windows": pause}
    _set_or_show(ctx, share, change, START)


@shares.command("pace")
@click.argument("share")
@click.argument("windows", nargs=-1, metavar="[WINDOW...]")
@click.option("--zone", metavar="ZONE", help="The time zone of all windows of the share, such as Europe/Berlin.")
@pass_context
def pace_windows(ctx: Context, share: str, windows: tuple[str, ...], zone: str | None) -> None:
    """Show or set limits of a share's pace by time of day; the first window that fits counts.

    The limits that hold at all other times are settings: afb shares set SHARE requests_per_s=500 bytes_per_s=50000000.

    \b
    Examples:
      afb shares pace contoso/finance 'mon-fri 08:00-18:00 requests_per_s=50 bytes_per_s=10000000'
      afb shares pace contoso/finance none
    """
    _set_or_show(ctx, share, {"pace_windows": _given(windows, paced=True), "time_zone": zone}, PACE)


def _given(typed: tuple[str, ...], *, paced: bool) -> list[Json] | None:
    """None: nothing was said about them."""
    if typed == ("none",):
        return []
    if "none" in typed:
        raise CliError("none and windows are both given; expected one of them", USAGE)
    return [parse_window(text, paced=paced) for text in typed] or None


def _set_or_show(ctx: Context, share: str, change: dict[str, Any], shown: tuple[Column, ...]) -> None:
    found = ctx.share(share)
    wanted = {name: value for name, value in change.items() if value is not None}
    answer = ctx.client.patch(found.path, {"settings": wanted}) if wanted else ctx.client.get(found.path)
    ctx.output.one(answer if ctx.as_json else answer["settings"], shown)
