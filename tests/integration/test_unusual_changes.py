"""A share that is encrypted by somebody: seen by the backup that saves it, told, and the way back is pinned."""

import secrets

import pytest

from shared.db import alerts
from shared.model.run import RunState
from shared.usecases.raise_alerts import raise_alerts
from tests.support.share_tree import put
from tests.support.world import world

FILES = 120


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        yield found


async def test_files_that_are_encrypted_and_renamed_are_told_and_the_restore_point_before_is_pinned(files):
    share = files.client()
    for n in range(FILES):
        put(share, f"d{n % 4}/report-{n:03d}.docx", b"%032d" % n)
    for n in range(6):
        put(share, "d0/diary.txt", b"day %d" % n)
        run = await files.backup()
        assert run.state is RunState.SUCCEEDED
        await files.app.look_after()
    async with files.app.transaction() as conn:
        assert await alerts.of_tenant(conn, files.share.tenant_id) == []
    clean = run.run_no
    for n in range(FILES):
        file = share.get_file_client(f"d{n % 4}/report-{n:03d}.docx")
        file.upload_range(secrets.token_bytes(32), 0, 32)
        file.rename_file(f"d{n % 4}/report-{n:03d}.docx.locked")
    run = await files.backup()
    assert (run.counters.moved_files, run.counters.new_endings) == (FILES, FILES)
    await files.app.look_after()
    async with files.app.transaction() as conn:
        (alert,) = await alerts.of_tenant(conn, files.share.tenant_id)
    assert {sign["sign"] for sign in alert.details["signs"]} == {"mass_change", "mass_rename", "new_endings"}
    assert (alert.details["clean_restore_point"], alert.details["pinned"]) == (clean, True)
    said, _ = await files.app.retentions.next_event(files.share.share_id, clean)
    assert (said.pin.by, said.pin.until) == ("alert", None)
    assert f"alert {alert.alert_id}" in said.pin.reason
    await raise_alerts(files.app.alerts, files.app.clock.now())
    async with files.app.transaction() as conn:
        assert [one.times for one in await alerts.of_tenant(conn, files.share.tenant_id)] == [1]


async def test_files_that_are_replaced_by_others_are_told_as_deleted(files):
    """As a program does it that writes anew and deletes: Azure gives the new ones numbers of their own."""
    share = files.client()
    for n in range(FILES):
        put(share, f"d{n % 4}/report-{n:03d}.docx", b"%032d" % n)
    for _ in range(6):
        await files.backup()
        await files.app.look_after()
    for n in range(FILES):
        share.get_file_client(f"d{n % 4}/report-{n:03d}.docx").delete_file()
        put(share, f"d{n % 4}/report-{n:03d}.docx.locked", secrets.token_bytes(32))
    await files.backup()
    await files.app.look_after()
    async with files.app.transaction() as conn:
        (alert,) = await alerts.of_tenant(conn, files.share.tenant_id)
    assert {sign["sign"] for sign in alert.details["signs"]} == {"mass_deletion"}
