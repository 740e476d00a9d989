"""Permissions: security descriptors, filed once per account under a key derived from what they say.

A descriptor is kept as SDDL, or as base64 of its bytes if SDDL cannot say it; both formats of one descriptor are the
same text here and so have the same key.
"""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from functools import lru_cache
from hashlib import blake2b

from localdev.files_emulator import descriptor, inheritance, sddl
from localdev.files_emulator.descriptor import Descriptor
from localdev.files_emulator.errors import ServiceError
from localdev.files_emulator.journal import Journal

MAX_HEADER_BYTES = 8 * 1024
MAX_TEXT_BYTES = 64 * 1024

#: What the root of a fresh share has, and so every directory below it: it hands itself down.
ROOT_DEFAULT = (
    "O:SYG:SYD:(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;;0x1200a9;;;BU)(A;OICIIO;GXGR;;;BU)(A;;0x1301bf;;;AU)"
    "(A;OICIIO;SDGXGWGR;;;AU)(A;;FA;;;SY)(A;OICIIO;GA;;;CO)"
)


@lru_cache(maxsize=512)
def normalise(text: str, *, is_binary: bool = False) -> str:
    """Return a descriptor, given as SDDL or as base64, as it is filed: with a SACL, as SDDL if that can say it.

    :raises ServiceError: it lacks owner, group or DACL, is malformed, or names accounts relative to a domain.
    """
    if len(text) > MAX_TEXT_BYTES:
        raise ServiceError("FileInvalidPermission")
    try:
        found = descriptor.from_bytes(b64decode(text, validate=True)) if is_binary else sddl.parse(text)
        return _filed(inheritance.as_set(found))
    except (ValueError, Base64Error):
        raise ServiceError("FileInvalidPermission") from None


def _filed(found: Descriptor) -> str:
    data = descriptor.to_bytes(found)
    text = sddl.spell(found)
    return b64encode(data).decode() if text is None else text


@lru_cache(maxsize=512)
def _descriptor(filed: str) -> Descriptor:
    return sddl.parse(filed) if ":" in filed else descriptor.from_bytes(b64decode(filed))


class Permissions:
    """The permissions of one account; keys are the same in every run of the emulator."""

    def __init__(self, account_name: str, journal: Journal) -> None:
        self._constant = _hash(f"account {account_name}")
        self._journal = journal
        self._texts: dict[str, str] = {}
        self._keys: dict[str, str] = {}
        self._inherited: dict[tuple[str, bool], str] = {}
        self._new: dict[str, str] = {}
        self._set: dict[str, str] = {}
        self._fresh: list[str] = []  # keys filed by the present request
        self.root_default = self._file(ROOT_DEFAULT)

    def key(self, text: str, *, is_binary: bool = False) -> str:
        """File a descriptor and return its key: equal descriptors, equal keys."""
        return self._file(normalise(text, is_binary=is_binary))

    def _file(self, text: str) -> str:
        key = self._keys.get(text)
        if key is None:
            key = f"{_hash(text)}*{self._constant}"
            self._texts[key] = text
            self._keys[text] = key
            self._fresh.append(key)
            self._journal.permission(key, text)
        return key

    def keep(self) -> bool:
        """Keep what was filed since the last time, and return whether anything was."""
        if not self._fresh:
            return False
        self._fresh.clear()
        return True

    def forget(self) -> None:
        """Take out what was filed since the last time: the request was refused."""
        if self._fresh:
            for key in self._fresh:
                del self._keys[self._texts.pop(key)]
            self._fresh.clear()
            self._inherited.clear()
            self._new.clear()
            self._set.clear()

    def load(self, key: str, text: str) -> None:
        """Take back what a store kept."""
        self._texts[key] = text
        self._keys[text] = key

    def check(self, key: str) -> str:
        """Return ``key`` if it names a permission."""
        if key not in self._texts:
            raise ServiceError("FileInvalidPermissionKey")
        return key

    def text(self, key: str, *, is_binary: bool = False) -> str:
        """Return the descriptor filed under ``key``, as SDDL or as base64 of its bytes.

        :raises ServiceError: there is none, or it has entries that SDDL cannot say.
        """
        first, star, second = key.partition("*")
        if not (star and first.isdecimal() and second.isdecimal() and key.isascii() and len(key) <= 41):
            raise ServiceError("FileInvalidPermissionKey")
        if key not in self._texts:
            raise ServiceError("ResourceNotFound")
        text = self._texts[key]
        if is_binary:
            return b64encode(descriptor.to_bytes(_descriptor(text))).decode()
        if ":" not in text:
            raise ServiceError("CannotConvertToSddlDueToCustomAce")
        return text

    def inherited(self, parent_key: str, *, is_directory: bool) -> str:
        """Return the key of what something new in a directory gets if nobody says what."""
        known = self._inherited.get((parent_key, is_directory))
        if known is None:
            parent = _descriptor(self._texts[parent_key])
            known = self._file(_filed(inheritance.inherited(parent, is_directory=is_directory)))
            self._inherited[parent_key, is_directory] = known
        return known

    def as_new(self, key: str) -> str:
        """Return the key of what something new gets if it is given ``key``."""
        known = self._new.get(key)
        if known is None:
            known = self._new[key] = self._file(_filed(inheritance.as_new(_descriptor(self._texts[key]))))
        return known

    def as_set(self, key: str) -> str:
        """Return the key of what something gets if ``key`` is set on it."""
        known = self._set.get(key)
        if known is None:
            known = self._set[key] = self._file(_filed(inheritance.as_set(_descriptor(self._texts[key]))))
        return known


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
