"""Get User Delegation Key: gives the holder of a bearer token a key to sign shared access signatures with."""

from xml.sax.saxutils import escape

from localdev.files_emulator import versions
from localdev.files_emulator.call import Call, xml
from localdev.files_emulator.delegation import SERVICE, Delegation, key_text
from localdev.files_emulator.errors import ServiceError, unauthentic
from localdev.files_emulator.messages import Reply
from localdev.files_emulator.request_xml import Node, bad_node, checked, parse
from localdev.files_emulator.times import SECONDS_PER_DAY, TICKS_PER_SECOND, iso, now_ticks, parse_iso

MAX_DAYS = 7
_CLOCK_SKEW_TICKS = 15 * 60 * TICKS_PER_SECOND
_KEY_INFO = Node(
    children={
        "Start": Node(lambda text: not text or parse_iso(text) is not None),
        "Expiry": Node(lambda text: parse_iso(text) is not None, required=True),
        "DelegatedUserTid": Node(lambda text: len(text) <= 64),
    }
)


def service_get_user_delegation_key(call: Call) -> Reply:
    """Return a key for the user of the token, for at most seven days from now; without a start it begins now."""
    token = call.grant.token
    if token is None or not token.oid or not token.tid:
        raise unauthentic("The token does not say whose it is: it needs the claims oid and tid.")
    version = call.headers.get("x-ms-version", "")
    if version < versions.USER_DELEGATION:
        raise ServiceError("InvalidHeaderValue", HeaderName="x-ms-version", HeaderValue=version)
    info = parse(call.request.body, "KeyInfo")
    checked(info, _KEY_INFO)
    start, expiry, delegated_tid = (
        (info.findtext(tag) or "").strip() for tag in ("Start", "Expiry", "DelegatedUserTid")
    )
    now = now_ticks()
    begins, ends = parse_iso(start) if start else now, parse_iso(expiry)
    latest = now + MAX_DAYS * SECONDS_PER_DAY * TICKS_PER_SECOND + _CLOCK_SKEW_TICKS
    if begins is None or begins > latest:
        raise bad_node("Start", start)
    if ends is None or ends <= max(begins, now) or ends > latest:
        raise bad_node("Expiry", expiry)
    given = Delegation(token.oid, token.tid, _spelled(begins), _spelled(ends), SERVICE, version, delegated_tid)
    fields = {
        "SignedOid": given.oid,
        "SignedTid": given.tid,
        "SignedStart": given.start,
        "SignedExpiry": given.expiry,
        "SignedService": given.service,
        "SignedVersion": given.version,
        **({"SignedDelegatedUserTid": delegated_tid} if delegated_tid else {}),
        "Value": key_text(given, call.account.key),
    }
    inner = "".join(f"<{tag}>{escape(text)}</{tag}>" for tag, text in fields.items())
    return xml(f"<UserDelegationKey>{inner}</UserDelegationKey>")


def _spelled(ticks: int) -> str:
    """Return a time to the second, as the service gives it back."""
    return f"{iso(ticks)[:19]}Z"
