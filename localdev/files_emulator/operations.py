"""Every operation of the interface: how a request selects it, what a SAS must allow, who carries it out.

A row without a handler is an operation the service has and this emulator does not; asking for it is refused in words.
"""

from collections.abc import Callable
from dataclasses import dataclass

from localdev.files_emulator import (
    ops_copy,
    ops_directory,
    ops_file,
    ops_lease,
    ops_link,
    ops_list,
    ops_policy,
    ops_range,
    ops_range_url,
    ops_rename,
    ops_service,
    ops_share,
)
from localdev.files_emulator.auth_sas import Need
from localdev.files_emulator.call import Call
from localdev.files_emulator.errors import ServiceError, bad_query
from localdev.files_emulator.messages import Reply

Handler = Callable[[Call], Reply]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; ``name`` is what it is called in counters and fault rules."""

    name: str
    need: Need
    handler: Handler | None = None


_READ, _LIST, _DELETE = Need("r", "o"), Need("l", "c"), Need("d", "o")
_CREATE, _WRITE = Need("cw", "o"), Need("w", "o")
_SERVICE_READ, _SERVICE_LIST, _SERVICE_WRITE = Need("r", "s", True), Need("l", "s", True), Need("w", "s", True)
_SHARE_READ, _SHARE_CREATE = Need("r", "c"), Need("cw", "c", True)
_SHARE_WRITE, _SHARE_DELETE = Need("w", "c", True), Need("d", "c", True)
_PERMISSION_WRITE = Need("cw", "c")
_DIRECTORY_READ = Need("rl", "oc")

#: (method, restype, comp) -> operation. Service level requests have an empty share, hence their own table.
_SERVICE: dict[tuple[str, str, str], Operation] = {
    ("GET", "", "list"): Operation("service_list_shares", _SERVICE_LIST, ops_service.service_list_shares),
    ("GET", "service", "properties"): Operation(
        "service_get_properties", _SERVICE_READ, ops_service.service_get_properties
    ),
    ("PUT", "service", "properties"): Operation(
        "service_set_properties", _SERVICE_WRITE, ops_service.service_set_properties
    ),
    ("POST", "service", "userdelegationkey"): Operation("service_get_user_delegation_key", _SERVICE_READ),
}
_SHARE: dict[tuple[str, str, str], Operation] = {
    ("PUT", "share", ""): Operation("share_create", _SHARE_CREATE, ops_share.share_create),
    ("GET", "share", ""): Operation("share_get_properties", _SHARE_READ, ops_share.share_get_properties),
    ("HEAD", "share", ""): Operation("share_get_properties", _SHARE_READ, ops_share.share_get_properties),
    ("GET", "share", "metadata"): Operation("share_get_properties", _SHARE_READ, ops_share.share_get_properties),
    ("HEAD", "share", "metadata"): Operation("share_get_properties", _SHARE_READ, ops_share.share_get_properties),
    ("DELETE", "share", ""): Operation("share_delete", _SHARE_DELETE, ops_share.share_delete),
    ("PUT", "share", "lease"): Operation("share_lease", _SHARE_WRITE, ops_lease.share_lease),
    ("PUT", "share", "snapshot"): Operation("share_create_snapshot", _SHARE_CREATE, ops_share.share_create_snapshot),
    ("PUT", "share", "filepermission"): Operation(
        "share_create_permission", _PERMISSION_WRITE, ops_share.share_create_permission
    ),
    ("GET", "share", "filepermission"): Operation("share_get_permission", _SHARE_READ, ops_share.share_get_permission),
    ("PUT", "share", "properties"): Operation("share_set_properties", _SHARE_WRITE, ops_share.share_set_properties),
    ("PUT", "share", "metadata"): Operation("share_set_metadata", _SHARE_WRITE, ops_share.share_set_metadata),
    ("GET", "share", "acl"): Operation("share_get_access_policy", _SHARE_WRITE, ops_policy.share_get_access_policy),
    ("HEAD", "share", "acl"): Operation("share_get_access_policy", _SHARE_WRITE, ops_policy.share_get_access_policy),
    ("PUT", "share", "acl"): Operation("share_set_access_policy", _SHARE_WRITE, ops_policy.share_set_access_policy),
    ("GET", "share", "stats"): Operation("share_get_statistics", _SHARE_READ, ops_share.share_get_statistics),
    ("PUT", "share", "undelete"): Operation("share_restore", _SHARE_WRITE, ops_share.share_restore),
}
_DIRECTORY: dict[tuple[str, str, str], Operation] = {
    ("PUT", "directory", ""): Operation("directory_create", _CREATE, ops_directory.directory_create),
    ("GET", "directory", ""): Operation(
        "directory_get_properties", _DIRECTORY_READ, ops_directory.directory_get_properties
    ),
    ("HEAD", "directory", ""): Operation(
        "directory_get_properties", _DIRECTORY_READ, ops_directory.directory_get_properties
    ),
    ("GET", "directory", "metadata"): Operation(
        "directory_get_properties", _DIRECTORY_READ, ops_directory.directory_get_properties
    ),
    ("HEAD", "directory", "metadata"): Operation(
        "directory_get_properties", _DIRECTORY_READ, ops_directory.directory_get_properties
    ),
    ("DELETE", "directory", ""): Operation("directory_delete", _DELETE, ops_directory.directory_delete),
    ("PUT", "directory", "properties"): Operation(
        "directory_set_properties", _WRITE, ops_directory.directory_set_properties
    ),
    ("PUT", "directory", "metadata"): Operation("directory_set_metadata", _WRITE, ops_directory.directory_set_metadata),
    ("GET", "directory", "list"): Operation("directory_list", _LIST, ops_list.directory_list),
    ("PUT", "directory", "rename"): Operation("directory_rename", _CREATE, ops_rename.directory_rename),
}
_PATH: dict[tuple[str, str, str], Operation] = {
    **_DIRECTORY,
    ("PUT", "", ""): Operation("file_create", _CREATE, ops_file.file_create),
    ("GET", "", ""): Operation("file_download", _READ, ops_file.file_download),
    ("HEAD", "", ""): Operation("file_get_properties", _READ, ops_file.file_get_properties),
    ("GET", "", "metadata"): Operation("file_get_properties", _READ, ops_file.file_get_properties),
    ("HEAD", "", "metadata"): Operation("file_get_properties", _READ, ops_file.file_get_properties),
    ("DELETE", "", ""): Operation("file_delete", _DELETE, ops_file.file_delete),
    ("PUT", "", "properties"): Operation("file_set_http_headers", _WRITE, ops_file.file_set_http_headers),
    ("PUT", "", "metadata"): Operation("file_set_metadata", _WRITE, ops_file.file_set_metadata),
    ("PUT", "", "lease"): Operation("file_lease", _WRITE, ops_lease.file_lease),
    ("PUT", "", "range"): Operation("file_upload_range", _WRITE, ops_range.file_upload_range),
    ("GET", "", "rangelist"): Operation("file_get_range_list", _READ, ops_range.file_get_range_list),
    ("PUT", "", "copy"): Operation("file_abort_copy", _WRITE, ops_copy.file_abort_copy),
    ("PUT", "", "rename"): Operation("file_rename", _CREATE, ops_rename.file_rename),
    ("GET", "", "listhandles"): Operation("list_handles", _DIRECTORY_READ, ops_list.listhandles),
    ("PUT", "", "forceclosehandles"): Operation("force_close_handles", _DELETE, ops_list.forceclosehandles),
    ("PUT", "symboliclink", ""): Operation("file_create_symbolic_link", _CREATE, ops_link.file_create_symbolic_link),
    ("GET", "symboliclink", ""): Operation("file_get_symbolic_link", _READ, ops_link.file_get_symbolic_link),
    ("PUT", "hardlink", ""): Operation("file_create_hard_link", _CREATE, ops_link.file_create_hard_link),
}
_COPY = Operation("file_start_copy", _CREATE, ops_copy.file_start_copy)
_RANGE_FROM_URL = Operation("file_upload_range_from_url", _WRITE, ops_range_url.file_upload_range_from_url)

#: On the root directory a file operation has nothing to act on, but handles may be asked for.
_ROOT = {**_SHARE, **_DIRECTORY, **{key: _PATH[key] for key in _PATH if key[2].endswith("handles")}}


def operation_of(
    method: str, query: dict[str, str], headers: dict[str, str], share: str, *, has_path: bool
) -> Operation:
    """Return the operation a request selects.

    :raises ServiceError: there is no such operation.
    """
    table = _SERVICE if not share else _PATH if has_path else _ROOT
    restype, comp = query.get("restype", "").lower(), query.get("comp", "").lower()
    found = table.get((method, restype, comp))
    if found is None:
        if method not in ("GET", "HEAD", "PUT", "DELETE", "POST", "OPTIONS"):
            raise ServiceError("UnsupportedHttpVerb")
        if comp and not any(key[2] == comp for key in table):
            raise bad_query("comp", comp)
        if restype and not any(key[1] == restype for key in table):
            raise bad_query("restype", restype)
        if any(key[1:] == (restype, comp) for key in table):
            raise ServiceError("UnsupportedHttpVerb")
        raise ServiceError("ResourceNotFound" if method in ("GET", "HEAD") else "InvalidUri")
    if method == "PUT" and "x-ms-copy-source" in headers:
        if found.name == "file_create":
            return _COPY
        if found.name == "file_upload_range":
            return _RANGE_FROM_URL
    return found


def names() -> list[str]:
    """Return the names of all operations, those without a handler too."""
    return sorted({operation.name for *_, operation in rows()})


def rows() -> list[tuple[str, str, str, str, Operation]]:
    """Return level (service, share or path), method, restype, comp and operation of everything that can be asked."""
    tables = {"service": _SERVICE, "share": _SHARE, "path": _PATH}
    found = [(level, *key, operation) for level, table in tables.items() for key, operation in table.items()]
    return [*found, ("path", "PUT", "", "", _COPY), ("path", "PUT", "", "range", _RANGE_FROM_URL)]
