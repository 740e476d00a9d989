"""JSON out: our values as the API shows them."""

import dataclasses
import datetime as dt
import json
from enum import Enum
from typing import Any

import azure.functions as func

from shared.core.progress import AtWork
from shared.core.progress import progress as reckon
from shared.model.run import ACTIVE, RestorePoint, Run, RunKind, RunState
from shared.model.share import Share, Tenant
from shared.ports import JournalLine


def answer(value: Any, status: int = 200, location: str = "") -> func.HttpResponse:
    """``value`` as JSON; ``location`` for what was made."""
    return func.HttpResponse(
        json.dumps(value, default=_plain),
        status_code=status,
        mimetype="application/json",
        headers={"Location": location} if location else None,
    )


def _plain(value: object) -> object:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{type(value).__name__} has no JSON form")


def tenant(value: Tenant) -> dict[str, Any]:
    """A tenant."""
    return dataclasses.asdict(value)


def share(value: Share) -> dict[str, Any]:
    """A share. The credential is a name, not a secret."""
    return dataclasses.asdict(value)


def restore_point(value: RestorePoint) -> dict[str, Any]:
    """A restore point; ``restore_point`` is its number, the ``run_no`` of the backup that made it."""
    fields = dataclasses.asdict(value)
    return {"restore_point": fields.pop("run_no"), **fields}


def run(
    value: Run, *, now: dt.datetime, at_work: AtWork | None = None, expected: RestorePoint | None = None
) -> dict[str, Any]:
    """A run with its progress, its rate and, where there is something to reckon it from, its ETA.

    :param at_work: work items not finished (directories and spans of large files), and how many workers are at them.
    :param expected: what the run is expected to come to: of a backup the restore point before, of a restore its own.
    """
    active = value.state in ACTIVE
    counters = value.counters
    ordered = value.order or value.verify or value.rebuild
    known = reckon(value, now=now, expected=expected, at_work=at_work)
    return {
        "run_no": value.run_no,
        "run_id": value.run_id,
        "kind": value.kind,
        "state": value.state,
        "active": active,
        "driver": value.driver,
        "requested_at": value.requested_at,
        "started_at": value.started_at,
        "paused_at": value.paused_at,
        "finished_at": value.finished_at,
        "seconds": round(known.seconds, 3),
        "share_snapshot": value.share_snapshot,
        "order": ordered.to_wire() if ordered else None,
        "counters": counters.to_wire(),
        "rate": {"files_per_s": round(known.files_per_s, 1), "bytes_per_s": round(known.bytes_per_s)},
        "progress": {
            "directories": {"done": counters.directories, "expected": expected.directories if expected else None},
            "files": {"done": counters.files, "expected": expected.files if expected else None},
            "bytes": {"done": counters.bytes, "expected": expected.bytes if expected else None},
            "part": None if known.part is None else round(known.part, 4),
        },
        "left": (at_work.left if at_work else None) if active else 0,
        "workers": (at_work.workers if at_work else None) if active else 0,
        "waits_for": known.waits_for,
        "expected": {"files": expected.files, "bytes": expected.bytes} if expected else None,
        "eta_s": known.eta_s,
        "report": value.report,
        "errors": counters.errors,
        "error": value.error,
        "restore_point": value.run_no if _made_a_point(value) else None,
    }


def _made_a_point(value: Run) -> bool:
    return value.kind is RunKind.BACKUP and value.state in (RunState.SUCCEEDED, RunState.COMPLETED_WITH_ERRORS)


def journal_line(value: JournalLine) -> dict[str, Any]:
    """A line of a run's journal."""
    return dataclasses.asdict(value)
