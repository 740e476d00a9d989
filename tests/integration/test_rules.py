"""What the rules leave out is not looked at; what they no longer leave out is saved; nothing is read twice for their sake."""

import secrets
from dataclasses import replace

import pytest

from shared.db import pages, shares
from shared.model.run import RunState
from tests.support.share_tree import differences, mkdir, put, read_tree
from tests.support.vault_check import verify_references
from tests.support.world import world


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        yield found


async def rule(files, **settings):
    """Change the share's settings as the API does."""
    async with files.app.transaction() as conn:
        changed = await shares.change_settings(conn, files.share.share_id, files.share.tenant_id, settings)
    files.share = replace(files.share, settings=changed.settings)


async def nodes(files):
    """Path of every live node."""
    async with files.app.transaction() as conn:
        await pages.choose_share(conn, files.share.share_id)
        rows = await (await conn.execute("SELECT (SELECT path FROM node_path(node_id)) FROM node")).fetchall()
    return {path for (path,) in rows} - {""}


async def restored(files, run):
    target = f"restored-{secrets.token_hex(4)}"
    await files.restore(run.run_no, target)
    await verify_references(files, run.run_no)
    return read_tree(files.client(target))


def without(tree, *left_out):
    return {path: node for path, node in tree.items() if not any(f"{path}/".startswith(f"{p}/") for p in left_out)}


async def test_what_is_left_out_is_not_listed_not_read_and_not_known(files):
    share = files.client()
    put(share, "keep/a.txt", b"a")
    put(share, "keep/~$a.docx", b"lock")
    put(share, "keep/CACHE/deep/b.txt", b"b")
    put(share, "keep/cache2/c.TMP", b"c")
    put(share, "pagefile.sys", b"p")
    await rule(files, exclude=["~$*", "cache/", "*.tmp", "/pagefile.sys"])
    files.control.keep_log(0)  # forgets what was asked before, if an earlier test had it kept
    files.control.keep_log(1000)
    run = await files.backup()
    assert run.state is RunState.SUCCEEDED
    asked = {entry["path"] for entry in files.control.log(limit=1000) if files.share.share_name in entry["path"]}
    assert [path for path in asked if "CACHE" in path or "pagefile" in path or "%24a" in path or "c.TMP" in path] == []
    assert await nodes(files) == {"keep", "keep/a.txt", "keep/cache2"}
    assert (run.counters.excluded_files, run.counters.excluded_directories, run.counters.changed_files) == (3, 1, 1)
    left_out = ["keep/~$a.docx", "keep/CACHE", "keep/cache2/c.TMP", "pagefile.sys"]
    assert differences(without(read_tree(share), *left_out), await restored(files, run)) == []


async def test_new_rules_compare_everything_and_read_nothing_again(files):
    share = files.client()
    for n in range(12):
        put(share, f"d{n % 4}/{n}.txt", b"%d" % n)
        put(share, f"d{n % 4}/{n}.tmp", b"%d" % n)
    before = read_tree(share)
    first = await files.backup()
    await rule(files, exclude=["*.tmp"])
    second = await files.backup()
    assert (second.counters.changed_files, second.counters.deleted_files, second.counters.excluded_files) == (0, 12, 12)
    kept = {path: node for path, node in before.items() if not path.endswith(".tmp")}
    assert differences(kept, await restored(files, second)) == []
    assert differences(before, await restored(files, first)) == []
    third = await files.backup()
    assert (third.counters.changed_directories, third.counters.pages_written) == (0, 0)
    await rule(files, exclude=[])
    fourth = await files.backup()
    assert fourth.counters.changed_files == 12  # known no more, so read again
    assert differences(before, await restored(files, fourth)) == []


async def test_a_rule_about_one_place_compares_one_place(files):
    share = files.client()
    for n in range(6):
        put(share, f"d{n}/a.txt", b"a")
        put(share, f"d{n}/b.txt", b"b")
    await files.backup()
    await rule(files, exclude=["/d3/b.txt"])
    run = await files.backup()
    assert (run.counters.changed_directories, run.counters.deleted_files) == (1, 1)


async def test_a_directory_that_leaves_a_place_where_more_was_left_out_is_compared(files):
    """Its listing is the same, and so are the rules: it is the place that had a part in what they said."""
    share = files.client()
    put(share, "scratch/work/plan.txt", b"plan")
    put(share, "scratch/work/plan.bak", b"bak")
    mkdir(share, "projects")
    await rule(files, exclude=["/scratch/**/*.bak"])
    first = await files.backup()
    assert "scratch/work/plan.bak" not in await nodes(files)
    share.get_directory_client("scratch/work").rename_directory("projects/work")
    second = await files.backup()
    assert (second.counters.moved_directories, second.counters.changed_files) == (1, 1)
    assert differences(read_tree(share), await restored(files, second)) == []
    share.get_directory_client("projects/work").rename_directory("scratch/work")
    third = await files.backup()
    assert differences(without(read_tree(share), "scratch/work/plan.bak"), await restored(files, third)) == []
    assert (await restored(files, first)).keys() == {"projects", "scratch", "scratch/work", "scratch/work/plan.txt"}


async def test_a_directory_that_moves_to_where_it_is_left_out_is_gone_and_comes_back_whole(files):
    share = files.client()
    for n in range(8):
        put(share, f"work/d{n % 2}/{n}.txt", b"%d" % n)
    mkdir(share, "old")
    await rule(files, exclude=["/old/*"])
    first = await files.backup()
    share.get_directory_client("work").rename_directory("old/work")
    second = await files.backup()
    assert (second.counters.deleted_directories, second.counters.deleted_files) == (3, 8)
    assert (await restored(files, second)).keys() == {"old"}
    share.get_directory_client("old/work").rename_directory("work")
    third = await files.backup()
    assert differences(read_tree(share), await restored(files, third)) == []
    assert len(await restored(files, first)) == 12


async def test_only_what_is_included_is_backed_up_with_the_way_to_it(files):
    share = files.client()
    put(share, "finance/2026/a.txt", b"a")
    put(share, "finance/readme.txt", b"r")
    put(share, "hr/letters/b.docx", b"b")
    put(share, "hr/letters/b.png", b"b")
    await rule(files, include=["/finance/2026/", "*.docx"], exclude=["~*"])
    run = await files.backup()
    expected = {"finance", "finance/2026", "finance/2026/a.txt", "hr", "hr/letters", "hr/letters/b.docx"}
    assert (await restored(files, run)).keys() == await nodes(files) == expected


async def test_a_wide_directory_leaves_out_the_same(files):
    share = files.client()
    for n in range(40):
        put(share, f"flat/{n:02d}.{'tmp' if n % 3 else 'txt'}", b"%d" % n)
    await rule(files, exclude=["*.tmp"])
    run = await files.backup()
    kept = {path: node for path, node in read_tree(share).items() if not path.endswith(".tmp")}
    assert differences(kept, await restored(files, run)) == []
    assert run.counters.excluded_files == 26
    assert (await files.backup()).counters.pages_written == 0


async def test_a_run_keeps_the_rules_it_began_with(files):
    put(files.client(), "a.tmp", b"a")
    queued = await files.queue_backup()
    await rule(files, exclude=["*.tmp"])
    await files.drive(queued)
    assert await nodes(files) == {"a.tmp"}
    await files.backup()
    assert await nodes(files) == set()


async def test_where_case_counts_it_counts(files):
    put(files.client(), "A.TMP", b"a")
    put(files.client(), "b.tmp", b"b")
    await rule(files, exclude=["*.tmp"], rules_ignore_case=False)
    await files.backup()
    assert await nodes(files) == {"A.TMP"}
