"""The properties of a share as request headers ask for them, and as response headers tell them."""

from collections.abc import Mapping
from dataclasses import replace

from localdev.files_emulator.errors import ServiceError, bad_header
from localdev.files_emulator.provisioning import (
    MAX_SSD_IOPS,
    MAX_SSD_MIBPS,
    PREMIUM,
    Promise,
    iops_limits,
    mibps_limits,
    promise,
    recommended,
    size_limits_gib,
)
from localdev.files_emulator.share import NFS, SMB, ShareProperties
from localdev.files_emulator.times import TICKS_PER_SECOND, rfc1123

ACCESS_TIERS = ("TransactionOptimized", "Hot", "Cool", PREMIUM)
ROOT_SQUASH = ("NoRootSquash", "RootSquash", "AllSquash")

#: What is provisioned may shrink again only this long after it last grew.
DOWNGRADE_TICKS = 24 * 3600 * TICKS_PER_SECOND

_QUOTA, _TIER, _PROTOCOLS = "x-ms-share-quota", "x-ms-access-tier", "x-ms-enabled-protocols"
_SQUASH, _SNAPSHOT_DIRECTORY = "x-ms-root-squash", "x-ms-enable-snapshot-virtual-directory-access"
_DIRECTORY_LEASE = "x-ms-enable-smb-directory-lease"
_BURSTING = "x-ms-share-paid-bursting-enabled"
_BURSTING_IOPS, _BURSTING_MIBPS = "x-ms-share-paid-bursting-max-iops", "x-ms-share-paid-bursting-max-bandwidth-mibps"
_IOPS, _MIBPS = "x-ms-share-provisioned-iops", "x-ms-share-provisioned-bandwidth-mibps"

Headers = list[tuple[str, str]]


def created(headers: Mapping[str, str], now: int) -> ShareProperties:
    """Return the properties a new share is to have, except its metadata.

    :raises ServiceError: naming the header at fault.
    """
    protocol = headers.get(_PROTOCOLS, SMB).upper()
    if protocol not in (SMB, NFS):
        raise bad_header(_PROTOCOLS, headers[_PROTOCOLS])
    before = ShareProperties(protocol=protocol, tier_changed=now, quota_raised=now, iops_raised=now, mibps_raised=now)
    if protocol == NFS:
        before = replace(before, root_squash=ROOT_SQUASH[0])
    if protocol == NFS or headers.get(_BURSTING, "").lower() == "true":  # there is no such thing on other media
        before = replace(before, access_tier=PREMIUM)
    return _changed(headers, before, now, creating=True)


def changed(headers: Mapping[str, str], before: ShareProperties, now: int) -> ShareProperties:
    """Return what ``before`` becomes; what no header mentions stays.

    :raises ServiceError: naming the header at fault.
    """
    return _changed(headers, before, now, creating=False)


def _changed(headers: Mapping[str, str], before: ShareProperties, now: int, *, creating: bool) -> ShareProperties:
    after = _tiered(headers, before, now, creating=creating)
    after = _provisioned(headers, after, now, creating=creating)
    after = _bursting(headers, after)
    if _SQUASH in headers:
        after = replace(after, root_squash=_one_of(headers, _SQUASH, ROOT_SQUASH))
        _only(NFS, after, _SQUASH, headers)
    if _SNAPSHOT_DIRECTORY in headers:
        after = replace(after, snapshot_directory=_flag(headers, _SNAPSHOT_DIRECTORY))
        _only(NFS, after, _SNAPSHOT_DIRECTORY, headers)
    if _DIRECTORY_LEASE in headers:
        after = replace(after, directory_lease=_flag(headers, _DIRECTORY_LEASE))
        _only(SMB, after, _DIRECTORY_LEASE, headers)
    return after


