"""Break a rebuild at every effect and at every statement, then finish it: the catalogue is the lost one."""

import pytest

from shared.db import catalogue
from shared.errors import Unavailable
from shared.model.run import RunState
from shared.usecases import queue_rebuilds
from tests.faults.test_backup_and_restore import finish
from tests.support.aftermath import to_the_end
from tests.support.faults import Tripwire, everywhere
from tests.support.lost_connection import Wire
from tests.support.rebuilding import all_rows, before_there_were_notes, lose, queue, unlike
from tests.support.share_tree import put
from tests.support.world import world


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    """Three restore points; the first is from before there were notes, and something has gone since then and something else later."""
    async with world(postgres_url, azurite, files_emulator) as found:
        share = found.client()
        for n in range(8):
            put(share, f"d/{n}.bin", b"%d" % n)
        put(share, "gone/a/f", b"f")
        put(share, "later/a/f", b"f")
        with before_there_were_notes():
            await found.backup()
            _delete(share, "gone")
            await found.backup()
        _delete(share, "later")
        put(share, "d/new", b"x")
        run = await found.backup()
        assert run.state is RunState.SUCCEEDED
        yield found


def _delete(share, top):
    share.get_file_client(f"{top}/a/f").delete_file()
    share.get_directory_client(f"{top}/a").delete_directory()
    share.get_directory_client(top).delete_directory()


async def untroubled(files):
    """All rows of a rebuild that nothing happens to."""
    lose(files)
    run = await files.drive(await queue(files, credential="devstore"))
    assert run.state is RunState.SUCCEEDED, run.error
    return all_rows(files.app.settings.postgres_url)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("when", "fault", "first", "step"), everywhere(step=6))
async def test_a_rebuild_broken_anywhere_can_be_finished(files, when, fault, first, step):
    expected = await untroubled(files)
    broken = set()
    for at in range(first, 200, step):
        lose(files)
        wire = Tripwire(at, when, fault)
        run = await finish(files, await queue(files, credential="devstore"), wire)
        assert run.state is RunState.SUCCEEDED, (wire.where, run.error, await files.journal(run))
        assert unlike(expected, all_rows(files.app.settings.postgres_url)) == [], wire.where
        broken.add(wire.where)
        if not wire.tripped:
            assert step > 1 or len(broken) > 15, broken
            return
    pytest.fail("there is no end of effects")


def without_new_ids(rows):
    """The vault does not say the ids of runs from before there were notes: they get new ones, and a transaction in vain uses some up."""
    for row in [*rows["run"], *rows["batch"]]:
        if row["run_no"] < 3:
            del row["run_id"]
    return rows


async def driven(files, run):
    """Take a run to its end, also if who drives it cannot look at it for a moment."""
    while True:
        try:
            return await to_the_end(files, run, pause_s=0)
        except Unavailable:
            continue


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("step", "apart"), [(52, 26), pytest.param(2, 0, marks=pytest.mark.torture)])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_rebuild_whose_connection_is_lost_at_any_statement_can_be_finished(
    files, monkeypatch, after, step, apart
):
    """Every place between two statements once, in the suite one in 26: the odd ones are not executed, of the even ones the answer is lost."""
    monkeypatch.setattr(queue_rebuilds, "SILENT_RUNS", 1)
    expected = without_new_ids(await untroubled(files))
    monkeypatch.setattr(catalogue, "TRIES", 1)
    for at in range(1 + after * (1 + apart), 1_000, step):
        lose(files)
        run = await queue(files, credential="devstore")
        wire = Wire(at, after=after)
        with wire.tied(monkeypatch):
            run = await driven(files, run)
        assert run.state is RunState.SUCCEEDED, (at, run.error)
        assert unlike(expected, without_new_ids(all_rows(files.app.settings.postgres_url))) == [], f"statement {at}"
        if not wire.cut:
            assert at > 40, "hardly anything was broken"
            return
    pytest.fail("there is no end of statements")
