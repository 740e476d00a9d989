"""JSON out: our values as the API shows them."""

import dataclasses
import datetime as dt
import json
from enum import Enum
from typing import Any

import azure.functions as func

from shared.model.run import ACTIVE, RestorePoint, Run, RunKind
from shared.model.share import Share, Tenant


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
    value: Run, *, now: dt.datetime, left: int | None = None, expected: RestorePoint | None = None
) -> dict[str, Any]:
    """A run with its rate and, where there is something to reckon it from, its ETA.

    :param left: work items not finished: directories and spans of large files.
    :param expected: what the run is expected to come to: of a backup the restore point before, of a restore its own.
    """
    active = value.state in ACTIVE
    counters = value.counters
    ended = value.finished_at or now
    seconds = (ended - value.started_at).total_seconds() if value.started_at else 0.0
    files_per_s = counters.files / seconds if seconds else 0.0
    eta = None
    if active and expected is not None and files_per_s:
        eta = round(max(0, expected.files - counters.files) / files_per_s)
    return {
        "run_no": value.run_no,
        "kind": value.kind,
        "state": value.state,
        "active": active,
        "requested_at": value.requested_at,
        "started_at": value.started_at,
        "finished_at": value.finished_at,
        "seconds": round(seconds, 3),
        "share_snapshot": value.share_snapshot,
        "order": value.order.to_wire() if value.order else None,
        "counters": counters.to_wire(),
        "rate": {
            "files_per_s": round(files_per_s, 1),
            "bytes_per_s": round(counters.bytes / seconds) if seconds else 0,
        },
        "left": left if active else 0,
        "expected": {"files": expected.files, "bytes": expected.bytes} if expected else None,
        "eta_s": eta,
        "report": value.report,
        "errors": counters.errors,
        "error": value.error,
        "restore_point": value.run_no if value.kind is RunKind.BACKUP and not active and not value.error else None,
    }
