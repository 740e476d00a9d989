"""BlobVault keeps the promises of Vault, against Azurite."""

import asyncio
import secrets

import pytest
from azure.storage.blob import ContainerClient

from shared.adapters import vault_blob
from shared.adapters.metering import Meter
from shared.adapters.vault_blob import BlobAccount, BlobVault
from shared.errors import Conflict, IntegrityError, NoAccess, NotFound, Throttled
from shared.model.objects import (
    bundle_name,
    chunk_name,
    node_object_name,
    permission_name,
    point_name,
    segment_name,
)
from shared.model.run import Counters
from shared.ports.vault import Deletion
from tests.support.storage import answer, bad_server


@pytest.fixture
async def vault(azurite):
    async with BlobVault.from_connection_string(
        azurite.connection_string, f"tenant-{secrets.token_hex(6)}", Meter()
    ) as vault:
        await vault.prepare()
        yield vault


async def names(vault, prefix):
    return [item async for item in vault.names(prefix)]


async def test_an_object_is_written_once_and_never_replaced(vault):
    assert await vault.put("1/a", b"one") is True
    assert await vault.put("1/a", b"two") is False
    assert await vault.put("1/a", b"") is False
    assert await vault.get("1/a") == b"one"


@pytest.mark.parametrize("size", [0, 1, 300_000, 70 * 1024 * 1024])
async def test_what_was_put_is_got_whole_and_in_parts(vault, size):
    data = secrets.token_bytes(size)
    assert await vault.put("1/x", data)
    assert await vault.get("1/x") == data
    if size:
        assert await vault.get("1/x", size // 2) == data[size // 2 :]
        assert await vault.get("1/x", size - 1, 1) == data[-1:]
        assert await vault.get("1/x", 0, size) == data
    assert await vault.get("1/x", size) == b""
    assert await vault.get("1/x", size, 0) == b""


@pytest.mark.parametrize(("offset", "length"), [(0, 4), (2, 2), (3, 1), (4, None), (4, 0), (9, 5)])
async def test_an_object_that_is_too_short_is_damage(vault, offset, length):
    await vault.put("1/x", b"abc")
    with pytest.raises(IntegrityError, match="'1/x'"):
        await vault.get("1/x", offset, length)


@pytest.mark.parametrize(("offset", "length"), [(0, None), (5, 5), (0, 0)])
async def test_a_missing_object_is_not_found(vault, offset, length):
    with pytest.raises(NotFound):
        await vault.get("1/none", offset, length)


async def test_an_object_above_the_limit_goes_in_blocks_and_is_not_replaced_either(vault, monkeypatch):
    monkeypatch.setattr(vault_blob, "SINGLE_PUT_BYTES", 1_000_000)
    monkeypatch.setattr(vault_blob, "BLOCK_BYTES", 600_000)
    data = secrets.token_bytes(1_500_000)
    assert await vault.put("1/big", data) is True
    assert await vault.put("1/big", bytes(1_500_000)) is False
    assert await vault.get("1/big") == data


@pytest.mark.parametrize(
    ("wanted", "tier", "inferred"), [("Cool", "Cool", False), ("Cold", "Cold", False), ("", "Hot", True)]
)
async def test_bulk_is_written_in_its_tier_and_all_else_in_the_accounts(azurite, monkeypatch, wanted, tier, inferred):
    monkeypatch.setattr(vault_blob, "SINGLE_PUT_BYTES", 1_000_000)
    monkeypatch.setattr(vault_blob, "BLOCK_BYTES", 600_000)
    tenant = f"tenant-{secrets.token_hex(6)}"
    bulk = [bundle_name(1, 2, 3, 0), chunk_name(1, bytes(32)), bundle_name(1, 2, 3, 1)]
    other = [segment_name(1, 2, 3), point_name(1, 2), node_object_name(1, 1 << 24, 2), permission_name(1, "7*8")]
    async with BlobAccount.from_connection_string(azurite.connection_string, bulk_tier=wanted) as account:
        vault = account.of(tenant)
        await vault.prepare()
        for name in (*bulk, *other):
            assert await vault.put(name, bytes(1_500_000) if name == bulk[2] else b"x")
            assert await vault.put(name, b"y") is False
    with ContainerClient.from_connection_string(azurite.connection_string, tenant) as container:
        found = {name: container.get_blob_client(name).get_blob_properties() for name in (*bulk, *other)}
    tiers = {name: (one.blob_tier, bool(one.blob_tier_inferred)) for name, one in found.items()}
    assert {tiers[name] for name in bulk} == {(tier, inferred)}
    assert {tiers[name] for name in other} == {("Hot", True)}


async def test_of_many_who_put_one_name_one_wins(vault, monkeypatch):
    bodies = [bytes([number]) * 5000 for number in range(12)]
    won = await asyncio.gather(*[vault.put("1/x", body) for body in bodies])
    assert await vault.get("1/x") == bodies[won.index(True)]
    monkeypatch.setattr(vault_blob, "SINGLE_PUT_BYTES", 100)
    monkeypatch.setattr(vault_blob, "BLOCK_BYTES", 3000)
    won = await asyncio.gather(*[vault.put("1/y", body) for body in bodies[:3]])
    assert won.count(True) == 1


async def test_names_come_in_order_with_sizes_and_only_below_the_prefix(vault, monkeypatch):
    for number in (3, 1, 2):
        await vault.put(f"1/segment/7/{number}.fb", bytes(number))
    await vault.put("1/segment/70/1.fb", b"x")
    await vault.put("2/segment/7/1.fb", b"x")
    assert await names(vault, "1/segment/7/") == [(f"1/segment/7/{number}.fb", number) for number in (1, 2, 3)]
    assert await names(vault, "3/") == []
    query = vault_blob.query
    monkeypatch.setattr(vault_blob, "query", lambda **asked: query(**asked, maxresults="2"))
    assert len(await names(vault, "")) == 5


async def test_a_tenant_does_not_see_another_and_a_missing_container_is_not_found(azurite, vault):
    await vault.put("1/x", b"x")
    other = BlobVault.from_connection_string(azurite.connection_string, f"tenant-{secrets.token_hex(6)}", Meter())
    async with other:
        for call in (other.get("1/x"), other.put("1/x", b"x"), names(other, "")):
            with pytest.raises(NotFound):
                await call
        await other.prepare()
        await other.prepare()
        assert await names(other, "") == []


async def test_the_sdk_sees_what_we_put(azurite, vault):
    await vault.put("1/a b/ü+%", b"x")
    container = vault._container.strip("/")
    with ContainerClient.from_connection_string(azurite.connection_string, container) as client:
        assert client.get_blob_client("1/a b/ü+%").download_blob().readall() == b"x"
        client.upload_blob("1/by the sdk", b"y")
    assert await vault.get("1/by the sdk") == b"y"
    assert [name for name, _ in await names(vault, "1/")] == ["1/a b/ü+%", "1/by the sdk"]


async def test_requests_and_bytes_are_counted_for_the_run_that_made_them(azurite):
    one, two = Meter(), Meter()
    tenant = f"tenant-{secrets.token_hex(6)}"
    async with BlobAccount.from_connection_string(azurite.connection_string) as account:
        await account.vault(tenant, Meter()).prepare()
        first, second = account.vault(tenant, one), account.vault(tenant, two)
        await first.put("1/chunk/aa/aa", b"four")
        await first.put("1/bundle/1/1.tar.zst", b"12345")
        await second.put("1/chunk/aa/aa", b"four")
        await second.get("1/chunk/aa/aa")
        await names(second, "")
        async with second:
            pass  # a view that is closed leaves the account open
        await first.get("1/chunk/aa/aa")
    assert one.take() == Counters(vault_writes=2, vault_chunk_writes=1, vault_reads=1, vault_bytes=9)
    assert two.take() == Counters(vault_writes=1, vault_chunk_writes=1, vault_reads=2)


async def test_a_wrong_key_is_denied_and_says_nothing_of_the_key(azurite):
    wrong = azurite.connection_string.replace("Eby8", "AAAA")
    async with BlobVault.from_connection_string(wrong, "tenant", Meter()) as vault:
        with pytest.raises(NoAccess) as caught:
            await vault.put("1/x", b"x")
    assert "AAAA" not in str(caught.value)


async def test_a_put_whose_answer_was_lost_finds_its_own_object():
    """What the port allows: False, and the bytes are there. Nothing is ever replaced."""
    taken = answer("409 Exists", b"", "x-ms-error-code: BlobAlreadyExists")
    connection = "AccountName=devstoreaccount1;AccountKey=QUJD;BlobEndpoint={};"
    async with (
        bad_server(answer("500 No"), taken) as server,
        BlobVault.from_connection_string(connection.format(server.url), "t", Meter()) as vault,
    ):
        assert await vault.put("1/x", b"x") is False
    assert all(b"If-None-Match: *" in request for request in server.requests)
    async with (
        bad_server(answer("409 No", b"", "x-ms-error-code: ContainerBeingDeleted")) as server,
        BlobVault.from_connection_string(connection.format(server.url), "t", Meter()) as vault,
    ):
        with pytest.raises(Conflict):
            await vault.put("1/x", b"x")
    async with (
        bad_server(answer("503 Busy", b"", "Retry-After: 99")) as server,
        BlobVault.from_connection_string(connection.format(server.url), "t", Meter()) as vault,
    ):
        with pytest.raises(Throttled):
            await vault.get("1/x")


async def test_folders_are_listed_without_what_is_in_them(vault):
    for name in (
        "7/segment/12/1.fb",
        "7/segment/12/2.fb",
        "7/segment/3/1.fb",
        "7/point/3.fb",
        "10/point/1.fb",
        "7/loose",
    ):
        await vault.put(name, b"x")
    assert [name async for name in vault.folders("")] == ["10", "7"]
    assert [name async for name in vault.folders("7/segment/")] == ["12", "3"]
    assert [name async for name in vault.folders("8/")] == []


async def test_every_tenant_with_a_container_is_found(azurite):
    async with BlobAccount.from_connection_string(azurite.connection_string) as account:
        made = [f"tenant-{secrets.token_hex(6)}" for _ in range(3)]
        for tenant_id in made:
            await account.of(tenant_id).prepare()
        assert set(made) <= {name async for name in account.tenants()}


async def test_a_container_goes_with_all_that_is_in_it_unless_something_keeps_it(azurite, vault):
    await vault.put("1/a", b"one")
    container = ContainerClient.from_connection_string(azurite.connection_string, vault._container.strip("/"))
    with container:
        lease = container.acquire_lease()
        assert await vault.remove() is Deletion.REFUSED
        assert await vault.get("1/a") == b"one"
        lease.release()
    assert await vault.remove() is Deletion.GONE
    assert await vault.remove() is Deletion.GONE
    with pytest.raises(NotFound):
        await names(vault, "")
