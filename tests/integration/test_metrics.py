"""What ``/metrics`` says of shares and runs is what the catalogue holds."""

import datetime as dt

import pytest

from shared.core.rounds import RoundState
from shared.db.metrics import CatalogueMetrics
from shared.db.run_totals import RunTotals
from shared.model import metric as m
from shared.model.run import RunState
from shared.model.verify_order import VerifyLevel
from tests.support.share_tree import put
from tests.support.world import world


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        yield found


async def shown(files, *, per_share=False, later=dt.timedelta()):
    """By name and labels, what is shown now."""
    metrics = CatalogueMetrics(per_share=per_share)
    async with files.app.transaction() as conn:
        # Runs count when they are some seconds old.
        await conn.execute("UPDATE run SET requested_at = requested_at - interval '1 minute'")
        families = await metrics.families(conn, files.app.clock.now() + later)
        await conn.rollback()
    return {(metric.name, *sample.labels): sample.value for metric, samples in families for sample in samples}


async def test_runs_that_have_ended_are_added_up(files):
    for n in range(9):
        put(files.client(), f"{n % 2}/{n}.txt", b"x" * (10 + n))
    first = await files.backup()
    put(files.client(), "0/0.txt", b"changed")
    second = await files.backup()
    verify = await files.verify(VerifyLevel.FULL)
    found = await shown(files)
    done = [first.counters, second.counters]
    assert found[m.RUNS_ENDED.name, "backup", "succeeded"] == 2
    assert found[m.RUNS_ENDED.name, "verify", "succeeded"] == 1
    assert found[m.RUN_FILES.name, "backup"] == sum(c.files for c in done) == 18
    assert found[m.SAVED_FILES.name,] == sum(c.changed_files for c in done) == 10
    assert found[m.SAVED_BYTES.name,] == sum(c.changed_bytes for c in done)
    assert found[m.VAULT_BYTES.name,] == sum(c.vault_bytes for c in [*done, verify.counters]) > 0
    assert found[m.RUN_REQUESTS.name, "files", "list"] == sum(c.files_lists for c in done)
    assert found[m.RUN_REQUESTS.name, "vault", "read"] == sum(c.vault_reads for c in [*done, verify.counters])
    assert found[m.PROTECTED_FILES.name,] == 9
    assert found[m.SHARES.name,] == found[m.TENANTS.name,] == 1
    assert found[m.SHARES_WITHOUT_POINT.name,] == 0


async def test_what_is_left_of_a_run_and_who_holds_it_is_told_while_it_lasts(files):
    run = await files.queue_backup()
    assert (await shown(files))[m.RUNS_ACTIVE.name, "backup", "queued"] == 1
    await files.step(run, RoundState(run.run_id, 1))
    claim = await files.app.catalogue.claim(run.run_id, "one", limit=3, lease_s=0.0)
    assert claim is not None
    found = await shown(files, per_share=True)
    left = await files.app.catalogue.left(run.run_id)
    assert left >= 1
    assert found[m.RUNS_ACTIVE.name, "backup", "running"] == 1
    assert found[m.WORK_LEFT.name, "backup"] == left
    assert found[m.SHARE_LEFT.name, files.share.tenant_id, str(files.share.share_id), "backup"] == left
    assert (found[m.BATCHES_HELD.name,], found[m.BATCHES_OVERDUE.name,]) == (1, 1)
    assert found[m.BATCH_AGE.name,] < 60
    async with files.app.transaction() as conn:
        await conn.execute(
            "UPDATE batch SET claimed_at = claimed_at - interval '7 hours' WHERE run_id = %s", [run.run_id]
        )
    assert (await shown(files))[m.BATCH_AGE.name,] == pytest.approx(7 * 3600, abs=60)
    assert await files.app.catalogue.claim(run.run_id, "two", limit=3, lease_s=60.0) is not None  # takes it over
    assert (await shown(files))[m.BATCH_AGE.name,] < 60


async def test_shares_are_counted_by_the_age_of_their_newest_restore_point(files):
    assert (await shown(files))[m.SHARES_WITHOUT_POINT.name,] == 1
    put(files.client(), "a.txt", b"a")
    await files.backup()
    found = await shown(files, per_share=True, later=dt.timedelta(hours=5))
    older = {bound: found[m.SHARES_OLDER.name, str(bound)] for bound in m.AGES_S}
    assert older == {bound: int(bound < 5 * 3600) for bound in m.AGES_S}
    assert found[m.OLDEST_POINT.name,] == pytest.approx(5 * 3600, abs=120)
    key = (files.share.tenant_id, str(files.share.share_id), "files")
    assert found[(m.POINT_AGE.name, *key)] == found[m.OLDEST_POINT.name,]
    assert found[(m.SHARE_FILES.name, *key)] == 1


async def test_nothing_of_single_shares_is_told_unless_it_was_asked_for(files):
    put(files.client(), "a.txt", b"a")
    await files.backup()
    assert not any(files.share.tenant_id in labels for _, *labels in await shown(files))


async def test_runs_are_added_once_whether_they_ended_before_or_after_they_were_seen(files):
    totals = RunTotals()

    async def advance():
        async with files.app.transaction() as conn:
            await conn.execute("UPDATE run SET requested_at = requested_at - interval '1 minute'")
            await totals.advance(conn)
        return dict(totals.ended), totals.sums.get("backup", {}).get("files", 0)

    put(files.client(), "a.txt", b"a")
    await files.backup()
    assert await advance() == ({("backup", "succeeded"): 1}, 1)
    assert await advance() == ({("backup", "succeeded"): 1}, 1)
    run = await files.queue_backup()
    assert await advance() == ({("backup", "succeeded"): 1}, 1)
    ended = await files.drive(run)
    assert ended.state is RunState.SUCCEEDED
    assert await advance() == ({("backup", "succeeded"): 2}, 2)
    assert await advance() == ({("backup", "succeeded"): 2}, 2)


async def test_answers_are_read_once_in_a_while(files):
    metrics, now = CatalogueMetrics(per_share=False), files.app.clock.now()
    async with files.app.transaction() as conn:
        first = await metrics.families(conn, now)
        assert await metrics.families(conn, now + dt.timedelta(seconds=9)) is first
        assert await metrics.families(conn, now + dt.timedelta(seconds=11)) is not first
