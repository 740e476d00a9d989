"""That a share or a tenant was deleted, brought back, or is being purged: small JSON objects, for whoever makes a catalogue of the vault.

::

    event = {"version": 1, "event_no", "kind": "deleted" | "undeleted" | "purging", "by", "reason", "at", "purge_after", "about": {...}}

Times are ISO 8601 with an offset; ``purge_after`` is null but for ``deleted``. ``about`` has ``tenant_name``, and of a share ``name``, ``account_url``,
``share_name``, ``credential`` and ``next_run_no``, all text.
"""

import datetime as dt
import json
from typing import Any, Final

from shared.errors import IntegrityError
from shared.model.deletion import DeletionEvent, DeletionKind

VERSION: Final = 1


def encode(event: DeletionEvent) -> bytes:
    """Return the bytes of ``event``."""
    wire = {
        "version": VERSION,
        "event_no": event.event_no,
        "kind": event.kind.value,
        "by": event.by,
        "reason": event.reason,
        "at": event.at.isoformat(),
        "purge_after": None if event.purge_after is None else event.purge_after.isoformat(),
        "about": dict(event.about),
    }
    return json.dumps(wire, separators=(",", ":")).encode()


def decode(data: bytes) -> DeletionEvent:
    """Return the event. Raises ``IntegrityError``."""
    try:
        wire: dict[str, Any] = json.loads(data)
        if wire["version"] != VERSION:
            raise ValueError(f"version {wire['version']}; this program reads version {VERSION}")
        until = wire["purge_after"]
        return DeletionEvent(
            event_no=int(wire["event_no"]),
            kind=DeletionKind(wire["kind"]),
            by=str(wire["by"]),
            reason=str(wire["reason"]),
            at=_time(wire["at"]),
            purge_after=None if until is None else _time(until),
            about={str(name): str(value) for name, value in wire["about"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityError(f"what happened to a share or a tenant cannot be read: {error}") from error


def _time(text: str) -> dt.datetime:
    found = dt.datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text} has no offset")
    return found
