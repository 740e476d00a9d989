"""A scan tells what a backup would do, fills the catalogue of what no backup has saved, and changes nothing of what one has."""

import secrets
from dataclasses import replace

import pytest

from shared.db import pages, rollups
from shared.model.run import RunState
from tests.support.share_tree import change, differences, fill, mkdir, put, read_tree
from tests.support.vault_check import objects, verify_references
from tests.support.world import world


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        yield found


async def ask(files, text, *args):
    async with files.app.transaction() as conn:
        await pages.choose_share(conn, files.share.share_id)
        return await (await conn.execute(text.encode(), args)).fetchall()


async def nodes(files):
    """Path to node id, size and hash of every live node but the root."""
    found = await ask(
        files, "SELECT p.path, n.node_id, n.size, n.hash FROM node n CROSS JOIN LATERAL node_path(n.node_id) p"
    )
    return {path: (node_id, size, hash_) for path, node_id, size, hash_ in found if path}


def rewrite(share, path, content):
    """Write into a file that is there; :func:`put` makes another one in its place."""
    file = share.get_file_client(path)
    file.resize_file(len(content))
    file.upload_range(content, 0, len(content))


async def raw_rows(files):
    query = "SELECT page_id, parent_id, name, names, packed, xmin::text FROM page WHERE share_id = %s ORDER BY page_id"
    async with files.app.transaction() as conn:
        return await (await conn.execute(query, [files.share.share_id])).fetchall()


async def restored(files, run):
    target = f"restored-{secrets.token_hex(4)}"
    await files.restore(run.run_no, target)
    await verify_references(files, run.run_no)
    return read_tree(files.client(target))


def shown(tree):
    """What the view shows of a tree, as far as a scan can know it."""
    return {path: None if node.kind == "directory" else len(node.content) for path, node in tree.items()}


async def test_a_first_scan_fills_the_catalogue_and_writes_nothing_to_the_vault(files):
    share = files.client()
    fill(share)
    for n in range(30):
        put(share, f"flat/{n:02d}.txt", b"x" * n)
    tree = read_tree(share)
    run = await files.scan()
    assert run.state is RunState.SUCCEEDED
    found = await nodes(files)
    assert {path: size for path, (_, size, _) in found.items()} == shown(tree)
    assert {hash_ for _, size, hash_ in found.values()} <= {0, None}
    count = sum(node.kind == "file" for node in tree.values())
    size = sum(len(node.content) for node in tree.values())
    assert run.report["seen"] == {"directories": len(tree) - count + 1, "files": count, "bytes": size}
    assert run.report["changes"]["new_files"] == run.report["to_transfer"]["files"] == count
    assert run.report["to_transfer"]["bytes"] == size
    assert run.report["changes"]["new_directories"] == len(tree) - count
    assert run.report["backup"]["seconds"] > 0
    assert run.report["backup"]["cost"]["total"] > 0
    assert (run.counters.vault_writes, run.counters.vault_reads, run.share_snapshot) == (0, 0, None)
    assert not [s for s in files.control.log(limit=1000) if s.get("operation") == "SnapshotShare"]
    async with files.app.transaction() as conn:
        assert (await rollups.totals(conn, files.share.share_id)) == (len(tree) - count + 1, count, size)
    changed = await ask(
        files, "SELECT sum(new_files), sum(changed_files), sum(deleted_files) FROM changes_between(0, 1)"
    )
    assert changed == [(count, 0, 0)]
    assert await ask(files, "SELECT * FROM duplicate_files(0)") == []


async def test_a_scan_costs_a_request_per_directory_and_writes_no_row_of_an_unchanged_share(files):
    fill(files.client())
    await files.backup()
    before = await raw_rows(files)
    stored = await objects(files)
    run = await files.scan()
    assert await raw_rows(files) == before
    assert await objects(files) == stored
    assert run.counters.files_requests <= run.counters.directories + 4
    assert (run.counters.changed_files, run.counters.pages_written, run.counters.vault_reads) == (0, 0, 0)
    assert run.report["to_transfer"] == {"files": 0, "bytes": 0}


async def test_a_backup_after_a_scan_is_the_backup_alone_with_the_scans_numbers(files):
    share = files.client()
    fill(share)
    for n in range(40):
        put(share, f"flat/{n:02d}.txt", b"%d" % n)
    await files.scan()
    scanned = await nodes(files)
    put(share, "flat/07a.txt", b"between")
    share.get_file_client("flat/11.txt").delete_file()
    put(share, "flat/12.txt", b"rewritten")
    run = await files.backup()
    tree = read_tree(share)
    assert run.state is RunState.SUCCEEDED
    assert run.counters.changed_files == sum(node.kind == "file" for node in tree.values())
    assert differences(tree, await restored(files, run)) == []
    saved = await nodes(files)
    assert {path: size for path, (_, size, _) in saved.items()} == shown(tree)
    kept = scanned.keys() & saved.keys()
    assert {path for path in kept if saved[path][0] != scanned[path][0]} == set()
    assert saved["flat/07a.txt"][0] not in {node_id for node_id, _, _ in scanned.values()}
    assert (await files.backup()).counters.pages_written == 0


