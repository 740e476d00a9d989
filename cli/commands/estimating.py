"""What it would take and cost: ``cost``. Asks the app, whose price table it is; nothing has to be protected yet."""

from typing import Any

import click

from cli.app import Context, afb, pass_context
from cli.output import Column, bytes_text, field, size


class Count(click.ParamType[str]):
    """A whole number: ``1000000``, ``1_000_000`` or ``1e6``."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As digits."""
        try:
            number = float(str(value).replace("_", ""))
            if number != int(number) or number < 0:
                raise ValueError
        except (ValueError, OverflowError):
            self.fail(f"{value!r}; expected a whole number such as 2500000 or 1e9", param, ctx)
        return str(int(number))


RUNS: tuple[Column, ...] = (
    ("RUN", field("name")),
    ("HOURS", lambda run: round(run["seconds"] / 3600, 2)),
    ("HELD UP BY", field("bound")),
    ("WIDTH", field("width")),
    ("INSTANCES", field("instances")),
    ("REQUESTS", lambda run: sum(run["requests"][kind] for kind in ("list", "read", "other"))),
    ("VAULT WRITES", field("requests.vault_write")),
    ("READ", size("read_bytes")),
    ("STORED", size("stored_bytes")),
    ("COST", lambda run: f"{run['cost']['total']:,.2f} {run['currency']}"),
)
MONTH: tuple[Column, ...] = (
    ("A MONTH", field("part")),
    ("COST", lambda part: f"{part['cost']:,.2f} {part['currency']}"),
)


@afb.command()
@click.option("--files", type=Count(), required=True, metavar="N", help="Of all shares together, such as 1e9.")
@click.option("--mean-bytes", type=Count(), metavar="N", help="Size of a file (default: 100000).")
@click.option(
    "--files-per-directory", type=float, metavar="N", help="On average (default: 10.9, as office files have)."
)
@click.option(
    "--changed", type=Count(), metavar="N", help="Files new or changed per day (default: one in two hundred)."
)
@click.option("--touched", type=Count(), metavar="N", help="Directories in which these are (default: reckoned).")
@click.option("--shares", type=Count(), metavar="N", help="That the files are in (default: 1).")
@click.option("--accounts", type=Count(), metavar="N", help="That the shares are in (default: 1).")
@click.option(
    "--account-kind",
    type=click.Choice(["pay_as_you_go", "hdd_provisioned", "ssd_provisioned"]),
    help="Of the shares' accounts (default: pay_as_you_go).",
)
@click.option(
    "--files-tier",
    type=click.Choice(["TransactionOptimized", "Hot", "Cool"]),
    help="Of the shares (default: TransactionOptimized).",
)
@click.option("--points", type=Count(), metavar="N", help="Restore points that are kept, one a day (default: 30).")
@click.option(
    "--vault-tier", type=click.Choice(["Hot", "Cool", "Cold"]), help="In which content is kept (default: Hot)."
)
@click.option(
    "--width", type=Count(), metavar="N", help="Activities of one run (default: as many as use up what shares give)."
)
@click.option("--no-private-endpoints", is_flag=True, help="Shares and vault are reached without.")
@click.option("--no-standby", is_flag=True, help="The catalogue has one server.")
@pass_context
def cost(ctx: Context, /, no_private_endpoints: bool, no_standby: bool, **asked: Any) -> None:
    """Show what so many files would take: hours, instances, the catalogue's server, and what a month costs at list prices."""
    found = ctx.client.get(
        "/api/cost-estimate",
        files=asked["files"],
        mean_bytes=asked["mean_bytes"],
        files_per_directory=asked["files_per_directory"],
        changed_files=asked["changed"],
        touched_directories=asked["touched"],
        shares=asked["shares"],
        accounts=asked["accounts"],
        account_kind=asked["account_kind"],
        files_tier=asked["files_tier"],
        restore_points=asked["points"],
        vault_tier=asked["vault_tier"],
        width=asked["width"],
        private_endpoints="false" if no_private_endpoints else None,
        high_availability="false" if no_standby else None,
    )
    if ctx.as_json:
        ctx.output.one(found)
        return
    currency = {"currency": found["currency"]}
    runs = ({"name": "first backup", **found["first"], **currency}, {"name": "daily run", **found["daily"], **currency})
    ctx.output.many(runs, RUNS)
    ctx.output.text("")
    ctx.output.many([{**part, **currency} for part in found["month"]], MONTH)
    ctx.output.text(f"together {found['month_total']:,.2f} {found['currency']} a month")
    ctx.output.text("")
    catalogue, vault = found["catalogue"], found["vault"]
    ctx.output.text(
        f"catalogue: {bytes_text(catalogue['bytes'])} in {catalogue['server']} ({catalogue['cores']} cores, {catalogue['memory_gib']} GiB);"
        f" vault: {bytes_text(vault['content_bytes'] + vault['manifest_bytes'])} in {vault['objects']:,} objects"
    )
    for warning in found["warnings"]:
        ctx.output.text(f"warning: {warning}")
    for assumption in found["assumptions"]:
        ctx.output.note(f"assumed: {assumption}")
