"""Operations on a file as a whole: create, read, describe, delete."""

from base64 import b64encode
from collections.abc import Iterator
from hashlib import md5

from localdev.files_emulator import content, smb, structured
from localdev.files_emulator.call import Call, Headers, as_file, as_regular, changed_headers, smb_headers, stored
from localdev.files_emulator.errors import ServiceError, bad_header, missing_header
from localdev.files_emulator.flags import is_set
from localdev.files_emulator.given import asked_size, checked_body, content_headers, first_content_headers, overridden
from localdev.files_emulator.lease_guard import file_lease_headers, guard_read, guard_write
from localdev.files_emulator.messages import Piece, Reply
from localdev.files_emulator.metadata import headers_of, metadata_of
from localdev.files_emulator.posix import kind_header, links_header, posix_of_changed, posix_of_new
from localdev.files_emulator.ranges import MAX_WRITE_BYTES, asked_range
from localdev.files_emulator.share import Share
from localdev.files_emulator.times import etag, rfc1123
from localdev.files_emulator.tree import Entry, File, find, find_parent

FIRST_VERSION_WITH_BODY = "2026-02-06"  # before it, creating a file and writing its content took two requests


def file_create(call: Call) -> Reply:
    """Create a file, or replace one: with its first 4 MiB or zeros, attributes, times, permission and metadata."""
    share, headers = call.writable_share(), call.headers
    if headers.get("x-ms-type", "").lower() != "file":
        raise bad_header("x-ms-type", headers["x-ms-type"]) if "x-ms-type" in headers else missing_header("x-ms-type")
    size = asked_size(headers)
    if size is None:
        raise missing_header("x-ms-content-length")
    metadata, described = metadata_of(call.request), first_content_headers(headers)
    now = call.account.clock.tick()
    wanted = smb.asked(headers, call.account.permissions, now, is_directory=False, mode="create", is_nfs=share.is_nfs)
    attributes = smb.ARCHIVE if wanted.attributes is None else wanted.attributes
    verbatim = smb.restores(headers, wanted)
    if not verbatim:
        attributes |= smb.ARCHIVE
    sent = checked_body(call.request)
    body = sent.data
    if body and headers.get("x-ms-version", FIRST_VERSION_WITH_BODY) < FIRST_VERSION_WITH_BODY:
        raise bad_header("Content-Length", str(len(body)))
    if len(body) > size:
        raise bad_header("Content-Length", str(len(body)))
    parent = find_parent(share.root, call.path)
    old = parent.child(parent.key(call.path[-1]))
    call.check_replacing(old)
    refuse_replacing(old)
    guard_write(call, old)
    posix = None if parent.posix is None else posix_of_new(headers, "Regular", None if old is None else old.posix)

    parent = share.own_directory(call.path[:-1])
    file = File(
        number=number_of_new(share, old),
        parent_number=parent.number,
        name=call.path[-1] if old is None else old.name,
        epoch=share.epoch,
        attributes=attributes,
        permission_key=smb.permission_of_new(
            call.account.permissions, wanted, parent, is_directory=False, verbatim=verbatim
        ),
        created=now if wanted.created is None else wanted.created,
        accessed=now if wanted.created is None else wanted.created,
        written=now if wanted.written is None else wanted.written,
        changed=now if wanted.changed is None else wanted.changed,
        metadata=metadata,
        posix=posix,
        size=size,
        extents=content.write((), 0, len(body), call.account.blocks.keep(body)) if body else (),
        content=described,
    )
    share.hang(parent, file)
    if old is None:
        share.touch(parent, now)
    return stored(file, 201, *sent.told)


def number_of_new(share: Share, old: Entry | None) -> int:
    """Return the number of what replaces ``old``: in an NFS share it stays the same file."""
    return share.take_number() if old is None or not share.is_nfs else old.number


def refuse_replacing(old: object) -> None:
    """Refuse to put a file where a directory, a symbolic link or a read-only file is."""
    if old is None:
        return
    if not isinstance(old, File) or (old.posix is not None and old.posix.link_text):
        raise ServiceError("ResourceTypeMismatch")
    if old.attributes & smb.READ_ONLY:
        raise ServiceError("ReadOnlyAttribute")


def file_download(call: Call) -> Reply:
    """Read a file, or a range of it."""
    file = as_regular(find(call.readable_root(), call.path))
    guard_read(call, file)
    headers = call.headers
    part = asked_range(headers, file.size)
    start, end = part or (0, file.size)
    extra: Headers = []
    digest = file.content.md5
    pieces, body = content.pieces(file.extents, start, end), None
    if is_set(headers, "x-ms-range-get-content-md5"):
        if part is None:
            raise bad_header("x-ms-range-get-content-md5", headers["x-ms-range-get-content-md5"])
        if end - start > MAX_WRITE_BYTES:
            raise ServiceError("OutOfRangeInput", HeaderName="x-ms-range-get-content-md5")
        body = _joined(pieces)
        extra.append(("Content-MD5", b64encode(md5(body, usedforsecurity=False).digest()).decode()))
    if part is not None:
        extra.append(("Content-Range", f"bytes {start}-{end - 1}/{file.size}"))
        if digest:
            extra.append(("x-ms-content-md5", digest))
    elif digest:
        extra.append(("Content-MD5", digest))
    found = [*_file_headers(file, call), *extra, ("Accept-Ranges", "bytes")]
    status = 200 if part is None else 206
    if structured.HEADER in headers and structured.is_asked(headers):
        found += [(structured.HEADER, headers[structured.HEADER]), (structured.LENGTH_HEADER, str(end - start))]
        message = structured.wrapped(file.extents, start, end)
        return Reply(status, found, stream=message, content_length=structured.wrapped_size(end - start))
    if end - start > MAX_WRITE_BYTES:
        return Reply(status, found, stream=pieces, content_length=end - start)
    return Reply(status, found, _joined(pieces) if body is None else body)


