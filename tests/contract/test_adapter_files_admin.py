"""FilesAdmin keeps the promises of ShareAdmin, against the emulator."""

import asyncio
import secrets
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.fileshare import AccountSasPermissions, ResourceTypes, generate_account_sas, generate_share_sas

from shared.adapters.credentials import AccountKey, Sas
from shared.adapters.files_admin import FilesAdmin
from shared.adapters.metering import Meter
from shared.errors import Conflict, NoAccess, ShareGone, Throttled, Unavailable
from shared.model.share import ShareSnapshot
from tests.support.files_control import ControlClient
from tests.support.share_tree import service
from tests.support.storage import answer, bad_server, door


@pytest.fixture
async def share(files_emulator):
    async with door(files_emulator) as share:
        yield share


@asynccontextmanager
async def admin_of(emulator, share_name, secret=None, **options):
    async with FilesAdmin(emulator.url, share_name, secret or AccountKey(emulator.key), **options) as admin:
        yield admin


def snapshots(emulator, share_name):
    with service(emulator) as account:
        listed = account.list_shares(name_starts_with=share_name, include_snapshots=True, include_metadata=True)
        return {share.snapshot: dict(share.metadata or {}) for share in listed if share.snapshot}


async def test_a_tag_names_one_snapshot_however_often_it_is_asked_for(share, files_emulator):
    async with admin_of(files_emulator, share.share_name) as admin:
        first = await admin.take_snapshot("7-1")
        second = await admin.take_snapshot("7-2")
        assert await admin.take_snapshot("7-1") == first
        assert snapshots(files_emulator, share.share_name) == {first: {"afbrun": "7-1"}, second: {"afbrun": "7-2"}}
        assert b"<Entries" in await share.at(first).list_page("")


async def test_a_snapshot_is_deleted_once_and_then_again(share, files_emulator):
    async with admin_of(files_emulator, share.share_name) as admin:
        taken = await admin.take_snapshot("a")
        await admin.delete_snapshot(taken)
        await admin.delete_snapshot(taken)
        assert snapshots(files_emulator, share.share_name) == {}
        assert await admin.properties()  # and the share itself is still there


async def test_a_share_is_made_and_then_found(files_emulator):
    name = f"adapters-{secrets.token_hex(6)}"
    async with admin_of(files_emulator, name) as admin:
        with pytest.raises(ShareGone, match=name):
            await admin.properties()
        with pytest.raises(ShareGone):
            await admin.take_snapshot("a")
        await admin.create()
        await admin.create()
        with service(files_emulator) as account:
            account.get_share_client(name).set_share_metadata({"Team": "x"})
            found = await admin.properties()
            assert found["metadata.Team"] == "x"
            assert int(found["quota_gib"]) > 0
            assert found["protocols"] == "SMB"
            account.delete_share(name)


async def test_a_share_with_a_tag_is_deleted_by_who_knows_it_and_no_other_is(share, files_emulator):
    name = f"adapters-{secrets.token_hex(6)}"
    async with admin_of(files_emulator, name) as admin:
        await admin.delete("mine")  # there is none
        await admin.create(tag="mine", quota_gib=123)
        await admin.create(tag="mine", quota_gib=123)
        assert (await admin.properties())["quota_gib"] == "123"
        for other in (admin.create(tag="yours"), admin.delete("yours"), admin.delete("")):
            with pytest.raises(Conflict, match=f"{name}.*was not made by this run"):
                await other
        await admin.take_snapshot("somebody's")
        await admin.delete("mine")
        await admin.delete("mine")
        with pytest.raises(ShareGone):
            await admin.properties()
    async with admin_of(files_emulator, share.share_name) as admin:  # without any tag
        with pytest.raises(Conflict):
            await admin.delete("mine")
        assert await admin.properties()


