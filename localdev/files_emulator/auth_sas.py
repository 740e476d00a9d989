"""Shared access signatures: account SAS and service SAS (share or file), checked from parsed parameters."""

import hmac
from base64 import b64decode, b64encode
from dataclasses import dataclass
from ipaddress import ip_address

from localdev.files_emulator.errors import ServiceError, printable
from localdev.files_emulator.share import SharePolicy
from localdev.files_emulator.times import iso, now_ticks, parse_iso

_OVERRIDES = ("rscc", "rscd", "rsce", "rscl", "rsct")


@dataclass(frozen=True, slots=True)
class Need:
    """What an operation needs of a SAS.

    ``letters``: any one of these permissions will do. ``level``: s(ervice), c(ontainer, the share) or o(bject);
    more than one letter if either will do. ``account_only``: a service SAS can never do it.
    """

    letters: str
    level: str
    account_only: bool = False


@dataclass(frozen=True, slots=True)
class Access:
    """What a request wants, as far as a SAS cares."""

    account: str
    key: str
    share: str
    path: str
    peer_ip: str
    is_tls: bool
    policies: tuple[SharePolicy, ...] = ()


def verify(query: dict[str, str], access: Access, need: Need) -> None:
    """Accept a request whose query carries a SAS that is genuine, in force and good for ``need``.

    :raises ServiceError: AuthenticationFailed, or the Authorization...Mismatch of what it is not good for.
    """
    is_account = "ss" in query or "srt" in query
    texts = [_account_text(query, access)] if is_account else _service_texts(query, access)
    signature = query.get("sig", "").encode()
    secret = b64decode(access.key)
    if not any(
        hmac.compare_digest(b64encode(hmac.digest(secret, text.encode("utf-8", "replace"), "sha256")), signature)
        for text in texts
    ):
        raise _failed(f"Signature did not match. String to sign used was {_one_line(texts[0])}")
    policy = None if is_account else _policy(query, access)
    _check_time(
        query.get("st", "") or (policy.start if policy else ""),
        query.get("se", "") or (policy.expiry if policy else ""),
    )
    _check_origin(query, access)
    if is_account:
        if "f" not in query.get("ss", ""):
            raise ServiceError("AuthorizationServiceMismatch")
        if not set(need.level) & set(query.get("srt", "")):
            raise ServiceError("AuthorizationResourceTypeMismatch")
    elif need.account_only or (query.get("sr") == "f" and need.level != "o"):
        raise ServiceError(
            "AuthorizationResourceTypeMismatch" if not need.account_only else "AuthorizationPermissionMismatch"
        )
    if not set(need.letters) & set(query.get("sp", "") or (policy.permission if policy else "")):
        raise ServiceError("AuthorizationPermissionMismatch")


def _account_text(query: dict[str, str], access: Access) -> str:
    fields = [access.account, *(query.get(name, "") for name in ("sp", "ss", "srt", "st", "se", "sip", "spr", "sv"))]
    if query.get("sv", "") >= "2020-12-06":
        fields.append(query.get("ses", ""))
    return "\n".join(fields) + "\n"


def _service_texts(query: dict[str, str], access: Access) -> list[str]:
    """Return the string to sign, without and with the two lines that some clients insert after the version."""
    kind = query.get("sr", "")
    if kind not in ("s", "f"):
        raise _failed("sr is mandatory and must be s or f.")
    resource = f"/file/{access.account}/{access.share}" + (f"/{access.path}" if kind == "f" else "")
    head = [query.get(name, "") for name in ("sp", "st", "se")]
    middle = [query.get(name, "") for name in ("si", "sip", "spr", "sv")]
    tail = [query.get(name, "") for name in _OVERRIDES]
    return [
        "\n".join([*head, resource, *middle, *tail]),
        "\n".join([*head, resource, *middle, kind, query.get("sharesnapshot", ""), *tail]),
    ]


def _policy(query: dict[str, str], access: Access) -> SharePolicy | None:
    wanted = query.get("si", "")
    if not wanted:
        return None
    for policy in access.policies:
        if policy.id == wanted:
            return policy
    raise _failed(f"Access policy '{printable(wanted)}' not found.")


def _check_time(start: str, expiry: str) -> None:
    now = now_ticks()
    begins, ends = parse_iso(start) if start else 0, parse_iso(expiry)
    if begins is None or ends is None or not begins <= now < ends:
        raise _failed(
            "Signature not valid in the specified time frame:"
            f" Start [{printable(start)}] - Expiry [{printable(expiry)}] - Current [{iso(now)}]"
        )


def _check_origin(query: dict[str, str], access: Access) -> None:
    if query.get("spr", "") == "https" and not access.is_tls:
        raise ServiceError("AuthorizationProtocolMismatch")
    allowed = query.get("sip", "")
    if not allowed:
        return
    low, _, high = allowed.partition("-")
    try:
        peer = ip_address(access.peer_ip)
        inside = int(ip_address(low)) <= int(peer) <= int(ip_address(high or low))
    except ValueError:
        inside = False
    if not inside:
        raise ServiceError(
            "AuthorizationSourceIPMismatch",
            message=f"This request is not authorized to perform this operation using this source IP {access.peer_ip}.",
        )


def _failed(detail: str) -> ServiceError:
    return ServiceError("AuthenticationFailed", AuthenticationErrorDetail=detail)


def _one_line(text: str) -> str:
    return "\\n".join(printable(line) for line in text.split("\n"))
