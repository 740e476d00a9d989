"""Operations on the account: list its shares, describe and set the service."""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from localdev.files_emulator import service_properties
from localdev.files_emulator.call import Call, xml
from localdev.files_emulator.errors import bad_query
from localdev.files_emulator.lease_guard import lease_headers
from localdev.files_emulator.messages import Reply
from localdev.files_emulator.retention import remaining_days
from localdev.files_emulator.share import SHARE_ITSELF, Share, ShareProperties, Snapshot
from localdev.files_emulator.share_headers import property_headers
from localdev.files_emulator.times import etag, now_ticks, rfc1123

MAX_PAGE_SHARES = 5_000
_INCLUDES = ("snapshots", "metadata", "deleted")

#: Header -> element of List Shares, in the order of the elements; protocols and what follows only where it says more
#: than that this is a plain SMB share.
_ELEMENTS = (
    ("x-ms-lease-status", "LeaseStatus"),
    ("x-ms-lease-state", "LeaseState"),
    ("x-ms-lease-duration", "LeaseDuration"),
    ("x-ms-share-quota", "Quota"),
    ("x-ms-share-provisioned-iops", "ProvisionedIops"),
    ("x-ms-share-provisioned-ingress-mbps", "ProvisionedIngressMBps"),
    ("x-ms-share-provisioned-egress-mbps", "ProvisionedEgressMBps"),
    ("x-ms-share-provisioned-bandwidth-mibps", "ProvisionedBandwidthMiBps"),
    ("x-ms-share-next-allowed-quota-downgrade-time", "NextAllowedQuotaDowngradeTime"),
    ("x-ms-access-tier", "AccessTier"),
    ("x-ms-access-tier-change-time", "AccessTierChangeTime"),
    ("x-ms-enabled-protocols", "EnabledProtocols"),
    ("x-ms-root-squash", "RootSquash"),
    ("x-ms-enable-snapshot-virtual-directory-access", "EnableSnapshotVirtualDirectoryAccess"),
    ("x-ms-share-paid-bursting-enabled", "PaidBurstingEnabled"),
    ("x-ms-share-paid-bursting-max-iops", "PaidBurstingMaxIops"),
    ("x-ms-share-paid-bursting-max-bandwidth-mibps", "PaidBurstingMaxBandwidthMibps"),
    ("x-ms-share-included-burst-iops", "IncludedBurstIops"),
    ("x-ms-share-max-burst-credits-for-iops", "MaxBurstCreditsForIops"),
    ("x-ms-share-next-allowed-provisioned-iops-downgrade-time", "NextAllowedProvisionedIopsDowngradeTime"),
    ("x-ms-share-next-allowed-provisioned-bandwidth-downgrade-time", "NextAllowedProvisionedBandwidthDowngradeTime"),
    ("x-ms-enable-smb-directory-lease", "EnableSmbDirectoryLease"),
)

Position = tuple[str, str]  # name, and what sorts the entries of one name


@dataclass(frozen=True, slots=True)
class _Listed:
    """One entry: a share, or one of its snapshots."""

    position: Position
    share: Share
    snapshot: Snapshot | None = None


def service_list_shares(call: Call) -> Reply:
    """List one page of shares in name order: the snapshots of a share (oldest first), it, deleted ones of its name."""
    query = call.query
    include = {word.strip().lower() for word in query.get("include", "").split(",") if word.strip()}
    if not include <= set(_INCLUDES):
        raise bad_query("include", query["include"])
    size = call.number("maxresults", MAX_PAGE_SHARES, 1, MAX_PAGE_SHARES)
    prefix, marker = query.get("prefix", ""), query.get("marker", "")
    after = _position(marker)
    found = (item for item in _listed(call, include) if item.position[0].startswith(prefix) and item.position >= after)
    entries = sorted(found, key=lambda item: item.position)
    body = "".join(_entry(item, with_metadata="metadata" in include) for item in entries[:size])
    head = f"<EnumerationResults ServiceEndpoint={quoteattr(call.endpoint)}>"
    if prefix:
        head += f"<Prefix>{escape(prefix)}</Prefix>"
    if marker:
        head += f"<Marker>{escape(marker)}</Marker>"
    if "maxresults" in query:
        head += f"<MaxResults>{size}</MaxResults>"
    tail = f"<NextMarker>{_marker(entries[size].position)}</NextMarker>" if len(entries) > size else "<NextMarker />"
    return xml(f"{head}<Shares>{body}</Shares>{tail}</EnumerationResults>")


