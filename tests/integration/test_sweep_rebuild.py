"""What sweeps have deleted is not lost: a catalogue that is made of a swept vault is the one that was lost, pins and holds included."""

import pytest

from shared.formats import keep_event
from shared.model.objects import keep_event_name
from shared.model.retention import KeepKind
from shared.model.run import RunState
from shared.usecases.keep_point import keep_point
from tests.integration.test_sweep import SMALL, backups, looks_whole
from tests.support.rebuilding import all_rows, lose, rebuild, spoil, unlike
from tests.support.world import world


def rows_of(files):
    return all_rows(files.app.settings.postgres_url)


async def say(files, run_no, kind):
    app = files.app
    return await keep_point(
        app.retentions,
        app.vault(files.share.tenant_id),
        app.clock,
        files.share.share_id,
        run_no,
        kind,
        by="jo",
        reason="because",
    )


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.torture)])
async def test_the_rebuilt_catalogue_is_the_lost_one(postgres_url, azurite, files_emulator, seed):
    async with world(postgres_url, azurite, files_emulator, **SMALL) as files:
        points = await backups(files, 6, seed)
        first, second, third, *_, _last = sorted(points)
        await say(files, first, KeepKind.HOLD)
        await say(files, second, KeepKind.PIN)
        await say(files, second, KeepKind.UNPIN)
        await files.let_go(second, third)
        # Let go and not swept: the vault knows it.
        lost = rows_of(files)
        lose(files)
        run = await rebuild(files)
        assert (run.state, run.report["lost"]) == (RunState.SUCCEEDED, [])
        assert unlike(lost, rows_of(files)) == []
        assert (await files.sweep()).state is RunState.SUCCEEDED
        lost = rows_of(files)
        lose(files)
        run = await rebuild(files)
        assert (run.state, run.report["lost"]) == (RunState.SUCCEEDED, [])
        assert unlike(lost, rows_of(files)) == []
        await looks_whole(files)
        refused = await files.let_go(first)
        assert [r["restore_point"] for r in refused.report["refused"]] == [first]
        assert (await backups(files, 1, seed + 9)).keys() > set()
        assert (await files.sweep()).state is RunState.SUCCEEDED
        await looks_whole(files)


async def test_a_hold_that_cannot_be_read_holds(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as files:
        points = await backups(files, 2)
        first, _last = sorted(points)
        await say(files, first, KeepKind.HOLD)
        name = keep_event_name(files.share.share_id, first, 1)
        spoil(files, name, lambda data: data[:-5])
        lose(files)
        assert (await rebuild(files)).state is RunState.SUCCEEDED
        refused = await files.let_go(first)
        [told] = refused.report["refused"]
        assert name in told["reasons"][0]
        said = await say(files, first, KeepKind.RELEASE)
        assert said.hold is None
        assert (await files.let_go(first)).state is RunState.SUCCEEDED
        assert keep_event.VERSION == 1
