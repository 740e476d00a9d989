"""Prunes let go of restore points, sweeps delete what only those needed, and what is kept is whole: policy to deletion, on real services."""

import datetime as dt
import random
import secrets

import pytest

from shared.errors import Conflict, InvalidInput, NotFound
from shared.model.retention import KeepKind, RetentionPolicy
from shared.model.run import RunState
from shared.usecases.keep_point import keep_point
from tests.integration.test_any_change import Owner
from tests.support.checker import Checker
from tests.support.share_tree import differences, put, read_tree
from tests.support.vault_check import objects
from tests.support.world import world

SMALL = {"bundle_file_max_bytes": 16 * 1024, "large_file_bytes": 64 * 1024}


async def backups(files, count, seed=1):
    """Trees by restore point; something of everything changes in between."""
    owner, points = Owner(files.client(), seed), {}
    rng = random.Random(seed)
    for _ in range(count):
        owner.work()
        put(files.client(), "large.bin", rng.randbytes(5 << 20))
        put(files.client(), f"chunked{rng.randrange(3)}.bin", rng.randbytes(30_000))
        run = await files.backup()
        assert run.state is RunState.SUCCEEDED, await files.journal(run)
        points[run.run_no] = read_tree(files.client())
    return points


async def looks_whole(files):
    """Nothing that looks at catalogue and vault complains."""
    await files.nothing_is_damaged()
    checker = Checker(files.app.settings.postgres_url, files.app.settings.vault_connection, files.share.share_id)
    assert checker.check(full=True) == []


async def whole(files, points):
    """The same, and these restore points restore exactly."""
    await looks_whole(files)
    for run_no in sorted(points, reverse=True):
        target = f"restored-{secrets.token_hex(4)}"
        restore = await files.restore(run_no, target)
        assert restore.state is RunState.SUCCEEDED, await files.journal(restore)
        assert differences(points[run_no], read_tree(files.client(target))) == [], f"restore point {run_no}"


async def needed(files, points):
    """Names that the restore points which are left lead to: by an independent walk."""
    checker = Checker(files.app.settings.postgres_url, files.app.settings.vault_connection, files.share.share_id)
    assert checker.check() == []
    names = set()
    for run_no in points:
        for saved in checker.trees[run_no].nodes.values():
            names |= {f"{files.share.share_id}/{name}" for name in checker.contents.names(saved.content)}
    return names


def content(names):
    return {name for name in names if name.split("/")[1] in ("bundle", "chunk") or name.split("/")[1].isdigit()}


@pytest.mark.parametrize("seed", [1, pytest.param(0, marks=pytest.mark.torture)])
async def test_what_is_kept_is_whole_and_what_only_others_needed_is_gone(postgres_url, azurite, files_emulator, seed):
    async with world(postgres_url, azurite, files_emulator, **SMALL) as files:
        points = await backups(files, 6, seed)
        before = await objects(files)
        rng = random.Random(seed)
        going = sorted(rng.sample(sorted(points)[:-1], 4))
        pruned = await files.let_go(*going)
        assert pruned.state is RunState.SUCCEEDED
        assert (pruned.counters.expired_points, pruned.report["expired_count"]) == (4, 4)
        kept = {no: tree for no, tree in points.items() if no not in going}
        assert before.keys() <= (await objects(files)).keys(), "a prune deletes nothing"
        with pytest.raises(NotFound):
            await files.app.catalogue.restore_point(files.share.share_id, going[0])
        swept = await files.sweep()
        assert swept.state is RunState.SUCCEEDED, swept.error
        after = await objects(files)
        assert swept.counters.deleted_objects == len(before.keys() - after.keys()) > 0
        assert content(after) == content(await needed(files, kept)), "all that is needed and nothing else"
        assert not any("/marks/" in name for name in after)
        await whole(files, kept)
        # And it goes on.
        more = await backups(files, 2, seed + 100)
        again = await files.sweep()
        assert again.state is RunState.SUCCEEDED, again.error
        await whole(files, kept | more)


async def test_a_margin_keeps_what_was_let_go(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator, **SMALL) as files:
        points = await backups(files, 4)
        await files.let_go(*sorted(points)[:3])
        before = await objects(files)
        swept = await files.sweep(margin_s=3600)
        assert (swept.state, swept.counters.deleted_objects) == (RunState.SUCCEEDED, 0)
        assert content(before) == content(await objects(files))
        await whole(files, {max(points): points[max(points)]})


async def test_pins_and_holds_win_until_they_end(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as files:
        points = await backups(files, 4)
        first, second, third, last = sorted(points)
        app, share_id = files.app, files.share.share_id

        async def say(run_no, kind, **more):
            vault = app.vault(files.share.tenant_id)
            return await keep_point(
                app.retentions, vault, app.clock, share_id, run_no, kind, by="jo", reason="because", **more
            )

        await say(first, KeepKind.HOLD)
        await say(second, KeepKind.PIN, until=app.clock.now() + dt.timedelta(days=1))
        run = await files.prune(RetentionPolicy(keep_last=1))
        assert run.state is RunState.SUCCEEDED
        assert [e["restore_point"] for e in run.report["expired"]] == [third]
        refused = await files.let_go(first, second, last, 77)
        assert refused.state is RunState.COMPLETED_WITH_ERRORS
        assert {r["restore_point"]: r["reasons"] for r in refused.report["refused"]} == {
            first: ["legal hold by jo: because"],
            second: [next(iter(refused.report["refused"][1]["reasons"]))],
            last: ["the newest"],
        }
        assert refused.report["missing"] == [77]
        assert len(await files.journal(refused)) == 3
        again = await files.sweep()
        assert again.state is RunState.SUCCEEDED, again.error
        await looks_whole(files)
        await say(first, KeepKind.RELEASE)
        await say(second, KeepKind.UNPIN)
        with pytest.raises(Conflict):
            await say(first, KeepKind.RELEASE)
        with pytest.raises(InvalidInput) as raised:
            await say(first, KeepKind.PIN, until=app.clock.now() - dt.timedelta(seconds=1))
        assert raised.value.field == "until"
        run = await files.prune()
        assert {e["restore_point"] for e in run.report["expired"]} == {first, second}
        await files.sweep()
        await whole(files, {last: points[last]})


async def test_nothing_is_swept_while_the_vault_has_restore_points_that_the_catalogue_does_not_know(
    postgres_url, azurite, files_emulator
):
    async with world(postgres_url, azurite, files_emulator) as files:
        points = await backups(files, 3)
        async with files.app.transaction() as conn:
            await conn.execute("DELETE FROM restore_point WHERE run_no = %s", [sorted(points)[1]])
        before = await objects(files)
        swept = await files.sweep()
        assert swept.state is RunState.FAILED
        assert "does not know" in swept.error
        assert content(before) == content(await objects(files))
