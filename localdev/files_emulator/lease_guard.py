"""What leases mean to a request: who is let through, and what answers tell about them."""

from localdev.files_emulator.call import Call, Headers
from localdev.files_emulator.errors import ServiceError, bad_header
from localdev.files_emulator.leases import INFINITE, guard, is_active, normal_id, state_of
from localdev.files_emulator.share import SHARE_ITSELF, Holder, Share
from localdev.files_emulator.times import now_ticks
from localdev.files_emulator.tree import Entry, File

_UNLEASED: Headers = [("x-ms-lease-status", "unlocked"), ("x-ms-lease-state", "available")]


def lease_id(call: Call, header: str = "x-ms-lease-id") -> str:
    """Return the lease id that a header carries, "" if there is none.

    :raises ServiceError: it is not a GUID.
    """
    text = call.headers.get(header, "")
    found = normal_id(text) if text else ""
    if found is None:
        raise bad_header(header, text)
    return found


def guard_read(call: Call, node: Entry) -> None:
    """Let a request read a file: anybody may, but an id that comes along must be the right one."""
    if "x-ms-lease-id" in call.headers:
        is_live = "sharesnapshot" not in call.query  # a lease is not part of a snapshot
        lease = call.share().leases.get(node.number) if is_live else None
        guard(lease, lease_id(call), now_ticks(), what="File", needed=False)


def guard_write(call: Call, node: Entry | None, header: str = "x-ms-lease-id") -> None:
    """Let a request write, replace, rename or delete ``node``; ``None`` if it is only about to be made.

    :raises ServiceError: it is leased and the request does not say by whom, or a copy to it is pending.
    """
    guard_lease(call, node, header)
    if isinstance(node, File) and node.copied is not None and node.copied.status == "pending":
        raise ServiceError("PendingCopyOperation")


def guard_lease(call: Call, node: Entry | None, header: str = "x-ms-lease-id") -> None:
    """Let a request change ``node`` as far as leases go."""
    share = call.share()
    if share.leases or header in call.headers:
        lease = None if node is None else share.leases.get(node.number)
        guard(lease, lease_id(call, header), now_ticks(), what="File", needed=True)


def guard_share(call: Call, share: Share, holder: Holder = SHARE_ITSELF, *, deletes: bool = False) -> None:
    """Let a request use a share or a snapshot of it: its lease only keeps others from deleting it."""
    if share.leases or "x-ms-lease-id" in call.headers:
        guard(share.leases.get(holder), lease_id(call), now_ticks(), what="Share", needed=deletes)


def file_lease_headers(call: Call, node: Entry) -> Headers:
    """Return what an answer tells about the lease of a file; in a snapshot it has none."""
    return _UNLEASED if "sharesnapshot" in call.query else lease_headers(call.share(), node.number)


def lease_headers(share: Share, holder: Holder) -> Headers:
    """Return what an answer tells about the lease of ``holder``."""
    lease = share.leases.get(holder) if share.leases else None
    if lease is None:
        return _UNLEASED
    now = now_ticks()
    state = state_of(lease, now)
    found = [("x-ms-lease-status", "locked" if is_active(lease, now) else "unlocked"), ("x-ms-lease-state", state)]
    if state == "leased":
        found.append(("x-ms-lease-duration", "infinite" if lease.seconds == INFINITE else "fixed"))
    return found
