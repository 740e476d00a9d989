"""Who asks.

There are three ways to be somebody, each switched on by settings; whoever shows more than one is taken by the first:

1. an API key, ``Authorization: Bearer afb_...``;
2. Entra ID, by way of App Service authentication, which stands before the app and says who signed in: ``X-MS-CLIENT-PRINCIPAL``;
3. being on this machine, for development.

What is shown and not valid is refused; nobody falls through to being somebody else. The form of the header:
https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities
"""

import asyncio
import base64
import binascii
import datetime as dt
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import azure.functions as func

from shared.core.api_key import PREFIX, is_key, key_id_of
from shared.db import api_keys, members
from shared.errors import BackupError, Denied, Unauthenticated
from shared.model.access import Grant, Principal, PrincipalKind, Role
from shared.settings import Settings
from shared.wiring import App

USE_NOTED_APART: Final = dt.timedelta(minutes=1)
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})

_BEARER: Final = re.compile(r"(?i)bearer +(\S+) *")
_OBJECT_ID: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CLAIMS: Final = "http://schemas.microsoft.com/identity/claims/"
_OBJECT_CLAIMS: Final = (_CLAIMS + "objectidentifier", "oid")
_TENANT_CLAIMS: Final = (_CLAIMS + "tenantid", "tid")
_NAME_CLAIMS: Final = (
    "name",
    "preferred_username",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn",
    "appid",
)
_GROUP_CLAIM: Final = "groups"
_HEADER_MAX: Final = 64 * 1024
_DEVELOPER: Final = Principal(
    kind=PrincipalKind.LOCAL, id="developer", name="developer", grants=frozenset({Grant(Role.PLATFORM_ADMIN)})
)
# What a proxy adds. Whoever came through one is not known to be on this machine.
_FORWARDED: Final = (
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "via",
    "client-ip",
)

_noting: set[asyncio.Task[None]] = set()
_noted: dict[str, dt.datetime] = {}
"""When this process last noted that a key was used."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Whom App Service authentication has let in."""

    object_id: str
    tenant_id: str
    name: str
    groups: tuple[str, ...]


async def identify(app: App, req: func.HttpRequest) -> Principal:
    """Who asks.

    :raises Unauthenticated: nobody, or what they show is not valid.
    :raises Denied: a browser that was sent here by another site.
    """
    headers = {name.lower(): value for name, value in req.headers.items()}
    bearer = _BEARER.fullmatch(headers.get("authorization", ""))
    if bearer is not None and bearer[1].startswith(PREFIX):
        return await _by_key(app, bearer[1])
    platform = headers.get("x-ms-client-principal", "")
    if platform and _platform_speaks(app.settings):
        person = await _by_platform(app, platform)
        if bearer is None:  # a session, which the browser sends along whoever had it ask
            check_same_origin(app.settings, req.method, req.url, headers)
        return person
    if app.settings.local_sign_in and not app.settings.in_azure and "authorization" not in headers:
        if is_local(req.url, headers):
            check_same_origin(app.settings, req.method, req.url, headers, browsers_only=True)
            return _DEVELOPER
        raise Unauthenticated(
            "sign-in without credentials is for this machine only; hint: ask 127.0.0.1 or localhost directly, or use an API key"
        )
    raise Unauthenticated(f"nobody is signed in; expected {_expected(app.settings)}")


def _expected(settings: Settings) -> str:
    ways = []
    if settings.api_keys:
        ways.append("an API key, as 'Authorization: Bearer afb_...'")
    if _platform_speaks(settings):
        ways.append("a session of App Service authentication")
    return " or ".join(ways) or "nothing: no way of signing in is switched on, see docs/SECURITY.md"


# ---------------------------------------------------------------------------------------------------------------------
# API keys


async def _by_key(app: App, key: str) -> Principal:
    # One answer to all that is wrong with a key, so that nobody learns from it which keys there are.
    wrong = Unauthenticated("the API key is not valid: unknown, revoked or expired; hint: have another one made")
    key_id = key_id_of(key)
    if not app.settings.api_keys or key_id is None:
        raise wrong
    async with app.as_tenant(None) as conn:
        found = await api_keys.by_id(conn, key_id)
    now = app.clock.now()
    if found is None or not is_key(key, found.digest) or not found.is_valid(now):
        raise wrong
    _note_use(app, key_id, now)
    return Principal(kind=PrincipalKind.KEY, id=key_id, name=found.name, grants=frozenset({found.grant}))


