"""SharedKey and SharedKeyLite signatures: the strings both sides sign, in each header order clients are known to use."""

import time
from base64 import b64decode, b64encode
from functools import lru_cache
from hashlib import sha256
from hmac import compare_digest

from localdev.files_emulator.errors import ServiceError, printable, unauthentic
from localdev.files_emulator.messages import Request
from localdev.files_emulator.times import parse_rfc1123

MAX_CLOCK_SKEW_S = 15 * 60

_STANDARD = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)


def verify(request: Request, query: dict[str, str], account: str, key: str) -> None:
    """Accept a request whose Authorization header carries a valid SharedKey or SharedKeyLite signature.

    :raises ServiceError: AuthenticationFailed, saying what was signed here, or InvalidAuthenticationInfo.
    """
    scheme, _, credentials = request.headers["authorization"].partition(" ")
    name, colon, signature = credentials.strip().partition(":")
    if scheme not in ("SharedKey", "SharedKeyLite") or not (colon and name and signature):
        raise ServiceError("InvalidAuthenticationInfo")
    if name != account:
        raise unauthentic(f"The account being accessed is not '{name}'.")
    _check_date(request.headers)
    headers = [(name, value) for name, value in request.headers.items() if name.startswith("x-ms-")]
    text = ""
    for order in (ordinal_order, culture_order):
        if scheme == "SharedKey":
            text = string_to_sign(request, query, account, order(headers))
        else:
            text = lite_string_to_sign(request, query, account, order(headers))
        # A client signs characters; which bytes it then sends them as, UTF-8 or Latin-1, is its HTTP library's choice.
        for encoding in ("latin-1", "utf-8"):
            if compare_digest(_signer(key).signature(text.encode(encoding)), signature.encode("utf-8", "replace")):
                return
            if text.isascii():
                break
    raise unauthentic(
        f"The MAC signature found in the HTTP request '{printable(signature)}' is not the same as any computed"
        f" signature. Server used following string to sign: '{text}'."
    )


class _Signer:
    """HMAC-SHA256 in base64 with one key, which is hashed in once: half of what each takes through ``hmac``."""

    def __init__(self, key: str) -> None:
        block = b64decode(key)
        block = (sha256(block).digest() if len(block) > 64 else block).ljust(64, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in block))

    def signature(self, text: bytes) -> bytes:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        return b64encode(outer.digest())


_signer = lru_cache(maxsize=4)(_Signer)


def _check_date(headers: dict[str, str]) -> None:
    text = headers.get("x-ms-date") or headers.get("date", "")
    if not text:
        raise unauthentic("Request date header not specified")
    sent = parse_rfc1123(text)
    if sent is None:
        raise unauthentic(f"Request date header is not in RFC 1123 format: '{text}'")
    age_s = time.time() - sent
    if abs(age_s) > MAX_CLOCK_SKEW_S:
        raise unauthentic(f"Request date header too {'old' if age_s > 0 else 'new'}: '{text}'")


def string_to_sign(request: Request, query: dict[str, str], account: str, order: list[tuple[str, str]]) -> str:
    """Return what a SharedKey signature of ``request`` covers, its x-ms-* headers in the given ``order``.

    Header text is Latin-1 here (see ``messages``); query values are Unicode, so they are made Latin-1 of their UTF-8.
    """
    headers = request.headers
    standard = [headers.get(name, "") for name in _STANDARD]
    if standard[2] == "0":
        standard[2] = ""
    if "x-ms-date" in headers:
        standard[5] = ""
    lines = [request.method, *standard]
    lines += [f"{name}:{value}" for name, value in order]
    resource = f"/{account}{request.path}"
    for name in sorted(query):
        resource += f"\n{name}:{query[name]}".encode().decode("latin-1")
    lines.append(resource)
    return "\n".join(lines)


def lite_string_to_sign(request: Request, query: dict[str, str], account: str, order: list[tuple[str, str]]) -> str:
    """Return what a SharedKeyLite signature covers: of the standard headers two, of the query only ``comp``."""
    headers = request.headers
    date = "" if "x-ms-date" in headers else headers.get("date", "")
    lines = [request.method, headers.get("content-md5", ""), headers.get("content-type", ""), date]
    lines += [f"{name}:{value}" for name, value in order]
    component = f"?comp={query['comp']}".encode().decode("latin-1") if "comp" in query else ""
    lines.append(f"/{account}{request.path}{component}")
    return "\n".join(lines)


# The service's own order is that of a Windows culture: punctuation has its own weights below digits and letters, and
# hyphens and apostrophes count only if nothing else differs; then a later one sorts first.
_PUNCTUATION = {char: weight for weight, char in enumerate("!#$%&*.^_`|~+", 1)}


@lru_cache(maxsize=4096)
def _culture_key(name: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    heavy = tuple(_PUNCTUATION.get(char, 0x100 + ord(char)) for char in name if char not in "-'")
    return heavy, tuple(-position for position, char in enumerate(name) if char in "-'")


def ordinal_order(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Sort headers by name as Go and Java do."""
    return sorted(headers)


def culture_order(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Sort headers by name as .NET and Python do."""
    return sorted(headers, key=lambda header: _culture_key(header[0]))
