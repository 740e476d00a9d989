"""What came of a demo: for programs ``demo.json``, for people tables, and the list of differences."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from localdev.demo.catalogue import INCLUDES
from localdev.demo.scenario import BackedUp, Outcome

SHOWN_DIFFERENCES = 50


def wire(outcome: Outcome, took: Mapping[str, float]) -> dict[str, Any]:
    """Put all of it into JSON values."""
    files = outcome.catalogue_files
    return {
        "files": outcome.files,
        "directories": outcome.directories,
        "bytes": outcome.size_bytes,
        **{
            f"{name}_backup": _backup(backup)
            for name, backup in zip(("first", "second"), outcome.backups, strict=False)
        },
        "backup_after_rename": _backup(outcome.after_rename) if outcome.after_rename else None,
        "restores": [
            {
                "restore_point": restored.restore_point,
                "seconds": restored.run.seconds,
                "differences": len(restored.differences),
                "share": restored.share,
                "counters": restored.run.counters,
            }
            for restored in outcome.restores
        ],
        "catalogue": {
            "bytes": outcome.catalogue_bytes,
            "bytes_per_file": round(outcome.catalogue_bytes / files, 1) if files else None,
            "files": files,
            "bytes_after_first_backup": outcome.catalogue_first_bytes,
            "includes": INCLUDES,
        },
        "checks": [{"promise": check.promise, "found": check.found, "holds": check.holds} for check in outcome.checks],
        "steps": {name: round(seconds, 2) for name, seconds in took.items()},
        "seconds": round(sum(took.values()), 2),
        "holds": outcome.holds,
    }


def _backup(backup: BackedUp) -> dict[str, Any]:
    counted = backup.run.counters
    return {
        "seconds": backup.run.seconds,
        "vault_writes": counted["vault_writes"],
        "vault_chunk_writes": counted["vault_chunk_writes"],
        "files_requests": counted["files_requests"],
        "files_requests_seen_by_service": backup.service_requests,
        "restore_point": backup.run.number,
        "counters": counted,
    }


def write(outcome: Outcome, took: Mapping[str, float], *, result: Path, differences: Path) -> None:
    """Write both files; that of the differences is there even if there are none."""
    result.write_text(json.dumps(wire(outcome, took), indent=2, ensure_ascii=False) + "\n")
    with differences.open("w") as file:
        for restored in outcome.restores:
            for difference in restored.differences:
                file.write(f"restore point {restored.restore_point}: {difference}\n")


def show(console: Console, outcome: Outcome, took: Mapping[str, float], differences: Path) -> None:
    """Print tables, and everything that is not as it should be."""
    console.print(_runs(outcome))
    console.print(_times(took))
    for check in outcome.checks:
        held = "[green]holds [/]" if check.holds else "[red]BROKEN[/]"
        console.print(f"{held} {check.promise}", highlight=False, soft_wrap=True)
        console.print(f"       {check.found}", style="dim", highlight=False, markup=False, soft_wrap=True)
    for restored in outcome.restores:
        for difference in restored.differences[:SHOWN_DIFFERENCES]:
            line = f"restore point {restored.restore_point}: {difference}"
            console.print(line, highlight=False, markup=False, soft_wrap=True)
        if len(restored.differences) > SHOWN_DIFFERENCES:
            console.print(f"... {len(restored.differences):,} in all, see {differences}", highlight=False)


def _runs(outcome: Outcome) -> Table:
    table = Table("", "seconds", "files", "transferred", "MiB", "Files requests", "vault writes", "chunks")
    for column in table.columns[1:]:
        column.justify = "right"
    backups = [*outcome.backups, *([outcome.after_rename] if outcome.after_rename else [])]
    for name, backup in zip(("first backup", "second backup", "after a rename"), backups, strict=False):
        counted = backup.run.counters
        table.add_row(name, f"{backup.run.seconds:.1f}", *_row(counted), str(counted["vault_chunk_writes"]))
    for restored in outcome.restores:
        counted = restored.run.counters
        name = f"restore of {restored.restore_point}: {len(restored.differences):,} differences"
        table.add_row(name, f"{restored.run.seconds:.1f}", *_row({**counted, "changed_files": counted["files"]}), "")
    files = outcome.catalogue_files
    per_file = f", {outcome.catalogue_bytes / files:.1f} bytes per file" if files else ""
    table.caption = f"catalogue: {outcome.catalogue_bytes:,} bytes{per_file}"
    return table


def _row(counted: Mapping[str, int]) -> list[str]:
    return [
        f"{counted['files']:,}",
        f"{counted['changed_files']:,}",
        f"{counted['bytes'] / 1024 / 1024:,.0f}",
        f"{counted['files_requests']:,}",
        f"{counted['vault_writes']:,}",
    ]


def _times(took: Mapping[str, float]) -> Table:
    table = Table("step", "seconds", show_footer=True)
    table.columns[0].footer = "total"
    table.columns[1].footer = f"{sum(took.values()):.1f}"
    table.columns[1].justify = "right"
    for name, seconds in took.items():
        table.add_row(name, f"{seconds:.1f}")
    return table
