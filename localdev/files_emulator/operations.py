"""Every operation of the interface: how a request selects it, what a SAS must allow, who carries it out."""

from collections.abc import Callable
from dataclasses import dataclass

from localdev.files_emulator import (
    ops_copy,
    ops_delegation,
    ops_directory,
    ops_file,
    ops_handles,
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
from localdev.files_emulator.call import Call
from localdev.files_emulator.errors import ServiceError, bad_query
from localdev.files_emulator.grants import Need
from localdev.files_emulator.messages import Reply

Handler = Callable[[Call], Reply]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; ``name`` is what it is called in counters and fault rules."""

    name: str
    need: Need
    handler: Handler


# What SAS may do what, as "Create an account SAS" and "Create a service SAS" of the service's documentation have it: a
# service SAS never acts on the share itself, a file's never on a directory, none at all on stored access policies.
_READ, _WRITE, _CREATE, _DELETE = Need("r", "o"), Need("w", "o"), Need("cw", "o"), Need("d", "o")
_LIST = Need("l", "c", "share")
_DIRECTORY_READ, _DIRECTORY_WRITE = Need("r", "o", "share"), Need("w", "o", "share")
_DIRECTORY_CREATE, _DIRECTORY_DELETE = Need("cw", "o", "share"), Need("d", "o", "share")
_HANDLES_READ = Need("rl", "oc")
_SERVICE_READ, _SERVICE_LIST, _SERVICE_WRITE = (Need(letter, "s", "account") for letter in "rlw")
_SHARE_READ, _SHARE_WRITE, _SHARE_DELETE = (Need(letter, "c", "account") for letter in "rwd")
_SHARE_CREATE = Need("cw", "c", "account")
_PERMISSION_READ, _PERMISSION_WRITE = Need("r", "c", "share"), Need("cw", "c", "share")
_KEY_ONLY, _BEARER_ONLY = Need("", "", "key"), Need("", "", "bearer")

#: (method, restype, comp) -> operation. Service level requests have an empty share, hence their own table.
_SERVICE: dict[tuple[str, str, str], Operation] = {
    ("GET", "", "list"): Operation("service_list_shares", _SERVICE_LIST, ops_service.service_list_shares),
    ("GET", "service", "properties"): Operation(
        "service_get_properties", _SERVICE_READ, ops_service.service_get_properties
    ),
    ("PUT", "service", "properties"): Operation(
        "service_set_properties", _SERVICE_WRITE, ops_service.service_set_properties
    ),
    ("POST", "service", "userdelegationkey"): Operation(
        "service_get_user_delegation_key", _BEARER_ONLY, ops_delegation.service_get_user_delegation_key
    ),
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
    ("GET", "share", "filepermission"): Operation(
        "share_get_permission", _PERMISSION_READ, ops_share.share_get_permission
    ),
    ("PUT", "share", "properties"): Operation("share_set_properties", _SHARE_WRITE, ops_share.share_set_properties),
    ("PUT", "share", "metadata"): Operation("share_set_metadata", _SHARE_WRITE, ops_share.share_set_metadata),
    ("GET", "share", "acl"): Operation("share_get_access_policy", _KEY_ONLY, ops_policy.share_get_access_policy),
    ("HEAD", "share", "acl"): Operation("share_get_access_policy", _KEY_ONLY, ops_policy.share_get_access_policy),
    ("PUT", "share", "acl"): Operation("share_set_access_policy", _KEY_ONLY, ops_policy.share_set_access_policy),
    ("GET", "share", "stats"): Operation("share_get_statistics", _SHARE_READ, ops_share.share_get_statistics),
    ("PUT", "share", "undelete"): Operation("share_restore", _SHARE_WRITE, ops_share.share_restore),
}
_DIRECTORY: dict[tuple[str, str, str], Operation] = {
    ("PUT", "directory", ""): Operation("directory_create", _DIRECTORY_CREATE, ops_directory.directory_create),
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
    ("DELETE", "directory", ""): Operation("directory_delete", _DIRECTORY_DELETE, ops_directory.directory_delete),
    ("PUT", "directory", "properties"): Operation(
        "directory_set_properties", _DIRECTORY_WRITE, ops_directory.directory_set_properties
    ),
    ("PUT", "directory", "metadata"): Operation(
        "directory_set_metadata", _DIRECTORY_WRITE, ops_directory.directory_set_metadata
    ),
    ("GET", "directory", "list"): Operation("directory_list", _LIST, ops_list.directory_list),
    ("PUT", "directory", "rename"): Operation("directory_rename", _DIRECTORY_CREATE, ops_rename.directory_rename),
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
    ("GET", "", "listhandles"): Operation("list_handles", _HANDLES_READ, ops_handles.list_handles),
    ("PUT", "", "forceclosehandles"): Operation("force_close_handles", _DELETE, ops_handles.force_close_handles),
    ("PUT", "symboliclink", ""): Operation("file_create_symbolic_link", _CREATE, ops_link.file_create_symbolic_link),
    ("GET", "symboliclink", ""): Operation("file_get_symbolic_link", _READ, ops_link.file_get_symbolic_link),
    ("PUT", "hardlink", ""): Operation("file_create_hard_link", _DIRECTORY_CREATE, ops_link.file_create_hard_link),
}
_COPY = Operation("file_start_copy", _CREATE, ops_copy.file_start_copy)
#: Permission to delete is enough to break a lease.
_BREAK = {
    "file_lease": Operation("file_lease", Need("wd", "o"), ops_lease.file_lease),
    "share_lease": Operation("share_lease", Need("wd", "c", "account"), ops_lease.share_lease),
}
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
    if comp == "lease" and headers.get("x-ms-lease-action", "").lower() == "break":
        return _BREAK.get(found.name, found)
    return found


def names() -> list[str]:
    """Return the names of all operations."""
    return sorted({operation.name for *_, operation in rows()})


def rows() -> list[tuple[str, str, str, str, Operation]]:
    """Return level (service, share or path), method, restype, comp and operation of everything that can be asked."""
    tables = {"service": _SERVICE, "share": _SHARE, "path": _PATH}
    found = [(level, *key, operation) for level, table in tables.items() for key, operation in table.items()]
    return [*found, ("path", "PUT", "", "", _COPY), ("path", "PUT", "", "range", _RANGE_FROM_URL)]
