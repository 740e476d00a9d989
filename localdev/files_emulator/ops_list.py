"""List Directories and Files: one page of a directory, to the byte as the service writes it."""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from functools import lru_cache
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from localdev.files_emulator.call import Call, as_directory, xml_bytes
from localdev.files_emulator.entries import (
    ATTRIBUTES,
    ETAG,
    PERMISSION_KEY,
    TIMESTAMPS,
    entry,
    needs_encoding,
    text_element,
)
from localdev.files_emulator.errors import bad_query
from localdev.files_emulator.flags import is_set
from localdev.files_emulator.messages import Reply
from localdev.files_emulator.tree import Entry, File, find

MAX_PAGE_ENTRIES = 5_000

_COLUMNS = {"timestamps": TIMESTAMPS, "etag": ETAG, "attributes": ATTRIBUTES, "permissionkey": PERMISSION_KEY}


def directory_list(call: Call) -> Reply:
    """List one page of a directory: files and directories in one order, beginning with the entry the marker names."""
    query = call.query
    columns = _columns(query.get("include", ""))
    is_set(call.headers, "x-ms-file-extended-info")  # says what any ``include`` implies
    size = call.number("maxresults", MAX_PAGE_ENTRIES, 1, MAX_PAGE_ENTRIES)
    marker, prefix = query.get("marker", ""), query.get("prefix", "")
    directory = as_directory(find(call.readable_root(), call.path))
    children, following = directory.page(directory.key(prefix), directory.key(_name_of(marker)), size)
    if directory.posix is not None:
        columns &= ~(ATTRIBUTES | PERMISSION_KEY)
    entries = [_entry(child, columns) for child in children]

    path = "/".join(call.path)
    attributes = f"ServiceEndpoint={_attribute(call.endpoint)} ShareName={_attribute(call.address.share)}"
    if "sharesnapshot" in query:
        attributes += f" ShareSnapshot={_attribute(call.share().snapshot(query['sharesnapshot']).id)}"
    if needs_encoding(path):
        attributes, path = f'{attributes} Encoded="true"', quote(path)
    head = f"<EnumerationResults {attributes} DirectoryPath={_attribute(path)}>"
    if marker:
        head += f"<Marker>{escape(marker)}</Marker>"
    if prefix:
        head += text_element("Prefix", prefix)
    if "maxresults" in query:
        head += f"<MaxResults>{size}</MaxResults>"
    head += f"<DirectoryId>{directory.file_id}</DirectoryId><Entries>"
    tail = "<NextMarker />" if following is None else f"<NextMarker>{_marker(following.name)}</NextMarker>"
    return xml_bytes(head.encode(), *entries, f"</Entries>{tail}</EnumerationResults>".encode())


def _entry(node: Entry, columns: int) -> bytes:
    kind, size = ("File", node.size) if isinstance(node, File) else ("Directory", 0)
    return entry(
        kind, node.name, node.number, size, node.created, node.accessed, node.written, node.changed,
        node.attributes, node.permission_key, columns,
    )  # fmt: skip


@lru_cache(maxsize=1024)
def _attribute(text: str) -> str:
    return quoteattr(text, {'"': "&quot;"})


def _columns(include: str) -> int:
    columns = 0
    for word in include.split(","):
        if word.strip():
            bit = _COLUMNS.get(word.strip().lower())
            if bit is None:
                raise bad_query("include", include)
            columns |= bit
    return columns


def _marker(name: str) -> str:
    """Return the continuation marker that makes a listing begin with ``name``."""
    encoded = b64encode(name.encode()).decode()
    return f"1!{len(encoded)}!{encoded}"


def _name_of(marker: str) -> str:
    """Return the name a marker points at; it need not exist any more."""
    if not marker:
        return ""
    version, _, rest = marker.partition("!")
    length, _, encoded = rest.partition("!")
    try:
        if version != "1" or length != str(len(encoded)):
            raise ValueError
        return b64decode(encoded, validate=True).decode()
    except (Base64Error, ValueError):
        raise bad_query("marker", marker) from None
