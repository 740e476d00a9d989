"""Operations on the account: list its shares, describe the service."""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from xml.sax.saxutils import escape, quoteattr

from localdev.files_emulator.call import Call, xml
from localdev.files_emulator.errors import bad_query
from localdev.files_emulator.messages import Reply
from localdev.files_emulator.share import ShareProperties
from localdev.files_emulator.times import etag, rfc1123

MAX_PAGE_SHARES = 5_000
_INCLUDES = ("snapshots", "metadata", "deleted")


def service_list_shares(call: Call) -> Reply:
    """List one page of shares in name order, the snapshots of a share (oldest first) before it."""
    query = call.query
    include = [word.strip().lower() for word in query.get("include", "").split(",") if word.strip()]
    if any(word not in _INCLUDES for word in include):
        raise bad_query("include", query["include"])
    size = call.number("maxresults", MAX_PAGE_SHARES, 1, MAX_PAGE_SHARES)
    prefix, marker = query.get("prefix", ""), query.get("marker", "")
    after = _position(marker)
    # A share comes after its snapshots: as a snapshot id "~" sorts behind every time.
    entries: list[tuple[tuple[str, str], ShareProperties]] = []
    for name in sorted(call.account.shares):
        if name.startswith(prefix):
            share = call.account.shares[name]
            if "snapshots" in include:
                entries += [((name, id_), share.snapshots[id_].properties) for id_ in sorted(share.snapshots)]
            entries.append(((name, "~"), share.properties))
    entries = [entry for entry in entries if entry[0] >= after]
    body = "".join(_entry(*entry, with_metadata="metadata" in include) for entry in entries[:size])
    head = f"<EnumerationResults ServiceEndpoint={quoteattr(call.endpoint)}>"
    if prefix:
        head += f"<Prefix>{escape(prefix)}</Prefix>"
    if marker:
        head += f"<Marker>{escape(marker)}</Marker>"
    if "maxresults" in query:
        head += f"<MaxResults>{size}</MaxResults>"
    tail = f"<NextMarker>{_marker(*entries[size][0])}</NextMarker>" if len(entries) > size else "<NextMarker />"
    return xml(f"{head}<Shares>{body}</Shares>{tail}</EnumerationResults>")


def _entry(position: tuple[str, str], properties: ShareProperties, *, with_metadata: bool) -> str:
    name, snapshot = position
    text = f"<Share><Name>{name}</Name>"
    if snapshot != "~":
        text += f"<Snapshot>{snapshot}</Snapshot>"
    text += (
        f"<Properties><Last-Modified>{rfc1123(properties.modified)}</Last-Modified>"
        f"<Etag>{etag(properties.modified)}</Etag><LeaseStatus>unlocked</LeaseStatus>"
        f"<LeaseState>available</LeaseState><Quota>{properties.quota_gib}</Quota>"
        f"<AccessTier>{properties.access_tier}</AccessTier>"
        f"<AccessTierChangeTime>{rfc1123(properties.tier_changed)}</AccessTierChangeTime>"
        "<DefaultEncryptionScope>$account-encryption-key</DefaultEncryptionScope>"
        "<DenyEncryptionScopeOverride>false</DenyEncryptionScopeOverride></Properties>"
    )
    if with_metadata:
        pairs = "".join(f"<{key}>{escape(_text(value))}</{key}>" for key, value in properties.metadata)
        text += f"<Metadata>{pairs}</Metadata>" if pairs else "<Metadata />"
    return f"{text}</Share>"


def _text(value: str) -> str:
    """Return header text, which is bytes spelled as Latin-1, as the characters it means."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def _marker(name: str, snapshot: str) -> str:
    return b64encode(f"{name} {snapshot}".encode()).decode()


def _position(marker: str) -> tuple[str, str]:
    if not marker:
        return "", ""
    try:
        name, _, snapshot = b64decode(marker, validate=True).decode().partition(" ")
    except (Base64Error, ValueError):
        raise bad_query("marker", marker) from None
    return name, snapshot


def service_get_properties(_call: Call) -> Reply:
    """Describe the service: nothing is switched on."""
    metrics = (
        "<Version>1.0</Version><Enabled>false</Enabled><RetentionPolicy><Enabled>false</Enabled></RetentionPolicy>"
    )
    return xml(
        f"<StorageServiceProperties><HourMetrics>{metrics}</HourMetrics><MinuteMetrics>{metrics}</MinuteMetrics><Cors />"
        "</StorageServiceProperties>"
    )
