"""Tenants, shares and runs: what the API creates, lists and refuses."""

import pytest

from shared.db import runs, shares, tenants
from shared.errors import Conflict, InvalidInput, NotFound
from shared.model.restore import RestoreOrder
from shared.model.run import Counters, RunKind, RunState
from shared.model.share import ShareSettings
from tests.support.catalogue import ACCOUNT, point

ELSEWHERE = RestoreOrder(
    restore_point=1, account_url="https://other.file.core.windows.net", share_name="t", credential="c"
)


async def test_tenants_come_back_by_id_and_in_order(shelf):
    async with shelf.catalogue.transaction() as conn:
        made = await tenants.create(conn, "a-1", "Ångström & Söhne")
        assert await tenants.get(conn, "a-1") == made
        assert [t.tenant_id for t in await tenants.listed(conn)] == ["a-1", "acme"]
    assert made.created_at.utcoffset().total_seconds() == 0


@pytest.mark.parametrize("bad", ["ab", "a" * 64, "Acme", "acme_1", "-acme", "acme-", "ac--me", "acmé", "acme\n", ""])
async def test_a_tenant_id_must_be_able_to_name_a_container(shelf, bad):
    with pytest.raises(InvalidInput, match="tenant_id must be 3 to 63 lower-case letters") as error:
        async with shelf.catalogue.transaction() as conn:
            await tenants.create(conn, bad, "Name")
    assert error.value.field == "tenant_id"


async def test_a_tenant_id_is_given_once(shelf):
    with pytest.raises(Conflict, match="a tenant with this id exists"):
        async with shelf.catalogue.transaction() as conn:
            await tenants.create(conn, "acme", "Another")


async def test_a_share_comes_back_with_its_settings(shelf):
    settings = ShareSettings(large_file_bytes=1)
    async with shelf.catalogue.transaction() as conn:
        made = await shares.create(
            conn, "acme", name="B", account_url=ACCOUNT, share_name="b", credential="c", settings=settings
        )
        assert await shares.get(conn, made.share_id) == made
        assert [s.name for s in await shares.of_tenant(conn, "acme")] == ["B", "Files"]
    assert made.settings == settings


async def test_a_share_is_not_shown_to_another_tenant(shelf):
    async with shelf.catalogue.transaction() as conn:
        await tenants.create(conn, "evil", "Evil")
        assert await shares.of_tenant(conn, "evil") == []
        with pytest.raises(NotFound, match="there is no share 1"):
            await shares.get(conn, shelf.share_id, "evil")
        with pytest.raises(NotFound, match="there is no share 1"):
            await runs.create(conn, "evil", shelf.share_id, RunKind.BACKUP)


@pytest.mark.parametrize(
    ("tenant_id", "name", "share_name", "error", "message"),
    [
        ("acme", "Files", "other", Conflict, "a share of this tenant has this name"),
        ("acme", "Other", "files", Conflict, "this Azure share is already protected"),
        ("nobody", "Other", "other", NotFound, "there is no such tenant"),
        ("acme", "", "other", InvalidInput, "name must not be empty"),
    ],
)
async def test_a_share_that_cannot_be_is_refused_with_a_sentence(shelf, tenant_id, name, share_name, error, message):
    with pytest.raises(error, match=message):
        async with shelf.catalogue.transaction() as conn:
            await shares.create(conn, tenant_id, name=name, account_url=ACCOUNT, share_name=share_name, credential="c")


async def test_what_is_not_there_is_not_found(shelf):
    async with shelf.catalogue.transaction() as conn:
        for missing in (
            tenants.get(conn, "nobody"),
            shares.get(conn, 99),
            runs.get(conn, 99),
            runs.by_number(conn, 1, 99),
        ):
            with pytest.raises(NotFound):
                await missing
    for missing in (
        shelf.catalogue.run(99),
        shelf.catalogue.start_run(99),
        shelf.catalogue.set_snapshot(99, None),
        shelf.catalogue.restore_point(1, 1),
        shelf.catalogue.allocate_directories(99, 1),
        shelf.catalogue.claim(99, "w", limit=1, lease_s=1),
    ):
        with pytest.raises(NotFound):
            await missing


async def test_runs_are_numbered_per_share_and_found_by_number(shelf):
    await shelf.finish()
    second = await shelf.new_run()
    assert second.run_no == 2
    async with shelf.catalogue.transaction() as conn:
        other = await shares.create(conn, "acme", name="O", account_url=ACCOUNT, share_name="o", credential="c")
        assert (await runs.create(conn, "acme", other.share_id, RunKind.BACKUP)).run_no == 1
        assert (await runs.by_number(conn, shelf.share_id, 2)).run_id == second.run_id


async def test_one_run_is_active_per_azure_share(shelf):
    with pytest.raises(
        Conflict, match="a run of this share is active: backup run 1 works on files; wait until it ends"
    ):
        await shelf.new_run()
    await shelf.finish(RunState.FAILED)
    assert (await shelf.new_run()).run_no == 2


def into(path: str) -> RestoreOrder:
    return RestoreOrder(
        restore_point=1, account_url=ACCOUNT.upper() + "/", share_name="files", credential="c", target_path=path
    )


