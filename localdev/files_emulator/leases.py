"""Leases: who may write a file or delete a share, as values; nothing here knows what is leased.

No lease at all is ``None``, the state *available*. A lease of a file never runs out, so it is never *expired* or
*breaking*. Times in ticks. Sources: the tables in Microsoft's "Lease File", "Lease Share" and "Lease Container".
"""

import re
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID, uuid4

from localdev.files_emulator.errors import ServiceError
from localdev.files_emulator.times import TICKS_PER_SECOND

INFINITE = -1

State = Literal["available", "leased", "expired", "breaking", "broken"]
Action = Literal["acquire", "renew", "change", "release", "break"]
ACTIONS: tuple[Action, ...] = ("acquire", "renew", "change", "release", "break")

_GUID = re.compile(
    r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|\{[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}|\([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\)",
    re.ASCII | re.IGNORECASE,
)

_MISMATCH, _NOT_PRESENT = "LeaseIdMismatchWithLeaseOperation", "LeaseNotPresentWithLeaseOperation"
_PRESENT, _BROKEN = "LeaseAlreadyPresent", "LeaseIsBrokenAndCannotBeRenewed"

#: (action, state) -> how it is refused with the id of the lease, and with another one or none; "" if it is not.
REFUSALS: dict[tuple[Action, State], tuple[str, str]] = {
    ("acquire", "available"): ("", ""),
    ("acquire", "leased"): ("", _PRESENT),
    ("acquire", "expired"): ("", ""),
    ("acquire", "breaking"): ("LeaseIsBreakingAndCannotBeAcquired", _PRESENT),
    ("acquire", "broken"): ("", ""),
    ("renew", "available"): (_MISMATCH, _MISMATCH),
    ("renew", "leased"): ("", _MISMATCH),
    ("renew", "expired"): ("", _MISMATCH),
    ("renew", "breaking"): (_BROKEN, _MISMATCH),
    ("renew", "broken"): (_BROKEN, _MISMATCH),
    ("change", "available"): (_NOT_PRESENT, _NOT_PRESENT),
    ("change", "leased"): ("", _MISMATCH),
    ("change", "expired"): (_NOT_PRESENT, _NOT_PRESENT),
    ("change", "breaking"): ("LeaseIsBreakingAndCannotBeChanged", _MISMATCH),
    ("change", "broken"): (_NOT_PRESENT, _NOT_PRESENT),
    ("release", "available"): (_MISMATCH, _MISMATCH),
    ("release", "leased"): ("", _MISMATCH),
    ("release", "expired"): ("", _MISMATCH),
    ("release", "breaking"): ("", _MISMATCH),
    ("release", "broken"): ("", _MISMATCH),
    ("break", "available"): (_NOT_PRESENT, _NOT_PRESENT),
    ("break", "leased"): ("", _MISMATCH),
    ("break", "expired"): ("", _MISMATCH),
    ("break", "breaking"): ("", _MISMATCH),
    ("break", "broken"): ("", _MISMATCH),
}


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that was taken.

    ``seconds`` is what was asked for, ``ends`` when that is over and ``breaks`` when it will have been broken; 0 for
    never.
    """

    id: str
    seconds: int = INFINITE
    ends: int = 0
    breaks: int = 0


def state_of(lease: Lease | None, now: int) -> State:
    """Return the state of ``lease``."""
    if lease is None:
        return "available"
    if lease.breaks:
        return "broken" if now >= lease.breaks else "breaking"
    return "expired" if lease.ends and now >= lease.ends else "leased"


def is_active(lease: Lease | None, now: int) -> bool:
    """Return whether ``lease`` keeps others out."""
    return state_of(lease, now) in ("leased", "breaking")


def new_id() -> str:
    """Return an id that nobody has."""
    return str(uuid4())


def normal_id(text: str) -> str | None:
    """Return a lease id in the one spelling the service answers with, ``None`` if it is not a GUID."""
    return str(UUID(text.strip("{}()"))) if _GUID.fullmatch(text) else None


def acquire(lease: Lease | None, id_: str, seconds: int, now: int) -> Lease:
    """Return the lease that ``id_`` gets; acquiring it again renews it, for another time if that is asked for."""
    _refuse("acquire", lease, id_, now)
    return Lease(id_, seconds, _end(seconds, now))


def renew(lease: Lease | None, id_: str, now: int) -> Lease:
    """Return ``lease`` for the time it once had, from now on."""
    held = _refuse("renew", lease, id_, now)
    return Lease(id_, held.seconds, _end(held.seconds, now))


def change(lease: Lease | None, id_: str, wanted: str, now: int) -> Lease:
    """Return ``lease`` under the id ``wanted``; if it has that one already, nothing is left to do."""
    held = _refuse("change", lease, wanted if lease is not None and lease.id == wanted else id_, now)
    return replace(held, id=wanted)


def release(lease: Lease | None, id_: str, now: int) -> None:
    """Give ``lease`` back."""
    _refuse("release", lease, id_, now)


def break_(lease: Lease | None, id_: str, period_s: int | None, now: int) -> tuple[Lease, int]:
    """Return ``lease`` as it ends, and the seconds until somebody else may have one.

    Anybody may break a lease, hence ``id_`` may be empty. Without a period an infinite lease ends at once and any other
    when its time is over; with one, no later than that.
    """
    held = _refuse("break", lease, id_ or (lease.id if lease is not None else ""), now)
    if state_of(held, now) in ("broken", "expired"):
        return replace(held, breaks=held.breaks or held.ends), 0
    over = [tick for tick in (held.ends, held.breaks) if tick]
    if period_s is not None or not over:
        over.append(now + (period_s or 0) * TICKS_PER_SECOND)
    broken = replace(held, breaks=min(over))
    return broken, -(-max(broken.breaks - now, 0) // TICKS_PER_SECOND)


def _refuse(action: Action, lease: Lease | None, id_: str, now: int) -> Lease:
    """Return ``lease``, which a refused action never gets to see; for ``acquire`` it may be an empty one."""
    held = lease or Lease("")
    code = REFUSALS[action, state_of(lease, now)][held.id != id_]
    if code:
        raise ServiceError(code)
    return held


def _end(seconds: int, now: int) -> int:
    return 0 if seconds == INFINITE else now + seconds * TICKS_PER_SECOND


def guard(lease: Lease | None, id_: str, now: int, *, what: Literal["File", "Share"], needed: bool) -> None:
    """Refuse to use something as its lease demands: ``needed`` if a held lease keeps out those without its id.

    :raises ServiceError: LeaseIdMissing, LeaseIdMismatchWith...Operation, LeaseNotPresentWith...Operation, LeaseLost.
    """
    if is_active(lease, now):
        if not id_:
            if needed:
                raise ServiceError("LeaseIdMissing")
        elif lease is not None and lease.id != id_:
            raise ServiceError(f"LeaseIdMismatchWith{what}Operation")
    elif id_:
        lost = lease is not None and lease.id == id_
        raise ServiceError("LeaseLost" if lost else f"LeaseNotPresentWith{what}Operation")