def _tiered(headers: Mapping[str, str], before: ShareProperties, now: int, *, creating: bool) -> ShareProperties:
    if _TIER not in headers:
        return before
    tier = _one_of(headers, _TIER, ACCESS_TIERS)
    if tier == before.access_tier:
        return before
    if (before.protocol == NFS or not creating) and PREMIUM in (tier, before.access_tier):
        raise bad_header(_TIER, headers[_TIER])  # the media of a share are for life
    return replace(before, access_tier=tier, tier_changed=now)


def _provisioned(headers: Mapping[str, str], before: ShareProperties, now: int, *, creating: bool) -> ShareProperties:
    """Set quota, IOPS and throughput within their limits, and not below what they were a day ago."""
    tier = before.access_tier
    is_v2 = bool(before.provisioned_iops) or _IOPS in headers or _MIBPS in headers
    low, high = size_limits_gib(tier, is_v2=is_v2)
    quota = _number(headers, _QUOTA, before.quota_gib)
    if not low <= quota <= high:
        if is_v2 or tier == PREMIUM:
            raise ServiceError("FileShareProvisionedStorageInvalid", HeaderName=_QUOTA, HeaderValue=str(quota))
        raise bad_header(_QUOTA, headers.get(_QUOTA, str(quota)))
    after = replace(before, quota_gib=quota)
    if is_v2:
        usual_iops, usual_mibps = recommended(tier, quota)
        iops = _number(headers, _IOPS, before.provisioned_iops or usual_iops)
        mibps = _number(headers, _MIBPS, before.provisioned_mibps or usual_mibps)
        for name, value, (least, most), code in (
            (_IOPS, iops, iops_limits(tier), "FileShareProvisionedIopsInvalid"),
            (_MIBPS, mibps, mibps_limits(tier), "FileShareProvisionedBandwidthInvalid"),
        ):
            if not least <= value <= most:
                raise ServiceError(code, HeaderName=name, HeaderValue=str(value))
        after = replace(after, provisioned_iops=iops, provisioned_mibps=mibps)
    return after if creating else _downgraded(before, after, now)


def _downgraded(before: ShareProperties, after: ShareProperties, now: int) -> ShareProperties:
    """Refuse what shrinks too soon, note the time of what grows."""
    if promised(before) is not None and after.quota_gib < before.quota_gib:
        _refuse_before(before.quota_raised, now, "ContainerQuotaDowngradeNotAllowed", _QUOTA)
    if after.provisioned_iops < before.provisioned_iops:
        _refuse_before(before.iops_raised, now, "FileShareProvisionedIopsDowngradeNotAllowed", _IOPS)
    if after.provisioned_mibps < before.provisioned_mibps:
        _refuse_before(before.mibps_raised, now, "FileShareProvisionedBandwidthDowngradeNotAllowed", _MIBPS)
    return replace(
        after,
        quota_raised=now if after.quota_gib > before.quota_gib else before.quota_raised,
        iops_raised=now if after.provisioned_iops > before.provisioned_iops else before.iops_raised,
        mibps_raised=now if after.provisioned_mibps > before.provisioned_mibps else before.mibps_raised,
    )


def _refuse_before(raised: int, now: int, code: str, header: str) -> None:
    if now < raised + DOWNGRADE_TICKS:
        raise ServiceError(code, HeaderName=header)


def _bursting(headers: Mapping[str, str], before: ShareProperties) -> ShareProperties:
    if not {_BURSTING, _BURSTING_IOPS, _BURSTING_MIBPS} & headers.keys():
        return before
    enabled = _flag(headers, _BURSTING) if _BURSTING in headers else before.paid_bursting
    iops = _number(headers, _BURSTING_IOPS, before.paid_bursting_iops or MAX_SSD_IOPS)
    mibps = _number(headers, _BURSTING_MIBPS, before.paid_bursting_mibps or MAX_SSD_MIBPS)
    for name, value, most in ((_BURSTING_IOPS, iops, MAX_SSD_IOPS), (_BURSTING_MIBPS, mibps, MAX_SSD_MIBPS)):
        if not 0 < value <= most or (name in headers and not enabled):
            raise bad_header(name, str(value))
    if enabled and (before.access_tier != PREMIUM or before.provisioned_iops):
        raise bad_header(_BURSTING, headers.get(_BURSTING, "true"))
    limits = (iops, mibps) if enabled else (0, 0)
    return replace(before, paid_bursting=enabled, paid_bursting_iops=limits[0], paid_bursting_mibps=limits[1])