async def test_a_second_scan_writes_only_what_changed_since_the_first(files):
    share = files.client()
    for n in range(40):
        put(share, f"flat/{n:02d}.txt", b"%d" % n)
        put(share, f"d{n % 8}/{n}.txt", b"%d" % n)
    first = await files.scan()
    second = await files.scan()
    assert second.counters.pages_written == 0
    assert second.report["changes"] == first.report["changes"]
    put(share, "d3/new.txt", b"new")
    share.get_directory_client("d5").rename_directory("d5-renamed")
    for n in (5, 13, 21, 29, 37):
        share.get_file_client(f"d4/{n - 1}.txt").delete_file()
    share.get_directory_client("d4").delete_directory()
    numbers = await nodes(files)
    third = await files.scan()
    assert third.counters.pages_written <= 4
    after = await nodes(files)
    assert {path: size for path, (_, size, _) in after.items()} == shown(read_tree(share))
    assert after["d5-renamed/5.txt"][0] == numbers["d5/5.txt"][0]


async def test_a_scan_reports_every_kind_of_change_and_leaves_what_is_saved_alone(files):
    share = files.client()
    fill(share)
    for n in range(30):
        put(share, f"flat/{n:02d}.txt", b"%d" % n)
    await files.backup()
    before = await nodes(files)
    change(share)
    rewrite(share, "flat/05.txt", b"five")
    share.get_file_client("flat/10.txt").rename_file("flat/10-renamed.txt")
    share.get_file_client("flat/20.txt").delete_file()
    for name in ("song.wav", "zeros.img"):
        share.get_file_client(f"media/{name}").delete_file()
    share.get_directory_client("media").delete_directory()
    run = await files.scan()
    assert run.state is RunState.SUCCEEDED
    changes = run.report["changes"]
    assert changes["moved_directories"] == 1  # deep
    assert changes["new_directories"] == 1  # docs/new
    assert changes["deleted_directories"] == 2  # "empty directory" and media
    assert changes["moved_files"] == 1
    # Added, and a file that went to another directory, and report 03: another one under the same name is another file.
    assert changes["new_files"] == 3
    assert changes["deleted_files"] == 3 + 2 + 1  # readme.txt and reports 03 and 05; media's; flat/20
    assert changes["changed_files"] == 3  # flat/05 and 10; report 07 has another permission
    # The tree is as it was saved, but that directories are where they are now, and that new ones are filled.
    after = await nodes(files)
    assert {path for path in after if path.startswith("docs/new")} == {"docs/new", "docs/new/added.txt"}
    assert {node_id: (size, hash_) for node_id, size, hash_ in after.values() if size is not None} == {
        node_id: (size, hash_) for node_id, size, hash_ in before.values() if size is not None
    } | {after["docs/new/added.txt"][0]: (5, 0)}
    assert {path for path in before if path.startswith("deep")} == {
        path.removeprefix("docs/").replace("deeper", "deep", 1) for path in after if path.startswith("docs/deeper")
    }
    assert {path for path, (_, size, hash_) in after.items() if size is None and hash_ is None} == {"docs", "docs/new"}
    backup = await files.backup()
    assert differences(read_tree(share), await restored(files, backup)) == []
    expected = run.report["to_transfer"]
    assert (backup.counters.changed_files, backup.counters.changed_bytes) == (expected["files"], expected["bytes"])
    assert (backup.counters.new_files, backup.counters.deleted_files) == (
        changes["new_files"],
        changes["deleted_files"],
    )
    assert backup.counters.deleted_directories == changes["deleted_directories"]


async def test_what_a_scan_saw_and_is_undone_is_not_in_the_next_backup(files):
    """The listing is then what it was, byte for byte: only a fingerprint that was taken off makes anyone look."""
    share = files.client()
    put(share, "stays/a.txt", b"a")
    put(share, "moves/b.txt", b"b")
    put(share, "target/c.txt", b"c")
    first = await files.backup()
    snapshot = await restored(files, first)
    written = share.get_directory_client("stays").get_directory_properties().last_write_time
    mkdir(share, "stays/passing")
    put(share, "stays/passing/p.txt", b"p")
    await files.scan()
    assert "stays/passing/p.txt" in await nodes(files)
    share.get_file_client("stays/passing/p.txt").delete_file()
    share.get_directory_client("stays/passing").delete_directory()
    share.get_directory_client("stays").set_http_headers(file_last_write_time=written)
    second = await files.backup()
    assert (second.state, second.counters.errors) == (RunState.SUCCEEDED, 0)
    assert "stays/passing" not in await nodes(files)
    assert differences(read_tree(share), await restored(files, second)) == []
    assert differences(snapshot, await restored(files, first)) == []


