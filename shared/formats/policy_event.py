"""Which policy a share has, and what it says: a small JSON object for each time that changes, for whoever makes a catalogue of the vault.

::

    said   = {"version": 1, "number", "policy": null | policy}
    policy = {"name", "rules": {"keep_last", "hourly", "daily", "weekly", "monthly", "yearly", "keep_days", "time_zone"}}

The highest number counts. ``null``: it has none any more.
"""

import json
from typing import Final

from shared.errors import IntegrityError
from shared.model.retention import RetentionPolicy, SaidPolicy

VERSION: Final = 1


def encode(said: SaidPolicy) -> bytes:
    """Return the bytes of ``said``."""
    policy = None if said.retention is None else {"name": said.name, "rules": said.retention.to_wire()}
    return json.dumps({"version": VERSION, "number": said.number, "policy": policy}, separators=(",", ":")).encode()


def decode(data: bytes) -> SaidPolicy:
    """Return it. Raises ``IntegrityError``."""
    try:
        wire = json.loads(data)
        if wire["version"] != VERSION:
            raise ValueError(f"version {wire['version']}; this program reads version {VERSION}")
        policy, number = wire["policy"], int(wire["number"])
        if policy is None:
            return SaidPolicy(number=number)
        return SaidPolicy(number=number, name=str(policy["name"]), retention=RetentionPolicy.from_wire(policy["rules"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityError(f"which policy a share has cannot be read: {error}") from error