def _only(protocol: str, properties: ShareProperties, name: str, headers: Mapping[str, str]) -> None:
    if properties.protocol != protocol:
        raise bad_header(name, headers[name])


def _one_of(headers: Mapping[str, str], name: str, words: tuple[str, ...]) -> str:
    found = next((word for word in words if word.lower() == headers[name].lower()), None)
    if found is None:
        raise bad_header(name, headers[name])
    return found


def _flag(headers: Mapping[str, str], name: str) -> bool:
    return _one_of(headers, name, ("true", "false")) == "true"


def _number(headers: Mapping[str, str], name: str, default: int) -> int:
    text = headers.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise bad_header(name, text)
    return int(text)


def promised(p: ShareProperties) -> Promise | None:
    """Return what a provisioned share is promised, ``None`` if it is pay as you go."""
    return promise(p.access_tier, p.quota_gib, p.provisioned_iops, p.provisioned_mibps)


def answer_headers(p: ShareProperties) -> Headers:
    """Return what the answer to a change tells besides ETag and Last-Modified."""
    found: Headers = [(_QUOTA, str(p.quota_gib))]
    promise_ = promised(p)
    if promise_ is not None:
        found += [
            (_IOPS, str(promise_.iops)),
            (_MIBPS, str(promise_.mibps)),
            ("x-ms-share-included-burst-iops", str(promise_.burst_iops)),
            ("x-ms-share-max-burst-credits-for-iops", str(promise_.burst_credits)),
        ]
    return found


def downgrade_headers(p: ShareProperties) -> Headers:
    """Return the headers that say when what is provisioned may shrink."""
    found: Headers = []
    if promised(p) is not None:
        found.append(("x-ms-share-next-allowed-quota-downgrade-time", rfc1123(p.quota_raised + DOWNGRADE_TICKS)))
    if p.provisioned_iops:
        found += [
            ("x-ms-share-next-allowed-provisioned-iops-downgrade-time", rfc1123(p.iops_raised + DOWNGRADE_TICKS)),
            ("x-ms-share-next-allowed-provisioned-bandwidth-downgrade-time", rfc1123(p.mibps_raised + DOWNGRADE_TICKS)),
        ]
    return found


def property_headers(p: ShareProperties) -> Headers:
    """Return the headers that describe a share, except metadata, lease and times of change."""
    promise_ = promised(p)
    found: Headers = [
        *answer_headers(p),
        *downgrade_headers(p),
        (_TIER, p.access_tier),
        ("x-ms-access-tier-change-time", rfc1123(p.tier_changed)),
        (_PROTOCOLS, p.protocol),
    ]
    if promise_ is not None and promise_.ingress_mbps:
        found.append(("x-ms-share-provisioned-ingress-mbps", str(promise_.ingress_mbps)))
        found.append(("x-ms-share-provisioned-egress-mbps", str(promise_.egress_mbps)))
    if p.protocol == NFS:
        found += [(_SQUASH, p.root_squash), (_SNAPSHOT_DIRECTORY, _word(p.snapshot_directory))]
    if p.directory_lease is not None:
        found.append((_DIRECTORY_LEASE, _word(p.directory_lease)))
    if p.access_tier == PREMIUM and not p.provisioned_iops:
        found.append((_BURSTING, _word(p.paid_bursting)))
    if p.paid_bursting:
        found.append((_BURSTING_IOPS, str(p.paid_bursting_iops)))
        found.append((_BURSTING_MIBPS, str(p.paid_bursting_mibps)))
    return found


def _word(flag: bool) -> str:
    return "true" if flag else "false"
