"""Listings as the service writes them (2.4 of its protocol), rendered with the standard library's own escaping."""

import datetime as dt
from collections.abc import Iterable
from email.utils import format_datetime
from urllib.parse import quote
from xml.sax.saxutils import escape

from hypothesis import strategies as st

from shared.formats import attributes
from shared.model import ticks
from shared.model.entry import Entry
from tests.support import records

HEAD = (
    '\ufeff<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="https://acct.file.core.windows.net/" '
    'ShareName="s" DirectoryPath="dir1"><DirectoryId>13835128424026341376</DirectoryId>'
)


def body(entries: Iterable[Entry], marker: str = "", **options: bool) -> bytes:
    """A whole response."""
    inside = "".join(element(entry, **options) for entry in entries)
    listed = f"<Entries>{inside}</Entries>" if inside else "<Entries />"
    following = f"<NextMarker>{escape(marker)}</NextMarker>" if marker else "<NextMarker />"
    return f"{HEAD}{listed}{following}</EnumerationResults>".encode()


def element(entry: Entry, *, smb: bool = True, swapped: bool = False) -> str:
    """One entry. Without ``smb``: as an NFS share lists it. ``swapped``: in an order the service has never used."""
    kind = "Directory" if entry.is_directory else "File"
    modified = dt.datetime.fromtimestamp(ticks.to_unix(entry.modified), dt.UTC)
    properties = [
        "" if entry.is_directory else f"<Content-Length>{entry.size_bytes}</Content-Length>",
        f"<CreationTime>{ticks.to_text(entry.created)}</CreationTime>",
        f"<LastAccessTime>{ticks.to_text(entry.accessed)}</LastAccessTime>",
        f"<LastWriteTime>{ticks.to_text(entry.written)}</LastWriteTime>",
        f"<ChangeTime>{ticks.to_text(entry.changed)}</ChangeTime>",
        f"<Last-Modified>{format_datetime(modified, usegmt=True)}</Last-Modified>",
        f'<Etag>"0x{entry.changed:X}"</Etag>',
    ]
    parts = [
        name_element(entry.name),
        f"<FileId>{entry.file_id}</FileId>",
        f"<Properties>{''.join(reversed(properties) if swapped else properties)}</Properties>",
    ]
    if smb:
        text = attributes.to_text(entry.attributes).replace("|", " | ")
        parts += [f"<Attributes>{text}</Attributes>", f"<PermissionKey>{entry.permission_key}</PermissionKey>"]
    return f"<{kind}>{''.join(reversed(parts) if swapped else parts)}</{kind}>"


def name_element(name: str) -> str:
    """A name XML cannot hold is percent-encoded and says so."""
    if "\ufffe" in name or "\uffff" in name:
        return f'<Name Encoded="true">{quote(name, safe="")}</Name>'
    return f"<Name>{escape(name)}</Name>"


# From 1900 to 9999: the RFC 1123 date of Last-Modified has four digits of year.
moments = st.integers(599_266_080_000_000_000, 3_155_378_975_999_999_999)
bits = st.sets(st.sampled_from([0x1, 0x2, 0x4, 0x10, 0x20, 0x100, 0x1000, 0x2000, 0x20000])).map(sum)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    """Entries that the service could list."""
    is_directory = draw(st.booleans())
    return Entry(
        name=draw(records.names),
        is_directory=is_directory,
        file_id=draw(records.u64),
        size_bytes=0 if is_directory else draw(st.integers(0, 1 << 42)),
        created=draw(moments),
        accessed=draw(moments),
        written=draw(moments),
        changed=draw(moments),
        modified=draw(moments) // ticks.PER_SECOND * ticks.PER_SECOND,
        attributes=draw(bits),
        permission_key=draw(records.permission_keys),
    )
