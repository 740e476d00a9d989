"""Symbolic and hard links, on NFS shares."""

from dataclasses import replace
from urllib.parse import quote, unquote_to_bytes

from localdev.files_emulator import smb
from localdev.files_emulator.address import path_of
from localdev.files_emulator.call import Call, as_file, as_regular, changed_headers, smb_headers
from localdev.files_emulator.errors import ServiceError, bad_header, missing_header
from localdev.files_emulator.flags import is_set
from localdev.files_emulator.messages import Reply
from localdev.files_emulator.metadata import metadata_of
from localdev.files_emulator.posix import MAX_LINKS, Posix, kind_header, links_header, posix_of_new, refuse_foreign
from localdev.files_emulator.share import Share
from localdev.files_emulator.tree import Directory, File, find, find_parent

MAX_LINK_TEXT_BYTES = 2048

_TARGET, _TEXT = "x-ms-file-target-file", "x-ms-link-text"


def file_create_symbolic_link(call: Call) -> Reply:
    """Create a symbolic link; its text is not looked at."""
    share, headers = _nfs_share(call), call.headers
    text = _decoded(call, _TEXT)
    if not text or "\0" in text or len(text.encode()) > MAX_LINK_TEXT_BYTES:
        raise bad_header(_TEXT, headers[_TEXT])
    metadata = metadata_of(call.request)
    now = call.account.clock.tick()
    wanted = smb.asked(headers, call.account.permissions, now, is_directory=False, mode="create", is_nfs=True)
    posix = replace(posix_of_new(headers, "SymLink"), link_text=text)
    _free_place(call, share)

    parent = share.own_directory(call.path[:-1])
    link = File(
        number=share.take_number(),
        parent_number=parent.number,
        name=call.path[-1],
        epoch=share.epoch,
        attributes=0,
        permission_key="",
        created=now if wanted.created is None else wanted.created,
        accessed=now if wanted.created is None else wanted.created,
        written=now if wanted.written is None else wanted.written,
        changed=now if wanted.changed is None else wanted.changed,
        metadata=metadata,
        posix=posix,
        size=len(text.encode()),
    )
    share.hang(parent, link)
    share.touch(parent, now)
    return _linked(link, posix)


def file_get_symbolic_link(call: Call) -> Reply:
    """Return the text of a symbolic link, percent-encoded."""
    file = as_file(find(call.readable_root(), call.path))
    if file.posix is None:
        raise _smb_only()
    if not file.posix.link_text:
        raise ServiceError("ResourceTypeMismatch")
    return Reply(200, [*changed_headers(file.changed), (_TEXT, quote(file.posix.link_text, safe=""))])


def file_create_hard_link(call: Call) -> Reply:
    """Give an existing file one more name."""
    share, headers = _nfs_share(call), call.headers
    refuse_foreign(headers, is_nfs=True)
    if headers.get("x-ms-type", "file").lower() != "file":
        raise bad_header("x-ms-type", headers["x-ms-type"])
    dots = is_set(headers, "x-ms-allow-trailing-dot")
    target = path_of(_decoded(call, _TARGET), trailing_dots=dots)
    if not target:
        raise bad_header(_TARGET, headers[_TARGET])
    new_parent = _free_place(call, share)
    file = as_regular(find(share.root, target), "ResourceTypeMismatch")
    if file.posix is None or file.posix.links >= MAX_LINKS:
        raise ServiceError("OutOfRangeInput", HeaderName=_TARGET)

    now = call.account.clock.tick()
    file = as_file(share.own(target))
    share.add_place(file, new_parent.number, call.path[-1], now)
    share.touch(share.own_directory(call.path[:-1]), now)
    named = as_file(find(share.root, call.path))
    if named.posix is None:
        raise TypeError(f"node {named.number} is not in an NFS share")
    return _linked(named, named.posix, links_header(named.posix))


def _linked(file: File, posix: Posix, *extra: tuple[str, str]) -> Reply:
    """Return the answer to a new link: of all answers alone it says that nothing was encrypted, as recorded."""
    encrypted = ("x-ms-request-server-encrypted", "false")
    kind = kind_header(posix, is_directory=False)
    return Reply(201, [*changed_headers(file.changed), encrypted, *smb_headers(file), kind, *extra])


def _nfs_share(call: Call) -> Share:
    share = call.writable_share()
    if not share.is_nfs:
        raise _smb_only()
    return share


def _smb_only() -> ServiceError:
    return ServiceError(
        "UnsupportedQueryParameter", message="Only NFS shares have links.", QueryParameterName="restype"
    )


def _free_place(call: Call, share: Share) -> Directory:
    parent = find_parent(share.root, call.path)
    if parent.child(parent.key(call.path[-1])) is not None:
        raise ServiceError("ResourceAlreadyExists")
    return parent


def _decoded(call: Call, name: str) -> str:
    text = call.headers.get(name)
    if text is None:
        raise missing_header(name)
    try:
        return unquote_to_bytes(text.encode("latin-1")).decode()
    except UnicodeError:
        raise bad_header(name, text) from None
