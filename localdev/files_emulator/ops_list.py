"""List Directories and Files: one page of a directory, to the byte as the service writes it."""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from localdev.files_emulator.call import Call, as_directory, xml_bytes
from localdev.files_emulator.errors import ServiceError, bad_query
from localdev.files_emulator.messages import Reply
from localdev.files_emulator.names import key_of
from localdev.files_emulator.smb import attributes_text
from localdev.files_emulator.times import etag, iso, rfc1123
from localdev.files_emulator.tree import Entry, File, find

MAX_PAGE_ENTRIES = 5_000

TIMESTAMPS, ETAG, ATTRIBUTES, PERMISSION_KEY = 1, 2, 4, 8
_COLUMNS = {"timestamps": TIMESTAMPS, "etag": ETAG, "attributes": ATTRIBUTES, "permissionkey": PERMISSION_KEY}


def directory_list(call: Call) -> Reply:
    """List one page of a directory: files and directories in one order, beginning with the entry the marker names."""
    query = call.query
    columns = _columns(query.get("include", ""))
    size = call.number("maxresults", MAX_PAGE_ENTRIES, 1, MAX_PAGE_ENTRIES)
    marker, prefix = query.get("marker", ""), query.get("prefix", "")
    directory = as_directory(find(call.readable_root(), call.path))
    children, following = directory.page(key_of(prefix), _name_of(marker), size)
    entries = [entry(child, columns) for child in children]

    path = "/".join(call.path)
    attributes = f"ServiceEndpoint={_attribute(call.endpoint)} ShareName={_attribute(call.address.share)}"
    if "sharesnapshot" in query:
        attributes += f" ShareSnapshot={_attribute(call.share().snapshot(query['sharesnapshot']).id)}"
    if _needs_encoding(path):
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


def entry(node: Entry, columns: int) -> bytes:
    """Return the listing entry of ``node``; rendered once, until the node changes or other columns are wanted."""
    if node.rendered_columns == columns:
        return node.rendered
    kind = "File" if isinstance(node, File) else "Directory"
    inner = f"<Content-Length>{node.size}</Content-Length>" if isinstance(node, File) else ""
    if columns & TIMESTAMPS:
        created, written = iso(node.created), iso(node.written)
        accessed = created if node.accessed == node.created else iso(node.accessed)
        changed = written if node.changed == node.written else iso(node.changed)
        inner += (
            f"<CreationTime>{created}</CreationTime><LastAccessTime>{accessed}</LastAccessTime>"
            f"<LastWriteTime>{written}</LastWriteTime><ChangeTime>{changed}</ChangeTime>"
            f"<Last-Modified>{rfc1123(node.changed)}</Last-Modified>"
        )
    if columns & ETAG:
        inner += f"<Etag>{etag(node.changed)}</Etag>"
    text = f"<{kind}>{text_element('Name', node.name)}<FileId>{node.file_id}</FileId>"
    text += f"<Properties>{inner}</Properties>" if inner else "<Properties />"
    if columns & ATTRIBUTES:
        text += f"<Attributes>{attributes_text(node.attributes)}</Attributes>"
    if columns & PERMISSION_KEY:
        text += f"<PermissionKey>{node.permission_key}</PermissionKey>"
    node.rendered, node.rendered_columns = f"{text}</{kind}>".encode(), columns
    return node.rendered


def text_element(tag: str, text: str) -> str:
    """Return an element, percent-encoded and marked so if its text has characters that XML cannot carry."""
    if _needs_encoding(text):
        return f'<{tag} Encoded="true">{quote(text, safe="")}</{tag}>'
    return f"<{tag}>{escape(text) if '&' in text or '<' in text or '>' in text else text}</{tag}>"


def _needs_encoding(text: str) -> bool:
    if text.isascii() and text.isprintable():
        return False
    return any(c in "\ufffe\uffff" or c < " " or "\ud800" <= c <= "\udfff" for c in text)


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
    """Return the key a marker points at; it need not exist any more."""
    if not marker:
        return ""
    version, _, rest = marker.partition("!")
    length, _, encoded = rest.partition("!")
    try:
        if version != "1" or length != str(len(encoded)):
            raise ValueError
        return key_of(b64decode(encoded, validate=True).decode())
    except (Base64Error, ValueError):
        raise bad_query("marker", marker) from None


def listhandles(call: Call) -> Reply:
    """List open SMB handles: nobody has any here."""
    call.number("maxresults", MAX_PAGE_ENTRIES, 1, MAX_PAGE_ENTRIES)
    find(call.readable_root(), call.path)
    return xml_bytes(b"<EnumerationResults><Entries /><NextMarker /></EnumerationResults>")


def forceclosehandles(call: Call) -> Reply:
    """Close open SMB handles: there are none to close."""
    if "x-ms-handle-id" not in call.headers:
        raise ServiceError("MissingRequiredHeader", HeaderName="x-ms-handle-id")
    find(call.readable_root(), call.path)
    return Reply(200, [("x-ms-number-of-handles-closed", "0"), ("x-ms-number-of-handles-failed", "0")])
