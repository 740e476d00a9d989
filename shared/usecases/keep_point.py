"""Pin a restore point, put it under a legal hold, and take that back.

Order: the vault first, an object that is never changed; then the catalogue. A crash in between leaves something in the vault that the catalogue
does not know, and the caller an error: a pin or a hold that does not count until it is asked for again (or the catalogue is made anew, which is
the careful side), an end of one that has not come yet.
"""

import datetime as dt
from typing import Final

from shared.errors import Conflict, InvalidInput
from shared.formats import keep_event
from shared.model.objects import keep_event_name
from shared.model.retention import KeepEvent, KeepKind, Said
from shared.ports.retention import Retentions
from shared.ports.system import Clock
from shared.ports.vault import Vault

TRIES: Final = 20
REASON_MAX: Final = 1_000


async def keep_point(
    retentions: Retentions,
    vault: Vault,
    clock: Clock,
    share_id: int,
    run_no: int,
    kind: KeepKind,
    *,
    by: str,
    reason: str,
    until: dt.datetime | None = None,
) -> Said:
    """Say something about a restore point; returns what counts then.

    :raises NotFound: there is no such restore point.
    :raises InvalidInput: there is no reason, or a pin that ends in the past.
    :raises Conflict: there is no pin, or hold, to take back.
    """
    reason = reason.strip()
    if not 1 <= len(reason) <= REASON_MAX:
        raise InvalidInput(f"reason has {len(reason)} characters; expected 1 to {REASON_MAX:,}", field="reason")
    now = clock.now()
    if until is not None and until <= now:
        raise InvalidInput(f"until is {until.isoformat()}, which is over; expected a time to come", field="until")
    for _ in range(TRIES):
        said, number = await retentions.next_event(share_id, run_no)
        if kind is KeepKind.UNPIN and said.pin is None:
            raise Conflict(f"restore point {run_no} is not pinned")
        if kind is KeepKind.RELEASE and said.hold is None:
            raise Conflict(f"restore point {run_no} is under no legal hold")
        event = KeepEvent(run_no=run_no, event_no=number, kind=kind, by=by, reason=reason, at=now, until=until)
        if await vault.put(keep_event_name(share_id, run_no, number), keep_event.encode(event)):
            return await retentions.keep(share_id, event)
        # Somebody was faster, or has died between the two steps: what they said comes first.
        there = keep_event.decode(await vault.get(keep_event_name(share_id, run_no, number)))
        await retentions.keep(share_id, there)
    raise Conflict(f"others are saying things about restore point {run_no}; hint: try again")