async def test_a_scan_of_a_vanished_directory_is_no_error(files):
    share = files.client()
    put(share, "here/a.txt", b"a")
    files.wrap = lambda scope: replace(scope, reader=Vanishing(scope.reader, share))
    run = await files.scan()
    assert (run.state, run.counters.errors) == (RunState.SUCCEEDED, 0)
    assert [(line.kind, line.path) for line in await files.journal(run)] == [("vanished", "here")]


class Vanishing:
    """Deletes a directory between the listing that names it and its own."""

    def __init__(self, reader, share):
        self._reader, self._share = reader, share

    def __getattr__(self, name):
        return getattr(self._reader, name)

    async def list_page(self, path, marker=""):
        if path == "here":
            self._share.get_file_client("here/a.txt").delete_file()
            self._share.get_directory_client("here").delete_directory()
        return await self._reader.list_page(path, marker)


async def test_a_scan_deletes_while_nothing_was_ever_saved_and_only_counts_afterwards(files):
    share = files.client()
    put(share, "a/b/c.txt", b"c")
    await files.scan()
    share.get_file_client("a/b/c.txt").delete_file()
    share.get_directory_client("a/b").delete_directory()
    run = await files.scan()
    assert run.report["changes"]["deleted_directories"] == 1
    assert (await nodes(files)).keys() == {"a"}
    put(share, "a/d/e.txt", b"e")
    await files.backup()
    share.get_file_client("a/d/e.txt").delete_file()
    share.get_directory_client("a/d").delete_directory()
    run = await files.scan()
    assert (run.report["changes"]["deleted_directories"], run.report["changes"]["deleted_files"]) == (1, 1)
    assert (await nodes(files)).keys() == {"a", "a/d", "a/d/e.txt"}
    await files.backup()
    assert (await nodes(files)).keys() == {"a"}


async def test_a_wide_directory_is_scanned_in_pieces_and_counted_once(files):
    share = files.client()
    for n in range(60):
        put(share, f"flat/{n:02d}.txt", b"%d" % n)
    for n in range(3):
        put(share, f"flat/3{n}-sub/x.txt", b"x")
    first = await files.scan()
    assert (first.report["changes"]["new_files"], first.report["to_transfer"]["files"]) == (63, 63)
    assert {p: s for p, (_, s, _) in (await nodes(files)).items()} == shown(read_tree(share))
    numbers = await nodes(files)
    backup = await files.backup()
    assert differences(read_tree(share), await restored(files, backup)) == []
    moved = {p for p, (node_id, _, _) in (await nodes(files)).items() if numbers[p][0] != node_id}
    assert len(moved) <= 5 * 7, "a piece that ends in what was one page gives the rest of it new numbers"
    for n in range(0, 60, 2):
        rewrite(share, f"flat/{n:02d}.txt", b"changed %d" % n)
    for n in range(1, 60, 10):
        share.get_file_client(f"flat/{n:02d}.txt").delete_file()
    put(share, "flat/00-first.txt", b"new")
    rows = await raw_rows(files)
    second = await files.scan()
    assert await raw_rows(files) == rows
    changes = second.report["changes"]
    assert (changes["new_files"], changes["changed_files"], changes["deleted_files"]) == (1, 30, 6)
    last = await files.backup()
    assert differences(read_tree(share), await restored(files, last)) == []
    assert (last.counters.changed_files, last.counters.new_files, last.counters.deleted_files) == (31, 1, 6)


@pytest.mark.parametrize("saved", [True, False])
async def test_a_piece_that_ends_within_a_page_leaves_the_rest_to_the_next(files, saved):
    share = files.client()
    for n in range(40):
        put(share, f"flat/{n:02d}.txt", b"%d" % n)
    await (files.backup() if saved else files.scan())
    before = await nodes(files)
    for letter in "abcdefghijklmnopqrstuvwxyz":
        put(share, f"flat/31{letter}.txt", b"new")
    run = await files.scan()
    changes = run.report["changes"]
    assert (changes["new_files"], changes["changed_files"], changes["deleted_files"]) == (26 if saved else 66, 0, 0)
    after = await nodes(files)
    assert {path: after[path][0] for path in before} == {path: node_id for path, (node_id, _, _) in before.items()}
    assert len(after) == (41 if saved else 67)
