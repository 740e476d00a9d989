"""Stored access policies of a share, which service SAS can refer to."""

from xml.etree import ElementTree
from xml.sax.saxutils import escape

from localdev.files_emulator.call import Call, changed_headers, xml
from localdev.files_emulator.errors import ServiceError
from localdev.files_emulator.lease_guard import guard_share
from localdev.files_emulator.messages import Reply
from localdev.files_emulator.share import SharePolicy

MAX_POLICIES = 5
MAX_ID_CHARS = 64
_MAX_BODY_BYTES = 64 * 1024


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
    share.describe(share.properties)
    return Reply(200, changed_headers(share.properties.modified))


def _policy_xml(policy: SharePolicy) -> str:
    fields = (("Start", policy.start), ("Expiry", policy.expiry), ("Permission", policy.permission))
    inner = "".join(f"<{tag}>{escape(text)}</{tag}>" for tag, text in fields if text)
    return f"<SignedIdentifier><Id>{escape(policy.id)}</Id><AccessPolicy>{inner}</AccessPolicy></SignedIdentifier>"


def _parse(body: bytes) -> tuple[SharePolicy, ...]:
    if not body:
        return ()
    if len(body) > _MAX_BODY_BYTES or b"<!" in body:  # no document types: entities could make little input much
        raise ServiceError("InvalidXmlDocument")
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - refused above if it could expand
    except (ElementTree.ParseError, LookupError, ValueError):
        raise ServiceError("InvalidXmlDocument") from None
    found = []
    for item in root.findall("SignedIdentifier"):
        id_ = item.findtext("Id") or ""
        start, expiry, permission = (
            item.findtext(f"AccessPolicy/{tag}") or "" for tag in ("Start", "Expiry", "Permission")
        )
        if not 0 < len(id_) <= MAX_ID_CHARS or not set(permission) <= set("rcwdl"):
            raise ServiceError("InvalidXmlNodeValue")
        found.append(SharePolicy(id_, start, expiry, permission))
    if (
        root.tag != "SignedIdentifiers"
        or len(found) > MAX_POLICIES
        or len({policy.id for policy in found}) < len(found)
    ):
        raise ServiceError("InvalidXmlDocument")
    return tuple(found)
