r"""Put a secret on a request: SharedKey, SAS or bearer token.

SharedKey signs this text with HMAC-SHA256 (Blob and Files alike; ``length`` is empty for 0, dates are in ``x-ms-date``)::

    METHOD \n content-encoding \n content-language \n length \n content-md5 \n content-type \n date \n
    if-modified-since \n if-match \n if-none-match \n if-unmodified-since \n range \n
    (x-ms-name:value \n)*              sorted as the service sorts, see below
    /account/path/as/sent
    (\n name:decoded value)*           sorted

The service sorts header names as a Windows culture does: hyphens do not count, ``_`` comes before digits, digits before
letters. Our own headers sort the same either way; users' metadata (``a_b``, ``a1``, ``ab``) may not.
"""

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol
from urllib.parse import quote, unquote, urlsplit

from shared.adapters.credentials import AccountKey, Bearer, Sas, Secret
from shared.adapters.tokens import STORAGE, Tokens
from shared.errors import InvalidInput
from shared.ports.system import Clock

_STORAGE_HOSTS: Final = (
    ".core.windows.net",
    ".storage.azure.net",
    ".core.usgovcloudapi.net",
    ".core.chinacloudapi.cn",
    ".core.cloudapi.de",
)
"""How the names of Azure Storage's endpoints end, by cloud. Private endpoints have the same names."""
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
"""A token is replaced this long before it ends: longer than any request takes, shorter than any token lives."""


@dataclass(frozen=True, slots=True)
class Query:
    """Query parameters: as sent, and as SharedKey signs them."""

    text: str
    canonical: str


def query(**parameters: str) -> Query:
    """A query of these parameters, percent-encoded here and nowhere else."""
    items = sorted(parameters.items())
    return Query(
        "&".join(f"{name}={quote(value, safe='')}" for name, value in items),
        "".join(f"\n{name}:{value}" for name, value in items),
    )


NO_QUERY: Final = Query("", "")


class Signer(Protocol):
    """Makes requests acceptable to the service."""

    text: str
    """What a URL needs that is sent in a header; empty unless the secret is a SAS."""

    async def sign(self, method: str, path: str, query: Query, headers: dict[str, str], length: int) -> str:
        """Add what is missing to ``headers``; return the query to send. ``path`` and ``query`` are percent-encoded."""
        ...


def signer(secret: Secret, account_url: str, clock: Clock) -> Signer:
    """The signer for ``secret`` on the account at ``account_url``."""
    match secret:
        case AccountKey():
            return SharedKey(secret.account or account_of(account_url), secret.key)
        case Sas():
            return SasSigner(secret)
        case Bearer():
            return BearerSigner(secret, clock)


def account_of(account_url: str) -> str:
    """Name of the account: the host's first label, or for an address the path's first component."""
    parts = urlsplit(account_url)
    host = parts.hostname or ""
    if host == "localhost" or ":" in host or host.replace(".", "").isdigit():
        return parts.path.strip("/").split("/")[0]
    return host.split(".")[0]


class SharedKey:
    """Signs with an account key."""

    text = ""

    def __init__(self, account: str, key: str) -> None:
        self._account = account
        block = b64decode(key)
        block = (hashlib.sha256(block).digest() if len(block) > 64 else block).ljust(64, b"\0")
        # HMAC by its two halves, the key hashed in once: 1 us a request, against 3 through the hmac module.
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    async def sign(self, method: str, path: str, query: Query, headers: dict[str, str], length: int) -> str:
        """Add ``Authorization``."""
        text = string_to_sign(self._account, method, path, query, headers, length)
        headers["Authorization"] = f"SharedKey {self._account}:{self.signature(text)}"
        return query.text

    def signature(self, text: str) -> str:
        """HMAC-SHA256 of ``text``, base64."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text.encode())
        outer.update(inner.digest())
        return b64encode(outer.digest()).decode()


def string_to_sign(account: str, method: str, path: str, query: Query, headers: Mapping[str, str], length: int) -> str:
    """What SharedKey signs. Standard headers are spelled ``Content-MD5``; ``x-ms-`` is in lower case, what follows in any."""
    get = headers.get
    custom = sorted([(*_sort_key(name), value) for name, value in headers.items() if name[:5] == "x-ms-"])
    lines = "".join([f"{name}:{value.strip()}\n" for _, name, value in custom])
    return (
        f"{method}\n{get('Content-Encoding', '')}\n{get('Content-Language', '')}\n{length or ''}\n"
        f"{get('Content-MD5', '')}\n{get('Content-Type', '')}\n\n"
        f"{get('If-Modified-Since', '')}\n{get('If-Match', '')}\n{get('If-None-Match', '')}\n"
        f"{get('If-Unmodified-Since', '')}\n{get('Range', '')}\n"
        f"{lines}/{account}{path}{query.canonical}"
    )


@lru_cache(maxsize=4096)
def _sort_key(name: str) -> tuple[str, str]:
    lower = name.lower()
    return lower.replace("-", "").replace("_", "!"), lower


class SasSigner:
    """Appends a SAS, with its values encoded again: people paste them half decoded."""

    def __init__(self, sas: Sas) -> None:
        items = [part.partition("=") for part in sas.token.split("&") if part]
        self.text = "&".join(f"{name}={quote(unquote(value), safe='')}" for name, _, value in items)

    async def sign(self, method: str, path: str, query: Query, headers: dict[str, str], length: int) -> str:  # noqa: ARG002
        """Return the query with the SAS after it."""
        return f"{query.text}&{self.text}" if query.text else self.text


class BearerSigner:
    """Sends an identity's token, asked for once per its life."""

    text = ""

    def __init__(self, bearer: Bearer, clock: Clock) -> None:
        self._tokens = Tokens(bearer, STORAGE, clock)

    async def sign(self, method: str, path: str, query: Query, headers: dict[str, str], length: int) -> str:  # noqa: ARG002
        """Add ``Authorization``."""
        headers["Authorization"] = f"Bearer {await self._tokens.token()}"
        return query.text


def refuse_plain_http(secret: Secret, account_url: str) -> None:
    """Refuse to send a token where anyone can read it, or to anyone but Azure Storage: it opens every account that the identity reaches.

    :raises InvalidInput: a bearer token over http, or to a host that is none of Azure Storage's.
    """
    if not isinstance(secret, Bearer):
        return
    parts = urlsplit(account_url)
    if parts.scheme != "https":
        raise InvalidInput(f"account {account_url} needs https for managed identity", field="account_url")
    host = parts.hostname or ""
    if host not in _LOOPBACK and not host.endswith(_STORAGE_HOSTS):
        raise InvalidInput(
            f"account {account_url} is none of Azure Storage's; expected a host such as account.file.core.windows.net for managed identity",
            field="account_url",
        )
