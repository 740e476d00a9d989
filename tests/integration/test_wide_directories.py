"""A directory too large for a batch is backed up in pieces, and nobody can tell from what comes back.

In the world of the tests a page has five entries, a directory is wide from seventeen, and a piece is closed at eleven.
"""

import asyncio
import random
import secrets
from contextlib import suppress
from dataclasses import replace
from itertools import count

import pytest

from shared.core.rounds import RoundState
from shared.db import pages, rollups
from shared.errors import Unavailable
from shared.model.run import RunState
from shared.model.tickets import RunTicket, Stop
from shared.usecases.backup_directories import backup_directories
from tests.faults.test_backup_and_restore import Tripwire, finish
from tests.support.faults import Killed, When
from tests.support.share_tree import differences, mkdir, put, read_tree
from tests.support.vault_check import verify_references
from tests.support.world import world


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(
        postgres_url, azurite, files_emulator, bundle_file_max_bytes=16 * 1024, large_file_bytes=64 * 1024
    ) as found:
        yield found


async def page_rows(files, name="flat"):
    """``page_no`` to (lower name, transaction, packed head) of one directory's rows."""
    async with files.app.transaction() as conn:
        query = "SELECT page_id FROM page WHERE share_id = %s AND name = %s AND parent_id IS NOT NULL"
        row = await (await conn.execute(query, [files.share.share_id, name])).fetchone()
        query = "SELECT page_id & 16777215, xmin::text FROM page WHERE share_id = %s AND page_id BETWEEN %s AND %s"
        args = [files.share.share_id, row[0], row[0] | 0xFFFFFF]
        written = dict(await (await conn.execute(query, args)).fetchall())
        heads = (await pages.heads_of_pages(conn, files.share.share_id, [row[0]]))[row[0]]
    return heads, written


async def slots(files):
    """Node id of every file by its name."""
    async with files.app.transaction() as conn:
        await pages.choose_share(conn, files.share.share_id)
        return dict(await (await conn.execute("SELECT name, node_id FROM node WHERE size IS NOT NULL")).fetchall())


async def batches(files, run):
    """How many batches of directories a run has committed."""
    async with files.app.transaction() as conn:
        query = "SELECT count(*) FROM batch WHERE run_id = %s AND kind = 0 AND state = 1"
        return (await (await conn.execute(query, [run.run_id])).fetchone())[0]


async def check(files, points):
    """Every restore point comes back as it was, and refers to nothing that is not there."""
    await verify_references(files, max(points))
    for run_no, tree in points.items():
        target = f"restored-{secrets.token_hex(4)}"
        restore = await files.restore(run_no, target)
        assert restore.state is RunState.SUCCEEDED, await files.journal(restore)
        assert differences(tree, read_tree(files.client(target))) == [], f"restore point {run_no}"


def fill(share, numbers, text=b"content %d"):
    for n in numbers:
        put(share, f"flat/{n:04d}.txt", text % n)


async def test_a_wide_directory_comes_back_as_it_was_at_every_time(files):
    share, points = files.client(), {}
    fill(share, range(0, 160, 4))
    for n in range(4):
        put(share, f"flat/{n * 40 + 1:04d} sub/below.txt", b"below %d" % n)

    def delete(numbers):
        for n in numbers:
            share.get_file_client(f"flat/{n:04d}.txt").delete_file()

    def rename(numbers):
        for n in numbers:
            share.get_file_client(f"flat/{n:04d}.txt").rename_file(f"flat/{n + 100:04d} renamed.txt")

    steps = [
        lambda: None,
        lambda: fill(share, range(1, 60, 2)),
        lambda: delete(range(40, 150, 4)),
        lambda: rename(range(4, 24, 4)),
        lambda: fill(share, range(4), b"changed %d"),
        lambda: fill(share, range(60, 110), b"filled again %d"),
        lambda: delete(range(60, 110)),
    ]
    runs = []
    for step in steps:
        step()
        run = await files.backup()
        assert run.state is RunState.SUCCEEDED, await files.journal(run)
        points[run.run_no] = read_tree(files.client())
        runs.append(run)
    assert await batches(files, runs[0]) > 4
    assert runs[0].counters.directories == 6
    assert runs[0].counters.changed_files == 44
    heads, _ = await page_rows(files)
    assert any(head.deleted_run is not None for head in heads.heads)
    await files.nothing_is_damaged()
    await check(files, points)


