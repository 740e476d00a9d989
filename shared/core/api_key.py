"""The text of an API key.

::

    key     = "afb_" key_id "_" secret check
    key_id  = 12 lower-case hexadecimal digits: no secret, shown in lists, so that a key that turns up somewhere can be told by it
    secret  = 43 digits of base 62: 256 random bits
    check   = 6 digits of base 62: CRC-32 of everything before it

The prefix and the check are for those who look for keys where none should be, and for typing errors: what fails the check is no key, and
nobody asks the catalogue about it. They add nothing to its safety, which is the secret's alone.

What is kept of a key is the SHA-256 of its text. Slow hashes are for passwords, which can be guessed; 256 random bits cannot, and a slow
hash would be paid with every request.
"""

import hashlib
import hmac
import re
import zlib
from typing import Final

PREFIX: Final = "afb_"
SECRET_BYTES: Final = 32
_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET_DIGITS: Final = 43
_CHECK_DIGITS: Final = 6
_KEY: Final = re.compile(rf"afb_([0-9a-f]{{12}})_([0-9A-Za-z]{{{_SECRET_DIGITS + _CHECK_DIGITS}}})")


def make_key(key_id: str, secret: bytes) -> str:
    """The key with this id and these 32 random bytes."""
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"a secret of {len(secret)} bytes; expected {SECRET_BYTES}")
    text = f"{PREFIX}{key_id}_{_base62(int.from_bytes(secret), _SECRET_DIGITS)}"
    return text + _check(text)


def key_id_of(key: str) -> str | None:
    """The id in a key; None if it is no key, for its check says so or its form."""
    match = _KEY.fullmatch(key)
    if match is None or _check(key[:-_CHECK_DIGITS]) != key[-_CHECK_DIGITS:]:
        return None
    return match[1]


def digest_of(key: str) -> bytes:
    """What is kept of a key: 32 bytes."""
    return hashlib.sha256(key.encode()).digest()


def is_key(key: str, digest: bytes) -> bool:
    """Whether ``key`` is the one of which ``digest`` was kept; takes as long if it is not."""
    return hmac.compare_digest(digest_of(key), digest)


def _check(text: str) -> str:
    return _base62(zlib.crc32(text.encode()), _CHECK_DIGITS)


def _base62(number: int, digits: int) -> str:
    found = ""
    for _ in range(digits):
        number, digit = divmod(number, 62)
        found = _DIGITS[digit] + found
    return found
