"""Leases, deleted shares and settings as the real SDK sees them, and after kill -9."""

import uuid

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.storage.fileshare import (
    CorsRule,
    Metrics,
    RetentionPolicy,
    ShareLeaseClient,
    ShareProtocolSettings,
    ShareServiceClient,
    ShareSmbSettings,
    SmbMultichannel,
)
from azure.storage.fileshare.aio import ShareLeaseClient as AioShareLeaseClient
from azure.storage.fileshare.aio import ShareServiceClient as AioShareServiceClient

from tests.support.files_emulator import KEY, running

KEEP = (
    b"<StorageServiceProperties><ShareDeleteRetentionPolicy><Enabled>true</Enabled><Days>3</Days>"
    b"</ShareDeleteRetentionPolicy></StorageServiceProperties>"
)
SERVICE = {"restype": "service", "comp": "properties"}


@pytest.fixture(scope="module")
def emulator():
    with running() as emulator:
        assert emulator.raw.send("PUT", "", SERVICE, {}, KEEP).status == 202
        yield emulator


@pytest.fixture(scope="module")
def service(emulator):
    with ShareServiceClient(emulator.url, credential=KEY, retry_total=0) as service:
        yield service


@pytest.fixture
def share(service):
    return service.create_share(f"s-{uuid.uuid4().hex}")


def test_the_sdk_leases_a_file(share):
    file = share.get_file_client("f")
    file.upload_file(b"content")
    lease = file.acquire_lease()
    assert file.get_file_properties().lease.state == "leased"
    with pytest.raises(HttpResponseError, match="LeaseIdMissing"):
        file.upload_file(b"new")
    file.upload_file(b"new", lease=lease)
    assert file.download_file(lease=lease).readall() == b"new"
    before, wanted = lease.id, str(uuid.uuid4())
    lease.change(wanted)
    assert lease.id == wanted != before
    with pytest.raises(HttpResponseError, match="LeaseIdMismatchWithFileOperation"):
        file.delete_file(lease=before)
    moved = file.rename_file("g", source_lease=lease)
    with pytest.raises(ResourceExistsError, match="LeaseAlreadyPresent"):
        moved.acquire_lease()
    assert ShareLeaseClient(moved, lease.id).break_lease() == 0
    assert moved.get_file_properties().lease.state == "broken"
    lease = moved.acquire_lease()
    lease.release()
    moved.delete_file()


def test_the_sdk_leases_a_share_and_a_snapshot(service, share):
    lease = share.acquire_lease(lease_duration=60)
    assert share.get_share_properties().lease.duration == "fixed"
    lease.renew()
    lease.change(str(uuid.uuid4()))
    with pytest.raises(HttpResponseError, match="LeaseIdMissing"):
        share.delete_share()
    (listed,) = service.list_shares(share.share_name)
    assert (listed.lease.status, listed.lease.state) == ("locked", "leased")
    assert 0 < lease.break_lease(lease_break_period=10) <= 10
    assert share.get_share_properties().lease.state == "breaking"
    lease.release()
    frozen = service.get_share_client(share.share_name, snapshot=share.create_snapshot()["snapshot"])
    held = frozen.acquire_lease()
    with pytest.raises(ResourceExistsError, match="DeleteShareWhenSnapshotLeased"):
        share.delete_share(delete_snapshots="include")
    held.release()
    share.delete_share(delete_snapshots="include")


async def test_the_aio_sdk_leases_too(emulator):
    async with AioShareServiceClient(emulator.url, credential=KEY, retry_total=0) as service:
        share = await service.create_share(f"s-{uuid.uuid4().hex}")
        file = share.get_file_client("f")
        await file.create_file(3)
        lease = await file.acquire_lease()
        with pytest.raises(HttpResponseError, match="LeaseIdMissing"):
            await file.set_file_metadata({"a": "1"})
        await file.set_file_metadata({"a": "1"}, lease=lease)
        await AioShareLeaseClient(file, lease.id).release()
        async with await share.acquire_lease(lease_duration=15) as held:
            await held.renew()
        await share.delete_share()


