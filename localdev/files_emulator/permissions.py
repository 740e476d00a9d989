"""Permissions: security descriptors in SDDL, filed once per account under a key derived from their text."""

import re
from hashlib import blake2b

from localdev.files_emulator.errors import ServiceError
from localdev.files_emulator.journal import Journal

MAX_HEADER_SDDL_BYTES = 8 * 1024
MAX_SDDL_BYTES = 64 * 1024

#: What a new directory or file gets when the client names no permission (the descriptor of a fresh share's root).
DIRECTORY_DEFAULT = (
    "O:SYG:SYD:(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;;0x1200a9;;;BU)(A;OICIIO;GXGR;;;BU)(A;;0x1301bf;;;AU)"
    "(A;OICIIO;SDGXGWGR;;;AU)S:NO_ACCESS_CONTROL"
)
FILE_DEFAULT = "O:SYG:SYD:AI(A;ID;FA;;;BA)(A;ID;FA;;;SY)(A;ID;0x1200a9;;;BU)(A;ID;0x1301bf;;;AU)S:NO_ACCESS_CONTROL"

_SID = r"(?:S-1-(?:\d{1,20}|0x[0-9A-Fa-f]{1,12})(?:-\d{1,10}){1,15}|[A-Z]{2})"
_ACL = r"(?:[A-Z]{0,8}|NO_ACCESS_CONTROL)(?:\([^()\x00-\x1f]*\))*"
_SDDL = re.compile(rf"O:({_SID})G:({_SID})D:({_ACL})(?:S:({_ACL}))?", re.ASCII)
_ACE_SID = re.compile(r"\([A-Z]{1,3};[A-Z]*;[^;]*;[^;]*;[^;]*;([^;)]*)(?:;[^)]*)?\)")
_ACE = re.compile(r"\([^()]*\)")
_DOMAIN_RELATIVE = frozenset({"CA", "DA", "DC", "DD", "DG", "DU", "EA", "PA", "RS", "SA"})
_KEY = re.compile(r"\d{1,20}\*\d{1,20}", re.ASCII)


def normalise(sddl: str) -> str:
    """Return ``sddl`` as the service gives it back.

    :raises ServiceError: it lacks owner, group or DACL, is malformed, or names accounts relative to a domain.
    """
    match = _SDDL.fullmatch(sddl)
    if match is None or len(sddl) > MAX_SDDL_BYTES:
        raise ServiceError("FileInvalidPermission")
    aces = _ACE.findall(sddl)
    sids = [found[1] for ace in aces if (found := _ACE_SID.fullmatch(ace))]
    if len(sids) != len(aces) or not _DOMAIN_RELATIVE.isdisjoint((match[1], match[2], *sids)):
        raise ServiceError("FileInvalidPermission")
    return sddl if match[4] is not None else f"{sddl}S:NO_ACCESS_CONTROL"


class Permissions:
    """The permissions of one account; keys are the same in every run of the emulator."""

    def __init__(self, account_name: str, journal: Journal) -> None:
        self._constant = _hash(f"account {account_name}")
        self._journal = journal
        self._texts: dict[str, str] = {}
        self._keys: dict[str, str] = {}
        self.directory_default = self.key(DIRECTORY_DEFAULT)
        self.file_default = self.key(FILE_DEFAULT)

    def key(self, sddl: str) -> str:
        """File ``sddl`` and return its key: equal descriptors, equal keys."""
        known = self._keys.get(sddl)
        if known is None:
            text = normalise(sddl)
            known = f"{_hash(text)}*{self._constant}"
            if known not in self._texts:
                self._texts[known] = text
                self._journal.permission(known, text)
            self._keys[text] = known
        return known

    def load(self, key: str, sddl: str) -> None:
        """Take back what a store kept."""
        self._texts[key] = sddl
        self._keys[sddl] = key

    def check(self, key: str) -> str:
        """Return ``key`` if it names a permission."""
        if key not in self._texts:
            raise ServiceError("FileInvalidPermissionKey")
        return key

    def text(self, key: str) -> str:
        """Return the descriptor filed under ``key``."""
        if not _KEY.fullmatch(key):
            raise ServiceError("FileInvalidPermissionKey")
        if key not in self._texts:
            raise ServiceError("ResourceNotFound")
        return self._texts[key]


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