async def test_one_changed_file_rewrites_its_page_and_the_directory_row_and_reads_one_record(files):
    share = files.client()
    fill(share, range(100))
    await files.backup()
    _, before = await page_rows(files)
    share.get_file_client("flat/0050.txt").upload_range(b"XX", 0, 2)
    run = await files.backup()
    heads, after = await page_rows(files)
    changed = [page_no for page_no in after if after[page_no] != before[page_no]]
    assert len(after) == 20
    assert len(changed) == 2
    assert 0 in changed
    by_no = {head.page_no: head for head in heads.heads}
    assert [by_no[n].manifest.run_no for n in sorted(changed)] == [1, 2]
    assert (run.counters.changed_files, run.counters.pages_written) == (1, 2)
    assert (
        run.counters.vault_reads == 2
    )  # the record of the file's page; and closing asks whether there is a commit record


async def test_renaming_within_a_night_keeps_slots_and_uploads_nothing(files):
    share = files.client()
    fill(share, range(100))
    await files.backup()
    before = await slots(files)
    share.get_file_client("flat/0003.txt").rename_file("flat/0097 was 3.txt")
    run = await files.backup()
    after = await slots(files)
    assert (run.counters.changed_files, run.counters.deleted_files) == (1, 0)  # read, because its ChangeTime moved
    async with files.app.transaction() as conn:
        query = "SELECT sum(cardinality(bundle_bytes)) FROM batch WHERE run_id = %s AND state = 1"
        assert (await (await conn.execute(query, [run.run_id])).fetchone())[0] == 0
    assert after["0097 was 3.txt"] == before["0003.txt"]
    await check(files, {run.run_no: read_tree(share)})


async def test_a_file_that_moves_between_pieces_is_read_again(files):
    share = files.client()
    fill(share, range(100))
    await files.backup()
    for n in range(1, 100, 5):
        share.get_file_client(f"flat/{n:04d}.txt").upload_range(b"X", 0, 1)
    share.get_file_client("flat/0003.txt").rename_file("flat/0097 was 3.txt")
    run = await files.backup()
    assert (run.counters.changed_files, run.counters.deleted_files) == (21, 1)
    await check(files, {run.run_no: read_tree(share)})


async def test_pages_that_lost_their_files_are_merged_and_their_numbers_used_again(files):
    share, points, deleted = files.client(), {}, []

    async def backup():
        run = await files.backup()
        deleted.append(run.counters.deleted_files)
        points[run.run_no] = read_tree(share)
        found, _ = await page_rows(files)
        live = {head.page_no for head in found.heads if head.page_no == 0 or head.deleted_run is None}
        return live, {head.page_no for head in found.heads} - live

    fill(share, range(100))
    assert await backup() == (set(range(20)), set())
    for n in range(10, 90):
        share.get_file_client(f"flat/{n:04d}.txt").delete_file()
    live, dissolved = await backup()
    assert len(live) < 8
    assert live | dissolved == set(range(20))
    fill(share, range(10, 60), b"again %d")
    live, dissolved = await backup()
    assert live | dissolved == set(range(20))
    assert len(live) >= 12
    assert deleted == [0, 80, 0]
    await files.nothing_is_damaged()
    await check(files, points)


async def test_a_large_file_makes_a_wide_directory_wait_and_its_pieces_stay(files):
    share = files.client()
    fill(share, range(60))
    put(share, "flat/0030 large.bin", secrets.token_bytes(100_000))
    put(share, "flat/0001 sub/below.txt", b"below")
    run = await files.backup()
    assert run.state is RunState.SUCCEEDED
    assert run.counters.changed_files == 62
    assert (run.counters.directories, run.counters.files) == (3, 62)
    await check(files, {run.run_no: read_tree(share)})


async def test_an_unreadable_file_keeps_its_page_and_no_other_from_being_passed_by(files):
    share = files.client()
    fill(share, range(60))
    files.control.fault(
        operation="file_download",
        path=f"/{files.share.share_name}(/|$)flat/0030.txt$",
        count=0,
        code="SharingViolation",
        status=409,
    )
    first = await files.backup()
    files.control.clear()
    assert (first.state, first.counters.errors) == (RunState.COMPLETED_WITH_ERRORS, 1)
    _, before = await page_rows(files)
    second = await files.backup()
    _, after = await page_rows(files)
    assert (second.state, second.counters.changed_files) == (RunState.SUCCEEDED, 1)
    assert len([page_no for page_no in after if after[page_no] != before[page_no]]) == 2
    await check(files, {second.run_no: read_tree(share)})


