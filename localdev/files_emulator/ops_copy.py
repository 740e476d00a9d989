"""Copy File: a whole file, from anywhere, and the end of a copy before its time.

Within the account blocks are shared, no byte is moved, and the copy has succeeded by the time it is answered. From
elsewhere it is pending first, see ``copies``.
"""

from dataclasses import replace
from uuid import uuid4

from localdev.files_emulator import smb
from localdev.files_emulator.call import Call, as_regular, changed_headers
from localdev.files_emulator.copies import Pending
from localdev.files_emulator.elsewhere import Elsewhere, open_source
from localdev.files_emulator.errors import ServiceError, bad_header, missing_header, printable
from localdev.files_emulator.flags import is_set
from localdev.files_emulator.lease_guard import guard_lease, guard_write
from localdev.files_emulator.messages import Effect, Reply
from localdev.files_emulator.metadata import metadata_of
from localdev.files_emulator.ops_file import number_of_new, refuse_replacing
from localdev.files_emulator.posix import posix_of_copy
from localdev.files_emulator.source import COPY_SOURCE, file_elsewhere, is_elsewhere, source_file
from localdev.files_emulator.tree import Copied, File, find, find_parent


def file_start_copy(call: Call) -> Reply:
    """Copy a file, also from a snapshot; metadata and content headers come along unless the request has its own."""
    parent = find_parent(call.writable_share().root, call.path)
    if is_elsewhere(call):
        guard_write(call, parent.child(parent.key(call.path[-1])))
        return Reply(202, effect=Effect(later=_begin(call)))
    source = source_file(call)
    copied = Copied(str(uuid4()), printable(call.headers[COPY_SOURCE]), f"{source.size}/{source.size}", 0)
    return _copied(_copy(call, source, copied))


async def _begin(call: Call) -> Reply:
    """Ask for a source that is elsewhere; if it answers, the copy is begun and goes on after the reply."""
    headers = call.headers
    opened = await open_source(headers[COPY_SOURCE], authorization=headers.get("x-ms-copy-source-authorization", ""))
    try:
        return call.account.copies.transact(lambda: _begun(call, opened))
    except BaseException:
        opened.close()
        raise


def _begun(call: Call, opened: Elsewhere) -> Reply:
    source = file_elsewhere(opened)
    copied = Copied(str(uuid4()), printable(call.headers[COPY_SOURCE]), f"0/{source.size}", 0, "pending")
    file = _copy(call, source, copied)
    pending = Pending(call.share(), call.path, source.size, not call.headers.get("x-ms-file-change-time"))
    call.account.copies.begin(copied.id, pending, opened)
    return _copied(file)


def _copied(file: File) -> Reply:
    found = changed_headers(file.changed)
    if file.copied is not None:
        found += [("x-ms-copy-id", file.copied.id), ("x-ms-copy-status", file.copied.status)]
    return Reply(202, found)


def _copy(call: Call, source: File, copied: Copied) -> File:
    """Make a file like ``source``, or replace one."""
    share, headers = call.writable_share(), call.headers
    metadata = metadata_of(call.request) or source.metadata
    now = call.account.clock.tick()
    wanted = smb.asked(
        headers, call.account.permissions, now, is_directory=False, mode="copy", source=source, is_nfs=share.is_nfs
    )
    attributes = smb.ARCHIVE if wanted.attributes is None else wanted.attributes
    if is_set(headers, "x-ms-file-copy-set-archive"):
        attributes |= smb.ARCHIVE
    parent = find_parent(share.root, call.path)
    old = parent.child(parent.key(call.path[-1]))
    call.check_replacing(old)
    ignores_read_only = is_set(headers, "x-ms-file-copy-ignore-readonly")
    if not (ignores_read_only and isinstance(old, File)):
        refuse_replacing(old)
    guard_write(call, old)
    posix = None if parent.posix is None else posix_of_copy(headers, source.posix, None if old is None else old.posix)

    parent = share.own_directory(call.path[:-1])
    file = File(
        number=number_of_new(share, old),
        parent_number=parent.number,
        name=call.path[-1] if old is None else old.name,
        epoch=share.epoch,
        attributes=attributes,
        permission_key=smb.permission_of_new(
            call.account.permissions, wanted, parent, is_directory=False, verbatim=False
        ),
        created=now if wanted.created is None else wanted.created,
        accessed=now if wanted.created is None else wanted.created,
        written=now if wanted.written is None else wanted.written,
        changed=now if wanted.changed is None else wanted.changed,
        metadata=metadata,
        posix=posix,
        size=source.size,
        extents=source.extents,
        content=source.content,
        copied=replace(copied, completed=now if copied.status == "success" else 0),
    )
    share.hang(parent, file)
    if old is None:
        share.touch(parent, now)
    return file


def file_abort_copy(call: Call) -> Reply:
    """End a pending copy: its file stays, empty."""
    share, headers = call.writable_share(), call.headers
    action = headers.get("x-ms-copy-action")
    if action is None:
        raise missing_header("x-ms-copy-action")
    if action.lower() != "abort":
        raise bad_header("x-ms-copy-action", action)
    if not call.query.get("copyid"):
        raise ServiceError("MissingRequiredQueryParameter", QueryParameterName="copyid")
    file = as_regular(find(share.root, call.path))
    guard_lease(call, file)
    if file.copied is None or file.copied.status != "pending":
        raise ServiceError("NoPendingCopyOperation")
    if file.copied.id != call.query["copyid"]:
        raise ServiceError("CopyIdMismatch")
    call.account.copies.end(file.copied.id, "aborted")
    return Reply(204)
