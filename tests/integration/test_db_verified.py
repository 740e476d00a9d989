"""What verifies have proved and found, and what runs did when, as the pages ask for it."""

import pytest

from shared.core.verify_report import finding_of
from shared.db import batches, verified
from shared.model.verify_order import VerifyLevel
from tests.support.damage import Vandal
from tests.support.share_tree import fill
from tests.support.world import world


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        yield found


async def test_findings_wait_for_a_backup_that_saves_again(files):
    fill(files.client())
    await files.backup()
    who = Vandal(files)
    for name in who.names():
        if name.startswith(("bundle/", "chunk/")):
            who.delete(name)
    quick = await files.verify(VerifyLevel.QUICK)
    share_id = files.share.share_id
    lines = await files.journal(quick)
    found = [finding_of(line.kind, line.reason, line.node_id, line.details) for line in lines]
    assert found
    assert all(one.current and one.points == {1} for one in found)

    async def waiting():
        async with files.app.transaction() as conn:
            return await verified.waiting(conn, share_id, {one.node_id for one in found})

    assert await waiting() == {one.node_id for one in found}
    await files.backup()
    assert await waiting() == set()
    full = await files.verify(VerifyLevel.FULL, all_points=True)
    async with files.app.transaction() as conn:
        assert await verified.points_there(conn, share_id, {1, 2, 3, 7}) == {1, 3}
        done = await verified.done(conn, share_id, 100)
        told = await verified.with_findings(conn, share_id, 100)
    assert [(one.run_no, one.level, one.oldest, one.newest) for one in done] == [
        (4, VerifyLevel.FULL, 1, 3),
        (2, VerifyLevel.QUICK, 1, 1),
    ]
    assert done[0].files == full.counters.reread_files
    assert [one.run_no for one in told] == [4, 2]


async def test_the_course_of_a_run_is_what_its_batches_did(files):
    fill(files.client())
    done = await files.backup()
    async with files.app.transaction() as conn:
        course = await batches.course(conn, files.share.share_id, done.run_no, 2_000)
        other = await batches.course(conn, files.share.share_id, done.run_no + 1, 2_000)
    assert other == []
    assert sum(one.counters.get("files", 0) for one in course) == done.counters.files
    assert all(done.started_at <= one.began <= one.ended <= done.finished_at for one in course)