@pytest.mark.parametrize(("when", "fault"), [(When.BEFORE, Unavailable), (When.AFTER, Killed)])
async def test_a_wide_directory_broken_anywhere_can_be_finished(files, when, fault):
    """Each time changed and each time broken some effects later; every restore point on the way is whole."""
    share, rng, points, broken = files.client(), random.Random(7), {}, set()
    fill(share, range(0, 80, 2))
    mkdir(share, "flat/0033 sub")
    await files.backup()
    for turn in count():
        for n in rng.sample(range(80), 14):
            client = share.get_file_client(f"flat/{n:04d}.txt")
            if client.exists():
                client.delete_file()
            else:
                put(share, f"flat/{n:04d}.txt", b"turn %d" % turn)
        put(share, f"flat/0033 sub/{turn}.txt", b"%d" % turn)
        wire = Tripwire(1 + turn * 12 + rng.randrange(12), when, fault)
        run = await finish(files, await files.queue_backup(), wire)
        assert run.state is RunState.SUCCEEDED, (wire.where, run.error, await files.journal(run))
        points[run.run_no] = read_tree(share)
        broken.add(wire.where)
        if not wire.tripped:
            break
    assert len(broken) > 4, broken
    some = {run_no: points[run_no] for run_no in sorted(points)[-1:] + rng.sample(sorted(points), 2)}
    await check(files, some)


class AfterPieces(Tripwire):
    """Refuses a commit of a batch once some were let through."""

    def __init__(self, commits, fault):
        super().__init__(-1, When.BEFORE, fault)
        self.commits = commits

    def due(self, where):
        if where != "catalogue.commit":
            return False
        self.commits -= 1
        self.tripped = self.commits < 0
        return self.tripped


async def die_between_pieces(files, commits):
    """A run that commits some batches and then fails for good; returns it."""
    run = await files.queue_backup()
    wire = AfterPieces(commits, Killed)
    files.wrap = wire.wrap
    state = RoundState(run.run_id, 1)
    while not wire.tripped:
        with suppress(Killed):
            state = await files.step(run, state)
    files.wrap = lambda scope: scope
    await files.app.catalogue.abandon_run(run.run_id, "killed")
    return run


async def test_a_run_that_dies_between_pieces_leaves_them_to_the_next(files):
    share = files.client()
    fill(share, range(0, 100, 2))
    first = await files.backup()
    points = {first.run_no: read_tree(share)}
    fill(share, range(1, 100, 2))
    before = await slots(files)
    await die_between_pieces(files, 4)
    await check(files, points)  # with half of the directory's pages written after it
    second = await files.backup()
    points[second.run_no] = read_tree(share)
    assert 0 < second.counters.changed_files < 50  # the others were saved by the run that died
    after = await slots(files)
    assert {name: after[name] for name in before} == before
    await check(files, points)


async def test_names_that_were_one_page_are_in_some_page_after_every_piece(files):
    """Sixty names come into the middle of a page. Whenever the run dies, all that was saved before still has its place."""
    share = files.client()
    fill(share, range(40))
    first = await files.backup()
    old = await slots(files)
    points = {first.run_no: read_tree(share)}
    for n in range(60):
        put(share, f"flat/0022 {n:02d}.txt", b"between %d" % n)
    for commits in (2, 1, 1):
        await die_between_pieces(files, commits)
        now = await slots(files)
        assert {name: now[name] for name in old} == old
        assert len(set(now.values())) == len(now)
    second = await files.backup()
    points[second.run_no] = read_tree(share)
    assert (second.counters.deleted_files, len(await slots(files))) == (0, 100)
    assert {name: (await slots(files))[name] for name in old} == old
    await check(files, points)


async def test_a_directory_that_cannot_be_listed_after_a_crash_reads_as_it_was_saved(files):
    """What a restore point then has of it is every name once, in the state it was last saved in."""
    share = files.client()
    fill(share, range(40))
    await files.backup()
    old = read_tree(share)
    for n in range(60):
        put(share, f"flat/0022 {n:02d}.txt", b"between %d" % n)
    await die_between_pieces(files, 3)
    files.control.fault(
        operation="directory_list",
        path=f"/{files.share.share_name}/flat$",
        count=0,
        code="SharingViolation",
        status=409,
    )
    run = await files.backup()
    files.control.clear()
    assert run.state is RunState.COMPLETED_WITH_ERRORS
    target = f"restored-{secrets.token_hex(4)}"
    await files.restore(run.run_no, target)
    restored = read_tree(files.client(target))
    assert set(old) <= restored.keys()
    assert 40 < len(restored) < 102
    assert all(restored[path].content == node.content for path, node in old.items() if node.kind == "file")


