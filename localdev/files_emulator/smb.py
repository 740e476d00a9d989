"""File attributes, times and permission as request headers ask for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from localdev.files_emulator.errors import bad_header, missing_header
from localdev.files_emulator.permissions import MAX_HEADER_BYTES, Permissions
from localdev.files_emulator.posix import refuse_foreign
from localdev.files_emulator.times import FIRST_FILE_TIME_TICKS, LAST_TICKS, parse_iso
from localdev.files_emulator.tree import Directory, Entry

READ_ONLY = 0x1
DIRECTORY = 0x10
ARCHIVE = 0x20

_NAMES = (
    (READ_ONLY, "ReadOnly"),
    (0x2, "Hidden"),
    (0x4, "System"),
    (DIRECTORY, "Directory"),
    (ARCHIVE, "Archive"),
    (0x100, "Temporary"),
    (0x1000, "Offline"),
    (0x2000, "NotContentIndexed"),
    (0x20000, "NoScrubData"),
)
_BITS = {name.lower(): bit for bit, name in _NAMES} | {"none": 0}
_DIRECTORY_ONLY_CANNOT = 0x100  # Temporary

_TIME_HEADERS = ("x-ms-file-creation-time", "x-ms-file-last-write-time", "x-ms-file-change-time")

Mode = Literal["create", "set", "copy"]


@lru_cache(maxsize=256)
def attributes_text(bits: int) -> str:
    """Spell attributes as the service does."""
    return " | ".join(name for bit, name in _NAMES if bits & bit) or "None"


def parse_attributes(text: str, *, is_directory: bool) -> int:
    """Read attributes in any case, separated by bars, duplicates allowed."""
    bits = 0
    for word in text.split("|"):
        bit = _BITS.get(word.strip().lower())
        if bit is None or (bit == DIRECTORY and not is_directory) or (bit == _DIRECTORY_ONLY_CANNOT and is_directory):
            raise bad_header("x-ms-file-attributes", text)
        bits |= bit
    return bits | DIRECTORY if is_directory else bits


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for; ``None`` leaves it as it is, or lets it be the default.

    ``inherits`` says that the permission is to be the parent's, where it would otherwise be left as it is.
    """

    attributes: int | None
    created: int | None
    written: int | None
    changed: int | None
    permission_key: str | None
    inherits: bool = False


def asked(
    headers: Mapping[str, str],
    permissions: Permissions,
    now: int,
    *,
    is_directory: bool,
    mode: Mode,
    source: Entry | None = None,
    is_nfs: bool = False,
) -> Asked:
    """Read the SMB headers of a request.

    ``mode`` decides which tokens stand in for a value: ``preserve`` only where there is something to preserve,
    ``source`` only in a copy. On an NFS share there are only times.
    """
    refuse_foreign(headers, is_nfs=is_nfs)
    times = [_time(headers, name, now, mode, source) for name in _TIME_HEADERS]
    if is_nfs:
        return Asked(None, times[0], times[1], times[2], None)
    text = headers.get("x-ms-file-attributes", "")
    attributes: int | None = None
    if text.lower() == "source" and source is not None:
        attributes = source.attributes
    elif text and not (text.lower() == "preserve" and mode == "set"):
        attributes = parse_attributes(text, is_directory=is_directory)
    permission_key = _permission(headers, permissions, mode, source)
    inherits = headers.get("x-ms-file-permission", "").lower() == "inherit" and permission_key is None
    return Asked(attributes, times[0], times[1], times[2], permission_key, inherits)


def _time(headers: Mapping[str, str], name: str, now: int, mode: Mode, source: Entry | None) -> int | None:
    text = headers.get(name)
    if not text:
        return None
    word = text.lower()
    if word == "now":
        return now
    if word == "preserve" and mode == "set":
        return None
    if word == "source" and source is not None:
        return {"x-ms-file-creation-time": source.created, "x-ms-file-last-write-time": source.written}.get(
            name, source.changed
        )
    ticks = parse_iso(text)
    if ticks is None or not FIRST_FILE_TIME_TICKS <= ticks <= LAST_TICKS:
        raise bad_header(name, text)
    return ticks


def is_binary_format(headers: Mapping[str, str]) -> bool:
    """Return whether the permission in a request, or wanted by it, is bytes in base64 instead of SDDL."""
    text = headers.get("x-ms-file-permission-format", "sddl")
    if text.lower() not in ("sddl", "binary"):
        raise bad_header("x-ms-file-permission-format", text)
    return text.lower() == "binary"


def _permission(headers: Mapping[str, str], permissions: Permissions, mode: Mode, source: Entry | None) -> str | None:
    text, key = headers.get("x-ms-file-permission", ""), headers.get("x-ms-file-permission-key", "")
    is_binary, word = is_binary_format(headers), text.lower()
    if source is not None and _copies_permission(headers, has_own=bool(text or key)):
        return source.permission_key or None
    if key:
        if text and word not in ("inherit", "preserve"):
            raise bad_header("x-ms-file-permission-key", key)
        return permissions.check(key)
    if word in ("", "inherit") or (word == "preserve" and mode == "set"):
        return None
    if len(text) > MAX_HEADER_BYTES:
        raise bad_header("x-ms-file-permission", text)
    return permissions.key(text, is_binary=is_binary)


def _copies_permission(headers: Mapping[str, str], *, has_own: bool) -> bool:
    copy_mode = headers.get("x-ms-file-permission-copy-mode", "")
    if copy_mode.lower() not in ("", "source", "override"):
        raise bad_header("x-ms-file-permission-copy-mode", copy_mode)
    if copy_mode.lower() == "override" and not has_own:
        raise missing_header("x-ms-file-permission")
    return copy_mode.lower() == "source"


def permission_of_new(
    permissions: Permissions, wanted: Asked, parent: Directory, *, is_directory: bool, verbatim: bool
) -> str:
    """Return the key for something new in ``parent``: inherited, as given, or as given to something new."""
    if parent.posix is not None:
        return ""
    if wanted.permission_key is None:
        return permissions.inherited(parent.permission_key, is_directory=is_directory)
    return permissions.as_set(wanted.permission_key) if verbatim else permissions.as_new(wanted.permission_key)


def permission_of_changed(permissions: Permissions, wanted: Asked, parent: Directory | None, node: Entry) -> str:
    """Return the key for a node that is changed, or moved into ``parent``; the root directory has no parent."""
    if not wanted.inherits:
        return permissions.as_set(wanted.permission_key) if wanted.permission_key else node.permission_key
    if parent is None:
        return permissions.root_default
    return permissions.inherited(parent.permission_key, is_directory=isinstance(node, Directory))


def restores(headers: Mapping[str, str], wanted: Asked) -> bool:
    """Return whether attributes are to be taken verbatim: asked for, and a permission came with the request."""
    semantics = headers.get("x-ms-file-property-semantics", "new").lower()
    if semantics not in ("new", "restore"):
        raise bad_header("x-ms-file-property-semantics", semantics)
    return semantics == "restore" and wanted.permission_key is not None
