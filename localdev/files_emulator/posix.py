"""What a node of an NFS share has in place of attributes and a permission: owner, group, mode, and its links.

A file with several names (hard links) is in the tree once under each. All its nodes have the same number and the same
state, in which ``places`` says where they are; who changes one passes the change on (``Share.changed``). So reading,
listing and snapshots need to know nothing of links. A symbolic link is a file whose ``link_text`` is not empty; nobody
follows it here, as nobody does in the service.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from localdev.files_emulator.errors import ServiceError, bad_header

MAX_LINKS = 178

_DEFAULT_MODES = {"Regular": 0o664, "Directory": 0o755, "SymLink": 0o777}
_MAX_ID = (1 << 32) - 1
_MODE = re.compile(r"[0-7]{3,4}", re.ASCII)
_ID = re.compile(r"[0-9]{1,10}", re.ASCII)
_OWNER, _GROUP, _MODE_HEADER = "x-ms-owner", "x-ms-group", "x-ms-mode"
_MODE_COPY, _OWNER_COPY = "x-ms-file-mode-copy-mode", "x-ms-file-owner-copy-mode"
_NFS_HEADERS = frozenset({_OWNER, _GROUP, _MODE_HEADER, _MODE_COPY, _OWNER_COPY, "x-ms-file-file-type"})
_SMB_HEADERS = frozenset(
    {
        "x-ms-file-attributes",
        "x-ms-file-permission",
        "x-ms-file-permission-copy-mode",
        "x-ms-file-permission-format",
        "x-ms-file-permission-key",
        "x-ms-file-property-semantics",
        "x-ms-file-copy-set-archive",
    }
)

Place = tuple[int, str]  # the number of a directory, and a name in it
Kind = Literal["Regular", "Directory", "SymLink"]


@dataclass(frozen=True, slots=True)
class Posix:
    """Owner and group by number, mode with the special bits; ``places`` is empty for a node with one name."""

    owner: int
    group: int
    mode: int
    link_text: str = ""
    places: tuple[Place, ...] = ()

    @property
    def links(self) -> int:
        """Return how many names the node has."""
        return len(self.places) or 1

    def moved(self, place: Place, to: Place) -> "Posix":
        """Return it with one name changed."""
        if not self.places:
            return self
        return replace(self, places=tuple(to if each == place else each for each in self.places))


@lru_cache(maxsize=4096)
def shared(owner: int, group: int, mode: int) -> Posix:
    """Return the one object for nodes without links: there are many files, and few owners and modes."""
    return Posix(owner, group, mode)


DIRECTORY_DEFAULT = shared(0, 0, _DEFAULT_MODES["Directory"])


def refuse_foreign(headers: Mapping[str, str], *, is_nfs: bool) -> None:
    """Refuse headers of the other protocol than the share's, whatever they say."""
    foreign = _SMB_HEADERS if is_nfs else _NFS_HEADERS
    if not foreign.isdisjoint(headers):
        raise ServiceError("UnsupportedHeader", HeaderName=min(foreign & headers.keys()))


def posix_of_new(headers: Mapping[str, str], kind: Kind, before: Posix | None = None) -> Posix:
    """Return what a new node gets; what replaces the file ``before`` keeps its other names."""
    sent = headers.get("x-ms-file-file-type", kind)
    if sent.lower() != kind.lower():
        raise bad_header("x-ms-file-file-type", sent)
    found = _asked(headers, shared(0, 0, _DEFAULT_MODES[kind]))
    return found if before is None or not before.places else replace(found, places=before.places)


def posix_of_changed(headers: Mapping[str, str], before: Posix) -> Posix:
    """Return what is left of ``before`` and what a request changes."""
    return _asked(headers, before)


def posix_of_copy(headers: Mapping[str, str], source: Posix | None, before: Posix | None) -> Posix:
    """Return what a copied file gets: the source's only where the request says so, and the source has any."""
    found = posix_of_new(headers, "Regular", before)
    if _from_source(headers, _OWNER_COPY, (_OWNER, _GROUP)) and source is not None:
        found = replace(found, owner=source.owner, group=source.group)
    if _from_source(headers, _MODE_COPY, (_MODE_HEADER,)) and source is not None:
        found = replace(found, mode=source.mode)
    return found


def _from_source(headers: Mapping[str, str], name: str, overriding: tuple[str, ...]) -> bool:
    text = headers.get(name, "override")
    if text.lower() not in ("source", "override"):
        raise bad_header(name, text)
    if text.lower() == "override":
        return False
    for other in overriding:
        if other in headers:
            raise bad_header(other, headers[other])
    return True


def _asked(headers: Mapping[str, str], before: Posix) -> Posix:
    owner, group = _id(headers, _OWNER, before.owner), _id(headers, _GROUP, before.group)
    mode, text = before.mode, headers.get(_MODE_HEADER)
    if text is not None:
        if not _MODE.fullmatch(text):
            raise bad_header(_MODE_HEADER, text)
        mode = int(text, 8)
    if not (before.link_text or before.places):
        return shared(owner, group, mode)
    return replace(before, owner=owner, group=group, mode=mode)


def _id(headers: Mapping[str, str], name: str, default: int) -> int:
    text = headers.get(name)
    if text is None:
        return default
    if not _ID.fullmatch(text) or int(text) > _MAX_ID:
        raise bad_header(name, text)
    return int(text)


def posix_headers(posix: Posix) -> list[tuple[str, str]]:
    """Return the headers that every answer about a node of an NFS share carries."""
    return [(_MODE_HEADER, f"{posix.mode:04o}"), (_OWNER, str(posix.owner)), (_GROUP, str(posix.group))]


def kind_header(posix: Posix, *, is_directory: bool) -> tuple[str, str]:
    """Return the header that tells the kind of a node of an NFS share: where something is made or described."""
    kind: Kind = "Directory" if is_directory else "SymLink" if posix.link_text else "Regular"
    return "x-ms-file-file-type", kind


def links_header(posix: Posix) -> tuple[str, str]:
    """Return the header that tells how many names a file has: where it is read, described, linked or changed."""
    return "x-ms-link-count", str(posix.links)