async def test_a_sas_that_may_not_list_shares_takes_snapshots_all_the_same(share, files_emulator):
    sas = generate_account_sas(
        files_emulator.account,
        files_emulator.key,
        ResourceTypes(container=True, object=True),
        AccountSasPermissions(read=True, write=True, delete=True, list=True, create=True),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    async with admin_of(files_emulator, share.share_name, Sas(sas)) as admin:
        taken = await admin.take_snapshot("a")
        assert list(snapshots(files_emulator, share.share_name)) == [taken]
        assert await admin.take_snapshot("a") != taken  # it cannot know
        assert await admin.properties()
        await admin.delete_snapshot(taken)


async def test_a_sas_for_one_share_is_told_what_it_lacks(share, files_emulator):
    sas = generate_share_sas(
        files_emulator.account,
        share.share_name,
        files_emulator.key,
        permission="rcwdl",
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    async with admin_of(files_emulator, share.share_name, Sas(sas)) as admin:
        with pytest.raises(NoAccess, match="account SAS"):
            await admin.take_snapshot("a")


async def test_a_wrong_key_is_denied_with_a_hint(share, files_emulator):
    async with admin_of(files_emulator, share.share_name, AccountKey("QUJD")) as admin:
        with pytest.raises(NoAccess, match="hint: the account key or SAS is wrong"):
            await admin.take_snapshot("a")


async def test_requests_are_counted(share, files_emulator):
    meter = Meter()
    async with admin_of(files_emulator, share.share_name, meter=meter) as admin:
        await admin.properties()
        await admin.take_snapshot("a")
    assert meter.files_requests == {"share": 3}


@pytest.mark.parametrize(
    ("trouble", "error"), [(answer("503 Busy"), Throttled), (None, Unavailable)], ids=["busy", "reset"]
)
async def test_trouble_is_tried_again_in_fractions_of_a_second_and_then_raised(trouble, error):
    async with (
        bad_server(trouble) as server,
        FilesAdmin(server.url, "s", AccountKey("QUJD"), retry_budget_s=1.0) as admin,
    ):
        async with asyncio.timeout(5):
            with pytest.raises(error):
                await admin.take_snapshot("a")
            with pytest.raises(error):
                await admin.properties()
    assert len(server.requests) >= 4


async def test_all_snapshots_are_listed_and_ours_have_their_tag(share, files_emulator):
    async with admin_of(files_emulator, share.share_name) as admin, door(files_emulator) as other:
        assert await admin.snapshots() == []
        with service(files_emulator) as account:
            theirs = account.get_share_client(share.share_name).create_snapshot(metadata={"Other": "x"})["snapshot"]
            account.get_share_client(other.share_name).create_snapshot()
        ours = await admin.take_snapshot("a.b", is_new=True)
        assert await admin.snapshots() == [ShareSnapshot(theirs, ""), ShareSnapshot(ours, "a.b")]


async def test_a_snapshot_said_to_be_new_is_looked_for_when_the_first_try_went_wrong(share, files_emulator):
    """The answer is lost after the snapshot was taken, and lost again when aiohttp has sent the request once more."""
    control = ControlClient(files_emulator.control_url)
    meter = Meter()
    async with admin_of(files_emulator, share.share_name, meter=meter) as admin:
        with control.faults(
            {"operation": "share_create_snapshot", "share": share.share_name, "reset": "after", "count": 2}
        ):
            taken = await admin.take_snapshot("a", is_new=True)
    found = snapshots(files_emulator, share.share_name)
    assert (len(found), min(found)) == (2, taken)
    assert meter.files_requests == {"share": 2}  # the lost one, and the look


async def test_what_a_share_is_like_is_told_whole(files_emulator):
    name = f"adapters-{secrets.token_hex(6)}"
    with service(files_emulator) as account:
        account.create_share(name, quota=321, protocols="NFS", root_squash="AllSquash", metadata={"Team": "x"})
        async with admin_of(files_emulator, name) as admin:
            found = await admin.properties()
        account.delete_share(name)
    assert found["quota_gib"] == "321"
    assert (found["protocols"], found["root_squash"], found["snapshot_directory"]) == ("NFS", "AllSquash", "true")
    assert found["metadata.Team"] == "x"
    assert "None" not in found.values()
    assert "" not in found.values()


async def test_what_is_provisioned_is_told(files_emulator):
    name = f"adapters-{secrets.token_hex(6)}"
    with service(files_emulator) as account:
        client = account.get_share_client(name)
        client.create_share(quota=100, provisioned_iops=4000, provisioned_bandwidth_mibps=200)
        async with admin_of(files_emulator, name) as admin:
            found = await admin.properties()
        client.delete_share()
    assert (found["provisioned_iops"], found["provisioned_mibps"]) == ("4000", "200")
    assert int(found["included_burst_iops"]) > 0