def _listed(call: Call, include: set[str]) -> Iterator[_Listed]:
    """Yield everything there is to list; "~" sorts behind every snapshot id."""
    for name, share in call.account.shares.items():
        if "snapshots" in include:
            yield from (_Listed((name, id_), share, snapshot) for id_, snapshot in share.snapshots.items())
        yield _Listed((name, "~"), share)
    if "deleted" in include:
        for share, deletion in call.account.deleted.all(now_ticks()):
            yield _Listed((share.name, f"~{deletion.version}"), share)


def _entry(item: _Listed, *, with_metadata: bool) -> str:
    share, snapshot = item.share, item.snapshot
    properties, holder = (share.properties, SHARE_ITSELF) if snapshot is None else (snapshot.properties, snapshot.id)
    text = f"<Share><Name>{share.name}</Name>"
    if snapshot is not None:
        text += f"<Snapshot>{snapshot.id}</Snapshot>"
    if share.deletion is not None:
        text += f"<Deleted>true</Deleted><Version>{share.deletion.version}</Version>"
    headers = dict([*lease_headers(share, holder), *_told(properties)])
    inner = "".join(f"<{tag}>{headers[name]}</{tag}>" for name, tag in _ELEMENTS if name in headers)
    text += (
        f"<Properties><Last-Modified>{rfc1123(properties.modified)}</Last-Modified>"
        f"<Etag>{etag(properties.modified)}</Etag>{inner}"
        "<DefaultEncryptionScope>$account-encryption-key</DefaultEncryptionScope>"
        "<DenyEncryptionScopeOverride>false</DenyEncryptionScopeOverride>"
    )
    if share.deletion is not None:
        left = remaining_days(share.deletion, now_ticks())
        text += f"<DeletedTime>{rfc1123(share.deletion.at)}</DeletedTime>"
        text += f"<RemainingRetentionDays>{left}</RemainingRetentionDays>"
    text += "</Properties>"
    if with_metadata:
        pairs = "".join(f"<{key}>{escape(_text(value))}</{key}>" for key, value in properties.metadata)
        text += f"<Metadata>{pairs}</Metadata>" if pairs else "<Metadata />"
    return f"{text}</Share>"


def _told(properties: ShareProperties) -> list[tuple[str, str]]:
    return [pair for pair in property_headers(properties) if pair != ("x-ms-enabled-protocols", "SMB")]


def _text(value: str) -> str:
    """Return header text, which is bytes spelled as Latin-1, as the characters it means."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def _marker(position: Position) -> str:
    return b64encode(" ".join(position).encode()).decode()


def _position(marker: str) -> Position:
    if not marker:
        return "", ""
    try:
        name, _, rest = b64decode(marker, validate=True).decode().partition(" ")
    except (Base64Error, ValueError):
        raise bad_query("marker", marker) from None
    return name, rest


def service_get_properties(call: Call) -> Reply:
    """Describe the service."""
    settings = service_properties.written(call.account.service)
    return xml(f"<StorageServiceProperties>{settings}</StorageServiceProperties>")


def service_set_properties(call: Call) -> Reply:
    """Change the settings of the service; what the request does not mention stays."""
    call.account.set_service(service_properties.read(call.request.body, call.account.service))
    return Reply(202)
