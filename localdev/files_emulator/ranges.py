"""Range headers of reads and writes."""

import re
from collections.abc import Mapping

from localdev.files_emulator.errors import ServiceError, bad_header, missing_header

MAX_WRITE_BYTES = 4 * 1024 * 1024

_RANGE = re.compile(r"bytes=(\d{1,19})-(\d{0,19})", re.ASCII)


def asked_range(headers: Mapping[str, str], size: int) -> tuple[int, int] | None:
    """Return the part ``[start, end)`` of ``size`` bytes a read asks for, ``None`` if all of it.

    :raises ServiceError: InvalidRange if it begins at or beyond the end, which any range of an empty file does.
    """
    name = "x-ms-range" if headers.get("x-ms-range") else "range"
    text = headers.get(name)
    if not text:
        return None
    start, end = parse_range(name, text, open_end=size)
    if start >= size:
        raise ServiceError("InvalidRange", headers=(("Content-Range", f"bytes */{size}"),))
    return start, min(end, size)


def written_range(headers: Mapping[str, str]) -> tuple[int, int]:
    """Return the part ``[start, end)`` a write names, which it must, with both ends."""
    name = "x-ms-range" if headers.get("x-ms-range") else "range"
    text = headers.get(name)
    if not text:
        raise missing_header("x-ms-range")
    return parse_range(name, text, open_end=None)


def parse_range(name: str, text: str, *, open_end: int | None) -> tuple[int, int]:
    """Read one ``bytes=a-b``; where ``b`` may be left out, ``open_end`` stands in for it."""
    match = _RANGE.fullmatch(text.strip())
    if match is None or (not match[2] and open_end is None):
        raise bad_header(name, text)
    start = int(match[1])
    end = int(match[2]) + 1 if match[2] else max(open_end or 0, start + 1)
    if end <= start:
        raise bad_header(name, text)
    return start, end
