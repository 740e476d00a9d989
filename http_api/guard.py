"""Whether somebody may: the checks of :mod:`shared.core.access` as errors, and how often they may ask."""

from collections.abc import Mapping
from typing import Final

from shared.core.access import may, sees
from shared.db import tenant_accounts
from shared.db.pool import Connection
from shared.db.shares import subject
from shared.errors import Denied, NotFound
from shared.model.access import Action, Principal, PrincipalKind
from shared.model.share import Share
from shared.wiring import App

PAGE_HEADERS: Final[Mapping[str, str]] = {
    # No script, style or picture but our own, and no text of a page becomes one: there is no inline script, and no inline style either.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self';"
        " frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cache-Control": "private, no-store",
}
"""Of every page."""
_ALWAYS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    # What is no page runs nothing and loads nothing, also if it is a saved file of HTML.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cache-Control": "private, no-store",
}
HSTS: Final = "max-age=31536000; includeSubDomains"
"""In Azure, where there is no way but https. Not on one machine: browsers would remember it for all that is on localhost."""


def hardened(headers: Mapping[str, str], *, in_azure: bool) -> dict[str, str]:
    """The headers of an answer with those that every answer has; what it says itself stays."""
    names = {name.lower() for name in headers}
    wanted = {**_ALWAYS, "Strict-Transport-Security": HSTS} if in_azure else _ALWAYS
    return {**headers, **{name: value for name, value in wanted.items() if name.lower() not in names}}


async def admit(
    app: App, principal: Principal, action: Action, tenant_id: str | None = None, share_id: int | None = None
) -> None:
    """Let ``principal`` do ``action`` on a share, on a tenant (``share_id`` None) or on the platform (both None).

    :raises TooMany: they, or all who ask about this tenant together, ask too often.
    :raises NotFound: they see no such thing. Said as of what does not exist.
    :raises Denied: they see it, and may not do this.
    """
    _take(app, principal, tenant_id)
    require(principal, action, tenant_id, share_id)


def require(principal: Principal, action: Action, tenant_id: str | None = None, share_id: int | None = None) -> None:
    """The same of somebody whose request was counted. Raises ``NotFound`` and ``Denied``."""
    if tenant_id is not None and not sees(principal, tenant_id):
        raise NotFound(f"there is no tenant {tenant_id!r}")
    if share_id is not None and not sees(principal, tenant_id, share_id):
        raise NotFound(f"there is no share {share_id}")
    if not may(principal, action, tenant_id, share_id):
        where = "this share" if share_id is not None else "this tenant" if tenant_id is not None else "the platform"
        raise Denied(
            f"{principal.name} may not do {action} here; hint: ask an admin of {where} for a role that may", code=action
        )


def _take(app: App, principal: Principal, tenant_id: str | None) -> None:
    if principal.kind is PrincipalKind.LOCAL:
        return
    settings = app.settings
    wanted = {f"{principal.kind}:{principal.id}": settings.requests_per_s}
    # Not of a tenant that they do not see: nobody uses up what another has.
    if tenant_id is not None and sees(principal, tenant_id):
        wanted[f"tenant:{tenant_id}"] = settings.tenant_requests_per_s
    app.rates.take({subject: rate for subject, rate in wanted.items() if rate > 0})


async def admit_account(
    conn: Connection,
    principal: Principal,
    tenant_id: str,
    *,
    account_url: str,
    share_name: str,
    credential: str,
    field: str = "account_url",
) -> None:
    """Let an Azure share be a tenant's: to be protected, or to be written to. In a transaction that sees the tenant.

    Credentials are the app's, and its own identity reaches the storage of all tenants. So what a tenant's people may name is what is in an
    account that the tenant was given, or what is protected for it already.

    :raises Denied: it is not the tenant's.
    """
    if may(principal, Action.ACCOUNTS_ANY):
        return
    if not await tenant_accounts.has(conn, tenant_id, account_url, share_name, credential):
        how = f"credential {credential!r}" if credential else "the app's identity"
        raise Denied(
            f"{field}: {account_url} with {how} is not among this tenant's accounts; hint: a platform admin adds it to them",
            field=field,
        )


async def admit_target(
    conn: Connection,
    principal: Principal,
    action: Action,
    share: Share,
    *,
    account_url: str,
    share_name: str,
    credential: str,
) -> None:
    """Let something of ``share`` be written to an Azure share, which may be itself. In a transaction that sees the tenant.

    :raises Denied: it is another one, and they may write to ``share`` only; or it is not the tenant's.
    """
    own = (subject(share.account_url, share.share_name), share.credential)
    if (subject(account_url, share_name), credential) == own:
        return
    if not may(principal, action, share.tenant_id):
        raise Denied(
            f"target: {principal.name} may do this to share {share.share_id} only; expected the share itself as target",
            field="target",
        )
    await admit_account(
        conn,
        principal,
        share.tenant_id,
        account_url=account_url,
        share_name=share_name,
        credential=credential,
        field="target.account_url",
    )
