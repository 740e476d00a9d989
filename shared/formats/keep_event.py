"""What somebody said about a restore point, and that one is gone: small JSON objects, for whoever makes a catalogue of the vault.

::

    event   = {"version": 1, "run_no", "event_no", "kind": "pin" | "unpin" | "hold" | "release", "by", "reason", "at", "until"}
    expired = {"version": 1, "run_no", "by", "reason", "at"}

Times are ISO 8601 with an offset; ``until`` is null but for a pin that ends.
"""

import datetime as dt
import json
from typing import Any, Final

from shared.errors import IntegrityError
from shared.model.retention import Expired, KeepEvent, KeepKind

VERSION: Final = 1


def encode(event: KeepEvent) -> bytes:
    """Return the bytes of ``event``."""
    return _encode(
        {
            "run_no": event.run_no,
            "event_no": event.event_no,
            "kind": event.kind.value,
            "by": event.by,
            "reason": event.reason,
            "at": event.at.isoformat(),
            "until": None if event.until is None else event.until.isoformat(),
        }
    )


def decode(data: bytes) -> KeepEvent:
    """Return the event. Raises ``IntegrityError``."""
    try:
        wire = _decode(data)
        until = wire["until"]
        return KeepEvent(
            run_no=int(wire["run_no"]),
            event_no=int(wire["event_no"]),
            kind=KeepKind(wire["kind"]),
            by=str(wire["by"]),
            reason=str(wire["reason"]),
            at=_time(wire["at"]),
            until=None if until is None else _time(until),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityError(f"what somebody said about a restore point cannot be read: {error}") from error


def encode_expired(expired: Expired) -> bytes:
    """Return the bytes of ``expired``."""
    return _encode({"run_no": expired.run_no, "by": expired.by, "reason": expired.reason, "at": expired.at.isoformat()})


def decode_expired(data: bytes) -> Expired:
    """Return it. Raises ``IntegrityError``. That the object is there is what counts: one that is damaged says that its restore point is gone, too."""
    try:
        wire = _decode(data)
        return Expired(run_no=int(wire["run_no"]), by=str(wire["by"]), reason=str(wire["reason"]), at=_time(wire["at"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityError(f"the mark of a restore point that is gone cannot be read: {error}") from error


def _encode(wire: dict[str, Any]) -> bytes:
    return json.dumps({"version": VERSION, **wire}, separators=(",", ":")).encode()


def _decode(data: bytes) -> dict[str, Any]:
    wire: dict[str, Any] = json.loads(data)
    if wire["version"] != VERSION:
        raise ValueError(f"version {wire['version']}; this program reads version {VERSION}")
    return wire


def _time(text: str) -> dt.datetime:
    found = dt.datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text} has no offset")
    return found
