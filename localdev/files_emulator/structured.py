"""Structured bodies: content in segments, each with a CRC64, and one over all of it.

::

    message = version u8 = 1, length of the message u64, flags u16 (1: with checksums), number of segments u16,
              segment*, [CRC64 of the content u64]
    segment = number u16 from 1, length u64, bytes, [CRC64 of them u64]        all numbers little-endian
"""

from collections.abc import Iterator, Mapping
from struct import Struct, error

from localdev.files_emulator.content import Extents, pieces
from localdev.files_emulator.crc64 import crc64
from localdev.files_emulator.errors import ServiceError, bad_header
from localdev.files_emulator.messages import Piece

HEADER = "x-ms-structured-body"
LENGTH_HEADER = "x-ms-structured-content-length"
KIND = "XSM/1.0; properties=crc64"

_MESSAGE, _SEGMENT, _CRC = Struct("<BQHH"), Struct("<HQ"), Struct("<Q")
_WITH_CRC = 1
_SEGMENT_BYTES = 4 * 1024 * 1024
_MAX_SEGMENTS = 0xFFFF


def is_asked(headers: Mapping[str, str]) -> bool:
    """Return whether a request has a structured body, or asks for one.

    :raises ServiceError: it is of a kind that nobody knows.
    """
    kind = headers.get(HEADER)
    if kind is None:
        return False
    if kind.replace(" ", "").lower() != KIND.replace(" ", "").lower():
        raise bad_header(HEADER, kind)
    return True


def unwrapped(headers: Mapping[str, str], message: bytes) -> bytes:
    """Return the content that a request's structured body carries.

    :raises ServiceError: it is malformed, incomplete, or a checksum is wrong.
    """
    try:
        data = _read(message)
    except (error, ValueError) as reason:
        raise ServiceError("InvalidInput", message=f"The structured message is invalid: {reason}.") from None
    length = headers.get(LENGTH_HEADER, "")
    if length != str(len(data)):
        raise bad_header(LENGTH_HEADER, length)
    return data


def _read(message: bytes) -> bytes:
    version, length, flags, count = _MESSAGE.unpack_from(message)
    if version != 1 or length != len(message) or flags != _WITH_CRC:
        raise ValueError("version, length or flags")
    at, parts = _MESSAGE.size, []
    for number in range(1, count + 1):
        found, size = _SEGMENT.unpack_from(message, at)
        at += _SEGMENT.size
        part = message[at : at + size]
        if found != number or len(part) != size:
            raise ValueError(f"segment {number}")
        at += size
        _check(part, message, at)
        at += _CRC.size
        parts.append(part)
    data = b"".join(parts)
    _check(data, message, at)
    if at + _CRC.size != len(message):
        raise ValueError("something follows its end")
    return data


def _check(data: bytes, message: bytes, at: int) -> None:
    sent, found = _CRC.unpack_from(message, at)[0], crc64(data)
    if sent != found:
        raise ServiceError("Crc64Mismatch", UserSpecifiedCrc=f"{sent:016X}", ServerCalculatedCrc=f"{found:016X}")


def wrapped_size(size: int) -> int:
    """Return the length of the message that carries ``size`` bytes."""
    return _MESSAGE.size + size + _segments(size)[1] * (_SEGMENT.size + _CRC.size) + _CRC.size


def wrapped(extents: Extents, start: int, end: int) -> Iterator[Piece]:
    """Yield the message that carries ``[start, end)`` of a file's content."""
    step, count = _segments(end - start)
    yield _MESSAGE.pack(1, wrapped_size(end - start), _WITH_CRC, count)
    whole = 0
    for number in range(1, count + 1):
        low = start + (number - 1) * step
        high = min(low + step, end)
        yield _SEGMENT.pack(number, high - low)
        part = 0
        for piece in pieces(extents, low, high):
            part, whole = crc64(piece, part), crc64(piece, whole)
            yield piece
        yield _CRC.pack(part)
    yield _CRC.pack(whole)


def _segments(size: int) -> tuple[int, int]:
    """Return how long a segment is and how many there are, one at least."""
    step = max(_SEGMENT_BYTES, -(-size // _MAX_SEGMENTS))
    return step, max(1, -(-size // step))
