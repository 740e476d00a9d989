"""Operations on a share: create, delete, describe, snapshot, permissions, statistics."""

import json
from collections.abc import Callable
from dataclasses import replace

from localdev.files_emulator import share_headers
from localdev.files_emulator.call import Call, Headers, changed_headers, xml
from localdev.files_emulator.errors import ServiceError, bad_header, missing_header
from localdev.files_emulator.lease_guard import guard_share, lease_headers
from localdev.files_emulator.leases import is_active
from localdev.files_emulator.messages import Reply
from localdev.files_emulator.metadata import headers_of, metadata_of
from localdev.files_emulator.names import check_share
from localdev.files_emulator.permissions import MAX_TEXT_BYTES
from localdev.files_emulator.share import SHARE_ITSELF, Share, ShareProperties
from localdev.files_emulator.smb import is_binary_format
from localdev.files_emulator.times import now_ticks
from localdev.files_emulator.tree import stored_extents

_DELETED = ("x-ms-deleted-share-name", "x-ms-deleted-share-version")


def share_create(call: Call) -> Reply:
    """Create a share."""
    name = call.address.share
    check_share(name)
    metadata = metadata_of(call.request)
    asked = share_headers.created(call.headers, call.account.clock.tick())
    share = call.account.create_share(name, replace(asked, metadata=metadata))
    p = share.properties
    return Reply(201, [*changed_headers(p.modified), *share_headers.answer_headers(p)])


def share_delete(call: Call) -> Reply:
    """Delete one snapshot, or the share; its snapshots go with it only if the request says so."""
    share = call.share()
    if "sharesnapshot" in call.query:
        snapshot = share.snapshot(call.query["sharesnapshot"])
        guard_share(call, share, snapshot.id, deletes=True)
        share.drop_snapshot(snapshot)
        return Reply(202)
    mode = call.headers.get("x-ms-delete-snapshots", "").lower()
    if mode not in ("", "include", "include-leased"):
        raise bad_header("x-ms-delete-snapshots", mode)
    if share.snapshots and not mode:
        raise ServiceError("ShareHasSnapshots")
    guard_share(call, share, deletes=True)
    if mode == "include" and _has_leased_snapshot(share):
        raise ServiceError("DeleteShareWhenSnapshotLeased")
    told = _usage_headers(share) if share.properties.provisioned_iops else []
    call.account.delete_share(share)
    return Reply(202, told)


def _usage_headers(share: Share) -> Headers:
    """Return what a share holds, and what only its snapshots hold; the service tells of provisioned v2 shares alone."""
    live = stored_extents(share.root)
    frozen: dict[tuple[int, int], int] = {}
    for snapshot in share.snapshots.values():
        frozen |= stored_extents(snapshot.root)
    return [
        ("x-ms-file-share-usage-bytes", str(share.root.usage_bytes())),
        ("x-ms-file-share-snapshot-usage-bytes", str(sum(frozen[key] for key in frozen.keys() - live.keys()))),
    ]


def share_restore(call: Call) -> Reply:
    """Bring back a deleted share with its snapshots."""
    name, version = (call.headers.get(header, "") for header in _DELETED)
    for header, value in zip(_DELETED, (name, version), strict=True):
        if not value:
            raise missing_header(header)
    if name != call.address.share:
        raise bad_header(_DELETED[0], name)
    p = call.account.restore_share(name, version).properties
    return Reply(201, [*changed_headers(p.modified), *share_headers.answer_headers(p)])


def _has_leased_snapshot(share: Share) -> bool:
    now = now_ticks()
    return any(is_active(share.leases.get(id_), now) for id_ in share.snapshots)


def share_get_properties(call: Call) -> Reply:
    """Describe a share, or a snapshot of it."""
    share = call.share()
    wanted = call.query.get("sharesnapshot")
    snapshot = None if wanted is None else share.snapshot(wanted)
    properties, holder = (share.properties, SHARE_ITSELF) if snapshot is None else (snapshot.properties, snapshot.id)
    guard_share(call, share, holder)
    found: Headers = [
        *changed_headers(properties.modified),
        *share_headers.property_headers(properties),
        *lease_headers(share, holder),
        *headers_of(properties.metadata),
    ]
    return Reply(200, found)


def share_set_properties(call: Call) -> Reply:
    """Change quota, access tier and whatever else headers mention."""
    reply = _described(call, lambda p: share_headers.changed(call.headers, p, call.account.clock.tick()))
    p = call.share().properties
    reply.headers += [*share_headers.answer_headers(p), *share_headers.downgrade_headers(p)]
    return reply


def share_set_metadata(call: Call) -> Reply:
    """Replace the share's metadata."""
    metadata = metadata_of(call.request)
    return _described(call, lambda p: replace(p, metadata=metadata))


def _described(call: Call, change: Callable[[ShareProperties], ShareProperties]) -> Reply:
    share = call.writable_share()
    guard_share(call, share)
    changed = change(share.properties)
    share.describe(replace(changed, modified=call.account.clock.tick()))
    return Reply(200, changed_headers(share.properties.modified))


def share_create_snapshot(call: Call) -> Reply:
    """Freeze the share's present state under a new id."""
    share, metadata = call.writable_share(), metadata_of(call.request)
    snapshot = share.take_snapshot(call.account.clock.tick(), metadata)
    return Reply(201, [*changed_headers(share.properties.modified), ("x-ms-snapshot", snapshot.id)])


def share_create_permission(call: Call) -> Reply:
    """File a security descriptor and return its key."""
    call.writable_share()
    if call.request.body_dropped or len(call.request.body) > MAX_TEXT_BYTES:
        raise ServiceError("RequestBodyTooLarge", MaxLimit=str(MAX_TEXT_BYTES))
    try:
        sent = json.loads(call.request.body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise ServiceError("InvalidInput") from None
    if not isinstance(sent, dict) or not isinstance(sent.get("permission"), str):
        raise ServiceError("InvalidInput")
    sent_format = str(sent.get("format", "sddl")).lower()
    if sent_format not in ("sddl", "binary"):
        raise ServiceError("InvalidInput")
    key = call.account.permissions.key(sent["permission"], is_binary=sent_format == "binary")
    return Reply(201, [("x-ms-file-permission-key", key)])


def share_get_permission(call: Call) -> Reply:
    """Return the security descriptor filed under a key; only the live share answers."""
    call.writable_share()
    key = call.headers.get("x-ms-file-permission-key")
    if not key:
        raise missing_header("x-ms-file-permission-key")
    is_binary = is_binary_format(call.headers)
    found = {"permission": call.account.permissions.text(key, is_binary=is_binary)}
    if "x-ms-file-permission-format" in call.headers:
        found["format"] = "binary" if is_binary else "sddl"
    return Reply(200, [], json.dumps(found, separators=(",", ":")).encode())  # the service sends no Content-Type here


def share_get_statistics(call: Call) -> Reply:
    """Count what the live share holds; takes a walk over what of it is in memory."""
    share = call.writable_share()
    guard_share(call, share)
    used = share.root.usage_bytes()
    return xml(
        f"<ShareStats><ShareUsageBytes>{used}</ShareUsageBytes></ShareStats>",
        *changed_headers(share.properties.modified),
    )
