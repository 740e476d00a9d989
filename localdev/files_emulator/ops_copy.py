"""Copying within the account: a whole file, or a range of one; blocks are shared, no byte is moved.

The service copies whole files in the background; here a copy has always succeeded by the time it is answered.
"""

from urllib.parse import urlsplit
from uuid import uuid4

from localdev.files_emulator import auth_sas, content, smb
from localdev.files_emulator.auth_sas import Access, Need
from localdev.files_emulator.call import Call, as_file, as_regular, changed_headers
from localdev.files_emulator.errors import ServiceError, bad_header, missing_header, printable
from localdev.files_emulator.flags import is_set
from localdev.files_emulator.lease_guard import guard_write
from localdev.files_emulator.messages import Reply
from localdev.files_emulator.metadata import metadata_of
from localdev.files_emulator.ops_file import number_of_new, refuse_replacing
from localdev.files_emulator.ops_range import keeps_write_time, range_stored, refuse_writing, written
from localdev.files_emulator.posix import posix_of_copy
from localdev.files_emulator.ranges import MAX_WRITE_BYTES, parse_range, written_range
from localdev.files_emulator.source import parse_source
from localdev.files_emulator.tree import Copied, File, find, find_parent

_HEADER = "x-ms-copy-source"


def file_start_copy(call: Call) -> Reply:
    """Copy a file, also from a snapshot; metadata and content headers come along unless the request has its own."""
    share, headers = call.writable_share(), call.headers
    source = _source_file(call)
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
        copied=Copied(str(uuid4()), printable(headers[_HEADER]), f"{source.size}/{source.size}", now),
    )
    share.hang(parent, file)
    if old is None:
        share.touch(parent, now)
    copied = [("x-ms-copy-id", file.copied.id if file.copied else ""), ("x-ms-copy-status", "success")]
    return Reply(202, [*changed_headers(file.changed), *copied])


def file_abort_copy(call: Call) -> Reply:
    """Refuse: no copy is ever pending."""
    guard_write(call, as_file(find(call.writable_share().root, call.path)))
    raise ServiceError("NoPendingCopyOperation")


def file_upload_range_from_url(call: Call) -> Reply:
    """Write a range with a range of another file of the account."""
    share, headers = call.writable_share(), call.headers
    if headers.get("x-ms-write", "").lower() != "update":
        raise bad_header("x-ms-write", headers.get("x-ms-write", ""))
    keeps_time = keeps_write_time(call)
    if call.request.body_bytes:
        raise bad_header("Content-Length", str(call.request.body_bytes))
    start, end = written_range(headers)
    if end - start > MAX_WRITE_BYTES:
        raise ServiceError("RequestBodyTooLarge", MaxLimit=str(MAX_WRITE_BYTES))
    if "x-ms-source-range" not in headers:
        raise missing_header("x-ms-source-range")
    low, high = parse_range("x-ms-source-range", headers["x-ms-source-range"], open_end=None)
    if high - low != end - start:
        raise bad_header("x-ms-source-range", headers["x-ms-source-range"])
    source = _source_file(call)
    if high > source.size:
        raise ServiceError("InvalidRange")
    file = as_regular(find(share.root, call.path))
    guard_write(call, file)
    refuse_writing(file, end)
    file = as_file(share.own(call.path))
    file.extents = content.splice(file.extents, start, end, _written_parts(call, source, low, high, start - low))
    written(file, call.account.clock.tick(), keeps_time=keeps_time)
    share.changed(file)
    return range_stored(file)


def _written_parts(call: Call, source: File, low: int, high: int, shift: int) -> content.Extents:
    """Return the source's extents with its holes filled: what a range write writes counts as written, zeros too."""
    if content.ranges(source.extents, low, high) == [(low, high)]:
        return content.window(source.extents, low, high, shift)
    data = b"".join(content.pieces(source.extents, low, high))
    return (content.Extent(low + shift, high + shift, call.account.blocks.keep(data), 0),)


def _source_file(call: Call) -> File:
    """Return the file a request copies from.

    :raises ServiceError: CannotVerifyCopySource if it is somewhere else, or the request may not read it.
    """
    url = call.headers.get(_HEADER, "")
    source = parse_source(call, url, _HEADER)
    account = call.account
    if urlsplit(url).netloc.lower() != call.headers.get("host", "").lower():
        raise ServiceError(
            "CannotVerifyCopySource",
            message="This emulator copies only what it serves itself, under the same host name.",
        )
    if "sig" in source.query:
        policies = account.shares[source.share].policies if source.share in account.shares else ()
        request = call.request
        path = "/".join(source.path)
        access = Access(account.name, account.key, source.share, path, request.peer_ip, request.is_tls, policies)
        auth_sas.verify(source.query, access, Need("r", "o"))
    elif not call.headers.get("authorization", "").startswith("SharedKey "):
        raise ServiceError("CannotVerifyCopySource")
    share = account.share(source.share)
    snapshot = source.query.get("sharesnapshot")
    return as_regular(find(share.root if snapshot is None else share.snapshot(snapshot).root, source.path))
