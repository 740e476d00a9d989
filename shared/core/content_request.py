"""What is to be answered to a request for a file, or for a part of it (RFC 9110: conditions, ranges)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

_RANGE = re.compile(r"bytes=\s*(\d{0,19})-(\d{0,19})\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Content:
    """A status, headers, and the bytes ``[start, end)`` as body."""

    status: int
    """200, 206, 304 or 416."""
    start: int = 0
    end: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)


def answer_to(headers: Mapping[str, str], *, etag: str, size_bytes: int, part_bytes: int | None = None) -> Content:
    """Decide about a request with ``headers``, whose names are in lower case.

    ``part_bytes``: the most to hand out at a time. A larger range is answered with its beginning, which the RFC allows and
    ``Content-Range`` tells; a request for everything, which must not be answered so, is answered with everything all the same.
    """
    told = {"ETag": etag, "Accept-Ranges": "bytes"}
    tags = [tag.strip().removeprefix("W/") for tag in headers.get("if-none-match", "").split(",")]
    if etag in tags or tags == ["*"]:
        return Content(304, headers=told)
    asked = _RANGE.fullmatch(headers.get("range", ""))
    # Several ranges, other units, or of another version: as if nothing had been said of ranges.
    if asked is None or not any(asked.groups()) or headers.get("if-range", etag) != etag:
        return Content(200, 0, size_bytes, told)
    first, last = asked.groups()
    start = int(first) if first else max(size_bytes - int(last), 0)
    end = min(int(last) + 1, size_bytes) if first and last else size_bytes
    if first and last and int(last) < int(first):
        return Content(200, 0, size_bytes, told)
    if start >= end:
        return Content(416, headers=told | {"Content-Range": f"bytes */{size_bytes}"})
    if part_bytes is not None:
        end = min(end, start + part_bytes)
    return Content(206, start, end, told | {"Content-Range": f"bytes {start}-{end - 1}/{size_bytes}"})


def attachment(name: str) -> dict[str, str]:
    """Headers by which a browser saves what it gets under ``name``, whatever is in it, and never shows it."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    return {
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-cache",
    }
