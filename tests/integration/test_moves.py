"""Renames and moves cost what they should: nothing for what lies below."""

import secrets

import pytest

from shared.db import pages
from shared.model.run import RunState
from tests.support.share_tree import differences, mkdir, put, read_tree
from tests.support.world import world


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        yield found


async def rows(files):
    """Every page row with the transaction that wrote it."""
    async with files.app.transaction() as conn:
        query = "SELECT page_id, parent_id, name, xmin::text FROM page WHERE share_id = %s"
        return {row[0]: row[1:] for row in await (await conn.execute(query, [files.share.share_id])).fetchall()}


async def check(files, run):
    target = f"restored-{secrets.token_hex(4)}"
    await files.restore(run.run_no, target)
    assert differences(read_tree(files.client()), read_tree(files.client(target))) == []


async def test_renaming_a_directory_is_one_row_and_reads_nothing_below_it(files):
    share = files.client()
    for n in range(60):
        put(share, f"projects/old name/d{n % 6}/{n}.txt", b"%d" % n)
    await files.backup()
    before = await rows(files)
    share.get_directory_client("projects/old name").rename_directory("projects/new name")
    run = await files.backup()
    after = await rows(files)
    renamed = [k for k in after if after[k][:2] != before[k][:2]]
    rewritten = {after[k][1] for k in after if after[k][2] != before[k][2]}
    assert len(renamed) == 1
    # The directory, its parent whose listing changed, and the root whose listing shows the parent's new time.
    assert rewritten == {"new name", "projects", ""}
    assert (run.counters.changed_files, run.counters.moved_directories) == (0, 1)
    assert (run.counters.deleted_files, run.counters.deleted_directories) == (0, 0)
    await check(files, run)


@pytest.mark.parametrize("into_new", [False, True])
async def test_moving_a_directory_elsewhere_reads_nothing_below_it(files, into_new):
    share = files.client()
    for n in range(20):
        put(share, f"a/deep/moved/d{n % 3}/{n}.txt", b"%d" % n)
    mkdir(share, "z/quiet")
    await files.backup()
    if into_new:
        mkdir(share, "new/place")
    share.get_directory_client("a/deep/moved").rename_directory("new/place/moved" if into_new else "z/quiet/moved")
    run = await files.backup()
    assert run.state is RunState.SUCCEEDED
    assert (run.counters.changed_files, run.counters.moved_directories, run.counters.deleted_directories) == (0, 1, 0)
    await check(files, run)


async def test_directories_that_trade_places_keep_what_is_theirs(files):
    share = files.client()
    put(share, "outer/inner/below.txt", b"below")
    put(share, "outer/beside.txt", b"beside")
    await files.backup()
    share.get_directory_client("outer/inner").rename_directory("inner")
    share.get_directory_client("outer").rename_directory("inner/outer")
    run = await files.backup()
    assert (run.counters.changed_files, run.counters.deleted_directories) == (0, 0)
    await check(files, run)


async def test_a_moved_directory_out_of_a_deleted_one_survives_it(files):
    share = files.client()
    for n in range(4):
        put(share, f"doomed/keep/{n}.txt", b"%d" % n)
        put(share, f"doomed/lost/sub{n}/{n}.txt", b"%d" % n)
    await files.backup()
    share.get_directory_client("doomed/keep").rename_directory("kept")
    for n in range(4):
        share.get_file_client(f"doomed/lost/sub{n}/{n}.txt").delete_file()
        share.get_directory_client(f"doomed/lost/sub{n}").delete_directory()
    share.get_directory_client("doomed/lost").delete_directory()
    share.get_directory_client("doomed").delete_directory()
    run = await files.backup()
    assert (run.counters.changed_files, run.counters.deleted_directories, run.counters.deleted_files) == (0, 6, 4)
    await check(files, run)
    first = f"restored-{secrets.token_hex(4)}"
    await files.restore(1, first)
    assert sum(node.kind == "file" for node in read_tree(files.client(first)).values()) == 8


async def test_a_renamed_file_keeps_its_node(files):
    share = files.client()
    put(share, "d/before.txt", b"content")
    put(share, "d/other.txt", b"other")
    await files.backup()

    async def nodes():
        async with files.app.transaction() as conn:
            await pages.choose_share(conn, files.share.share_id)
            query = "SELECT name, node_id FROM node WHERE size IS NOT NULL"
            return dict(await (await conn.execute(query)).fetchall())

    before = await nodes()
    share.get_file_client("d/before.txt").rename_file("d/after.txt")
    await files.backup()
    after = await nodes()
    assert after == {"after.txt": before["before.txt"], "other.txt": before["other.txt"]}


async def test_a_changed_file_of_a_large_directory_rewrites_its_page_and_no_other(files):
    """Pages hold five entries here, so this directory has several."""
    share = files.client()
    for n in range(37):
        put(share, f"flat/{n:02d}.txt", b"%d" % n)
    await files.backup()
    before = await rows(files)
    share.get_file_client("flat/20.txt").upload_range(b"XX", 0, 2)
    run = await files.backup()
    after = await rows(files)
    rewritten = [k for k in after if after[k][2] != before[k][2]]
    assert len(before) >= 9
    assert len(rewritten) == 2  # the file's page, and page 0 with the directory's fingerprint
    assert run.counters.changed_files == 1
    # One list per directory, the file, and a constant for the share, its snapshot and its root.
    assert run.counters.files_requests <= run.counters.directories + 1 + 10
    await check(files, run)
