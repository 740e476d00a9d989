"""Which nodes of a share the REST protocol cannot ask for, and what their owner can do about it.

Clients over SMB and NFS can give names and make paths that no request can say. The service lists them, and refuses every
request for them. (Microsoft's "Naming and Referencing Shares, Directories, Files, and Metadata".)
"""

import re
from typing import Final

PATH_CHARACTERS_MAX: Final = 2_048
DEPTH_MAX: Final = 250
NAME_CHARACTERS_MAX: Final = 255

_FORBIDDEN: Final = re.compile('["\\\\:|<>*?\x00-\x1f\x7f-\x9f\ue000]')
_RESERVED: Final = re.compile(r"(?:LPT[1-9]|COM[1-9]|PRN|AUX|NUL|CON|CLOCK\$|\.{1,2})", re.IGNORECASE)


def hint(path: str) -> str:
    """What to do about a node that requests cannot name; empty if they can, as far as is documented."""
    parts = path.split("/")
    for part in parts:
        if part.startswith("?"):
            return f"the name {part[1:]!r} (percent-encoded here) is not valid Unicode: rename it over SMB"
        if (found := _FORBIDDEN.search(part)) is not None:
            return (
                f"the name {part!r} holds U+{ord(found[0]):04X}, which no request can carry: rename it over SMB or NFS"
            )
        if _RESERVED.fullmatch(part):
            return f"the name {part!r} is reserved and no request can carry it: rename it over SMB or NFS"
        if len(part) > NAME_CHARACTERS_MAX:
            return f"the name {part!r} has {len(part)} characters, and requests carry {NAME_CHARACTERS_MAX}: shorten it"
    if len(path) > PATH_CHARACTERS_MAX:
        return (
            f"the path has {len(path):,} characters, and requests carry {PATH_CHARACTERS_MAX:,}: shorten names above it over SMB"
            " or NFS, or move it up"
        )
    if len(parts) > DEPTH_MAX:
        return f"it lies {len(parts)} levels deep, and requests reach {DEPTH_MAX}: move it up over SMB or NFS"
    return ""
