"""Shared access signatures: of an account, of a share or file, and of a user with a delegation key.

Checked in this order: is it well-formed, is it genuine, is it in force, may it come from here, may it do this.
"""

import hmac
import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address

from localdev.files_emulator import delegation, sas_text, versions
from localdev.files_emulator.errors import ServiceError, printable, unauthentic
from localdev.files_emulator.grants import Grant, Need, Token
from localdev.files_emulator.share import SharePolicy
from localdev.files_emulator.times import TICKS_PER_SECOND, iso, now_ticks, parse_iso

_FIRST_ACCOUNT_VERSION = "2015-04-05"
_FIRST_SERVICE_VERSION = "2015-02-21"
_OFFSET = re.compile(r"(.*T.*)([+-])(\d\d):(\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Access:
    """What a request wants, as far as a SAS cares; ``token`` is that of a request that has both."""

    account: str
    key: str
    share: str
    path: str
    peer_ip: str
    is_tls: bool
    policies: tuple[SharePolicy, ...] = ()
    token: Token | None = None


def verify(query: dict[str, str], access: Access, need: Need | None) -> Grant:
    """Accept a request whose query carries a SAS that is genuine, in force and good for ``need``, if there is one.

    :returns: what else it allows.
    :raises ServiceError: AuthenticationFailed, InvalidQueryParameterValue if token and stored policy say the same
        thing twice, or the Authorization...Mismatch of what it is not good for.
    """
    is_account = "ss" in query or "srt" in query
    _check_form(query, is_account=is_account)
    _check_signature(query, access, is_account=is_account)
    policy = None if is_account else _policy(query, access)
    letters = _field(query, "sp", policy.permission if policy else "")
    start = _field(query, "st", policy.start if policy else "")
    expiry = _field(query, "se", policy.expiry if policy else "")
    for name, value in (("sp", letters), ("se", expiry)):
        if not value:
            raise unauthentic(f"{name} is mandatory. Cannot be empty")
    _check_time("Signature", start, expiry)
    _check_origin(query, access)
    if is_account and "f" not in query["ss"]:
        raise ServiceError("AuthorizationServiceMismatch")
    if need is not None:
        _check_need(query, need, letters, is_account=is_account)
    return Grant("sas", letters)


def _check_form(query: dict[str, str], *, is_account: bool) -> None:
    """Refuse what could not have been made by anyone who knows the format; a parameter given twice has a comma."""
    for name in ("sig", "sv", *(("ss", "srt") if is_account else ("sr",))):
        if not query.get(name):
            raise unauthentic(f"{name} is mandatory. Cannot be empty")
    version = query["sv"]
    is_old = version < (_FIRST_ACCOUNT_VERSION if is_account else _FIRST_SERVICE_VERSION)
    is_delegated = "skoid" in query
    wrong = [
        not versions.is_version(version) or is_old or (is_delegated and version < versions.USER_DELEGATION),
        not set(query.get("ss", "")) <= set("bqtf"),
        not set(query.get("srt", "")) <= set("sco"),
        not query.get("sp", "").isalnum() and "sp" in query,
        not is_account and query["sr"] not in ("s", "f"),
        query.get("spr", "https") not in ("https", "https,http"),
        is_delegated and "si" in query,
        "sduoid" in query and not is_delegated,
    ]
    if any(wrong):
        raise unauthentic("Signature fields not well formed.")
    try:
        size = len(b64decode(query["sig"], validate=True))
    except (Base64Error, ValueError):
        raise unauthentic("Signature fields not well formed.") from None
    if size != 32:
        raise unauthentic("Signature size is invalid")


def _check_signature(query: dict[str, str], access: Access, *, is_account: bool) -> None:
    key = access.key
    where = access.account, access.share, access.path
    if is_account:
        texts = [sas_text.account_text(query, access.account)]
    elif "skoid" in query:
        given = sas_text.delegation_of(query)
        texts, key = [sas_text.delegation_text(query, *where)], delegation.key_text(given, access.key)
        _check_delegation(query, given, access)
    else:
        texts = sas_text.service_texts(query, *where)
    signature = query["sig"].encode()
    if not any(hmac.compare_digest(_signature(text, key), signature) for text in texts):
        raise unauthentic(f"Signature did not match. String to sign used was {texts[0]}")


@lru_cache(maxsize=1024)  # a client sends the same one with every request
def _signature(text: str, key: str) -> bytes:
    return b64encode(hmac.digest(b64decode(key), text.encode("utf-8", "replace"), "sha256"))


def _check_delegation(query: dict[str, str], given: delegation.Delegation, access: Access) -> None:
    """Refuse a key that is not for Files or not in force, or a SAS that is for another user than the one who asks."""
    if given.service != delegation.SERVICE:
        raise unauthentic("Signed key service is not valid for this service.")
    _check_time("Signed key", given.start, given.expiry)
    user = query.get("sduoid", "")
    if user:
        token = access.token
        if token is None or token.oid != user or (given.delegated_tid and token.tid != given.delegated_tid):
            raise unauthentic("The delegated user of the signature is not the user of the bearer token.")


def _policy(query: dict[str, str], access: Access) -> SharePolicy | None:
    wanted = query.get("si", "")
    if not wanted:
        return None
    for policy in access.policies:
        if policy.id == wanted:
            return policy
    raise unauthentic(f"Access policy '{printable(wanted)}' not found.")


def _field(query: dict[str, str], name: str, of_policy: str) -> str:
    """Return a field from the token or the stored policy; it must not be in both."""
    own = query.get(name, "")
    if own and of_policy:
        raise ServiceError(
            "InvalidQueryParameterValue",
            QueryParameterName=name,
            QueryParameterValue=printable(own),
            Reason="The stored access policy has it too.",
        )
    return own or of_policy


def _check_time(what: str, start: str, expiry: str) -> None:
    now = now_ticks()
    begins, ends = time_of(start) if start else 0, time_of(expiry)
    if begins is None or ends is None:
        raise unauthentic("Signature fields not well formed.")
    if not begins <= now < ends:
        raise unauthentic(
            f"{what} not valid in the specified time frame:"
            f" Start [{printable(start)}] - Expiry [{printable(expiry)}] - Current [{iso(now)}]"
        )


@lru_cache(maxsize=1024)
def time_of(text: str) -> int | None:
    """Read a time of a SAS: ISO 8601 to the day, minute, second or less, in UTC or with an offset; else ``None``."""
    match = _OFFSET.fullmatch(text)
    if match is None:
        return parse_iso(text)
    local = None if match[1].endswith("Z") else parse_iso(match[1])
    if local is None or int(match[3]) > 14 or int(match[4]) > 59:
        return None
    shift = (int(match[3]) * 3600 + int(match[4]) * 60) * TICKS_PER_SECOND
    return local - shift if match[2] == "+" else local + shift


def _check_origin(query: dict[str, str], access: Access) -> None:
    if query.get("spr", "") == "https" and not access.is_tls:
        raise ServiceError("AuthorizationProtocolMismatch")
    allowed = query.get("sip", "")
    if not allowed:
        return
    low, _, high = allowed.partition("-")
    try:
        peer, first, last = ip_address(access.peer_ip), ip_address(low), ip_address(high or low)
        inside = peer.version == first.version == last.version and int(first) <= int(peer) <= int(last)
    except ValueError:
        inside = False
    if not inside:
        raise ServiceError(
            "AuthorizationSourceIPMismatch",
            message=f"This request is not authorized to perform this operation using this source IP {access.peer_ip}.",
        )


def _check_need(query: dict[str, str], need: Need, letters: str, *, is_account: bool) -> None:
    if need.scope in ("key", "bearer"):
        raise ServiceError("AuthorizationPermissionMismatch")
    if is_account:
        if not set(need.level) & set(query["srt"]):
            raise ServiceError("AuthorizationResourceTypeMismatch")
    elif need.scope == "account":
        raise ServiceError("AuthorizationPermissionMismatch")
    elif query["sr"] == "f" and need.scope == "share":
        raise ServiceError("AuthorizationResourceTypeMismatch")
    if not set(need.letters) & set(letters):
        raise ServiceError("AuthorizationPermissionMismatch")
