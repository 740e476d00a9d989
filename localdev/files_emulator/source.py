"""The other file of a rename or copy: a URL in a header, which must be of this account."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from localdev.files_emulator.address import parse_address, parse_query
from localdev.files_emulator.auth import may_use_source
from localdev.files_emulator.call import Call, as_regular
from localdev.files_emulator.elsewhere import Elsewhere
from localdev.files_emulator.errors import ServiceError, bad_header
from localdev.files_emulator.flags import is_set
from localdev.files_emulator.grants import Need
from localdev.files_emulator.handles import READ
from localdev.files_emulator.metadata import PREFIX
from localdev.files_emulator.names import check_path
from localdev.files_emulator.smb import ARCHIVE, parse_attributes
from localdev.files_emulator.times import now_ticks, parse_iso
from localdev.files_emulator.tree import ContentHeaders, File, Path, find

COPY_SOURCE = "x-ms-copy-source"


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
        check_path(address.path)
    except ServiceError as error:
        if error.code == "InvalidUri":
            raise bad_header(header, url) from None
        raise
    return Source(address.share, address.path, parse_query(split.query))


def is_elsewhere(call: Call) -> bool:
    """Return whether a request copies from what is not served here under the host name the request came to.

    :raises ServiceError: what it copies from is no http(s) URL.
    """
    url = call.headers[COPY_SOURCE]
    try:
        split = urlsplit(url)
        reachable = split.scheme in ("http", "https") and bool(split.hostname) and split.port != 0
    except ValueError:
        reachable = False
    if not reachable:
        raise bad_header(COPY_SOURCE, url)
    return split.netloc.lower() != call.headers.get("host", "").lower()


def source_file(call: Call) -> File:
    """Return the file of this account that a request copies from.

    :raises ServiceError: CannotVerifyCopySource if the request may not read it.
    """
    url = call.headers.get(COPY_SOURCE, "")
    source = parse_source(call, url, COPY_SOURCE)
    account = call.account
    if not may_use_source(account, call.request, call.grant, source.share, source.path, source.query, Need("r", "o")):
        raise ServiceError("CannotVerifyCopySource")
    share = account.share(source.share)
    snapshot = source.query.get("sharesnapshot")
    file = as_regular(find(share.root if snapshot is None else share.snapshot(snapshot).root, source.path))
    if snapshot is None and call.handles is not None:
        call.handles.guard_path(account, share, source.path, READ)
    return file


def file_elsewhere(opened: Elsewhere) -> File:
    """Return what is known of a file elsewhere, in no tree and without content: what an answer's headers say of it."""
    headers = opened.headers
    created, written, changed = (
        parse_iso(headers.get(f"x-ms-file-{which}-time", "")) or 0 for which in ("creation", "last-write", "change")
    )
    now = now_ticks()
    try:
        attributes = parse_attributes(headers.get("x-ms-file-attributes", ""), is_directory=False)
    except ServiceError:
        attributes = ARCHIVE
    return File(
        0, 0, "", 0, attributes, "", created or now, created or now, written or now, changed or now,
        tuple((name[len(PREFIX):], value) for name, value in headers.items() if name.startswith(PREFIX)),
        size=opened.size,
        content=ContentHeaders(
            headers.get("content-type") or "application/octet-stream",
            headers.get("content-encoding", ""),
            headers.get("content-language", ""),
            headers.get("cache-control", ""),
            headers.get("content-disposition", ""),
            headers.get("content-md5", ""),
        ),
    )  # fmt: skip