async def test_what_there_is_no_time_for_is_left_in_the_frontier(files):
    files.app.limits = replace(files.app.limits, wide_s=0, activity_s=0.001)
    fill(files.client(), range(60))
    run = await files.backup()
    assert run.state is RunState.SUCCEEDED
    assert run.counters.changed_files == 60
    await check(files, {run.run_no: read_tree(files.client())})


async def test_pages_lost_by_a_deletion_that_was_not_finished_are_not_restored(files):
    """A run found the directory gone and died after it had taken its last page; the next one finds it where it was."""
    share = files.client()
    fill(share, range(12))
    first = await files.backup()
    points = {first.run_no: read_tree(share)}
    failed = await files.queue_backup()
    await files.app.catalogue.abandon_run(failed.run_id, "killed")
    async with files.app.transaction() as conn:
        query = "SELECT page_id FROM page WHERE share_id = %s AND name = 'flat'"
        node_id = (await (await conn.execute(query, [files.share.share_id])).fetchone())[0]
        page, _, last = (await pages.of_directories(conn, files.share.share_id, [node_id]))[node_id]
        gone = replace(last, files=(), page_fingerprint=None, deleted_run=failed.run_no)
        await pages.upsert(conn, files.share.share_id, [replace(page, fingerprint=None), gone])
        await rollups.count(conn, files.share.share_id)
    for n in (10, 11):
        share.get_file_client(f"flat/{n:04d}.txt").delete_file()
    run = await files.backup()
    points[run.run_no] = read_tree(share)
    await check(files, points)


async def test_workers_that_wait_do_not_take_a_wide_directory_before_or_between_its_pieces(files):
    """Each time they did they would list it again."""
    fill(files.client(), range(100))
    run = await files.queue_backup()
    state = await files.step(run, RoundState(run.run_id, 1))
    lists = files.control.requests("directory_list")

    async def work(worker):
        async with files.app.run_scope(run.run_id) as scope:
            return await backup_directories(RunTicket(run_id=run.run_id, worker=worker), scope)

    receipts = await asyncio.gather(*(work(f"worker-{n}") for n in range(4)))
    assert [receipt.error for receipt in receipts] == [""] * 4
    run = await files.drive_on(run, state)
    assert run.counters.changed_files == 100
    assert await batches(files, run) > 7
    assert files.control.requests("directory_list") - lists == 2  # the root, and the wide one
    await check(files, {run.run_no: read_tree(files.client())})


class Leaving:
    """A catalogue whose user is asked to go as soon as a commit keeps something for the next batch."""

    def __init__(self, catalogue, stop):
        self._catalogue, self._stop = catalogue, stop

    def __getattr__(self, name):
        return getattr(self._catalogue, name)

    async def commit(self, batch, **options):
        kept = await self._catalogue.commit(batch, **options)
        if kept is not None:
            self._stop.ask(Stop.LEAVING)
        return kept


async def test_a_wide_directory_that_was_kept_is_given_back_at_once_when_its_worker_is_to_go(files):
    """Not when its lease ends."""
    fill(files.client(), range(100))
    run = await files.queue_backup()
    state = await files.step(run, RoundState(run.run_id, 1))
    async with files.app.run_scope(run.run_id) as scope:
        leaving = replace(scope, catalogue=Leaving(scope.catalogue, scope.stop))
        receipt = await backup_directories(RunTicket(run_id=run.run_id, worker="worker-0"), leaving)
    assert (receipt.stop, receipt.left) == (Stop.LEAVING, 1)
    async with files.app.transaction() as conn:
        query = "SELECT state, batch_no FROM frontier WHERE run_id = %s"
        assert await (await conn.execute(query, [run.run_id])).fetchall() == [(0, None)]
    run = await files.drive_on(run, state)
    assert (run.state, run.counters.changed_files) == (RunState.SUCCEEDED, 100)


async def test_a_wide_root_is_cut_into_pieces_by_bytes_too(files):
    files.app.limits = replace(files.app.limits, piece_entries=1000, piece_bytes=10_000)
    share = files.client()
    for n in range(40):
        put(share, f"{n:04d}.bin", bytes([n]) * 1000)
    first = await files.backup()
    assert await batches(files, first) == 1 + 4
    points = {first.run_no: read_tree(share)}
    share.get_file_client("0007.bin").upload_range(b"XX", 0, 2)
    second = await files.backup()
    points[second.run_no] = read_tree(share)
    assert (second.counters.changed_files, second.counters.pages_written) == (1, 2)
    assert (await files.backup()).counters.pages_written == 0
    await check(files, points)
