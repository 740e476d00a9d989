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
from shared.errors import NoAccess, ShareGone, Throttled, Unavailable
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
