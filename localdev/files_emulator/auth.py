"""Who may: finds out how a request proves itself, and what it may do then."""

from localdev.files_emulator import auth_bearer, auth_sas, auth_sharedkey
from localdev.files_emulator.account import Account
from localdev.files_emulator.address import Address
from localdev.files_emulator.auth_sas import Access
from localdev.files_emulator.errors import ServiceError, unauthentic
from localdev.files_emulator.grants import BY_KEY, Grant, Need, Token
from localdev.files_emulator.messages import Request
from localdev.files_emulator.tree import Path


def authorise(
    account: Account, request: Request, query: dict[str, str], address: Address, operation: str, need: Need | None
) -> Grant:
    """Accept a request that proves it may do ``operation``.

    :param need: what the operation needs; ``None`` if there is no such operation, when only the proof is looked at.
    :raises ServiceError: it does not; the codes are those of ``auth_sharedkey``, ``auth_bearer`` and ``auth_sas``.
    """
    authorization = request.headers.get("authorization")
    if authorization is None:
        if "sig" in query:
            return auth_sas.verify(query, access(account, request, address.share, address.path), need)
        raise unauthentic("The request has neither an Authorization header nor a shared access signature.")
    if _is_bearer(authorization):
        token = auth_bearer.verify(request, account.name, operation)
        if "sduoid" in query:  # a SAS that is bound to a user counts together with that user's token
            return auth_sas.verify(query, access(account, request, address.share, address.path, token), need)
        return Grant("bearer", token=token)
    auth_sharedkey.verify(request, query, account.name, account.key)
    if need is not None and need.scope == "bearer":
        raise unauthentic("Only authentication scheme Bearer is supported.")
    return BY_KEY


def may_use_source(
    account: Account, request: Request, grant: Grant, share: str, path: Path, query: dict[str, str], need: Need
) -> bool:
    """Tell whether a request may use the file of this account that it names as its source.

    A SAS in the source's URL decides, if there is one, then ``x-ms-copy-source-authorization``. Otherwise whoever has
    the account's key or a token needs nothing more.

    :raises ServiceError: the source's own SAS or token is refused.
    """
    if "sig" in query:
        auth_sas.verify(query, access(account, request, share, path), need)
        return True
    authorization = request.headers.get("x-ms-copy-source-authorization")
    if authorization is not None:
        if not _is_bearer(authorization):
            raise ServiceError("InvalidAuthenticationInfo")
        auth_bearer.check(request, authorization, account.name)
        return True
    return grant.scheme != "sas"


def access(account: Account, request: Request, share: str, path: Path, token: Token | None = None) -> Access:
    """Return what a request wants of a path, as a SAS sees it."""
    found = account.shares.get(share)
    policies = found.policies if found else ()
    return Access(account.name, account.key, share, "/".join(path), request.peer_ip, request.is_tls, policies, token)


def _is_bearer(authorization: str) -> bool:
    return authorization[:7].lower() == "bearer "
