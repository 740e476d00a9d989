"""A node's properties as HTTP headers, both ways.

Reading: what the service says of a file or directory in the headers of an answer. Writing: what a restore asks for. User metadata
keeps the case of its names. Header bytes are read as UTF-8; a value that is none was written by a client that
sent Latin-1, and is read as that.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from multidict import CIMultiDictProxy

from shared.errors import IntegrityError, InvalidInput
from shared.formats import attributes
from shared.model import ticks
from shared.model.entry import SETTABLE, Attributes, Posix
from shared.model.manifest import NO_HEADERS, ContentHeaders
from shared.ports.share_reader import NodeProperties
from shared.ports.share_writer import NewProperties

META: Final = "x-ms-meta-"
_ME: Final = frozenset({"me", "Me", "mE", "ME"})
"""What follows ``x-ms-`` in a metadata header: tells it from twenty others at a tenth of a microsecond."""

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""What HTTP takes for a header's name."""

FIRST_TICKS: Final = ticks.from_text("1601-01-01T00:00:00Z")
"""SMB knows no earlier time; a property before it was never set."""

_MODE_MAX: Final = 0o7777
_ID_MAX: Final = 0xFFFF_FFFF

_CONTENT: Final = (
    ("content_type", "x-ms-content-type"),
    ("content_encoding", "x-ms-content-encoding"),
    ("content_language", "x-ms-content-language"),
    ("content_disposition", "x-ms-content-disposition"),
    ("cache_control", "x-ms-cache-control"),
)


def file_properties(headers: CIMultiDictProxy[str], size_bytes: int, *, ranged: bool = False) -> NodeProperties:
    """Properties of a file from the answer to a HEAD or GET; ``ranged``: the answer is one to a range.

    :raises IntegrityError: the headers are not what the service documents.
    """
    get = headers.get
    # A ranged answer's Content-MD5 is the range's; the file's own is then in x-ms-content-md5.
    md5 = get("x-ms-content-md5") or ("" if ranged else get("Content-MD5", ""))
    content = ContentHeaders(
        text(get("Content-Type", "")),
        text(get("Content-Encoding", "")),
        text(get("Content-Language", "")),
        text(get("Content-Disposition", "")),
        text(get("Cache-Control", "")),
        _digest(md5) if md5 else b"",
    )
    return _properties(headers, content, size_bytes)


def directory_properties(headers: CIMultiDictProxy[str]) -> NodeProperties:
    """Properties of a directory. :raises IntegrityError: the headers are not what the service documents."""
    return _properties(headers, NO_HEADERS, 0)


def _properties(headers: CIMultiDictProxy[str], content: ContentHeaders, size_bytes: int) -> NodeProperties:
    get = headers.get
    try:
        changed = get("x-ms-file-change-time")
        return NodeProperties(
            content,
            tuple(
                [(name[10:], text(value)) for name, value in headers.items() if name[5:7] in _ME and _is_metadata(name)]
            ),
            size_bytes,
            _time(changed) if changed else int(headers["ETag"].strip('"'), 16),
            _time(get("x-ms-file-creation-time")),
            _time(get("x-ms-file-last-write-time")),
            attributes.from_text(get("x-ms-file-attributes", "")),
            get("x-ms-file-permission-key", ""),
            int(get("x-ms-file-id") or 0),
            _posix(headers) if "x-ms-mode" in headers else None,
            get("x-ms-file-file-type") == "SymLink",
        )
    except (KeyError, ValueError, IndexError) as error:
        raise IntegrityError(f"unreadable properties in response headers: {error}") from error


def _posix(headers: CIMultiDictProxy[str]) -> Posix:
    """:raises ValueError: what is no number."""
    mode = int(headers["x-ms-mode"], 8)
    owner, group = int(headers.get("x-ms-owner", "0")), int(headers.get("x-ms-group", "0"))
    links = int(headers.get("x-ms-link-count") or 1)
    if not (0 <= mode <= _MODE_MAX and 0 <= owner <= _ID_MAX and 0 <= group <= _ID_MAX and 1 <= links <= _ID_MAX):
        raise ValueError(f"owner {owner}, group {group}, mode {mode:o}, {links} links")
    return Posix(owner, group, mode, links)


