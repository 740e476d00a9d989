"""Cursors of lists: where the next part begins, in a form that nobody is tempted to take apart.

::

    cursor  = base64url(version tag payload)    without padding
    version = one byte, 1
    tag     = 6 bytes of BLAKE2b over the list and the payload
    payload = JSON: what the keyset query is given

The list is the route with what it names and the query without ``limit`` and ``after``: a cursor is good for that and nothing else. The tag
finds mistakes, and protects nothing: what a caller may see is decided elsewhere.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final

from shared.errors import InvalidInput

VERSION: Final = 1
_TAG_BYTES: Final = 6

Place = Sequence[str | int | bool | None]
"""Values of the sort key after which the next part begins."""


def encode(of: str, place: Place) -> str:
    """The cursor of a place in the list ``of``."""
    payload = json.dumps(list(place), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return base64.urlsafe_b64encode(bytes([VERSION]) + _tag(of, payload) + payload).decode().rstrip("=")


def decode(of: str, cursor: str, kinds: Sequence[type]) -> list[Any]:
    """The opposite, for a place whose values have the types ``kinds``.

    :raises InvalidInput: it is no cursor of this list.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise _wrong(cursor) from error
    payload = raw[1 + _TAG_BYTES :]
    if raw[:1] != bytes([VERSION]) or raw[1 : 1 + _TAG_BYTES] != _tag(of, payload):
        raise _wrong(cursor)
    place = json.loads(payload)
    if [type(value) for value in place] != list(kinds):
        raise _wrong(cursor)
    return list(place)


def _tag(of: str, payload: bytes) -> bytes:
    return hashlib.blake2b(
        payload, digest_size=_TAG_BYTES, key=hashlib.blake2b(of.encode("utf-8", "surrogatepass")).digest()
    ).digest()


def _wrong(cursor: str) -> InvalidInput:
    shown = cursor if len(cursor) <= 60 else f"{cursor[:60]}..."
    return InvalidInput(
        f"after is {shown!r}; expected what an earlier answer of this very list gave as next", field="after"
    )
