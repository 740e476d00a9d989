"""What a share, directory or file may be called, and when two names are the same name.

Lookups ignore case the way NTFS does: character by character, by simple upper-casing. The key of a name is what it is
looked up and sorted by; nobody has recorded how the service collates mixed case, so upper-case code point order it is.
"""

import re
from functools import lru_cache

from localdev.files_emulator.errors import ServiceError

MAX_COMPONENT_CHARS = 255
MAX_PATH_CHARS = 2048
MAX_DEPTH = 250

_SHARE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
_FORBIDDEN = re.compile('["\\\\/:|<>*?\x00-\x1f\x81\ue000]')
_RESERVED = frozenset(
    {"PRN", "AUX", "NUL", "CON", "CLOCK$", ".", ".."}
    | {f"{device}{n}" for device in ("LPT", "COM") for n in range(1, 10)}
)


def check_share(name: str) -> None:
    """Refuse what cannot be the name of a share."""
    if not 3 <= len(name) <= 63 or not _SHARE.fullmatch(name):
        raise ServiceError("InvalidResourceName")


def check_path(parts: tuple[str, ...]) -> None:
    """Refuse what cannot be the path of a directory or file."""
    if len(parts) > MAX_DEPTH or sum(map(len, parts)) + len(parts) - 1 > MAX_PATH_CHARS:
        raise ServiceError("InvalidFileOrDirectoryPathName")
    for part in parts:
        code = _fault(part)
        if code:
            raise ServiceError(code)


@lru_cache(maxsize=4096)  # the same directories are in path after path
def _fault(part: str) -> str:
    if not part or _FORBIDDEN.search(part) or part.upper() in _RESERVED:
        return "InvalidResourceName"
    return "InvalidFileOrDirectoryPathName" if len(part) > MAX_COMPONENT_CHARS else ""


def key_of(name: str) -> str:
    """Return the key under which ``name`` is found, whatever case it is written in."""
    return name.upper() if name.isascii() else "".join(map(_upper, name))


def _upper(char: str) -> str:
    """Upper-case one character unless that would change its length or make it ASCII (as for sharp s, dotless i)."""
    upper = char.upper()
    return char if len(upper) != 1 or (upper.isascii() and not char.isascii()) else upper
