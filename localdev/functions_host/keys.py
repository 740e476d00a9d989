"""Who may call what: the host key."""

import hmac
from collections.abc import Mapping

from aiohttp import web


def has_key(request: web.Request, key: str) -> bool:
    """Whether the request carries the host key, as ``x-functions-key`` or ``code``."""
    return _carried(request.headers, request.query, key)


def _carried(headers: Mapping[str, str], query: Mapping[str, str], key: str) -> bool:
    offered = headers.get("x-functions-key") or query.get("code") or ""
    return hmac.compare_digest(offered.encode(), key.encode())
