"""Policies outlast the catalogue: the vault knows which one a share has, as soon as that changes."""

import asyncio
import json
import secrets

import pytest
from azure.storage.blob import ContainerClient

from shared.db import policies, schedules, shares
from shared.errors import IntegrityError, Unavailable
from shared.formats import policy_event
from shared.model.retention import RetentionPolicy, SaidPolicy
from shared.model.run import RunState
from shared.usecases.tell_policies import tell_policies
from tests.support.rebuilding import all_rows, lose, rebuild, unlike
from tests.support.share_tree import put
from tests.support.world import world

RULES = RetentionPolicy(keep_last=3, daily=14, yearly=7, time_zone="Europe/Berlin")


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        put(found.client(), "a.txt", b"a")
        await found.backup()
        yield found


async def given(files, rules=RULES, name="Standard"):
    """A policy that the share has, of which the vault knows."""
    async with files.app.transaction() as conn:
        made = await policies.create(conn, files.share.tenant_id, name, rules)
        await policies.give(conn, files.share.tenant_id, files.share.share_id, made.policy_id)
    await files.app.tell_policies()
    return made


async def has(files):
    async with files.app.transaction() as conn:
        found = await policies.of_share(conn, files.share.share_id)
    return None if found is None else (found.name, found.retention)


async def lost_and_found(files):
    lose(files)
    assert (await rebuild(files)).state is RunState.SUCCEEDED
    return await has(files)


async def untold(files):
    return [one.said.number for one in await files.app.retentions.untold_policies(100)]


async def test_a_rebuilt_share_has_its_policy_and_its_schedules_are_off(files):
    await given(files)
    async with files.app.transaction() as conn:
        await schedules.add_upkeep(conn, files.share, files.app.clock.now())
    await files.backup()
    lost = all_rows(files.app.settings.postgres_url)
    assert await lost_and_found(files) == ("Standard", RULES)
    assert unlike(lost, all_rows(files.app.settings.postgres_url)) == []
    async with files.app.transaction() as conn:
        found = await schedules.of_share(conn, files.share.share_id)
    assert [(one.what.value, one.enabled) for one in found] == [("prune", False), ("sweep", False)]


async def test_what_is_said_after_the_last_backup_counts(files):
    made = await given(files)
    more = RetentionPolicy(keep_last=30)
    async with files.app.transaction() as conn:
        await policies.change(conn, files.share.tenant_id, made.policy_id, made.version, "Longer", more)
    assert await untold(files) == [2]
    await files.app.look_after()
    assert await untold(files) == []
    assert await lost_and_found(files) == ("Longer", more)
    async with files.app.transaction() as conn:
        await policies.give(conn, files.share.tenant_id, files.share.share_id, None)
    await files.app.look_after()
    assert await lost_and_found(files) is None, "the numbers go on where they were"


async def test_whom_the_vault_did_not_answer_tells_it_the_next_time_and_no_other_share_waits(files, monkeypatch):
    async with files.app.transaction() as conn:
        other = await shares_like(conn, files)
        made = await policies.create(conn, files.share.tenant_id, "Standard", RULES)
        for share_id in (files.share.share_id, other.share_id):
            await policies.give(conn, files.share.tenant_id, share_id, made.policy_id)

    class Away:
        def __init__(self, vault):
            self._vault = vault

        async def put(self, name, data):
            if name.startswith(f"{files.share.share_id}/"):
                raise Unavailable("the vault did not answer")
            return await self._vault.put(name, data)

    with pytest.raises(Unavailable):
        await tell_policies(files.app.retentions, lambda tenant_id: Away(files.app.vault(tenant_id)))
    assert [one.share_id for one in await files.app.retentions.untold_policies(9)] == [files.share.share_id]
    # It died between the vault and the catalogue: the same again, under the same name.
    monkeypatch.setattr(files.app.retentions, "policy_told", dies)
    with pytest.raises(Unavailable):
        await files.app.tell_policies()
    monkeypatch.undo()
    await files.app.tell_policies()
    assert await untold(files) == []
    assert await lost_and_found(files) == ("Standard", RULES)


async def dies(share_id, number):
    raise Unavailable("died")


async def shares_like(conn, files):
    return await shares.create(
        conn,
        files.share.tenant_id,
        name="other",
        account_url=files.share.account_url,
        share_name=secrets.token_hex(5),
        credential="",
    )


async def test_a_policy_of_the_name_that_somebody_has_made_meanwhile_stays_as_it_is(files):
    await given(files)
    theirs = RetentionPolicy(keep_last=99)
    lose(files)
    async with files.app.transaction() as conn:
        await conn.execute(
            b"INSERT INTO tenant (tenant_id, name) VALUES (%s, %s)", [files.share.tenant_id, files.share.tenant_id]
        )
        await policies.create(conn, files.share.tenant_id, "Standard", theirs)
    assert (await rebuild(files)).state is RunState.SUCCEEDED
    assert await has(files) == (f"Standard (share {files.share.share_id}, from the vault)", RULES)
    async with files.app.transaction() as conn:
        found = {one.name: one.retention for one in await policies.of_tenant(conn, files.share.tenant_id)}
    assert found["Standard"] == theirs


async def test_a_policy_that_cannot_be_read_is_none(files, azurite):
    await given(files)
    with ContainerClient.from_connection_string(azurite.connection_string, files.share.tenant_id) as vault:
        vault.upload_blob(f"{files.share.share_id}/policy/1.json", b"nonsense", overwrite=True)
    assert await lost_and_found(files) is None
    assert await given(files, name="Next") is not None
    assert await lost_and_found(files) == ("Next", RULES)


def test_what_is_told_is_read_as_it_was_and_nothing_else_is():
    for said in (SaidPolicy(number=3, name="Stan\ndard", retention=RULES), SaidPolicy(number=4)):
        data = policy_event.encode(said)
        assert policy_event.decode(data) == said
        with pytest.raises(IntegrityError, match="version 2"):
            policy_event.decode(json.dumps(json.loads(data) | {"version": 2}).encode())
    for data in (b"", b"[]", b"null", b'{"version": 1}', b'{"version": 1, "number": 1, "policy": {}}', b"\xff"):
        with pytest.raises(IntegrityError):
            policy_event.decode(data)


async def test_a_policy_that_is_changed_while_a_share_is_given_it_is_told_as_it_is_then(files):
    made = await given(files)
    app, tenant_id, share_id = files.app, files.share.tenant_id, files.share.share_id
    async with app.transaction() as conn:
        await policies.give(conn, tenant_id, share_id, None)
    await app.tell_policies()
    async with app.transaction() as giving:
        await policies.give(giving, tenant_id, share_id, made.policy_id)

        async def change():
            async with app.transaction() as conn:
                await policies.change(conn, tenant_id, made.policy_id, made.version, "Longer", RULES)

        changing = asyncio.create_task(change())
        await asyncio.sleep(0.3)
        assert not changing.done(), "it would miss this share"
    await app.tell_policies()
    await changing
    await app.tell_policies()
    assert await lost_and_found(files) == ("Longer", RULES)
