"""List and force-close handles: see ``handles``."""

from xml.sax.saxutils import escape

from localdev.files_emulator.call import Call, xml_bytes
from localdev.files_emulator.entries import text_element
from localdev.files_emulator.errors import ServiceError, bad_header, bad_query
from localdev.files_emulator.flags import is_set
from localdev.files_emulator.handles import Handle, Handles
from localdev.files_emulator.messages import Reply
from localdev.files_emulator.times import rfc1123
from localdev.files_emulator.tree import Entry, find

MAX_PAGE_HANDLES = 5_000
_CLIENT = "127.0.0.1:445"
_SESSION = "9385737614310506553"


def list_handles(call: Call) -> Reply:
    """List the open handles of a file or a directory, with ``x-ms-recursive`` of all below it."""
    size = call.number("maxresults", MAX_PAGE_HANDLES, 1, MAX_PAGE_HANDLES)
    marker = call.query.get("marker", "")
    if marker and not (marker.isascii() and marker.isdigit()):
        raise bad_query("marker", marker)
    recursive = is_set(call.headers, "x-ms-recursive")
    find(call.readable_root(), call.path)
    found = [] if "sharesnapshot" in call.query else list(_found(call, recursive=recursive))
    found = [(handle, node) for handle, node in found if handle.id >= int(marker or 0)]
    listed = b"".join(_element(handle, node) for handle, node in found[:size])
    after = f"<NextMarker>{found[size][0].id}</NextMarker>" if len(found) > size else "<NextMarker />"
    head = b"<EnumerationResults><Entries>" + listed if listed else b"<EnumerationResults><Entries />"
    return xml_bytes(head, b"</Entries>" if listed else b"", after.encode(), b"</EnumerationResults>")


def force_close_handles(call: Call) -> Reply:
    """Close one open handle of a node, or all of them."""
    if "x-ms-handle-id" not in call.headers:
        raise ServiceError("MissingRequiredHeader", HeaderName="x-ms-handle-id")
    wanted = call.headers["x-ms-handle-id"]
    if wanted != "*" and not (wanted.isascii() and wanted.isdigit()):
        raise bad_header("x-ms-handle-id", wanted)
    recursive = is_set(call.headers, "x-ms-recursive")
    find(call.readable_root(), call.path)
    closed = 0
    for handle, _ in [] if "sharesnapshot" in call.query else list(_found(call, recursive=recursive)):
        if wanted in ("*", str(handle.id)):
            _handles(call).close(handle)
            closed += 1
    return Reply(200, [("x-ms-number-of-handles-closed", str(closed)), ("x-ms-number-of-handles-failed", "0")])


def _found(call: Call, *, recursive: bool) -> list[tuple[Handle, Entry]]:
    return list(_handles(call).at(call.account, call.share(), call.path, recursive=recursive))


def _handles(call: Call) -> Handles:
    assert call.handles is not None
    return call.handles


def _element(handle: Handle, node: Entry) -> bytes:
    rights = "".join(f"<AccessRight>{access.capitalize()}</AccessRight>" for access in handle.access)
    return (
        f"<Handle><HandleId>{handle.id}</HandleId>{text_element('Path', '/'.join(handle.path))}"
        f"<FileId>{node.file_id}</FileId><ParentId>{node.parent_id}</ParentId><SessionId>{_SESSION}</SessionId>"
        f"<ClientIp>{_CLIENT}</ClientIp><OpenTime>{escape(rfc1123(handle.opened))}</OpenTime>"
        f"<AccessRightList>{rights}</AccessRightList></Handle>"
    ).encode()