def _joined(pieces: Iterator[Piece]) -> Piece:
    """Return all the bytes as one piece, without a copy if they are one."""
    first = next(pieces, b"")
    second = next(pieces, None)
    return first if second is None else b"".join((first, second, *pieces))


def file_get_properties(call: Call) -> Reply:
    """Return what ``file_download`` would say about the file, without its content."""
    file = as_file(find(call.readable_root(), call.path))
    guard_read(call, file)
    found = _file_headers(file, call)
    if file.content.md5:
        found.append(("Content-MD5", file.content.md5))
    if file.posix is not None:
        found.append(kind_header(file.posix, is_directory=False))
    return Reply(200, found, content_length=file.size)


def file_delete(call: Call) -> Reply:
    """Delete a file."""
    share = call.writable_share()
    file = as_file(find(share.root, call.path))
    guard_write(call, file)
    if file.attributes & smb.READ_ONLY:
        raise ServiceError("ReadOnlyAttribute")
    parent = share.own_directory(call.path[:-1])
    now = call.account.clock.tick()
    share.take(parent, file, now)
    share.touch(parent, now)
    if file.posix is None:
        return Reply(202)
    return Reply(202, [("x-ms-link-count", str(file.posix.links - 1))])


def file_set_http_headers(call: Call) -> Reply:
    """Resize a file, replace all its content headers, change what SMB headers are given."""
    share, headers = call.writable_share(), call.headers
    file = as_file(find(share.root, call.path))
    guard_write(call, file)
    size, described = asked_size(headers), content_headers(headers)
    now = call.account.clock.tick()
    wanted = smb.asked(headers, call.account.permissions, now, is_directory=False, mode="set", is_nfs=share.is_nfs)
    if size is not None and as_regular(file).attributes & smb.READ_ONLY:
        raise ServiceError("ReadOnlyAttribute")
    permission_key = smb.permission_of_changed(
        call.account.permissions, wanted, find_parent(share.root, call.path), file
    )
    posix = None if file.posix is None else posix_of_changed(headers, file.posix)

    file = as_file(share.own(call.path))
    if size is not None:
        file.extents, file.size = content.truncate(file.extents, size), size
    file.content, file.permission_key, file.posix = described, permission_key, posix
    apply(file, wanted, now)
    share.changed(file)
    return stored(file, 200)


def apply(node: Entry, wanted: smb.Asked, now: int) -> None:
    """Set on an owned node the attributes and times a request asked for; unless asked for, the change time is now."""
    if wanted.attributes is not None:
        node.attributes = wanted.attributes
    if wanted.created is not None:
        node.created = wanted.created
    if wanted.written is not None:
        node.written = wanted.written
    node.changed = now if wanted.changed is None else wanted.changed


def file_set_metadata(call: Call) -> Reply:
    """Replace a file's metadata."""
    share, metadata = call.writable_share(), metadata_of(call.request)
    guard_write(call, as_file(find(share.root, call.path)))
    file = share.own(call.path)
    file.metadata, file.changed = metadata, call.account.clock.tick()
    share.changed(file)
    return Reply(200, [*changed_headers(file.changed), ("x-ms-request-server-encrypted", "true")])


def _file_headers(file: File, call: Call) -> Headers:
    described, query = file.content, call.query
    found: Headers = [
        ("ETag", etag(file.changed)),
        ("Last-Modified", rfc1123(file.changed)),
        ("x-ms-type", "File"),
        ("x-ms-server-encrypted", "true"),
        *smb_headers(file),
        *file_lease_headers(call, file),
        *headers_of(file.metadata),
    ]
    for name, value in (
        ("Content-Type", described.content_type),
        ("Content-Encoding", described.encoding),
        ("Content-Language", described.language),
        ("Cache-Control", described.cache_control),
        ("Content-Disposition", described.disposition),
    ):
        if value:
            found.append((name, value))
    if file.posix is not None:
        found.append(links_header(file.posix))
    if file.copied is not None:
        found += [
            ("x-ms-copy-id", file.copied.id),
            ("x-ms-copy-source", file.copied.source),
            ("x-ms-copy-status", file.copied.status),
            ("x-ms-copy-progress", file.copied.progress),
        ]
        if file.copied.completed:
            found.append(("x-ms-copy-completion-time", rfc1123(file.copied.completed)))
        if file.copied.description:
            found.append(("x-ms-copy-status-description", file.copied.description))
    if "sig" in query:
        found = overridden(found, query)
    return found
