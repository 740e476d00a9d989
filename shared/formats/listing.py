"""The body of a List Directories and Files response, from bytes to entries.

::

    body    = BOM? declaration? "<EnumerationResults" attributes ">" head ("<Entries>" entries "</Entries>" | "<Entries />")
              ("<NextMarker>" marker "</NextMarker>" | "<NextMarker />") "</EnumerationResults>"
    entry   = "<File>" | "<Directory>" Name FileId Properties Attributes? PermissionKey? end
    Name    = text, percent-encoded UTF-8 when it carries Encoded="true" (names that XML cannot hold: U+FFFE, control characters)

``<`` never occurs in text or attributes unescaped, so tags can be found by searching bytes. A listing is read by one regular
expression that knows the one element order the service writes; it costs a fifth of an XML parser. When the entries it finds do not
account for every ``<`` there is, an XML parser reads the same bytes in any order and with optional elements missing. (Entries of
NFS shares have no attributes and permission; the expression knows that too.) Both give equal entries, held by a property test.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes

from shared.errors import IntegrityError
from shared.formats import attributes
from shared.model import ticks
from shared.model.entry import Entry

_TIME: Final = rb"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)\.(\d{7})Z"
_ENTRY: Final = re.compile(
    rb'<(?:F(ile)|Directory)><Name(?: Encoded="(true)")?>([^<]+)</Name><FileId>(\d+)</FileId><Properties>'
    rb"(?:<Content-Length>(\d+)</Content-Length>)?"
    rb"<CreationTime>" + _TIME + rb"</CreationTime><LastAccessTime>" + _TIME + rb"</LastAccessTime>"
    rb"<LastWriteTime>" + _TIME + rb"</LastWriteTime><ChangeTime>" + _TIME + rb"</ChangeTime>"
    rb"<Last-Modified>([^<:]{16}) (\d\d:\d\d:\d\d) GMT</Last-Modified><Etag>[^<]*</Etag></Properties>"
    rb"(?:<Attributes>([^<]*)</Attributes><PermissionKey>([^<]*)</PermissionKey>)?</(?:File|Directory)>"
)
_DIRECTORY_TAGS: Final = 20
"""Tags of a directory of an NFS share that the expression matches."""
_SMB_TAGS: Final = 4
"""Tags that an entry of an SMB share has more: Attributes and PermissionKey."""
_SIZE_TAGS: Final = 2
"""Tags that a file has more: its Content-Length."""

_REFERENCE: Final = re.compile(r"&(amp|lt|gt|quot|apos);")
_REFERRED: Final = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


def split(body: bytes) -> tuple[bytes, str]:
    """The bytes between ``<Entries>`` and ``</Entries>``, and the marker of the next page (empty at the end).

    :raises IntegrityError: not a whole listing: cut short, or another document.
    """
    head = body.find(b"<EnumerationResults")
    if head < 0:
        raise IntegrityError(f"not a listing: no <EnumerationResults> in {len(body)} bytes")
    if not body.endswith(b"</EnumerationResults>") and not body.rstrip().endswith(b"</EnumerationResults>"):
        raise IntegrityError(f"listing is cut short: {len(body)} bytes do not end with </EnumerationResults>")
    start = body.find(b"<Entries>", head)
    if start < 0:
        entries, tail = b"", max(body.find(b"<Entries />", head), body.find(b"<Entries/>", head))
        if tail < 0:
            raise IntegrityError("listing has no <Entries>")
    else:
        tail = body.rfind(b"</Entries>")
        if tail < 0:
            raise IntegrityError("listing is cut short: no </Entries>")
        entries = body[start + 9 : tail]
    return entries, _marker(body[tail:])


def parse(entries: bytes) -> list[Entry]:
    """The entries between ``<Entries>`` and ``</Entries>``, in the order of the listing.

    :raises IntegrityError: not well-formed, or without what every entry has: name, FileId, ChangeTime or ETag and, for a file,
        its size.
    """
    rows = _ENTRY.findall(entries)
    sizes, keys = sum([row[4] != b"" for row in rows]), entries.count(b"</PermissionKey>")
    if entries.count(b"<") == _DIRECTORY_TAGS * len(rows) + _SIZE_TAGS * sizes + _SMB_TAGS * keys:
        try:
            return _fast(rows)
        except (UnicodeDecodeError, _NotFast):
            pass
    return _slow(entries)


class _NotFast(Exception):
    """An entry that the regular expression matched but that needs a careful reader."""


def _fast(rows: Iterable[tuple[bytes, ...]]) -> list[Entry]:
    day, weekday, clock, permission, bits = _day, _weekday, _clock, _permission, _attributes
    found: list[Entry] = []
    add = found.append
    for (
        file, encoded, name, file_id, size,
        created_day, created_clock, created_part, accessed_day, accessed_clock, accessed_part,
        written_day, written_clock, written_part, changed_day, changed_clock, changed_part,
        modified_day, modified_clock, attribute_text, permission_key,
    ) in rows:  # fmt: skip
        text = _name(name, encoded) if encoded or b"&" in name else name.decode()
        if file:
            if not size:
                raise _NotFast
            length = int(size)
        elif size:
            raise _NotFast
        else:
            length = 0
        add(
            Entry(
                text,
                not file,
                int(file_id),
                length,
                day(created_day) + clock(created_clock) + int(created_part),
                day(accessed_day) + clock(accessed_clock) + int(accessed_part),
                day(written_day) + clock(written_clock) + int(written_part),
                day(changed_day) + clock(changed_clock) + int(changed_part),
                weekday(modified_day) + clock(modified_clock),
                bits(attribute_text),
                permission(permission_key),
            )
        )
    return found


@lru_cache(maxsize=8192)
def _day(text: bytes) -> int:
    """Ticks of ``2022-09-28``."""
    try:
        return ticks.from_text(f"{text.decode()}T00:00:00Z")
    except ValueError:
        raise _NotFast from None


@lru_cache(maxsize=8192)
def _weekday(text: bytes) -> int:
    """Ticks of ``Wed, 28 Sep 2022``."""
    try:
        return _rfc1123(f"{text.decode()} 00:00:00 GMT")
    except (ValueError, TypeError, IndexError):
        raise _NotFast from None


@lru_cache(maxsize=86_400)
def _clock(text: bytes) -> int:
    """Ticks since midnight of ``21:24:10``."""
    return (int(text[:2]) * 3600 + int(text[3:5]) * 60 + int(text[6:])) * ticks.PER_SECOND


@lru_cache(maxsize=4096)
def _permission(text: bytes) -> str:
    """One string per distinct key, however many entries carry it."""
    return _unescape(text.decode())


@lru_cache(maxsize=1024)
def _attributes(text: bytes) -> int:
    return attributes.from_text(text.decode())


def _name(name: bytes, encoded: bytes) -> str:
    text = _unescape(name.decode())
    return _percent_decoded(text) if encoded else text


def _percent_decoded(text: str) -> str:
    """The name that ``text`` encodes; where that is not Unicode or no name, ``text`` itself after a question mark.

    SMB counts names in 16-bit units, which need not be well-formed UTF-16. Such a name cannot be asked for; told apart from
    all others (none has a question mark), it costs the directory this one entry and not all of them.
    """
    try:
        name = unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        return f"?{text}"
    return f"?{text}" if "/" in name or "\0" in name else name


def _unescape(text: str) -> str:
    if "&" not in text:
        return text
    if text.count("&") != len(_REFERENCE.findall(text)):
        raise _NotFast  # a reference by number
    return _REFERENCE.sub(lambda match: _REFERRED[match[1]], text)


def _rfc1123(text: str) -> int:
    moment = parsedate_to_datetime(text).astimezone(UTC)
    return ticks.from_text(moment.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0"))


def _marker(tail: bytes) -> str:
    start = tail.find(b"<NextMarker>")
    if start < 0:
        if b"<NextMarker />" in tail or b"<NextMarker/>" in tail:
            return ""
        # Taken for the last page, a page without a marker would make every entry after it look deleted.
        raise IntegrityError("listing has no <NextMarker>")
    end = tail.find(b"</NextMarker>", start)
    if end < 0:
        raise IntegrityError("listing is cut short: no </NextMarker>")
    return _element(tail[start : end + 13]).text or ""


def _slow(entries: bytes) -> list[Entry]:
    """The same through an XML parser: any element order, optional elements missing."""
    return [_entry(element) for element in _element(b"<Entries>" + entries + b"</Entries>")]


def _element(text: bytes) -> ET.Element:
    try:
        return ET.fromstring(text)  # noqa: S314 - inside an element there can be no DTD, so no entity either
    except (ET.ParseError, ValueError) as error:
        raise IntegrityError(f"listing is not well-formed XML: {error}") from error


def _entry(element: ET.Element) -> Entry:
    if element.tag not in ("File", "Directory"):
        raise IntegrityError(f"listing has a <{element.tag}>, expected <File> or <Directory>")
    is_directory = element.tag == "Directory"
    properties = element.find("Properties")
    values = {
        child.tag: (child.text or "").strip() for child in (*element, *(() if properties is None else properties))
    }
    name = element.find("Name")
    text = "" if name is None else name.text or ""
    if not text:
        raise IntegrityError("listing has an entry without a name")
    try:
        if name is not None and name.get("Encoded") == "true":
            text = _percent_decoded(text)
        etag = values.get("Etag", "").strip('"')
        return Entry(
            text,
            is_directory,
            _number(values["FileId"]),
            0 if is_directory else _number(values["Content-Length"]),
            _time(values, "CreationTime"),
            _time(values, "LastAccessTime"),
            _time(values, "LastWriteTime"),
            _time(values, "ChangeTime") if values.get("ChangeTime") else int(etag, 16),
            _time(values, "Last-Modified", _rfc1123),
            attributes.from_text(values.get("Attributes", "")),
            values.get("PermissionKey", ""),
        )
    except KeyError as error:
        raise IntegrityError(f"listing says no {error.args[0]} of {text!r}") from None
    except (ValueError, TypeError, IndexError) as error:
        raise IntegrityError(f"listing is unreadable at {text!r}: {error}") from error


def _number(text: str) -> int:
    if not text.isdecimal() or not text.isascii():
        raise ValueError(f"{text!r} is not a number")
    return int(text)


def _time(values: dict[str, str], tag: str, reader: Callable[[str], int] = ticks.from_text) -> int:
    text = values.get(tag, "")
    return reader(text) if text else 0
