"""Stored access policies of a share, which service SAS can refer to."""

from dataclasses import replace
from xml.sax.saxutils import escape

from localdev.files_emulator.call import Call, changed_headers, xml
from localdev.files_emulator.errors import ServiceError
from localdev.files_emulator.lease_guard import guard_share
from localdev.files_emulator.messages import Reply
from localdev.files_emulator.request_xml import Node, checked, parse
from localdev.files_emulator.share import SharePolicy
from localdev.files_emulator.times import iso, parse_iso

MAX_POLICIES = 5
MAX_ID_CHARS = 64
PERMISSIONS = "rcwdl"


def share_get_access_policy(call: Call) -> Reply:
    """Return the share's policies."""
    share = call.writable_share()
    guard_share(call, share)
    return xml(
        "<SignedIdentifiers>" + "".join(map(_policy_xml, share.policies)) + "</SignedIdentifiers>",
        *changed_headers(share.properties.modified),
    )


def share_set_access_policy(call: Call) -> Reply:
    """Replace the share's policies, five at most."""
    share = call.writable_share()
    guard_share(call, share)
    policies = _parse(call.request.body)
    share.policies = policies
    share.describe(replace(share.properties, modified=call.account.clock.tick()))
    return Reply(200, changed_headers(share.properties.modified))


def _policy_xml(policy: SharePolicy) -> str:
    fields = (("Start", policy.start), ("Expiry", policy.expiry), ("Permission", policy.permission))
    inner = "".join(f"<{tag}>{escape(text)}</{tag}>" for tag, text in fields if text)
    return f"<SignedIdentifier><Id>{escape(policy.id)}</Id><AccessPolicy>{inner}</AccessPolicy></SignedIdentifier>"


def _parse(body: bytes) -> tuple[SharePolicy, ...]:
    if not body:
        return ()
    root = parse(body, "SignedIdentifiers")
    checked(root, _SIGNED_IDENTIFIERS)
    found = []
    for item in root:
        start, expiry, permission = (
            (item.findtext(f"AccessPolicy/{tag}") or "").strip() for tag in ("Start", "Expiry", "Permission")
        )
        found.append(SharePolicy((item.findtext("Id") or "").strip(), _normal(start), _normal(expiry), permission))
    if len({policy.id for policy in found}) < len(found):
        raise ServiceError("InvalidXmlDocument", XmlNodeName="Id")
    return tuple(found)


def _is_time(text: str) -> bool:
    return not text or parse_iso(text) is not None


def _normal(time: str) -> str:
    """Return a time as the service spells it, however short it was sent."""
    ticks = parse_iso(time)
    return "" if ticks is None else iso(ticks)


_TIME = Node(_is_time)
_POLICY = Node(
    children={"Start": _TIME, "Expiry": _TIME, "Permission": Node(lambda text: set(text) <= set(PERMISSIONS))}
)
_SIGNED_IDENTIFIERS = Node(
    children={
        "SignedIdentifier": Node(
            children={
                "Id": Node(lambda text: 0 < len(text) <= MAX_ID_CHARS, required=True),
                "AccessPolicy": _POLICY,
            },
            most=MAX_POLICIES,
        )
    }
)
