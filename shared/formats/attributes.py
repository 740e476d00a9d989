"""SMB attributes as text: ``ReadOnly | Archive`` in listings and headers.

The service joins names by ``|`` with optional spaces, in any order, sometimes twice. ``None`` or nothing is no attribute.
"""

from functools import lru_cache
from typing import Final

from shared.errors import IntegrityError
from shared.model.entry import Attributes

_BITS: Final = {
    "": 0,
    "None": 0,
    "ReadOnly": Attributes.READ_ONLY.value,
    "Hidden": Attributes.HIDDEN.value,
    "System": Attributes.SYSTEM.value,
    "Directory": Attributes.DIRECTORY.value,
    "Archive": Attributes.ARCHIVE.value,
    "Temporary": Attributes.TEMPORARY.value,
    "Offline": Attributes.OFFLINE.value,
    "NotContentIndexed": Attributes.NOT_CONTENT_INDEXED.value,
    "NoScrubData": Attributes.NO_SCRUB_DATA.value,
    # Not documented for the service, but FILE_ATTRIBUTE_* all the same: better kept than refused.
    "Device": 0x40,
    "Normal": 0x80,
    "SparseFile": 0x200,
    "ReparsePoint": 0x400,
    "Compressed": 0x800,
    "Encrypted": 0x4000,
    "IntegrityStream": 0x8000,
}
_NAMES: Final = {bit: name for name, bit in _BITS.items() if bit}


@lru_cache(maxsize=1024)
def from_text(text: str) -> int:
    """:class:`Attributes` bits of ``text``.

    :raises IntegrityError: a name that is no attribute.
    """
    bits = 0
    for name in text.split("|"):
        try:
            bits |= _BITS[name.strip()]
        except KeyError:
            raise IntegrityError(f"{name.strip()!r} is not a file attribute (in {text!r})") from None
    return bits


def to_text(bits: int) -> str:
    """Names of ``bits`` in order of their values, joined by ``|``; ``None`` for 0.

    :raises ValueError: a bit that has no name.
    """
    names = [name for bit, name in sorted(_NAMES.items()) if bits & bit]
    if bits & ~sum(_NAMES):
        raise ValueError(f"attributes {bits:#x} have bits without a name")
    return "|".join(names) or "None"
