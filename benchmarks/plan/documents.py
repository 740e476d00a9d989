"""The tables of docs/BILLION.md and docs/OPERATIONS.md that are reckoned: between ``<!-- name -->`` and ``<!-- /name -->``, and held to this by a test."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from benchmarks.plan.planning import Simulated, basis, simulated
from shared.core import sizing
from shared.core.basis import Basis
from shared.core.cost import GB
from shared.core.sizing import HOURS, Installation, Plan

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
BILLION: Final = DOCS / "BILLION.md"
OPERATIONS: Final = DOCS / "OPERATIONS.md"

BASE: Final = Installation(files=1_000_000_000, shares=10)
SIZES: Final = (
    Installation(files=1_000_000, width=4, high_availability=False),
    Installation(files=10_000_000, shares=2, width=4),
    Installation(files=100_000_000, shares=5),
    Installation(files=100_000_000, changed_files=2_000_000, shares=5),
    Installation(files=100_000_000, shares=5, account_kind="hdd_provisioned"),
    Installation(files=1_000_000_000, shares=10),
    Installation(files=1_000_000_000, shares=10, accounts=5),
    Installation(files=1_000_000_000, shares=10, accounts=5, account_kind="hdd_provisioned"),
    Installation(files=4_000_000_000, shares=40, accounts=10, account_kind="hdd_provisioned"),
)
"""Of the sizing table."""

Row = Sequence[str]


def tables() -> dict[Path, dict[str, str]]:
    """Every table, by document and name."""
    known = basis()
    base = simulated(BASE, known)
    return {
        BILLION: {
            "given": given(known),
            "base": base_table(base),
            "month": month_table(base),
            "layouts": variants_table(known, LAYOUTS, base),
            "what-if": variants_table(known, WHAT_IF, base),
        },
        OPERATIONS: {"sizing": sizing_table(known), "servers": servers_table(known)},
    }


def printed(text: str) -> dict[str, str]:
    """What a document has between its marks."""
    return {
        match[1]: match[2].strip("\n")
        for match in re.finditer(r"<!-- ([a-z-]+) -->\n(.*?)<!-- /\1 -->", text, re.DOTALL)
    }


def write() -> list[Path]:
    """Write the tables of the documents anew."""
    for path, found in tables().items():
        text = path.read_text(encoding="utf-8")
        for name, table in found.items():
            begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
            before, found_it, rest = text.partition(begin)
            _, and_its_end, after = rest.partition(end)
            assert found_it, (path, name)
            assert and_its_end, (path, name)
            text = f"{before}{begin}{table}\n{end}{after}"
        path.write_text(text, encoding="utf-8")
    return [BILLION, OPERATIONS]


def _table(head: Row, rows: Sequence[Row]) -> str:
    return (
        "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows))
        .replace("| --- ", "|---")
        .replace("--- |", "---|")
    )


def whole(value: float) -> str:
    """With as many digits as mean something: three."""
    if value < 1_000:
        return f"{value:,.0f}"
    for unit, name in ((1e9, "billion"), (1e6, "million")):
        if value >= unit:
            return f"{value / unit:,.3g} {name}"
    return f"{value:,.0f}"


def hours(seconds: float) -> str:
    """In hours, below one in minutes."""
    return (
        f"{seconds / HOURS:,.1f} h"
        if seconds >= HOURS
        else f"{seconds / 60:,.0f} min"
        if seconds >= 90
        else f"{seconds:,.0f} s"
    )


def usd(value: float) -> str:
    """In dollars; cents where they are all there is."""
    return f"{value:,.0f}" if value >= 10 else f"{value:,.2f}"


def size(value: float) -> str:
    """GB of 10^9 bytes, and TB."""
    gb = value / GB
    return f"{gb / 1000:,.1f} TB" if gb >= 1_000 else f"{gb:,.0f} GB" if gb >= 10 else f"{gb:,.2f} GB"


# ---------------------------------------------------------------------------------------------------------------------
# docs/BILLION.md


def given(known: Basis) -> str:
    """What the base case is reckoned with."""
    rates, platform, limits, speed = known.rates, known.platform, known.limits[BASE.account_kind], known.prices.speed
    assumed, measured, service = "assumed", "measured", "Microsoft's scalability targets"
    scaled = "measured on a busy machine, brought to a quiet one"
    rows = [
        ("files; directories", f"{whole(BASE.files)}; {whole(BASE.directories)}, {BASE.files_per_directory:g} files each", "office profile of the benchmarks"),
        ("size of a file", f"{BASE.mean_bytes / 1000:g} kB on average, half of them below {sizing.median_bytes(BASE.mean_bytes) / 1000:.0f} kB", assumed),
        ("new or changed per day", f"{whole(BASE.changed)} files", assumed),
        ("shares", f"{BASE.shares}, alike, in {BASE.accounts} account, pay as you go, transaction optimized", assumed),
        ("an account takes", f"{limits.account_requests_per_s:,.0f} requests/s", service),
        ("a share takes", f"{limits.share_requests_per_s:,.0f} requests/s, of which {limits.share_metadata_per_s:,.0f} for metadata (List)", service),
        ("a List; a small read", f"{platform.list_s * 1000:g} ms; {speed.seconds_per_read * 1000:g} ms, {platform.lists_at_once} and {speed.reads_at_once} at once per worker", assumed),
        ("worker, per directory listed", f"{rates.worker_s_per_directory * 1e6:.0f} us of a core, and {rates.worker_s_per_entry * 1e6:.1f} us per entry", scaled),
        ("worker, per file saved", f"{rates.worker_s_per_file * 1e6:.0f} us, and {rates.worker_s_per_byte * 1e9:.1f} ns per byte", scaled),
        ("Postgres, per directory listed; per file saved", f"{rates.catalogue_s_per_directory * 1e6:.0f} us; {rates.catalogue_s_per_file * 1e6:.0f} us", measured),
        ("an instance's core, of the measured machine's", f"{platform.core_part:.0%}", assumed),
        ("a listing", f"{rates.list_bytes_per_entry:.0f} bytes per entry", measured),
        ("catalogue", f"{rates.catalogue_bytes_per_file:g} bytes per file and {rates.catalogue_bytes_per_directory:g} per directory, times {rates.catalogue_growth:g} after months", measured),
        ("manifests", f"{rates.manifest_bytes_per_file:g} bytes per file", measured),
    ]  # fmt: skip
    return _table(("what", "number", "from"), rows)


def base_table(found: Simulated) -> str:
    """The base case, run by run."""
    estimate = found.estimate
    columns = [(found.first, estimate.first), (found.daily, estimate.daily)]

    def row(name: str, value: Callable[[Any, Plan], str]) -> Row:
        return (name, *(value(outcome, plan) for outcome, plan in columns))

    rows = [
        row("Lists", lambda _, plan: whole(plan.job.work.files_list)),
        row("reads", lambda _, plan: whole(plan.job.work.files_read)),
        row(
            "bytes of listings; of content",
            lambda _, plan: f"{size(plan.job.list_bytes)}; {size(plan.job.work.read_bytes)}",
        ),
        row("**hours**", lambda outcome, _: f"**{hours(outcome.seconds)}**"),
        row("at the least, by the tightest limit", lambda _, plan: f"{hours(max(plan.bounds.values()))}: {plan.bound}"),
        row(
            "most that was used of the account's requests", lambda outcome, _: f"{outcome.used['account_requests']:.0%}"
        ),
        row("of the catalogue's cores", lambda outcome, _: f"{outcome.used['catalogue']:.0%}"),
        row("width; instances", lambda _, plan: f"{plan.width}; {plan.instances}"),
        row("instance hours", lambda outcome, _: f"{outcome.instance_s / HOURS:,.0f}"),
        row("activities", lambda outcome, _: whole(outcome.activities)),
        row("vault: objects written", lambda _, plan: whole(plan.job.work.vault_write)),
        row("vault: bytes written", lambda _, plan: size(plan.job.work.stored_bytes)),
        row("USD, requests to the shares", lambda _, plan: usd(plan.files_operations)),
        row("USD, vault operations", lambda _, plan: usd(plan.vault_operations + plan.tiering)),
        row("USD, workers", lambda _, plan: usd(plan.compute)),
        row("USD, bytes through private endpoints", lambda _, plan: usd(plan.network)),
        row("**USD**", lambda _, plan: f"**{usd(plan.total)}**"),
    ]
    return _table(("", "first backup", "daily run"), rows)


def month_table(found: Simulated) -> str:
    """What the base case costs a month."""
    estimate = found.estimate
    notes = {
        "vault, content": f"{size(estimate.kept.content_bytes)}, Hot",
        "vault, manifests": size(estimate.kept.manifest_bytes),
        "catalogue, server": f"2 x {estimate.server.name}, {estimate.server.memory_gib} GiB; {size(estimate.fresh_bytes)} fresh, {size(estimate.catalogue_bytes)} after months",
        "catalogue, disk": f"2 x {estimate.server.disk_gb:,} GB",
    }
    rows = [(name, usd(value), notes.get(name, "")) for name, value in estimate.month.items()]
    return _table(("a month", "USD", ""), [*rows, ("**together**", f"**{usd(estimate.month_total)}**", "")])


Variant = tuple[str, Installation, Callable[[Basis], Basis], Mapping[str, Any]]


def _same(known: Basis) -> Basis:
    return known


def _slower_service(known: Basis) -> Basis:
    speed = replace(known.prices.speed, seconds_per_read=2 * known.prices.speed.seconds_per_read)
    platform = replace(known.platform, list_s=2 * known.platform.list_s)
    return replace(known, prices=replace(known.prices, speed=speed), platform=platform)


def _slower_cores(known: Basis) -> Basis:
    platform = replace(
        known.platform,
        core_part=known.platform.core_part / 2,
        catalogue_core_part=known.platform.catalogue_core_part / 2,
    )
    return replace(known, platform=platform)


LAYOUTS: Final[Sequence[Variant]] = (
    ("1 share, 1 account", replace(BASE, shares=1), _same, {}),
    ("10 shares, 1 account", BASE, _same, {}),
    ("10 shares, 2 accounts", replace(BASE, accounts=2), _same, {}),
    ("10 shares, 10 accounts", replace(BASE, accounts=10), _same, {}),
    ("the same, the n-th share with 1/n of the largest", replace(BASE, accounts=10), _same, {"skew": 1.0}),
    ("10 shares, 1 account, HDD provisioned", replace(BASE, account_kind="hdd_provisioned"), _same, {}),
    ("10 shares, 5 accounts, HDD provisioned", replace(BASE, accounts=5, account_kind="hdd_provisioned"), _same, {}),
)
WHAT_IF: Final[Sequence[Variant]] = (
    ("as above", BASE, _same, {}),
    ("width 4, as AFB_WIDTH is unless set", replace(BASE, width=4), _same, {}),
    ("workers are processes, without rounds", BASE, _same, {"rounds": False}),
    ("the service answers half as fast", BASE, _slower_service, {}),
    ("cores do half as much", BASE, _slower_cores, {}),
    ("2 files to a directory", replace(BASE, files_per_directory=2), _same, {}),
    ("120 files to a directory", replace(BASE, files_per_directory=120), _same, {}),
    ("2 % change per day", replace(BASE, changed_files=20_000_000), _same, {}),
    ("a file has 500 kB", replace(BASE, mean_bytes=500_000, shares=10), _same, {}),
    ("shares in the Hot tier", replace(BASE, files_tier="Hot"), _same, {}),
    ("content is kept in Cool", replace(BASE, vault_tier="Cool"), _same, {}),
    ("content is kept in Cold", replace(BASE, vault_tier="Cold"), _same, {}),
    ("no private endpoints", replace(BASE, private_endpoints=False), _same, {}),
)


def variants_table(known: Basis, variants: Sequence[Variant], base: Simulated) -> str:
    """One line per variant."""
    rows = []
    for name, wanted, changed, how in variants:
        priced_only = replace(wanted, files_tier=BASE.files_tier, vault_tier=BASE.vault_tier, private_endpoints=True)
        same = priced_only == BASE and changed is _same and not how
        found = simulated(wanted, changed(known), like=base if same else None, **how)
        estimate = found.estimate
        rows.append(
            (
                name,
                hours(found.first.seconds),
                f"{estimate.first.instances}",
                usd(estimate.first.total),
                hours(found.daily.seconds),
                f"{estimate.daily.instances}",
                usd(estimate.daily.total),
                "its largest share" if found.uneven > 1.01 else estimate.daily.bound,
                size(estimate.catalogue_bytes),
                usd(estimate.month_total),
            )
        )
    head = (
        "",
        "first backup",
        "instances",
        "USD",
        "daily run",
        "instances",
        "USD",
        "held up by",
        "catalogue",
        "USD a month",
    )
    return _table(head, rows)


# ---------------------------------------------------------------------------------------------------------------------
# docs/OPERATIONS.md


def sizing_table(known: Basis) -> str:
    """What installations take, by the formulas."""
    rows = []
    for wanted in SIZES:
        found = sizing.estimate(wanted, known)
        kind = "pay as you go" if wanted.account_kind == "pay_as_you_go" else "HDD provisioned"
        rows.append(
            (
                whole(wanted.files),
                whole(wanted.changed),
                f"{wanted.shares} in {wanted.accounts}, {kind}",
                size(found.catalogue_bytes),
                found.server.name,
                f"{found.first.width} / {found.daily.width}",
                f"{found.first.instances} / {found.daily.instances}",
                hours(found.first.seconds),
                hours(found.daily.seconds),
                usd(found.first.total),
                usd(found.month_total),
                usd(found.month["vault, content"]),
            )
        )
    head = (
        "files", "changed per day", "shares in accounts", "catalogue", "server", "width, first / daily", "instances, first / daily", "first backup",
        "daily run", "USD, first backup", "USD a month", "of it content in the vault",
    )  # fmt: skip
    return _table(head, rows)


def servers_table(known: Basis) -> str:
    """How many files' catalogue each server holds in its memory."""
    rows = [
        (
            server.name,
            f"{server.cores}",
            f"{server.memory_gib} GiB",
            f"{server.disk_gb:,} GB",
            f"{server.connections:,}",
            whole(sizing.files_in_memory(server, known)),
            whole(sizing.files_in_memory(server, known, 120)),
            usd(server.month) + ("" if server.source else " (assumed)"),
        )
        for server in known.servers
    ]
    return _table(
        (
            "server",
            "cores",
            "memory",
            "disk",
            "connections",
            "files, 10.9 to a directory",
            "files, 120 to a directory",
            "USD a month",
        ),
        rows,
    )
