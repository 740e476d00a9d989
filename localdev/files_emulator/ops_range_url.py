"""Put Range From URL: write a range with a range of another file, of this account or from elsewhere."""

from localdev.files_emulator import content, crc64
from localdev.files_emulator.call import Call, as_file, as_regular
from localdev.files_emulator.elsewhere import SourceBroken, open_source
from localdev.files_emulator.errors import ServiceError, bad_header, missing_header
from localdev.files_emulator.lease_guard import guard_write
from localdev.files_emulator.messages import Effect, Reply
from localdev.files_emulator.ops_range import keeps_write_time, range_stored, refuse_writing, written
from localdev.files_emulator.ranges import MAX_WRITE_BYTES, parse_range, written_range
from localdev.files_emulator.source import COPY_SOURCE, is_elsewhere, source_file
from localdev.files_emulator.tree import File, find

_CONTENT = "x-ms-source-content-crc64"
_IF_MATCH = "x-ms-source-if-match-crc64"
_IF_NONE_MATCH = "x-ms-source-if-none-match-crc64"


def file_upload_range_from_url(call: Call) -> Reply:
    """Write a range with as long a range of another file."""
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
    file = as_regular(find(share.root, call.path))
    guard_write(call, file)
    refuse_writing(file, end)
    if is_elsewhere(call):
        return Reply(201, effect=Effect(later=_fetched(call, (start, end), (low, high), keeps_time=keeps_time)))
    source = source_file(call)
    if high > source.size:
        raise ServiceError("InvalidRange")
    if _names_checksum(call):
        _check_source(call, b"".join(content.pieces(source.extents, low, high)))
    return _write(call, (start, end), _written_parts(call, source, low, high, start - low), keeps_time=keeps_time)


async def _fetched(call: Call, target: tuple[int, int], part: tuple[int, int], *, keeps_time: bool) -> Reply:
    """Fetch a range from elsewhere, then write it in one step, if it still may be."""
    (start, end), (low, high) = target, part
    source = await open_source(
        call.headers[COPY_SOURCE], part=part, authorization=call.headers.get("x-ms-copy-source-authorization", "")
    )
    try:
        data = await source.read(high - low if source.status == 206 else high)
    except SourceBroken:
        data = b""
    finally:
        source.close()
    data = data if source.status == 206 else data[low:]
    if len(data) != high - low:
        raise ServiceError("InvalidRange")

    if _names_checksum(call):
        _check_source(call, data)

    def step() -> Reply:
        file = as_regular(find(call.writable_share().root, call.path))
        guard_write(call, file)
        refuse_writing(file, end)
        parts = (content.Extent(start, end, call.account.blocks.keep(data), 0),)
        return _write(call, target, parts, keeps_time=keeps_time)

    return call.account.copies.transact(step)


def _write(call: Call, target: tuple[int, int], parts: content.Extents, *, keeps_time: bool) -> Reply:
    share = call.share()
    file = as_file(share.own(call.path))
    file.extents = content.splice(file.extents, *target, parts)
    written(file, call.account.clock.tick(), keeps_time=keeps_time)
    share.changed(file)
    return range_stored(file)


def _names_checksum(call: Call) -> bool:
    return any(name in call.headers for name in (_CONTENT, _IF_MATCH, _IF_NONE_MATCH))


def _check_source(call: Call, data: bytes) -> None:
    """Hold what is to be written against the checksums the request names.

    :raises ServiceError: Crc64Mismatch, or SourceConditionNotMet.
    """
    headers = call.headers
    if _CONTENT in headers:
        crc64.check(_CONTENT, headers[_CONTENT], data)
    found = crc64.crc64_text(data)
    if _IF_MATCH in headers and crc64.checked_text(_IF_MATCH, headers[_IF_MATCH]) != found:
        raise ServiceError("SourceConditionNotMet")
    if _IF_NONE_MATCH in headers and crc64.checked_text(_IF_NONE_MATCH, headers[_IF_NONE_MATCH]) == found:
        raise ServiceError("SourceConditionNotMet")


def _written_parts(call: Call, source: File, low: int, high: int, shift: int) -> content.Extents:
    """Return the source's extents with its holes filled: what a range write writes counts as written, zeros too."""
    if content.ranges(source.extents, low, high) == [(low, high)]:
        return content.window(source.extents, low, high, shift)
    data = b"".join(content.pieces(source.extents, low, high))
    return (content.Extent(low + shift, high + shift, call.account.blocks.keep(data), 0),)
