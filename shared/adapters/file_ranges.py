"""The answer to List Ranges: which parts of a file are allocated, or differ from an earlier share snapshot."""

import re
from typing import Final

from shared.errors import Unavailable
from shared.ports.share_reader import ByteRange

_RANGE: Final = re.compile(rb"<(Clear)?Range>\s*<Start>(\d{1,19})</Start>\s*<End>(\d{1,19})</End>\s*</(?:Clear)?Range>")
_WHOLE: Final = re.compile(rb"(?:</Ranges>|<Ranges\s*/>)\s*$")
_MORE: Final = re.compile(rb"<NextMarker>[^<]")


def parse(body: bytes, path: str, start: int, end: int) -> tuple[list[ByteRange], bool]:
    """Ranges of the file at ``path`` within ``[start, end)``, in order, and whether another page follows.

    :raises Unavailable: the answer is not whole, or says something else than ranges: asking again may help.
    """
    told = _RANGE.findall(body)
    if not _WHOLE.search(body) or body.count(b"<Start>") != len(told):
        raise Unavailable(f"list_ranges {path!r}: an answer of {len(body)} bytes that is not whole")
    found: list[ByteRange] = []
    at = start
    for clear, first, last in told:
        low, high = max(int(first), start), min(int(last) + 1, end)
        if low < at:
            raise Unavailable(f"list_ranges {path!r}: a range from {low} on after one that ends at {at}")
        if low < high:
            found.append(ByteRange(low, high, bool(clear)))
            at = high
    more = bool(_MORE.search(body))
    if more and not found:
        raise Unavailable(f"list_ranges {path!r}: a page of nothing that another is to follow")
    return found, more