def test_the_sdk_undeletes_a_share(service, share):
    share.get_file_client("f").upload_file(b"content")
    service.delete_share(share.share_name)
    (deleted,) = service.list_shares(share.share_name, include_deleted=True)
    assert (deleted.deleted, deleted.remaining_retention_days) == (True, 3)
    restored = service.undelete_share(share.share_name, deleted.version)
    assert restored.get_file_client("f").download_file().readall() == b"content"
    with pytest.raises(ResourceExistsError, match="ShareAlreadyExists"):
        service.undelete_share(share.share_name, deleted.version)


def test_the_sdk_reads_back_the_settings_it_wrote(service):
    metrics = Metrics(enabled=True, include_apis=True, retention_policy=RetentionPolicy(enabled=True, days=5))
    rules = [CorsRule(["https://a.example"], ["GET"], allowed_headers=["x-ms-meta-*"], max_age_in_seconds=9)]
    protocol = ShareProtocolSettings(smb=ShareSmbSettings(multichannel=SmbMultichannel(enabled=True)))
    service.set_service_properties(hour_metrics=metrics, cors=rules, protocol=protocol)
    found = service.get_service_properties()
    assert found["hour_metrics"].retention_policy.days == 5
    assert found["minute_metrics"].enabled is False
    assert [rule.allowed_headers for rule in found["cors"]] == ["x-ms-meta-*"]
    assert found["protocol"].smb.multichannel.enabled is True
    service.set_service_properties(cors=[])
    assert service.get_service_properties()["cors"] == []
    assert service.get_service_properties()["hour_metrics"].enabled is True


def test_the_sdk_reads_back_the_share_it_asked_for(service):
    name = f"s-{uuid.uuid4().hex}"
    share = service.create_share(
        name,
        protocols="NFS",
        root_squash="RootSquash",
        quota=100,
        provisioned_iops=4000,
        provisioned_bandwidth_mibps=150,
    )
    found = share.get_share_properties()
    assert (found.protocols, found.root_squash, found.quota) == (["NFS"], "RootSquash", 100)
    assert (found.provisioned_iops, found.provisioned_bandwidth) == (4000, 150)
    assert found.max_burst_credits_for_iops == (12_000 - 4_000) * 3_600
    share.set_share_properties(root_squash="NoRootSquash", enable_snapshot_virtual_directory_access=False)
    (listed,) = service.list_shares(name)
    assert (listed.root_squash, listed.enable_snapshot_virtual_directory_access) == ("NoRootSquash", False)
    assert listed.next_provisioned_iops_downgrade == share.get_share_properties().next_provisioned_iops_downgrade


def test_leases_settings_and_deleted_shares_outlive_a_kill(tmp_path):
    data = str(tmp_path / "data")
    with running("--data", data) as emulator:
        raw = emulator.raw
        raw.send("PUT", "", SERVICE, {}, KEEP)
        with ShareServiceClient(emulator.url, credential=KEY, retry_total=0) as service:
            gone = service.create_share("share")
            gone.get_file_client("f").upload_file(b"first")
            gone.create_snapshot()
            gone.delete_share(delete_snapshots="include")
            share = service.create_share("share", quota=7)
            file = share.get_file_client("f")
            file.upload_file(b"second")
            held, lease = share.acquire_lease(), file.acquire_lease()
            before = [dict(item) for item in service.list_shares(include_deleted=True, include_snapshots=True)]
            emulator.kill()
    with running("--data", data) as emulator:
        assert b"<Days>3</Days>" in emulator.raw.get("", SERVICE).body
        with ShareServiceClient(emulator.url, credential=KEY, retry_total=0) as service:
            after = [dict(item) for item in service.list_shares(include_deleted=True, include_snapshots=True)]
            assert repr(after) == repr(before)
            share = service.get_share_client("share")
            with pytest.raises(HttpResponseError, match="LeaseIdMissing"):
                share.get_file_client("f").upload_file(b"third")
            share.get_file_client("f").upload_file(b"third", lease=lease.id)
            with pytest.raises(HttpResponseError, match="LeaseIdMissing"):
                share.delete_share()
            share.delete_share(lease=held.id)
            restored = service.undelete_share("share", after[1]["version"])
            assert restored.get_file_client("f").download_file().readall() == b"first"
            assert len(list(service.list_shares(include_snapshots=True))) == 2
            emulator.kill()
    with running("--data", data) as emulator:
        assert emulator.raw.get("share/f").body == b"first"
