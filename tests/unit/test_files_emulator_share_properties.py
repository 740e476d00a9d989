"""What a share is told to be, it is: quota, tier, protocol, provisioning, and what may not be."""

import json

import pytest

from localdev.files_emulator import share_headers
from localdev.files_emulator.records import properties_from, share_text
from tests.support.files_emulator import InProcess

SHARE = {"restype": "share"}
PROPERTIES = {"restype": "share", "comp": "properties"}


@pytest.fixture
def emulator():
    return InProcess()


def create(emulator, **headers):
    return emulator.send("PUT", "share", SHARE, {name.replace("_", "-"): value for name, value in headers.items()})


def change(emulator, **headers):
    return emulator.send("PUT", "share", PROPERTIES, {name.replace("_", "-"): value for name, value in headers.items()})


def described(emulator, **query):
    answer = emulator.send("GET", "share", {**SHARE, **query})
    assert answer.status == 200
    return answer.headers


def test_a_plain_share_is_pay_as_you_go(emulator):
    answer = create(emulator)
    assert answer.headers["x-ms-share-quota"] == "5120"
    assert "x-ms-share-provisioned-iops" not in answer.headers
    found = described(emulator)
    assert found["x-ms-access-tier"] == "TransactionOptimized"
    assert found["x-ms-enabled-protocols"] == "SMB"
    assert "x-ms-root-squash" not in found
    assert "x-ms-share-next-allowed-quota-downgrade-time" not in found


def test_an_nfs_share_says_who_root_is(emulator):
    assert create(emulator, x_ms_enabled_protocols="nfs").status == 201
    found = described(emulator)
    assert found["x-ms-enabled-protocols"] == "NFS"
    assert found["x-ms-root-squash"] == "NoRootSquash"
    assert found["x-ms-access-tier"] == "Premium"
    assert found["x-ms-enable-snapshot-virtual-directory-access"] == "true"
    answer = change(emulator, x_ms_root_squash="allsquash", x_ms_enable_snapshot_virtual_directory_access="False")
    assert answer.status == 200
    found = described(emulator)
    assert found["x-ms-root-squash"] == "AllSquash"
    assert found["x-ms-enable-snapshot-virtual-directory-access"] == "false"


def test_a_premium_share_is_promised_what_its_size_earns(emulator):
    answer = create(emulator, x_ms_access_tier="premium", x_ms_share_quota="1024")
    assert answer.headers["x-ms-share-provisioned-iops"] == "4024"
    assert answer.headers["x-ms-share-included-burst-iops"] == "10000"
    assert answer.headers["x-ms-share-max-burst-credits-for-iops"] == str((10_000 - 4_024) * 3_600)
    found = described(emulator)
    assert found["x-ms-share-provisioned-ingress-mbps"] == "81"
    assert found["x-ms-share-provisioned-egress-mbps"] == "122"
    assert found["x-ms-share-provisioned-bandwidth-mibps"] == "203"
    assert found["x-ms-share-paid-bursting-enabled"] == "false"


def test_paid_bursting_has_limits_only_while_it_is_on(emulator):
    assert create(emulator, x_ms_share_paid_bursting_enabled="true").status == 201
    found = described(emulator)
    assert found["x-ms-access-tier"] == "Premium"
    assert found["x-ms-share-paid-bursting-max-iops"] == "102400"
    assert found["x-ms-share-paid-bursting-max-bandwidth-mibps"] == "10340"
    assert change(emulator, x_ms_share_paid_bursting_max_iops="20000").status == 200
    assert described(emulator)["x-ms-share-paid-bursting-max-iops"] == "20000"
    assert change(emulator, x_ms_share_paid_bursting_enabled="false").status == 200
    assert "x-ms-share-paid-bursting-max-iops" not in described(emulator)


def test_what_is_provisioned_is_kept_and_the_rest_recommended(emulator):
    answer = create(emulator, x_ms_share_provisioned_iops="2000", x_ms_share_quota="1000")
    assert answer.headers["x-ms-share-provisioned-iops"] == "2000"
    assert answer.headers["x-ms-share-provisioned-bandwidth-mibps"] == "80"
    assert answer.headers["x-ms-share-included-burst-iops"] == "6000"
    answer = change(emulator, x_ms_share_provisioned_bandwidth_mibps="90")
    assert answer.headers["x-ms-share-provisioned-bandwidth-mibps"] == "90"
    assert "x-ms-share-next-allowed-provisioned-bandwidth-downgrade-time" in answer.headers


