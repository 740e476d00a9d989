"""The settings of the service, deleted shares that are kept for a while, and the list of all shares."""

import base64
from xml.etree import ElementTree

import pytest

from localdev.files_emulator.loading import open_account
from localdev.files_emulator.retention import TICKS_PER_DAY, remaining_days
from localdev.files_emulator.share import Deletion
from tests.support.files_emulator import InProcess

SERVICE = {"restype": "service", "comp": "properties"}
SHARE = {"restype": "share"}
KEEP = "<ShareDeleteRetentionPolicy><Enabled>true</Enabled><Days>7</Days></ShareDeleteRetentionPolicy>"
METRICS = (
    "<Version>1.0</Version><Enabled>true</Enabled><IncludeAPIs>true</IncludeAPIs>"
    "<RetentionPolicy><Enabled>true</Enabled><Days>30</Days></RetentionPolicy>"
)
RULE = (
    "<CorsRule><AllowedOrigins>https://a.example,*</AllowedOrigins><AllowedMethods>GET,PUT</AllowedMethods>"
    "<AllowedHeaders>x-ms-*</AllowedHeaders><ExposedHeaders /><MaxAgeInSeconds>60</MaxAgeInSeconds></CorsRule>"
)
SMB = "<SMB><Multichannel><Enabled>true</Enabled></Multichannel><Versions>SMB3.0;SMB3.1.1</Versions></SMB>"


@pytest.fixture
def emulator():
    return InProcess()


def configure(emulator, inner):
    body = f'<?xml version="1.0" encoding="utf-8"?><StorageServiceProperties>{inner}</StorageServiceProperties>'
    return emulator.send("PUT", "", SERVICE, {}, body.encode())


def settings_of(emulator):
    text = emulator.get("", SERVICE).body.decode("utf-8-sig")
    return text[text.index("<StorageServiceProperties>") + 26 : text.index("</StorageServiceProperties>")]


def test_what_is_set_is_told_and_what_is_not_mentioned_stays(emulator):
    defaults = settings_of(emulator)
    assert "<Cors />" in defaults
    assert configure(emulator, f"<HourMetrics>{METRICS}</HourMetrics><Cors>{RULE}</Cors>").status == 202
    assert configure(emulator, f"{KEEP}<ProtocolSettings>{SMB}</ProtocolSettings>").status == 202
    found = settings_of(emulator)
    for part in (f"<HourMetrics>{METRICS}</HourMetrics>", f"<Cors>{RULE}</Cors>", KEEP, SMB):
        assert part in found
    assert "<MinuteMetrics><Version>1.0</Version><Enabled>false</Enabled>" in found
    assert configure(emulator, "<Cors />").status == 202
    assert "<Cors />" in settings_of(emulator)
    assert KEEP in settings_of(emulator)


