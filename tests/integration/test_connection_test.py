"""Connection tests against the emulators, with whatever may be missing missing."""

import base64
import secrets
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.fileshare import AccountSasPermissions, ResourceTypes, generate_account_sas

from shared.adapters.credentials import AccountKey, Credentials, Sas
from shared.adapters.files_admin import FilesAdmin
from shared.adapters.files_http import FilesHttp
from shared.adapters.files_reader import FilesReader
from shared.adapters.metering import Meter
from shared.adapters.system import SystemClock
from shared.adapters.vault_blob import BlobAccount
from shared.core.connection_advice import Step
from shared.usecases.connection_test import Outcome, Parts, connection_test
from tests.support.share_tree import service
from tests.support.storage import door

ALL_OK = dict.fromkeys(Step, Outcome.OK)
PATIENCE_S = 1.0


@pytest.fixture
async def share(files_emulator):
    async with door(files_emulator) as share:
        yield share


@asynccontextmanager
async def parts(emulator, azurite, share_name, *, secret=None, url="", vault="", credential=lambda: "a key"):
    secret = secret or AccountKey(emulator.key)
    url = url or emulator.url
    async with (
        FilesHttp(url, secret, meter=Meter(), retry_budget_s=PATIENCE_S) as http,
        FilesAdmin(url, share_name, secret, retry_budget_s=PATIENCE_S) as admin,
        BlobAccount.from_connection_string(vault or azurite.connection_string, retry_budget_s=PATIENCE_S) as account,
    ):
        yield Parts(
            credential=credential,
            admin=lambda: admin,
            reader=lambda: FilesReader(http, share_name, None),
            vault=account.vault(f"tenant-{secrets.token_hex(5)}", Meter()),
            snapshot_tag="acme.1.0.mark",
        )


async def tried(*args, **options):
    async with parts(*args, **options) as ready:
        return {check.name: check for check in await connection_test(ready, SystemClock())}


def outcomes(found):
    return {name: check.outcome for name, check in found.items()}


def sas(emulator, **permissions):
    return Sas(
        generate_account_sas(
            emulator.account,
            emulator.key,
            resource_types=ResourceTypes(service=True, container=True, object=True),
            permission=AccountSasPermissions(**permissions),
            expiry=datetime.now(UTC) + timedelta(hours=1),
        )
    )


async def test_everything_is_tried_and_nothing_stays(share, files_emulator, azurite):
    found = await tried(files_emulator, azurite, share.share_name)
    assert outcomes(found) == ALL_OK
    assert all(check.detail and not check.hint for check in found.values())
    with service(files_emulator) as account:
        listed = account.list_shares(name_starts_with=share.share_name, include_snapshots=True)
        assert [one.snapshot for one in listed] == [None]


async def test_what_a_test_writes_to_the_vault_is_never_there(share, files_emulator, azurite):
    async with parts(files_emulator, azurite, share.share_name) as ready:
        assert all(check.outcome is Outcome.OK for check in await connection_test(ready, SystemClock()))
        assert [name async for name in ready.vault.names("")] == []


async def test_a_wrong_key_is_told_once_and_the_vault_is_tried_all_the_same(share, files_emulator, azurite):
    wrong = AccountKey(base64.b64encode(b"x" * 64).decode())
    found = await tried(files_emulator, azurite, share.share_name, secret=wrong)
    assert found[Step.SHARE].outcome is Outcome.FAILED
    assert "setting of the credential" in found[Step.SHARE].hint
    assert {found[step].outcome for step in (Step.LIST, Step.PERMISSION, Step.SNAPSHOT)} == {Outcome.SKIPPED}
    assert found[Step.VAULT].outcome is Outcome.OK


async def test_a_sas_that_may_only_read_cannot_take_a_snapshot(share, files_emulator, azurite):
    found = await tried(files_emulator, azurite, share.share_name, secret=sas(files_emulator, read=True, list=True))
    assert outcomes(found) == {**ALL_OK, Step.SNAPSHOT: Outcome.FAILED}
    assert "account SAS with srt=sco and sp=rwdlc" in found[Step.SNAPSHOT].hint


async def test_an_address_where_nobody_is_is_a_matter_of_the_network(files_emulator, azurite):
    found = await tried(files_emulator, azurite, "some-share", url="http://127.0.0.1:1/devstore")
    assert found[Step.SHARE].outcome is Outcome.FAILED
    assert found[Step.SHARE].hint.startswith("network")


async def test_a_vault_that_does_not_answer_is_told(share, files_emulator, azurite):
    nowhere = azurite.connection_string.replace("BlobEndpoint=http://127.0.0.1:", "BlobEndpoint=http://127.0.0.1:1/")
    found = await tried(files_emulator, azurite, share.share_name, vault=nowhere)
    assert outcomes(found) == {**ALL_OK, Step.VAULT: Outcome.FAILED}
    assert "Storage Blob Data Contributor" in found[Step.VAULT].hint


async def test_a_credential_that_is_not_known_ends_the_questions_to_the_share(files_emulator, azurite):
    def unknown():
        return str(Credentials({}).resolve("nobody"))

    found = await tried(files_emulator, azurite, "some-share", credential=unknown)
    assert found[Step.CREDENTIAL].outcome is Outcome.FAILED
    assert "AFB_CREDENTIAL_NOBODY" in found[Step.CREDENTIAL].detail
    assert {found[step].outcome for step in (Step.SHARE, Step.LIST, Step.PERMISSION, Step.SNAPSHOT)} == {
        Outcome.SKIPPED
    }


async def test_an_nfs_share_has_no_permissions_to_try(files_emulator, azurite):
    async with door(files_emulator, "NFS") as share:
        found = await tried(files_emulator, azurite, share.share_name)
    assert outcomes(found) == {**ALL_OK, Step.PERMISSION: Outcome.SKIPPED}
