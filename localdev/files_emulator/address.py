"""What a request's URL names: account, share and path, IP-style or host-style.

``%2F`` separates path components exactly as ``/`` does, ``+`` in a path is a plus, and trailing dots vanish unless the
request allows them. A trailing slash means nothing.
"""

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_plus, unquote_to_bytes

from localdev.files_emulator.errors import ServiceError
from localdev.files_emulator.names import check_path
from localdev.files_emulator.tree import Path


class Address(NamedTuple):
    """``share`` is empty for the account itself; ``path`` for the share or its root directory.

    ``endpoint`` is the account's own URL path with slashes around it.
    """

    share: str
    path: Path
    endpoint: str


def parse_address(raw_path: str, host: str, account: str, *, trailing_dots: bool) -> Address:
    """Split a URL path as received; whether there can be such a path is left to ``names.check_path``.

    :raises ServiceError: it is not UTF-8, or is not of this account.
    """
    try:
        text = unquote_to_bytes(raw_path).decode() if "%" in raw_path else raw_path.encode("latin-1").decode()
    except UnicodeError:
        raise ServiceError("InvalidUri") from None
    parts = text.strip("/").split("/")
    endpoint = "/"
    if not host.lower().startswith(f"{account}."):
        if parts.pop(0) != account:
            raise ServiceError("InvalidUri")
        endpoint = f"/{account}/"
    if not parts or parts == [""]:
        return Address("", (), endpoint)
    share, *rest = parts
    return Address(share, _path(rest, trailing_dots=trailing_dots), endpoint)


def path_of(text: str, *, trailing_dots: bool) -> Path:
    """Return the path below the share that a header names; empty for none.

    :raises ServiceError: it has an impossible component.
    """
    parts = text.strip("/").split("/")
    path = _path([] if parts == [""] else parts, trailing_dots=trailing_dots)
    check_path(path)
    return path


def _path(parts: list[str], *, trailing_dots: bool) -> Path:
    if not trailing_dots:
        parts = [part.rstrip(".") if part not in (".", "..") else part for part in parts]
    return tuple(parts)


@lru_cache(maxsize=2048)
def parse_query(text: str) -> dict[str, str]:
    """Read a query string: names in lower case, repeated values sorted and joined by commas, as signatures need them.

    A plus is a space, as in forms: Go's clients write a SAS that has spaces in it (``rscd``) so.

    Callers must not change what they get.
    """
    found: dict[str, list[str]] = {}
    for item in text.split("&"):
        if item:
            name, _, value = item.partition("=")
            found.setdefault(unquote_plus(name).lower(), []).append(unquote_plus(value))
    return {name: ",".join(sorted(values)) for name, values in found.items()}