def _is_metadata(name: str) -> bool:
    return name[:10].lower() == META


def _time(text: str | None) -> int:
    if not text:
        return 0
    if len(text) == 28 and text[19] == "." and text[27] == "Z" and text[20:27].isdecimal():
        return _second(text[:19]) + int(text[20:27])
    return ticks.from_text(text)


@lru_cache(maxsize=8192)
def _second(text: str) -> int:
    """Ticks of ``2022-09-28T21:24:10``: neighbours are often written in the same second."""
    return ticks.from_text(text + "Z")


def _digest(md5: str) -> bytes:
    try:
        digest = b64decode(md5, validate=True)
    except (Base64Error, ValueError):
        digest = b""
    return digest if len(digest) == 16 else b""


def text(value: str) -> str:
    """Header text as it was meant: see the module's docstring."""
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode(errors="surrogateescape").decode("latin-1")
    return value


def metadata_headers(metadata: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Request headers that give a node its user metadata.

    :raises InvalidInput: a name or value that a header cannot carry.
    """
    found = {META + name: value for name, value in metadata}
    for name, value in found.items():
        if not _TOKEN.fullmatch(name) or any(char in value for char in "\r\n\0"):
            raise InvalidInput(f"metadata {name[10:]!r} cannot be sent as a header", field="metadata")
    return found


def content_headers(content: ContentHeaders) -> dict[str, str]:
    """Request headers that give a file its content properties; those not set are left out, which clears them."""
    found = {header: value for name, header in _CONTENT if (value := getattr(content, name))}
    if content.md5:
        found["x-ms-content-md5"] = b64encode(content.md5).decode()
    return found


@lru_cache(maxsize=1024)
def _attributes(bits: int, is_directory: bool) -> str:
    bits &= SETTABLE
    if is_directory:
        bits = bits & ~Attributes.TEMPORARY.value | Attributes.DIRECTORY.value
    return attributes.to_text(bits)


def property_headers(properties: NewProperties, *, is_directory: bool = False, clear: int = 0) -> dict[str, str]:
    """Request headers for times, attributes (without the bits of ``clear``) and permission.

    On an NFS share owner, group and mode take the place of the latter two: the service refuses those of the other protocol.
    """
    posix = properties.posix
    found: dict[str, str] = {}
    if posix is None:
        if properties.attributes is not None:
            found = {"x-ms-file-attributes": _attributes(properties.attributes & ~clear, is_directory)}
    else:
        found = {"x-ms-owner": str(posix.owner), "x-ms-group": str(posix.group), "x-ms-mode": f"{posix.mode:04o}"}
    for name, value in (
        ("x-ms-file-creation-time", properties.created),
        ("x-ms-file-last-write-time", properties.written),
        ("x-ms-file-change-time", properties.changed),
    ):
        if value >= FIRST_TICKS:
            found[name] = ticks.to_text(value)
    if properties.permission_key:
        found["x-ms-file-permission-key"] = properties.permission_key
    return found


def link_text(headers: CIMultiDictProxy[str]) -> str:
    """The text of a symbolic link from the answer to a question for it.

    :raises IntegrityError: there is none, or it is not UTF-8.
    """
    try:
        found = unquote_to_bytes(headers["x-ms-link-text"]).decode()
    except (KeyError, UnicodeError) as error:
        raise IntegrityError(f"unreadable text of a symbolic link: {error!r}") from error
    if not found:
        raise IntegrityError("a symbolic link without a text")
    return found


def link_text_headers(link: str) -> dict[str, str]:
    """Request headers that say where a symbolic link points."""
    return {"x-ms-link-text": quote(link, safe="")}


def link_target_headers(path: str) -> dict[str, str]:
    """Request headers that say which file gets one more name."""
    return {"x-ms-type": "file", "x-ms-file-target-file": quote(path, safe="/")}
