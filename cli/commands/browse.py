"""Looking into restore points: ``ls``, ``find``, ``diff``, ``versions``, ``permission``."""

from collections import Counter
from collections.abc import Iterator

import click

from cli.app import Context, afb, pass_context
from cli.client import Json
from cli.errors import NOT_FOUND, USAGE, CliError
from cli.names import find_share
from cli.output import Column, Row, bytes_text, moment, size

LS: tuple[Column, ...] = (
    ("KIND", lambda node: {"directory": "dir", "symbolic_link": "link"}.get(node["kind"], "file")),
    ("SIZE", size("size")),
    ("WRITTEN", moment("written")),
    ("STATE", lambda node: "" if node["state"] == "saved" else node["state"]),
    ("NAME", lambda node: node["name"] + ("/" if node["kind"] == "directory" else "")),
)
FOUND: tuple[Column, ...] = (
    ("SIZE", size("size")),
    ("WRITTEN", moment("written")),
    ("POINTS", lambda node: _stretch(node.get("restore_points"))),
    ("PATH", lambda node: f"/{node['path']}" + ("/" if node["kind"] == "directory" else "")),
)
VERSIONS: tuple[Column, ...] = (
    ("POINTS", lambda version: _stretch(version["restore_points"])),
    ("SIZE", size("node.size")),
    ("WRITTEN", moment("node.written")),
    ("STATE", lambda version: (version["node"] or {}).get("state", "elsewhere")),
    ("CHANGES", lambda version: ", ".join(version["changes"])),
)
DIFF: tuple[Column, ...] = (
    ("", lambda child: _sign(child)),
    ("BEFORE", size("before.size")),
    ("AFTER", size("after.size")),
    ("BELOW", lambda child: _below(child)),
    ("CHANGES", lambda child: ", ".join(child["changes"])),
    ("NAME", lambda child: child["name"] + ("/" if child["kind"] == "directory" else "")),
)


def _stretch(points: Json | None) -> str:
    if not points:
        return ""
    return f"{points['first']}-{points['last']}" if points["count"] > 1 else str(points["first"])


def _sign(child: Row) -> str:
    if child["before"] is None:
        return "+"
    return "-" if child["after"] is None else "~"


def _below(child: Row) -> str:
    below = child["below"]
    if not below:
        return ""
    told = [f"{sign}{below[f'{name}_files']:,}" for sign, name in (("+", "added"), ("~", "changed"), ("-", "deleted"))]
    return " ".join(told) + ("" if child["complete"] else " ...")


@afb.command("ls")
@click.argument("address", metavar="SHARE[:/PATH][@POINT]")
@click.option("--at", metavar="POINT", help="The restore point, instead of behind @.")
@click.option("--limit", type=click.IntRange(1), help="Not more than so many.")
@pass_context
def list_directory(ctx: Context, address: str, at: str | None, limit: int | None) -> None:
    """List a directory as it was saved; the newest restore point unless another is named."""
    share, path, point = ctx.place(address, at)
    url = f"{share.path}/restore-points/{point}/children"
    ctx.output.many(ctx.client.items(url, "children", path=path, most=limit), LS, nothing="(empty)")


@afb.command()
@click.argument("address", metavar="SHARE[:/PATH]")
@click.argument("pattern")
@click.option("--all", "every", is_flag=True, help="In all restore points, deleted files and old names included.")
@click.option("--match-case", is_flag=True)
@click.option("--limit", type=click.IntRange(1), default=1_000, show_default=True, help="Not more than so many.")
@pass_context
def find(ctx: Context, address: str, pattern: str, every: bool, match_case: bool, limit: int) -> None:
    """Find files and directories by name: * is anything, ? one character, [a-z] a set.

    \b
    Example:
      afb find contoso/finance 'budget*.xls?' --all
    """
    typed = ctx.address(address)
    if typed.point is not None:
        raise CliError("find looks in the newest restore point, or in all with --all; expected no @POINT", USAGE)
    share = find_share(ctx.client, typed, ctx.tenant)
    query = {"pattern": pattern, "versions": "all" if every else "latest", "case": "match" if match_case else "ignore"}
    folder = f"{typed.path}/" if typed.path else ""

    def found() -> Iterator[Json]:
        count = 0
        for page in ctx.client.pages(f"{share.path}/search", limit=1_000, **query):
            for node in page["found"]:
                if folder and not f"{node['path']}/".casefold().startswith(folder.casefold()):
                    continue
                yield node
                count += 1
                if count == limit:
                    ctx.output.note(f"the first {limit:,}; --limit for more")
                    return

    ctx.output.many(
        found(), FOUND, nothing="nothing found" if every else "nothing found; --all looks in older restore points too"
    )