async def test_restores_run_beside_a_backup_and_each_other_unless_one_is_in_the_place_of_another(shelf):
    async with shelf.catalogue.transaction() as conn:
        await tenants.create(conn, "other", "Other")
        share = await shares.create(conn, "other", name="O", account_url=ACCOUNT, share_name="o", credential="c")
        await runs.create(conn, "other", share.share_id, RunKind.RESTORE, into("back/one"))
        await runs.create(conn, "acme", shelf.share_id, RunKind.RESTORE, into("back/One more"))
    for path, where in (("", "files/back/one"), ("back", ""), ("BACK/ONE", "files/back/one"), ("back/one/x", "")):
        with pytest.raises(Conflict, match=f"another restore writes there: .* works on {where}"):
            async with shelf.catalogue.transaction() as conn:
                await runs.create(conn, "acme", shelf.share_id, RunKind.RESTORE, into(path))
    async with shelf.catalogue.transaction() as conn:
        await runs.create(conn, "acme", shelf.share_id, RunKind.RESTORE, into("back/on"))


async def test_the_constraint_decides_when_two_ask_at_once(shelf):
    await shelf.finish()
    async with shelf.catalogue.transaction() as first:
        await runs.create(first, "acme", shelf.share_id, RunKind.RESTORE, ELSEWHERE)
        await first.commit()
        # What a second sees that looked before the first committed: no active run, but the index knows.
        with pytest.raises(Conflict, match="another run is active on this Azure share"):
            async with shelf.catalogue.transaction() as second:
                await second.execute(
                    b"INSERT INTO run (tenant_id, share_id, run_no, kind, subject)"
                    b" SELECT tenant_id, share_id, run_no + 1, 'backup', subject FROM run WHERE state = 'queued'"
                )


async def test_a_restore_elsewhere_runs_beside_a_backup_and_keeps_its_order(shelf):
    async with shelf.catalogue.transaction() as conn:
        made = await runs.create(conn, "acme", shelf.share_id, RunKind.RESTORE, ELSEWHERE)
    run, share = await shelf.catalogue.run(made.run_id)
    assert (run, run.order, share) == (made, ELSEWHERE, shelf.share)


async def test_runs_are_listed_newest_first_by_pages(shelf):
    for _ in range(4):
        await shelf.finish()
        await shelf.new_run()
    async with shelf.catalogue.transaction() as conn:
        first = await runs.of_share(conn, shelf.share_id, limit=3)
        rest = await runs.of_share(conn, shelf.share_id, limit=3, before=first[-1].run_no)
    assert [r.run_no for r in first + rest] == [5, 4, 3, 2, 1]


async def test_runs_that_nobody_started_are_found(shelf):
    async with shelf.catalogue.transaction() as conn:
        made = await runs.create(conn, "acme", shelf.share_id, RunKind.RESTORE, ELSEWHERE)
        await conn.execute(b"UPDATE run SET requested_at = now() - interval '90 s' WHERE state = 'queued'")
        assert await runs.queued_for(conn, 60) == [], "it is not its turn"
        await conn.execute(b"UPDATE run SET admitted_at = requested_at WHERE state = 'queued'")
        assert [r.run_id for r in await runs.queued_for(conn, 60)] == [made.run_id]
        assert await runs.queued_for(conn, 120) == []


async def test_a_run_starts_once_and_cannot_start_again(shelf):
    started = (await shelf.catalogue.run(shelf.run_id))[0].started_at
    await shelf.catalogue.start_run(shelf.run_id)
    assert (await shelf.catalogue.run(shelf.run_id))[0].started_at == started
    await shelf.finish()
    with pytest.raises(Conflict, match="has ended: succeeded; it cannot become running"):
        await shelf.catalogue.start_run(shelf.run_id)


async def test_a_run_ends_once_with_its_point_and_its_counters(shelf):
    claim = await shelf.seeded()
    await shelf.catalogue.commit(shelf.batch(claim, counters=Counters(files=5, bytes=2**40)))
    assert (await shelf.catalogue.run(shelf.run_id))[0].counters == Counters(files=5, bytes=2**40)
    for _ in range(2):
        await shelf.finish(
            RunState.COMPLETED_WITH_ERRORS, error="two files", counters=Counters(errors=2), point=point(1)
        )
    run, _ = await shelf.catalogue.run(shelf.run_id)
    assert (run.state, run.error, run.counters) == (
        RunState.COMPLETED_WITH_ERRORS,
        "two files",
        Counters(files=5, bytes=2**40, errors=2),
    )
    assert run.finished_at is not None
    assert await shelf.catalogue.restore_point(shelf.share_id, 1) == point(1)
    with pytest.raises(Conflict, match="has ended: completed_with_errors; it cannot become failed"):
        await shelf.finish(RunState.FAILED)


async def test_a_run_that_never_started_can_only_fail(shelf):
    async with shelf.catalogue.transaction() as conn:
        made = await runs.create(conn, "acme", shelf.share_id, RunKind.RESTORE, ELSEWHERE)
    with pytest.raises(Conflict, match="is queued; it cannot become succeeded"):
        await shelf.catalogue.finish_run(made.run_id, RunState.SUCCEEDED, counters=Counters())
    await shelf.catalogue.finish_run(made.run_id, RunState.FAILED, error="no", counters=Counters())


async def test_the_share_snapshot_is_remembered_and_forgotten(shelf):
    for snapshot in ("2022-10-05T22:14:14.0000000Z", None):
        await shelf.catalogue.set_snapshot(shelf.run_id, snapshot)
        assert (await shelf.catalogue.run(shelf.run_id))[0].share_snapshot == snapshot


async def test_the_last_restore_point_is_the_newest(shelf):
    assert await shelf.catalogue.last_restore_point(shelf.share_id) is None
    await shelf.finish(point=point(1))
    await shelf.new_run()
    await shelf.finish(point=point(2, minute=30))
    assert await shelf.catalogue.last_restore_point(shelf.share_id) == point(2, minute=30)
