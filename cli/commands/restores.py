"""``restore`` and ``undo``: with a plan first, unless nothing that is there can be lost."""

import datetime as dt
from typing import Any

import click

from cli import follow
from cli.address import clean
from cli.app import Context, afb, pass_context
from cli.client import Json
from cli.commands.starting import following
from cli.errors import OK, WITH_ERRORS
from cli.names import Share
from cli.output import bytes_text, seconds_text

CONFLICTS = ("overwrite", "overwrite_if_different", "skip", "keep_both", "mirror")
HARMLESS = frozenset({"skip", "keep_both"})
PARTS = ("everything", "permissions", "times_and_attributes", "metadata")


class _Time(click.ParamType[str]):
    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """ISO 8601, in this machine's zone unless it says another."""
        try:
            moment = dt.datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r}; expected a time such as 2026-11-27T14:05", param, ctx)
        return moment.astimezone().isoformat()


@afb.command()
@click.argument("address", metavar="SHARE[:/PATH][@POINT]")
@click.option("--at", metavar="POINT", help="The restore point, instead of behind @.")
@click.option("--in-place", is_flag=True, help="To where it was: into the share that was backed up.")
@click.option(
    "--to", metavar="NAME[:/PATH]", help="To another share of the account, made if missing, as 'cp -r' would."
)
@click.option("--to-account", metavar="URL", help="The account of --to (default: the share's own).")
@click.option("--to-credential", metavar="NAME", help="The credential for it.")
@click.option("--no-create", is_flag=True, help="Refuse if the share of --to is missing.")
@click.option("--path", "more", multiple=True, metavar="PATH", help="Another file or directory; may be repeated.")
@click.option(
    "--include", multiple=True, metavar="PATTERN", help="Only what matches, as in .gitignore; may be repeated."
)
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Not what matches; may be repeated.")
@click.option("--match-case", is_flag=True, help="Of --include and --exclude.")
@click.option(
    "--ext", "extensions", multiple=True, metavar=".EXT", help="Only files with this ending; may be repeated."
)
@click.option("--written-from", type=_Time(), metavar="TIME", help="Only files last written then or later.")
@click.option("--written-before", type=_Time(), metavar="TIME", help="Only files last written before.")
@click.option("--changed", is_flag=True, help="Only files that have changed since, or until --compared-with.")
@click.option("--deleted", is_flag=True, help="Only files that were deleted since.")
@click.option(
    "--compared-with",
    type=click.IntRange(1),
    metavar="N",
    help="With --changed, --deleted (default: the newest point).",
)
@click.option(
    "--conflicts",
    type=click.Choice(CONFLICTS),
    help="What becomes of what is there (default: overwrite_if_different).",
)
@click.option("--part", type=click.Choice(PARTS), default="everything", show_default=True, help="What of it.")
@click.option(
    "--delete-at-most", type=click.IntRange(0), metavar="N", help="With mirror (default: what the plan says)."
)
@click.option(
    "--close-handles", is_flag=True, help="Close files that others have open; they lose what they have not saved."
)
@click.option("--no-undo", is_flag=True, help="Take no share snapshot of the target by which this could be undone.")
@click.option("--dry-run", is_flag=True, help="Show the plan and do nothing.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@following
@pass_context
def restore(
    ctx: Context, /, address: str, at: str | None, yes: bool, watch: bool, dry_run: bool, **options: Any
) -> int:
    """Restore a share, a directory or files.

    \b
    Where to is always said: --in-place, or --to NAME. What could overwrite something is planned first, shown, and asked about.
      afb restore contoso/finance:/2026/budget.xlsx@41 --in-place --conflicts keep_both
      afb restore contoso/finance:/2026@2d --to finance-restored
      afb restore contoso/finance@41 --in-place --changed --deleted         after ransomware, or a script that went wrong
      afb restore contoso/finance@41 --in-place --part permissions
    """
    if options["in_place"] == (options["to"] is not None):
        raise click.UsageError("say where to: either --in-place or --to NAME")
    share, path, point = ctx.place(address, at)
    order = _order(share, path, point, options)
    url = f"{share.path}/restores"
    mirrors = order.get("conflicts") == "mirror"
    overwrites = order.get("conflicts") not in HARMLESS
    if dry_run or (overwrites and not yes) or (mirrors and "delete_at_most" not in order):
        plan = _planned(ctx, share, url, order)
        if dry_run:
            return OK if plan["state"] == "succeeded" else WITH_ERRORS
        if mirrors:
            order.setdefault("delete_at_most", plan["report"]["confirm"]["delete_at_most"])
        ctx.confirm("Do it?", yes)
    run = ctx.client.post(url, order)
    code = follow.started(ctx.client, ctx.output, share, run, watch=watch)
    if not options["no_undo"]:
        ctx.output.note(f"hint: afb undo {share.shown} {run['run_no']} takes it back, for some days")
    return code


def _order(share: Share, path: str, point: int, options: dict[str, Any]) -> Json:
    """The body of the request, without what was not said."""
    target: Json
    paths = [found for found in (path, *map(clean, options["more"])) if found]
    below = ""
    if options["in_place"]:
        target = {"share_name": share.details["share_name"]}
    else:
        name, _, place = options["to"].partition(":")
        target = {"share_name": name, "path": clean(place), "create": not options["no_create"]}
        below = path.rpartition("/")[0] if not options["more"] else ""  # as cp does: the last name of it is made there
    for name, given in (("account_url", options["to_account"]), ("credential", options["to_credential"])):
        if given is not None:
            target[name] = given
    changes = [name for name in ("changed", "deleted") if options[name]]
    selection = {
        "paths": paths,
        "include": list(options["include"]),
        "exclude": list(options["exclude"]),
        "extensions": list(options["extensions"]),
        "written_from": options["written_from"],
        "written_before": options["written_before"],
        "compared_with": options["compared_with"],
        "changes": changes,
        "ignore_case": False if options["match_case"] else None,
    }
    order: Json = {
        "restore_point": point,
        "path": below,
        "selection": {name: value for name, value in selection.items() if value not in (None, [])},
        "target": target,
        "part": options["part"],
        "undo": not options["no_undo"],
        "close_handles": options["close_handles"],
    }
    if options["conflicts"] or options["part"] == "everything":
        order["conflicts"] = options["conflicts"] or "overwrite_if_different"
    if options["delete_at_most"] is not None:
        order["delete_at_most"] = options["delete_at_most"]
    return order


def _planned(ctx: Context, share: Share, url: str, order: Json) -> Json:
    """Have it counted, and show what it would do; the run that has counted."""
    body = {**{name: value for name, value in order.items() if name != "delete_at_most"}, "dry_run": True}
    run = follow.ended(follow.follow(ctx.client, ctx.output, share, ctx.client.post(url, body)))
    if ctx.as_json:
        ctx.output.one(run)
    else:
        _show_plan(ctx, run["report"])
    return run


def _show_plan(ctx: Context, report: Json) -> None:
    said, written, removed = ctx.output.text, report["written"], report["removed"]
    into = report["to"]
    place = f"{into['share_name']}:/{into['path']}"
    said(f"plan: restore point {report['restore_point']} of {report['taken_at'][:19]} to {place}")
    said(
        f"  would write   {written['files']:,} files, {bytes_text(written['bytes'])}, of which {written['replaced']:,} replace"
        f" what is there and {written['beside_others']:,} go beside it; {written['directories_made']:,} new directories"
    )
    same = report["not_written"]
    said(
        f"  would leave   {same['same_already']:,} files that are the same already, {same['left_as_they_were']:,} others"
    )
    said(f"  would DELETE  {removed['files']:,} files, {removed['directories']:,} directories") if any(
        removed.values()
    ) else None
    if report["exceptions"]:
        said(f"  cannot        {report['exceptions']:,} nodes; the journal of this dry run says which")
    plan = report.get("plan") or {}
    seconds, cost = plan.get("seconds"), plan.get("cost")
    if seconds is not None:
        said(f"  takes about   {seconds_text(seconds) if isinstance(seconds, int | float) else seconds}")
    if isinstance(cost, dict):
        said(f"  costs about   {cost['total']:.2f} {cost['currency']}")


@afb.command()
@click.argument("share")
@click.argument("run_no", type=click.IntRange(1), metavar="RUN")
@click.option("--dry-run", is_flag=True, help="Show the plan and do nothing.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@following
@pass_context
def undo(ctx: Context, share: str, run_no: int, dry_run: bool, yes: bool, watch: bool) -> int:
    """Take a restore back: what it made goes, what it replaced or deleted comes back. What somebody has changed since stays.

    RUN is the number of the restore's run.
    """
    found = ctx.share(share)
    url = f"{found.path}/runs/{run_no}/undo"
    if dry_run or not yes:
        run = follow.ended(follow.follow(ctx.client, ctx.output, found, ctx.client.post(url, {"dry_run": True})))
        if ctx.as_json:
            ctx.output.one(run)
        else:
            _show_plan(ctx, run["report"])
        if dry_run:
            return OK
        ctx.confirm("Do it?", yes)
    started = ctx.client.post(url, {})
    return follow.started(ctx.client, ctx.output, found, started, watch=watch)
