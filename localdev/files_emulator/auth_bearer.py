"""Bearer tokens of Microsoft Entra ID: everything in one is checked but its signature, which any issuer may have made.

Roles are not looked at: whoever has a token may do what a Storage File Data Privileged Contributor may, and manage
shares. A token must come by https, for the service's audience, in time, and with the intent to back up.
"""

import json
import re
import time
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from localdev.files_emulator import versions
from localdev.files_emulator.errors import ServiceError, bad_header, missing_header, unauthentic
from localdev.files_emulator.grants import Token
from localdev.files_emulator.messages import Request

AUDIENCE = "https://storage.azure.com"
MAX_CLOCK_SKEW_S = 5 * 60
INTENT = "x-ms-file-request-intent"

_GUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_ISSUER = re.compile(
    rf"https://(?:sts\.windows\.net/({_GUID})/?|login\.microsoftonline\.[a-z]{{2,3}}/({_GUID})/v2\.0/?)", re.ASCII
)
_NO_TENANT = "00000000-0000-0000-0000-000000000000"
_REFUSED = "Server failed to authenticate the request. Please refer to the information in the www-authenticate header."
#: These belong to the service and share groups of operations, but are about files; the last one cannot say an intent.
_DATA = ("share_create_permission", "share_get_permission")
_NO_INTENT = "service_get_user_delegation_key"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says; times in Unix seconds."""

    audiences: tuple[str, ...]
    issuer: str
    expires: float
    not_before: float
    oid: str
    tid: str


def verify(request: Request, account: str, operation: str) -> Token:
    """Accept a request with a token that is good for ``operation`` (a name, empty if there is no such operation).

    :raises ServiceError: AuthenticationFailed (http, old version), InvalidAuthenticationInfo (the token, 401),
        FileOAuthManagementApiRestrictedToSrp, MissingRequiredHeader or InvalidHeaderValue (the intent).
    """
    token = check(request, request.headers["authorization"], account)
    version = request.headers.get("x-ms-version", "")
    if version < versions.BEARER_DATA:
        raise unauthentic("Authentication scheme Bearer is not supported in this version.")
    is_management = operation.startswith(("service_", "share_")) and operation not in _DATA
    if is_management and version < versions.BEARER_MANAGEMENT:
        raise ServiceError("FileOAuthManagementApiRestrictedToSrp")
    if operation != _NO_INTENT:
        intent = request.headers.get(INTENT)
        if intent is None:
            raise missing_header(INTENT)
        if intent.lower() != "backup":
            raise bad_header(INTENT, intent)
    return token


def check(request: Request, authorization: str, account: str) -> Token:
    """Accept the token in an ``authorization`` that begins with Bearer, of the request itself or of its source.

    :raises ServiceError: AuthenticationFailed over http, InvalidAuthenticationInfo (401) for what is wrong with it.
    """
    if not request.is_tls:
        raise unauthentic("Authentication scheme Bearer is not allowed with HTTP.")
    claims = read(authorization.partition(" ")[2].strip())
    if claims is None:
        raise _refused("The token is not a well-formed JSON Web Token.")
    problem = problem_of(claims, account, time.time())
    if problem:
        raise _refused(problem, claims.tid)
    return Token(claims.oid, claims.tid)


def problem_of(claims: Claims, account: str, now: float) -> str:
    """Return what is wrong with a token at ``now``, empty if nothing is."""
    issuer = _ISSUER.fullmatch(claims.issuer)
    if issuer is None or claims.tid not in ("", issuer[1] or issuer[2]):
        return "Issuer validation failed. Issuer did not match."
    audiences = (AUDIENCE, f"https://{account}.file.core.windows.net")
    if not any(audience.removesuffix("/") in audiences for audience in claims.audiences):
        return "Audience validation failed. Audience did not match."
    if now > claims.expires + MAX_CLOCK_SKEW_S:
        return "Lifetime validation failed. The token is expired."
    if now < claims.not_before - MAX_CLOCK_SKEW_S:
        return "Lifetime validation failed. The token is not yet valid."
    return ""


@lru_cache(maxsize=256)
def read(token: str) -> Claims | None:
    """Read a JSON Web Token; ``None`` if it is not one, or lacks what every token of Entra ID has."""
    parts = token.split(".")
    if len(parts) != 3 or not all(parts):
        return None
    try:
        header, payload = _json(parts[0]), _json(parts[1])
        _decoded(parts[2])
    except ValueError:
        return None
    if header is None or payload is None or not isinstance(header.get("alg"), str):
        return None
    audience = payload.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    texts: list[Any] = [*(payload.get(name, "") for name in ("iss", "oid", "tid")), *audiences]
    times: list[Any] = [payload.get("exp"), payload.get("nbf", 0)]
    if not (all(isinstance(text, str) for text in texts) and all(map(_is_time, times))):
        return None
    return Claims(tuple(texts[3:]), texts[0], times[0], times[1], texts[1], texts[2])


def _decoded(part: str) -> bytes:
    if not re.fullmatch("[A-Za-z0-9_-]+", part):
        raise ValueError
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _json(part: str) -> dict[str, Any] | None:
    try:
        found = json.loads(_decoded(part))
    except RecursionError:
        return None
    return found if isinstance(found, dict) else None


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12


def _refused(detail: str, tenant: str = "") -> ServiceError:
    tenant = tenant if re.fullmatch(_GUID, tenant, re.ASCII) else _NO_TENANT
    authority = f"https://login.microsoftonline.com/{tenant}/oauth2/authorize"
    challenge = f"Bearer authorization_uri={authority} resource_id={AUDIENCE}"
    return ServiceError(
        "InvalidAuthenticationInfo",
        status=401,
        message=_REFUSED,
        headers=(("WWW-Authenticate", challenge),),
        AuthenticationErrorDetail=detail,
    )
