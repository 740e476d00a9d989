"""The other file of a rename or copy: a URL in a header, which must be of this account."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from localdev.files_emulator.address import parse_address, parse_query
from localdev.files_emulator.call import Call
from localdev.files_emulator.errors import ServiceError, bad_header
from localdev.files_emulator.flags import is_set
from localdev.files_emulator.tree import Path


@dataclass(frozen=True, slots=True)
class Source:
    """What a source URL names."""

    share: str
    path: Path
    query: dict[str, str]


def parse_source(call: Call, url: str, header: str) -> Source:
    """Split a source URL.

    :raises ServiceError: it is not an http(s) URL, not of this account, or has an impossible path.
    """
    try:
        split = urlsplit(url)
        host = split.netloc
    except ValueError:
        raise bad_header(header, url) from None
    if split.scheme not in ("http", "https"):
        raise bad_header(header, url)
    dots = is_set(call.headers, "x-ms-source-allow-trailing-dot")
    try:
        address = parse_address(split.path, host, call.account.name, trailing_dots=dots)
    except ServiceError as error:
        if error.code == "InvalidUri":
            raise bad_header(header, url) from None
        raise
    return Source(address.share, address.path, parse_query(split.query))