@pytest.mark.parametrize(
    ("made", "header", "value", "code"),
    [
        ({"x_ms_share_quota": "200", "x_ms_access_tier": "Premium"}, "x-ms-share-quota", "100", "ContainerQuota"),
        ({"x_ms_share_provisioned_iops": "900"}, "x-ms-share-provisioned-iops", "800", "FileShareProvisionedIops"),
        (
            {"x_ms_share_provisioned_bandwidth_mibps": "90"},
            "x-ms-share-provisioned-bandwidth-mibps",
            "80",
            "FileShareProvisionedBandwidth",
        ),
    ],
)
def test_what_grew_may_shrink_a_day_later(emulator, made, header, value, code):
    create(emulator, **made)
    before = described(emulator)
    answer = emulator.send("PUT", "share", PROPERTIES, {header: value})
    assert (answer.status, answer.code) == (409, f"{code}DowngradeNotAllowed")
    assert header.encode() in answer.body
    assert described(emulator)[header] == before[header]
    share = emulator.account.shares["share"]
    later = share.properties.quota_raised + share_headers.DOWNGRADE_TICKS
    after = share_headers.changed({header: value}, share.properties, later)
    assert (header, value) in share_headers.answer_headers(after)


def test_a_pay_as_you_go_share_shrinks_at_will(emulator):
    create(emulator, x_ms_share_quota="10")
    assert change(emulator, x_ms_share_quota="1").status == 200
    assert described(emulator)["x-ms-share-quota"] == "1"


def test_the_tier_changes_its_time_only_when_it_changes(emulator):
    create(emulator)
    share = emulator.account.shares["share"]
    first = share.properties.tier_changed
    assert change(emulator, x_ms_access_tier="TransactionOptimized").status == 200
    assert share.properties.tier_changed == first
    assert change(emulator, x_ms_access_tier="cool").status == 200
    assert share.properties.access_tier == "Cool"
    assert share.properties.tier_changed > first


@pytest.mark.parametrize(
    ("made", "header", "value", "code"),
    [
        ({}, "x-ms-share-quota", "0", "InvalidHeaderValue"),
        ({}, "x-ms-share-quota", "102401", "InvalidHeaderValue"),
        ({}, "x-ms-share-quota", "five", "InvalidHeaderValue"),
        ({}, "x-ms-access-tier", "Warm", "InvalidHeaderValue"),
        ({}, "x-ms-access-tier", "Premium", "InvalidHeaderValue"),
        ({}, "x-ms-root-squash", "RootSquash", "InvalidHeaderValue"),
        ({}, "x-ms-enable-snapshot-virtual-directory-access", "true", "InvalidHeaderValue"),
        ({}, "x-ms-share-paid-bursting-enabled", "true", "InvalidHeaderValue"),
        ({}, "x-ms-share-provisioned-iops", "499", "FileShareProvisionedIopsInvalid"),
        ({}, "x-ms-share-provisioned-bandwidth-mibps", "5121", "FileShareProvisionedBandwidthInvalid"),
        ({"x_ms_access_tier": "Premium"}, "x-ms-share-quota", "99", "FileShareProvisionedStorageInvalid"),
        ({"x_ms_access_tier": "Premium"}, "x-ms-access-tier", "Hot", "InvalidHeaderValue"),
        ({"x_ms_access_tier": "Premium"}, "x-ms-share-paid-bursting-max-iops", "5", "InvalidHeaderValue"),
        ({"x_ms_enabled_protocols": "NFS"}, "x-ms-enable-smb-directory-lease", "true", "InvalidHeaderValue"),
        ({"x_ms_enabled_protocols": "NFS"}, "x-ms-root-squash", "yes", "InvalidHeaderValue"),
    ],
)
def test_a_refused_property_is_named_and_changes_nothing(emulator, made, header, value, code):
    assert create(emulator, **made).status == 201
    before = emulator.account.shares["share"].properties
    answer = emulator.send("PUT", "share", PROPERTIES, {header: value})
    assert (answer.status, answer.code) == (400, code)
    assert f"<HeaderName>{header}</HeaderName>".encode() in answer.body
    assert emulator.account.shares["share"].properties == before


def test_a_protocol_that_does_not_exist_is_refused(emulator):
    answer = create(emulator, x_ms_enabled_protocols="FTP")
    assert (answer.status, answer.code) == (400, "InvalidHeaderValue")
    assert emulator.account.shares == {}


def test_a_snapshot_keeps_the_properties_of_its_time(emulator):
    create(emulator, x_ms_access_tier="Hot", x_ms_enable_smb_directory_lease="true", x_ms_meta_a="1")
    snapshot = emulator.snapshot("share")
    change(emulator, x_ms_access_tier="Cool", x_ms_enable_smb_directory_lease="false")
    found = described(emulator, sharesnapshot=snapshot)
    assert found["x-ms-access-tier"] == "Hot"
    assert found["x-ms-enable-smb-directory-lease"] == "true"
    assert found["x-ms-meta-a"] == "1"
    assert described(emulator)["x-ms-enable-smb-directory-lease"] == "false"


def test_every_property_survives_being_written_down(emulator):
    create(emulator, x_ms_enabled_protocols="NFS", x_ms_share_paid_bursting_enabled="true", x_ms_meta_a="1")
    share = emulator.account.shares["share"]
    assert properties_from(json.loads(share_text(share))["properties"]) == share.properties
