"""XXH3-64 fingerprints: "did anything in here change", asked of a whole listing or of one page's entries.

They decide what is looked at, never what is intact: two listings with equal fingerprints are taken for equal (1 in 2**64).
No value is special: a missing fingerprint is None, and 0 is a fingerprint like any other.
"""

import struct
from collections.abc import Sequence
from typing import Final

import xxhash

from shared.model.entry import Entry

_DIRECTORY: Final = (1 << 64) - 1
"""Stands for a directory's size, which no file can have: the kind of an entry needs no word of its own."""


class ListingFingerprint:
    """Fingerprint of a directory's listing, page by page.

    It is taken over the bytes between ``<Entries>`` and ``</Entries>`` of all pages, so that where the service cuts pages does
    not matter, nor do markers or the share snapshot's name, which are outside.
    """

    __slots__ = ("_hash",)

    def __init__(self) -> None:
        self._hash = xxhash.xxh3_64()

    def update(self, entries: bytes) -> None:
        """Take in the entries of the next page."""
        self._hash.update(entries)

    def value(self, rules_digest: int = 0) -> int:
        """Unsigned 64 bits over everything taken in so far.

        :param rules_digest: of the rules that have a say in the directory (:attr:`shared.core.rules.Within.digest`); with 0, for none,
            the fingerprint is that of the bytes. A directory is the same only if it is so under the same rules.
        """
        own = self._hash.intdigest()
        return xxhash.xxh3_64_intdigest(struct.pack("<QQ", own, rules_digest)) if rules_digest else own


def entries_fingerprint(entries: Sequence[Entry]) -> int:
    """Fingerprint of name, kind, FileId, ChangeTime and size of each entry, in order: unsigned 64 bits.

    These say whether any of them changed: ChangeTime is the ETag.
    """
    names = "/".join([entry.name for entry in entries]).encode()
    numbers: list[int] = []
    for entry in entries:
        numbers += (entry.file_id, entry.changed, _DIRECTORY if entry.is_directory else entry.size_bytes)
    return xxhash.xxh3_64_intdigest(struct.pack(f"<{len(numbers)}Q", *numbers) + names)
