"""Rename: moves a file, or a directory with all below it, within a share; its FileId stays."""

from dataclasses import replace

from localdev.files_emulator import smb
from localdev.files_emulator.auth import may_use_source
from localdev.files_emulator.call import Call, stored
from localdev.files_emulator.errors import ServiceError, bad_header, missing_header
from localdev.files_emulator.flags import is_set
from localdev.files_emulator.given import content_text
from localdev.files_emulator.grants import Need
from localdev.files_emulator.handles import DELETE
from localdev.files_emulator.lease_guard import guard_write
from localdev.files_emulator.messages import Reply
from localdev.files_emulator.metadata import metadata_of
from localdev.files_emulator.ops_file import apply
from localdev.files_emulator.share import Share
from localdev.files_emulator.source import Source, parse_source
from localdev.files_emulator.tree import Directory, File, Path, find, find_parent


def file_rename(call: Call) -> Reply:
    """Rename a file."""
    return _rename(call, is_directory=False)


def directory_rename(call: Call) -> Reply:
    """Rename a directory."""
    return _rename(call, is_directory=True)


def _rename(call: Call, *, is_directory: bool) -> Reply:
    share, headers = call.writable_share(), call.headers
    replaces, ignores_read_only = _flag(call, "replace-if-exists"), _flag(call, "ignore-readonly")
    source = _source(call)
    metadata, content_type = metadata_of(call.request), content_text(headers, "x-ms-content-type")
    now = call.account.clock.tick()
    wanted = smb.asked(
        headers, call.account.permissions, now, is_directory=is_directory, mode="set", is_nfs=share.is_nfs
    )
    node = find(share.root, source.path)
    if isinstance(node, Directory) is not is_directory:
        raise ServiceError("ResourceTypeMismatch")
    if not call.path or not source.path or (is_directory and _is_below(call.path, source.path, share)):
        raise ServiceError("InvalidInput")
    parent = find_parent(share.root, call.path)
    target = parent.child(parent.key(call.path[-1]))
    if target is not None and target.number != node.number:
        if not replaces:
            raise ServiceError("ResourceAlreadyExists")
        call.check_replacing(target)
        if not isinstance(target, File) or is_directory:
            raise ServiceError("ResourceTypeMismatch")
        if target.attributes & smb.READ_ONLY and not ignores_read_only:
            raise ServiceError("ReadOnlyAttribute")
    if is_directory and call.account.copies.pending and call.account.copies.has_below(share, source.path):
        raise ServiceError("PendingCopyOperation")
    if call.handles is not None:
        call.handles.guard_path(call.account, share, source.path, DELETE)
    guard_write(call, node, "x-ms-source-lease-id")
    if target is None or target.number != node.number:
        guard_write(call, target, "x-ms-destination-lease-id")
    elif target is not node:  # two names of one file: rename(2) leaves both as they are
        if not replaces:
            raise ServiceError("ResourceAlreadyExists")
        return stored(node, 200)

    node = share.own(source.path)
    old_parent = share.own_directory(source.path[:-1])
    new_parent = share.own_directory(call.path[:-1])
    old_parent.take(old_parent.key(node.name))
    if node.posix is not None:
        node.posix = node.posix.moved((old_parent.number, node.name), (new_parent.number, call.path[-1]))
    node.name = call.path[-1]
    if metadata:
        node.metadata = metadata
    if isinstance(node, File) and content_type:
        node.content = replace(node.content, content_type=content_type)
    node.permission_key = smb.permission_of_changed(call.account.permissions, wanted, new_parent, node)
    apply(node, wanted, now)
    share.hang(new_parent, node)
    share.touch(old_parent, now)
    if new_parent is not old_parent:
        share.touch(new_parent, now)
    return stored(node, 200)


def _is_below(path: Path, ancestor: Path, share: Share) -> bool:
    key = share.root.key
    return len(path) > len(ancestor) and all(
        key(part) == key(above) for part, above in zip(path, ancestor, strict=False)
    )


def _flag(call: Call, name: str) -> bool:
    return is_set(call.headers, f"x-ms-file-rename-{name}")


def _source(call: Call) -> Source:
    url = call.headers.get("x-ms-file-rename-source")
    if not url:
        raise missing_header("x-ms-file-rename-source")
    source = parse_source(call, url, "x-ms-file-rename-source")
    if source.share != call.address.share or source.query.get("sharesnapshot"):
        raise bad_header("x-ms-file-rename-source", url)
    _check_source(call, source)
    return source


def _check_source(call: Call, source: Source) -> None:
    """Refuse a source that the request may not write to: by the SAS in its URL, else by the request's own SAS."""
    need = Need("w", "o")
    if may_use_source(call.account, call.request, call.grant, source.share, source.path, source.query, need):
        return
    if call.query.get("sr") == "f" or "w" not in call.grant.letters:
        raise ServiceError("AuthorizationPermissionMismatch")