@afb.command()
@click.argument("address", metavar="SHARE[:/PATH]")
@click.option("--from", "older", metavar="POINT", help="The older restore point (default: the one before --to).")
@click.option("--to", "newer", metavar="POINT", help="The newer one (default: the newest).")
@pass_context
def diff(ctx: Context, address: str, older: str | None, newer: str | None) -> None:
    """Show what is different in a directory between two restore points, with counts of all that is below each child.

    \b
    Example:
      afb diff contoso/finance:/2026 --from 2d
    """
    typed = ctx.address(address)
    if typed.point is not None:
        raise CliError("diff is between two restore points; expected --from and --to, and no @POINT", USAGE)
    share = find_share(ctx.client, typed, ctx.tenant)
    to = _number(ctx, str(typed), newer)
    since = _number(ctx, str(typed), older) if older else _before(ctx, str(typed), to)
    totals = Counter[str]()
    pages = 0

    def children() -> Iterator[Json]:
        nonlocal pages
        for page in ctx.client.pages(f"{share.path}/difference", path=typed.path, limit=1_000, from_=since, to=to):
            totals.update(page["total"])
            if pages:  # what is directly in the directory is in the total of every page
                totals.subtract(page["here"])
            pages += 1
            yield from (child for child in page["children"] if not child["unchanged"])
            for damaged in page["unreadable"]:
                ctx.output.note(f"damaged, and not counted: {damaged}")

    ctx.output.note(f"restore point {since} to {to}")
    ctx.output.many(children(), DIFF, nothing="no difference")
    if not ctx.as_json and totals:
        told = [
            f"{totals[f'{name}_files']:,} files {word} ({bytes_text(totals[f'{name}_bytes'])})"
            for name, word in (("added", "added"), ("changed", "changed"), ("deleted", "deleted"), ("moved", "moved"))
            if totals[f"{name}_files"]
        ]
        ctx.output.note(", ".join(told) or "nothing")


def _number(ctx: Context, address: str, typed: str | None) -> int:
    return ctx.place(address, typed or "latest")[2]


def _before(ctx: Context, address: str, point: int) -> int:
    share = find_share(ctx.client, ctx.address(address), ctx.tenant)
    for found in ctx.client.items(f"{share.path}/restore-points", "restore_points"):
        if found["restore_point"] < point:
            return int(found["restore_point"])
    raise CliError(f"there is no restore point before {point}", USAGE, hint=f"afb points list {share.shown}")


@afb.command()
@click.argument("address", metavar="SHARE:/PATH[@POINT]")
@click.option("--at", metavar="POINT", help="A restore point at which it is there, instead of behind @.")
@click.option("--limit", type=click.IntRange(1), help="Not more than so many.")
@pass_context
def versions(ctx: Context, address: str, at: str | None, limit: int | None) -> None:
    """List the versions of a file or a directory, newest first. Of one that is gone, name a time at which it was there."""
    share, path, point = ctx.place(address, at)
    found = ctx.client.items(f"{share.path}/versions", "versions", path=path, restore_point=point, page=200, most=limit)
    ctx.output.many(found, VERSIONS)


@afb.command()
@click.argument("address", metavar="SHARE[:/PATH][@POINT]")
@click.option("--at", metavar="POINT", help="The restore point, instead of behind @.")
@pass_context
def permission(ctx: Context, address: str, at: str | None) -> None:
    """Show who might do what with a file or a directory then: its security descriptor, as SDDL."""
    share, path, point = ctx.place(address, at)
    (newest,) = ctx.client.items(f"{share.path}/versions", "versions", path=path, restore_point=point, most=1)
    key = (newest["node"] or {}).get("permission")
    if key is None:
        raise CliError(f"/{path} has no security descriptor at restore point {point}", NOT_FOUND)
    answer = ctx.client.get(f"{share.path}/permissions", key=key)
    ctx.output.one(answer) if ctx.as_json else ctx.output.text(answer["sddl"])
