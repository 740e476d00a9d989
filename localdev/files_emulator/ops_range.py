"""Operations on parts of a file: write, clear, list, diff."""

from localdev.files_emulator import content, smb
from localdev.files_emulator.call import Call, as_file, as_regular, changed_headers, xml
from localdev.files_emulator.errors import ServiceError, bad_header, missing_header
from localdev.files_emulator.flags import is_set
from localdev.files_emulator.given import Body, checked_body
from localdev.files_emulator.lease_guard import guard_read, guard_write
from localdev.files_emulator.messages import Reply
from localdev.files_emulator.ranges import MAX_WRITE_BYTES, asked_range, written_range
from localdev.files_emulator.times import iso
from localdev.files_emulator.tree import File, find


def file_upload_range(call: Call) -> Reply:
    """Write or clear a range within the file's size."""
    share, headers = call.writable_share(), call.headers
    kind = headers.get("x-ms-write", "").lower()
    if kind not in ("update", "clear"):
        raise bad_header("x-ms-write", kind) if kind else missing_header("x-ms-write")
    keeps_time = keeps_write_time(call)
    start, end = written_range(headers)
    body = Body(b"")
    if kind == "update":
        if end - start > MAX_WRITE_BYTES:
            raise ServiceError("RequestBodyTooLarge", MaxLimit=str(MAX_WRITE_BYTES))
        body = checked_body(call.request)
        if len(body.data) != end - start:
            raise bad_header("Content-Length", str(call.request.body_bytes))
    elif call.request.body_bytes:
        raise bad_header("Content-Length", str(call.request.body_bytes))
    elif "content-md5" in headers:  # of nothing
        raise bad_header("Content-MD5", headers["content-md5"])
    file = as_regular(find(share.root, call.path))
    guard_write(call, file)
    refuse_writing(file, end)
    file = as_file(share.own(call.path))
    if kind == "update":
        file.extents = content.write(file.extents, start, end, call.account.blocks.keep(body.data))
    else:
        file.extents = _cleared(call, file, start, end)
    written(file, call.account.clock.tick(), keeps_time=keeps_time)
    share.changed(file)
    return _range_stored(file, *body.told)


def keeps_write_time(call: Call) -> bool:
    """Return whether a write is to leave the last write time alone."""
    text = call.headers.get("x-ms-file-last-write-time", "now").lower()
    if text not in ("now", "preserve"):
        raise bad_header("x-ms-file-last-write-time", text)
    return text == "preserve"


def refuse_writing(file: File, end: int) -> None:
    """Refuse to write a read-only file, or past the end of any."""
    if file.attributes & smb.READ_ONLY:
        raise ServiceError("ReadOnlyAttribute")
    if end > file.size:
        raise ServiceError("InvalidRange", headers=(("Content-Range", f"bytes */{file.size}"),))


def written(file: File, now: int, *, keeps_time: bool) -> None:
    """Note on an owned file that its content changed."""
    file.changed = now
    if not keeps_time:
        file.written = now


def range_stored(file: File) -> Reply:
    """Return the answer to a write from elsewhere."""
    return _range_stored(file)


def _range_stored(file: File, *extra: tuple[str, str]) -> Reply:
    return Reply(
        201,
        [
            *changed_headers(file.changed),
            ("x-ms-request-server-encrypted", "true"),
            ("x-ms-file-last-write-time", iso(file.written)),
            *extra,
        ],
    )


def _cleared(call: Call, file: File, start: int, end: int) -> content.Extents:
    """Return the file's extents after clearing: whole units are freed, the ragged ends overwritten with zeros.

    A unit that the end of the file cuts short counts as whole.
    """
    unit = content.FREE_UNIT_BYTES
    low = -(-start // unit) * unit
    high = end if end == file.size else end // unit * unit
    extents = file.extents
    if low >= high:
        return content.write(extents, start, end, call.account.blocks.keep(bytes(end - start)))
    for edge_start, edge_end in ((start, low), (high, end)):
        if edge_start < edge_end:
            zeros = call.account.blocks.keep(bytes(edge_end - edge_start))
            extents = content.write(extents, edge_start, edge_end, zeros)
    return content.write(extents, low, high, call.account.blocks.cleared())


def file_get_range_list(call: Call) -> Reply:
    """List what is written in a file, or what changed in it since an earlier snapshot."""
    file = as_regular(find(call.readable_root(), call.path))
    guard_read(call, file)
    extra = (*changed_headers(file.changed), ("x-ms-content-length", str(file.size)))
    try:
        start, end = asked_range(call.headers, file.size) or (0, file.size)
    except ServiceError as error:
        if error.code != "InvalidRange":
            raise
        start = end = file.size  # beyond the end there is nothing to list
    if "prevsharesnapshot" in call.query:
        before = _before(call, file)
        found = content.changes(before.extents, file.extents, start, end)
    else:
        found = [(low, high, "Range") for low, high in content.ranges(file.extents, start, end)]
    body, following = _page(call, found)
    return xml(f"<Ranges>{body}{following}</Ranges>", *extra)


def _page(call: Call, found: list[content.Change]) -> tuple[str, str]:
    """Return the ranges of the page asked for, and the element that leads to the next; plain requests have one page."""
    following = ""
    if "marker" in call.query or "maxresults" in call.query:
        at = call.number("marker", 0, 0, 1 << 62) if call.query.get("marker") else 0
        found = [change for change in found if change[1] > at]
        size = call.number("maxresults", 10_000, 1, 10_000)
        following = f"<NextMarker>{found[size][0]}</NextMarker>" if len(found) > size else "<NextMarker />"
        found = found[:size]
    return "".join(
        f"<{kind}><Start>{low}</Start><End>{high - 1}</End></{kind}>" for low, high, kind in found
    ), following


def _before(call: Call, file: File) -> File:
    """Return ``file`` as it was in the snapshot ``prevsharesnapshot``.

    Found by path, and by FileId too if the client says it can bear renames.

    :raises ServiceError: ResourceNotFound if it was not there, FileGenerationMismatch if something else has its place
        now, or it has been renamed and the client cannot bear that.
    """
    bears_renames = is_set(call.headers, "x-ms-file-support-rename")
    earlier = call.share().snapshot(call.query["prevsharesnapshot"], "PreviousSnapshotNotFound").root
    try:
        at_path = find(earlier, call.path)
    except ServiceError:
        at_path = None
    if isinstance(at_path, File) and at_path.number == file.number:
        return at_path
    moved = earlier.find_file(file.number)
    if moved is not None and bears_renames:
        return moved
    raise ServiceError("ResourceNotFound" if moved is None and at_path is None else "FileGenerationMismatch")
