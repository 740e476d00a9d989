"""User delegation keys: what a user signs a SAS with instead of the account's key.

A key is derived from the account's key and from everything it says of itself, so nothing is kept: who it was given to
and how long it lasts is in every SAS it signs, and deriving it again tells whether that is true.
"""

import hmac
from base64 import b64decode, b64encode
from dataclasses import astuple, dataclass
from functools import lru_cache

SERVICE = "f"


@dataclass(frozen=True, slots=True)
class Delegation:
    """Whom a key was given to, and for when; times as the client spelled them in ISO 8601, ``start`` included.

    ``delegated_tid``: the tenant of the user whom a SAS may be bound to, empty if any.
    """

    oid: str
    tid: str
    start: str
    expiry: str
    service: str
    version: str
    delegated_tid: str = ""


@lru_cache(maxsize=256)
def key_text(delegation: Delegation, account_key: str) -> str:
    """Return the key itself: 32 bytes in base64."""
    text = "\n".join(["user delegation key", *astuple(delegation)])
    return b64encode(hmac.digest(b64decode(account_key), text.encode("utf-8", "replace"), "sha256")).decode()