@pytest.mark.parametrize(
    ("inner", "code", "node"),
    [
        ("<HourMetrics", "InvalidXmlDocument", ""),
        ("<Logging />", "UnsupportedXmlNode", "Logging"),
        ("<HourMetrics><Enabled>false</Enabled></HourMetrics>", "MissingRequiredXmlNode", "Version"),
        (f"<HourMetrics>{METRICS.replace('1.0', '2.0')}</HourMetrics>", "InvalidXmlNodeValue", "Version"),
        (f"<HourMetrics>{METRICS.replace('30', '366')}</HourMetrics>", "InvalidXmlNodeValue", "Days"),
        (f"<HourMetrics>{METRICS.replace('<Days>30</Days>', '')}</HourMetrics>", "MissingRequiredXmlNode", "Days"),
        (KEEP.replace("true", "maybe"), "InvalidXmlNodeValue", "Enabled"),
        (KEEP.replace("7", "0"), "InvalidXmlNodeValue", "Days"),
        (KEEP + KEEP, "InvalidXmlDocument", "ShareDeleteRetentionPolicy"),
        (f"<Cors>{RULE * 6}</Cors>", "InvalidXmlDocument", "CorsRule"),
        (f"<Cors>{RULE.replace('GET', 'TRACE')}</Cors>", "InvalidXmlNodeValue", "AllowedMethods"),
        (f"<Cors>{RULE.replace('60', '-1')}</Cors>", "InvalidXmlNodeValue", "MaxAgeInSeconds"),
        (
            f"<ProtocolSettings>{SMB.replace('SMB3.0', 'SMB1')}</ProtocolSettings>",
            "InvalidXmlNodeValue",
            "Versions",
        ),
        ("<Cors><CorsRule>text</CorsRule></Cors>", "MissingRequiredXmlNode", "AllowedOrigins"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(emulator, inner, code, node):
    before = settings_of(emulator)
    answer = configure(emulator, inner)
    assert (answer.status, answer.code) == (400, code)
    assert not node or f"<XmlNodeName>{node}</XmlNodeName>".encode() in answer.body
    assert settings_of(emulator) == before


def test_a_document_type_is_refused(emulator):
    body = b'<!DOCTYPE x [<!ENTITY a "b">]><StorageServiceProperties>&a;</StorageServiceProperties>'
    assert emulator.send("PUT", "", SERVICE, {}, body).code == "InvalidXmlDocument"


def listed(emulator, **query):
    """Return the shares as (name, snapshot, version) in order, and their elements."""
    answer = emulator.get("", {"comp": "list", **query})
    assert answer.status == 200
    found = ElementTree.fromstring(answer.body).findall("Shares/Share")
    return [tuple(item.findtext(tag) or "" for tag in ("Name", "Snapshot", "Version")) for item in found], found


def undelete(emulator, name, version, path=None):
    headers = {"x-ms-deleted-share-name": name, "x-ms-deleted-share-version": version}
    return emulator.send("PUT", path or name, {**SHARE, "comp": "undelete"}, headers)


def delete(emulator, name):
    return emulator.send("DELETE", name, SHARE, {"x-ms-delete-snapshots": "include"}).status


def test_without_a_retention_a_deleted_share_is_gone(emulator):
    emulator.create_share("share")
    assert delete(emulator, "share") == 202
    assert listed(emulator, include="deleted")[0] == []
    assert configure(emulator, KEEP.replace("true", "false")).status == 202
    emulator.create_share("share")
    assert delete(emulator, "share") == 202
    assert listed(emulator, include="deleted")[0] == []


def test_a_deleted_share_comes_back_with_all_it_had(emulator):
    configure(emulator, KEEP)
    emulator.create_share("share")
    emulator.put("share/f", b"old")
    snapshot = emulator.snapshot("share")
    emulator.put("share/f", b"new")
    before = emulator.send("HEAD", "share/f").headers["etag"]
    assert delete(emulator, "share") == 202
    assert emulator.get("share/f").code == "ShareNotFound"
    assert listed(emulator)[0] == []

    ((name, _, version),), (item,) = listed(emulator, include="deleted")
    assert (name, item.findtext("Deleted"), len(version)) == ("share", "true", 16)
    assert item.findtext("Properties/RemainingRetentionDays") == "7"
    assert item.findtext("Properties/DeletedTime").endswith(" GMT")

    answer = undelete(emulator, "share", version)
    assert (answer.status, answer.headers["x-ms-share-quota"]) == (201, "5120")
    assert emulator.get("share/f").body == b"new"
    assert emulator.send("HEAD", "share/f").headers["etag"] == before
    assert emulator.get("share/f", {"sharesnapshot": snapshot}).body == b"old"
    assert listed(emulator, include="deleted,snapshots")[0] == [("share", snapshot, ""), ("share", "", "")]
    assert undelete(emulator, "share", version).code == "ShareAlreadyExists"


def test_many_deleted_shares_may_have_had_one_name(emulator):
    configure(emulator, KEEP)
    for content in (b"first", b"second", b"third"):
        emulator.create_share("share")
        emulator.put("share/f", content)
        assert delete(emulator, "share") == 202
    emulator.create_share("share")
    positions, _ = listed(emulator, include="deleted")
    assert [position[2] == "" for position in positions] == [True, False, False, False]
    second = positions[2][2]
    assert undelete(emulator, "share", second).code == "ShareAlreadyExists"
    delete(emulator, "share")
    assert undelete(emulator, "share", second).status == 201
    assert emulator.get("share/f").body == b"second"
    assert len(listed(emulator, include="deleted")[0]) == 4


@pytest.mark.parametrize(
    ("name", "version", "path", "code"),
    [
        ("", "0" * 16, "share", "MissingRequiredHeader"),
        ("share", "", "share", "MissingRequiredHeader"),
        ("share", "0" * 16, "share", "ShareNotFound"),
        ("other", "0" * 16, "share", "InvalidHeaderValue"),
    ],
)
def test_what_cannot_be_restored_is_refused(emulator, name, version, path, code):
    assert undelete(emulator, name, version, path).code == code


def test_a_deleted_share_vanishes_when_its_time_is_over(emulator):
    configure(emulator, KEEP)
    emulator.create_share("share")
    delete(emulator, "share")
    ((share, deletion),) = emulator.account.deleted.all(0)
    assert emulator.account.deleted.all(deletion.until - 1) == [(share, deletion)]
    assert emulator.account.deleted.all(deletion.until) == []
    assert undelete(emulator, "share", deletion.version).code == "ShareNotFound"


def test_days_that_have_begun_count():
    deletion = Deletion("v", 0, 7 * TICKS_PER_DAY)
    assert [remaining_days(deletion, now) for now in (0, 1, TICKS_PER_DAY, 7 * TICKS_PER_DAY - 1)] == [7, 7, 6, 1]


def test_deletion_ends_the_leases_of_a_share_but_not_of_its_files(emulator):
    configure(emulator, KEEP)
    emulator.create_share("share")
    emulator.put("share/f")
    snapshot = emulator.snapshot("share")
    acquire = {"x-ms-lease-action": "acquire", "x-ms-lease-duration": "-1"}
    lease = {**SHARE, "comp": "lease"}
    id_ = emulator.send("PUT", "share", lease, acquire).headers["x-ms-lease-id"]
    emulator.send("PUT", "share", {**lease, "sharesnapshot": snapshot}, acquire)
    emulator.send("PUT", "share/f", {"comp": "lease"}, acquire)
    answer = emulator.send("DELETE", "share", SHARE, {"x-ms-delete-snapshots": "include-leased", "x-ms-lease-id": id_})
    assert answer.status == 202
    undelete(emulator, "share", listed(emulator, include="deleted")[0][0][2])
    assert len(emulator.account.shares["share"].leases) == 1
    assert emulator.put("share/f").code == "LeaseIdMissing"


def test_settings_and_deleted_shares_are_kept_on_disk(tmp_path):
    account, store = open_account(tmp_path)
    emulator = InProcess(account, store)
    configure(emulator, KEEP)
    for content in (b"first", b"second"):
        emulator.create_share("share")
        emulator.put("share/f", content)
        emulator.snapshot("share")
        delete(emulator, "share")
    before = listed(emulator, include="deleted")[0], settings_of(emulator)
    store.close()
    account, store = open_account(tmp_path)
    emulator = InProcess(account, store)
    assert (listed(emulator, include="deleted")[0], settings_of(emulator)) == before
    assert undelete(emulator, "share", before[0][0][2]).status == 201
    assert emulator.get("share/f").body == b"first"
    ((_, deletion),) = account.deleted.all(0)
    account.deleted.all(deletion.until)
    store.commit()
    store.close()
    account, store = open_account(tmp_path)
    assert list(account.shares) == ["share"]
    assert account.deleted.all(0) == []
    assert store.db.execute("SELECT COUNT(*) FROM block").fetchone() == (1,)
    store.close()


def test_a_share_whose_time_is_over_is_not_even_loaded(tmp_path):
    account, store = open_account(tmp_path)
    emulator = InProcess(account, store)
    configure(emulator, KEEP)
    emulator.create_share("share")
    emulator.put("share/f", b"content")
    delete(emulator, "share")
    store.db.execute("UPDATE share SET record = json_set(record, '$.deletion[2]', 1)")
    store.close()
    account, store = open_account(tmp_path)
    assert account.deleted.all(0) == []
    assert store.db.execute("SELECT COUNT(*) FROM node").fetchone() == (0,)
    store.close()


def test_pages_of_shares_do_not_move_when_shares_go(emulator):
    configure(emulator, KEEP)
    for name in ("aaa", "bbb", "ccc", "ddd"):
        emulator.create_share(name)
        emulator.snapshot(name)
    whole = listed(emulator, include="snapshots,deleted")[0]
    found, marker = [], ""
    while True:
        query = {"comp": "list", "include": "snapshots,deleted", "maxresults": "3"}
        answer = emulator.get("", query | ({"marker": marker} if marker else {}))
        root = ElementTree.fromstring(answer.body)
        page = root.findall("Shares/Share")
        found += [tuple(item.findtext(tag) or "" for tag in ("Name", "Snapshot", "Version")) for item in page]
        marker = root.findtext("NextMarker")
        if not marker:
            break
        if len(found) == 3:
            delete(emulator, "bbb")  # the next page was to begin with it
    expected = [position for position in whole if position[0] != "bbb"]
    assert [position for position in found if position[0] != "bbb"] == expected
    assert found.count(("bbb", "", "")) == 0
    assert [position[0] for position in found] == sorted(position[0] for position in found)


def test_a_list_of_shares_tells_what_a_share_tells(emulator):
    headers = {"x-ms-enabled-protocols": "NFS", "x-ms-share-quota": "200", "x-ms-meta-A": "<&>"}
    emulator.send("PUT", "nfs", SHARE, headers)
    snapshot = emulator.snapshot("nfs")
    emulator.send("PUT", "nfs", {**SHARE, "comp": "metadata"}, {"x-ms-meta-B": "2"})
    lease = {"x-ms-lease-action": "acquire", "x-ms-lease-duration": "15"}
    emulator.send("PUT", "nfs", {**SHARE, "comp": "lease", "sharesnapshot": snapshot}, lease)
    _, (first, last) = listed(emulator, include="metadata,snapshots", prefix="nf")
    assert [pair.tag + pair.text for pair in first.find("Metadata")] == ["A<&>"]
    assert [pair.tag + pair.text for pair in last.find("Metadata")] == ["B2"]
    assert first.findtext("Properties/LeaseDuration") == "fixed"
    told = {element.tag: element.text for element in last.find("Properties")}
    assert told["EnabledProtocols"] == "NFS"
    assert told["RootSquash"] == "NoRootSquash"
    assert told["ProvisionedIops"] == "3200"
    assert told["LeaseState"] == "available"
    assert told["Quota"] == "200"
    assert listed(emulator, prefix="x")[0] == []


def test_a_plain_share_is_listed_as_recorded(emulator):
    emulator.create_share("share")
    _, (item,) = listed(emulator)
    assert [element.tag for element in item] == ["Name", "Properties"]
    assert [element.tag for element in item.find("Properties")] == [
        "Last-Modified",
        "Etag",
        "LeaseStatus",
        "LeaseState",
        "Quota",
        "AccessTier",
        "AccessTierChangeTime",
        "DefaultEncryptionScope",
        "DenyEncryptionScopeOverride",
    ]


@pytest.mark.parametrize("query", [{"include": "everything"}, {"marker": "?"}, {"maxresults": "0"}])
def test_a_list_of_shares_refuses_what_it_cannot_be_asked(emulator, query):
    answer = emulator.get("", {"comp": "list", **query})
    assert answer.status == 400
    assert next(iter(query)).encode() in answer.body


def set_policies(emulator, inner):
    body = f"<SignedIdentifiers>{inner}</SignedIdentifiers>".encode()
    return emulator.send("PUT", "share", {**SHARE, "comp": "acl"}, {}, body)


def policy(id_="a", start="", expiry="", permission="r"):
    inner = f"<Start>{start}</Start><Expiry>{expiry}</Expiry><Permission>{permission}</Permission>"
    return f"<SignedIdentifier><Id>{id_}</Id><AccessPolicy>{inner}</AccessPolicy></SignedIdentifier>"


def test_policies_are_told_with_full_times_and_change_the_share(emulator):
    emulator.create_share("share")
    before = emulator.send("HEAD", "share", SHARE).headers["etag"]
    answer = set_policies(emulator, policy(start="2026-01-02", expiry="2027-01-02T03:04Z", permission="rcwdl"))
    assert answer.status == 200
    assert answer.headers["etag"] != before
    body = emulator.get("share", {**SHARE, "comp": "acl"}).body
    assert b"<Start>2026-01-02T00:00:00.0000000Z</Start><Expiry>2027-01-02T03:04:00.0000000Z</Expiry>" in body
    assert b"<Permission>rcwdl</Permission>" in body


@pytest.mark.parametrize(
    ("inner", "code", "node"),
    [
        (policy(start="tomorrow"), "InvalidXmlNodeValue", "Start"),
        (policy(permission="rx"), "InvalidXmlNodeValue", "Permission"),
        (policy("a" * 65), "InvalidXmlNodeValue", "Id"),
        (policy("a") + policy("a"), "InvalidXmlDocument", "Id"),
        ("".join(policy(str(n)) for n in range(6)), "InvalidXmlDocument", "SignedIdentifier"),
        ("<SignedIdentifier />", "MissingRequiredXmlNode", "Id"),
        ("<Other />", "UnsupportedXmlNode", "Other"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_by_name(emulator, inner, code, node):
    emulator.create_share("share")
    answer = set_policies(emulator, inner)
    assert (answer.status, answer.code) == (400, code)
    assert f"<XmlNodeName>{node}<".encode() in answer.body
    assert emulator.account.shares["share"].policies == ()


def test_deleting_a_provisioned_share_tells_what_it_held(emulator):
    emulator.send("PUT", "share", SHARE, {"x-ms-share-provisioned-iops": "1000"})
    emulator.put("share/a", b"1234")
    emulator.put("share/b", b"123")
    emulator.snapshot("share")
    emulator.put("share/b", b"12")
    answer = emulator.send("DELETE", "share", SHARE, {"x-ms-delete-snapshots": "include"})
    assert answer.headers["x-ms-file-share-usage-bytes"] == "6"
    assert answer.headers["x-ms-file-share-snapshot-usage-bytes"] == "3"


def test_a_marker_is_opaque_and_whole(emulator):
    for name in ("aaa", "bbb"):
        emulator.create_share(name)
    answer = emulator.get("", {"comp": "list", "maxresults": "1"})
    marker = ElementTree.fromstring(answer.body).findtext("NextMarker")
    assert base64.b64decode(marker, validate=True)
    assert listed(emulator, marker=marker)[0] == [("bbb", "", "")]
