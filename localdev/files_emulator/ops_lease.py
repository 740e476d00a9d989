"""Lease File and Lease Share: one operation each, told apart by the action they ask for."""

from localdev.files_emulator import leases
from localdev.files_emulator.call import Call, Headers, as_file, changed_headers
from localdev.files_emulator.errors import ServiceError, bad_header, missing_header
from localdev.files_emulator.lease_guard import lease_id
from localdev.files_emulator.leases import ACTIONS, INFINITE, Action
from localdev.files_emulator.messages import Reply
from localdev.files_emulator.share import SHARE_ITSELF, Holder, Share
from localdev.files_emulator.times import now_ticks
from localdev.files_emulator.tree import find

MIN_SECONDS, MAX_SECONDS = 15, 60
MAX_BREAK_SECONDS = 60

_ACTION, _ID, _PROPOSED = "x-ms-lease-action", "x-ms-lease-id", "x-ms-proposed-lease-id"
_DURATION, _PERIOD = "x-ms-lease-duration", "x-ms-lease-break-period"
_STATUS: dict[Action, int] = {"acquire": 201, "renew": 200, "change": 200, "release": 200, "break": 202}


def file_lease(call: Call) -> Reply:
    """Take, change, give back or break the lease of a file; it lasts until then."""
    share, action = call.writable_share(), _action(call)
    if share.properties.protocol == "NFS":
        raise ServiceError(
            "UnsupportedQueryParameter", message="Files of an NFS share cannot be leased.", QueryParameterName="comp"
        )
    if action == "renew":  # nothing of a lease without end can be renewed
        raise bad_header(_ACTION, call.headers[_ACTION])
    file = as_file(find(share.root, call.path))
    seconds = _seconds(call, only_infinite=True) if action == "acquire" else INFINITE
    told = _carry_out(call, share, file.number, action, seconds, None)
    return Reply(_STATUS[action], [*changed_headers(file.changed), *told])


def share_lease(call: Call) -> Reply:
    """Take, renew, change, give back or break the lease of a share or of one of its snapshots."""
    share, action = call.share(), _action(call)
    wanted = call.query.get("sharesnapshot")
    snapshot = None if wanted is None else share.snapshot(wanted)
    seconds = _seconds(call, only_infinite=False) if action == "acquire" else INFINITE
    period_s = _period_s(call) if action == "break" else None
    told = _carry_out(call, share, SHARE_ITSELF if snapshot is None else snapshot.id, action, seconds, period_s)
    modified = share.properties.modified if snapshot is None else snapshot.properties.modified
    return Reply(_STATUS[action], [*changed_headers(modified), *told])


def _carry_out(call: Call, share: Share, holder: Holder, action: Action, seconds: int, period_s: int | None) -> Headers:
    """Do it; return the headers that tell the outcome."""
    lease, now, id_ = share.leases.get(holder), now_ticks(), lease_id(call)
    proposed = lease_id(call, _PROPOSED)
    if action in ("renew", "change", "release") and not id_:
        raise missing_header(_ID)
    if action == "change" and not proposed:
        raise missing_header(_PROPOSED)
    if action == "break":
        broken, left_s = leases.break_(lease, id_, period_s, now)
        share.set_lease(holder, broken)
        return [("x-ms-lease-time", str(left_s))]
    if action == "release":
        leases.release(lease, id_, now)
        share.set_lease(holder, None)
        return []
    if action == "acquire":
        held = leases.acquire(lease, proposed or leases.new_id(), seconds, now)
    elif action == "renew":
        held = leases.renew(lease, id_, now)
    else:
        held = leases.change(lease, id_, proposed, now)
    share.set_lease(holder, held)
    return [(_ID, held.id)]


def _action(call: Call) -> Action:
    text = call.headers.get(_ACTION)
    if not text:
        raise missing_header(_ACTION)
    for action in ACTIONS:
        if action == text.lower():
            return action
    raise bad_header(_ACTION, text)


def _seconds(call: Call, *, only_infinite: bool) -> int:
    """Return how long the lease is to be."""
    text = call.headers.get(_DURATION)
    if not text:
        raise missing_header(_DURATION)
    if text == str(INFINITE):
        return INFINITE
    if only_infinite or not (text.isascii() and text.isdigit() and MIN_SECONDS <= int(text[:9]) <= MAX_SECONDS):
        raise bad_header(_DURATION, text)
    return int(text)


def _period_s(call: Call) -> int | None:
    text = call.headers.get(_PERIOD)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and int(text[:9]) <= MAX_BREAK_SECONDS):
        raise bad_header(_PERIOD, text)
    return int(text)
