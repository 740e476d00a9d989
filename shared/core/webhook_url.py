"""Which addresses webhooks may be posted to.

A tenant gives the address, and the app posts to it from inside its own network. So it must be one that anybody could reach: https to a
public address. What stops the rest is done twice: the address's form is checked when it is given, and what its name stands for when it is
used, on the very addresses that are then connected to (:mod:`shared.adapters.webhook_http`).
"""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

from shared.errors import InvalidInput

URL_CHARS: Final = 2_000
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST: Final = re.compile(r"[a-z0-9._:-]{1,253}", re.IGNORECASE)
_PLATFORM: Final = frozenset({ipaddress.ip_address("168.63.129.16")})
"""Looks public: the host of every virtual machine in Azure answers there."""
_TRANSLATED: Final = tuple(
    ipaddress.ip_network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")
)
"""IPv6 addresses that stand for IPv4 ones."""


def check_url(url: str, *, private: bool) -> None:
    """Refuse what cannot be an address of a webhook.

    :param private: on a developer's machine: this machine may be meant, and then http will do.
    :raises InvalidInput: what was expected, under ``url``.
    """
    expected = "an https address without user name and fragment, such as https://hooks.example.com/backup"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise InvalidInput(f"url is not an address: {error}; expected {expected}", field="url") from error
    is_local = host in _LOCAL
    plain = parts.scheme == "http" and is_local and private
    if (
        len(url) > URL_CHARS
        or not (plain or parts.scheme == "https")
        or not _HOST.fullmatch(host)
        or "@" in parts.netloc
        or "#" in url
        or any(ord(letter) <= 32 or ord(letter) > 126 for letter in url)
    ):
        raise InvalidInput(f"url is not one that webhooks may be posted to; expected {expected}", field="url")
    if is_local and not private:
        raise InvalidInput("url names this very machine; expected an address that the internet can reach", field="url")


def is_public(address: str) -> bool:
    """Whether an IP address is one that the internet can reach."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        elif any(ip in net for net in _TRANSLATED):
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and ip not in _PLATFORM