def _note_use(app: App, key_id: str, now: dt.datetime) -> None:
    """Beside the request, and at most once a minute for a key: no request waits for it, and none fails with it."""
    before = _noted.get(key_id)
    if before is not None and now - before < USE_NOTED_APART:
        return
    _noted[key_id] = now

    async def note() -> None:
        try:
            async with app.transaction() as conn:
                await api_keys.used(conn, key_id, now, USE_NOTED_APART)
        except BackupError:
            _noted.pop(key_id, None)  # the next request tries again

    task = asyncio.get_running_loop().create_task(note())
    _noting.add(task)
    task.add_done_callback(_noting.discard)


# ---------------------------------------------------------------------------------------------------------------------
# Entra ID, by way of App Service authentication


def _platform_speaks(settings: Settings) -> bool:
    """Whether the header is the platform's. Where App Service authentication is off it comes from whoever asks, as any other."""
    return settings.entra_sign_in and settings.in_azure and settings.platform_authenticates


async def _by_platform(app: App, header: str) -> Principal:
    person = signed_in(header)
    if person.tenant_id != app.settings.entra_tenant_id:
        raise Unauthenticated("signed in to another Entra tenant than the one of this installation")
    async with app.as_tenant(None) as conn:
        grants, names = await members.grants_of(conn, [person.object_id, *person.groups])
    if app.settings.first_admin and app.settings.first_admin in (person.object_id, *person.groups):
        grants |= {Grant(Role.PLATFORM_ADMIN)}
    name = person.name or names.get(person.object_id, person.object_id)
    return Principal(kind=PrincipalKind.PERSON, id=person.object_id, name=name, grants=grants)


def signed_in(header: str) -> SignedIn:
    """What ``X-MS-CLIENT-PRINCIPAL`` says: base64 of JSON with ``claims``, a list of ``typ`` and ``val``.

    Groups are in it if the app's registration asks for them; of people who are in more than 200 Entra leaves them all out.

    :raises Unauthenticated: it is not of this form, or names nobody.
    """
    try:
        if len(header) > _HEADER_MAX:
            raise ValueError("too long")
        told: Any = json.loads(base64.b64decode(header, validate=True))
        if told["auth_typ"] != "aad":
            raise ValueError("not of Entra ID")
        claims: list[tuple[str, str]] = [(str(claim["typ"]), str(claim["val"])) for claim in told["claims"]]
    except (binascii.Error, ValueError, KeyError, TypeError, RecursionError):
        raise Unauthenticated(
            "X-MS-CLIENT-PRINCIPAL is unreadable; expected what App Service authentication writes"
        ) from None
    person = SignedIn(
        object_id=_first(claims, _OBJECT_CLAIMS).lower(),
        tenant_id=_first(claims, _TENANT_CLAIMS).lower(),
        name=_first(claims, _NAME_CLAIMS)[:200],
        groups=tuple(
            value.lower() for kind, value in claims if kind == _GROUP_CLAIM and _OBJECT_ID.fullmatch(value.lower())
        ),
    )
    if not _OBJECT_ID.fullmatch(person.object_id) or not person.tenant_id:
        raise Unauthenticated("X-MS-CLIENT-PRINCIPAL names nobody; expected the claims objectidentifier and tenantid")
    return person


def _first(claims: list[tuple[str, str]], kinds: tuple[str, ...]) -> str:
    return next((value for wanted in kinds for kind, value in claims if kind == wanted), "")


# ---------------------------------------------------------------------------------------------------------------------
# This machine, and browsers


def is_local(url: str, headers: Mapping[str, str]) -> bool:
    """Whether a request came to this machine under its own name, through nobody.

    The name matters: a page of anybody's can have its own name lead to 127.0.0.1, and its browser then sends requests here that are, to
    the browser, to the page's own server. They have that name as their Host.
    """
    if any(name in headers for name in _FORWARDED):
        return False
    try:
        hosts = [urlsplit(url).hostname]
        if "host" in headers:
            hosts.append(urlsplit(f"//{headers['host']}").hostname)
    except ValueError:  # no name at all
        return False
    return all(host in LOOPBACK for host in hosts)


def check_same_origin(
    settings: Settings, method: str, url: str, headers: Mapping[str, str], *, browsers_only: bool = False
) -> None:
    """Whoever is let in by what a browser sends by itself may be sent to change something by our own pages only.

    Browsers say with such requests where they come from, and pages cannot keep them from it. ``browsers_only``: a request that says nothing is
    no browser's; else it is refused, too.

    :raises Denied: it comes from another site, or may.
    """
    if method.upper() in SAFE:
        return
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        same = site == "same-origin"
    elif origin is not None:
        parts = urlsplit(url)
        host = headers.get("host", parts.netloc)
        ours = {f"https://{host}", f"{parts.scheme}://{host}"} if not settings.in_azure else {f"https://{host}"}
        same = origin in ours | ({settings.public_origin} if settings.public_origin else set())
    else:
        same = browsers_only
    if not same:
        raise Denied("this request comes from another site; hint: use the pages of this app, or an API key")
