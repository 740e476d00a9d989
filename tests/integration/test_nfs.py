"""Shares for NFS: owner, group and mode, symbolic links, and hard links, which stay links and are stored once."""

import secrets
from dataclasses import replace

import pytest
from azure.storage.blob import ContainerClient

from shared.model.run import RunState
from tests.support import share_tree
from tests.support.nfs_tree import differences, fill, link, read_tree, symlink
from tests.support.share_tree import mkdir, put, service
from tests.support.world import world


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator, protocol="NFS") as found:
        yield found
        found.control.clear()


def target(files, protocol="NFS"):
    """An empty share to restore to."""
    name = f"restored-{secrets.token_hex(4)}"
    service(files.emulator).create_share(name, **({"protocols": protocol} if protocol == "NFS" else {}))
    return name


async def restored(files, point, **order):
    name = f"restored-{secrets.token_hex(4)}"
    run = await files.restore(point.run_no, name, **order)
    return run, read_tree(files.client(name))


async def succeeded(files, run):
    assert (run.state, run.counters.errors) == (RunState.SUCCEEDED, 0), (run.error, await files.journal(run))
    return run


def stored(files):
    """Names and sizes of the tenant's objects."""
    with ContainerClient.from_connection_string(
        files.app.settings.vault_connection, files.share.tenant_id
    ) as container:
        return {blob.name: blob.size for blob in container.list_blobs()}


async def test_everything_comes_back(files):
    fill(files.client())
    expected = read_tree(files.client())
    point = await succeeded(files, await files.backup())
    run, tree = await restored(files, point)
    await succeeded(files, run)
    assert differences(expected, tree) == []
    assert run.counters.files == point.counters.files == sum(node.kind != "Directory" for node in expected.values())


async def test_an_unchanged_share_costs_one_list_per_directory(files):
    fill(files.client())
    await succeeded(files, await files.backup())
    before = stored(files)
    second = await succeeded(files, await files.backup())
    assert (second.counters.changed_files, second.counters.changed_directories) == (0, 0)
    assert sorted(stored(files).keys() - before.keys()) == [f"{files.share.share_id}/point/{second.run_no}.fb"]


async def test_the_content_of_a_file_is_stored_once_however_many_names_it_has(files):
    share, content = files.client(), secrets.token_bytes(40_000)
    put(share, "a/first", content)
    for n in range(5):
        link(share, f"a/same {n}", "a/first")
    for n in range(12):  # more directories than one batch takes
        mkdir(share, f"b{n}")
        link(share, f"b{n}/link", "a/first")
    await succeeded(files, await files.backup())
    kept = [size for name, size in stored(files).items() if "/segment/" not in name and "/point/" not in name]
    assert len(kept) == 1
    assert 40_000 < kept[0] < 41_000


async def test_hard_links_in_one_batch_are_read_once(files):
    share = files.client()
    put(share, "a", b"x" * 500)
    for n in range(10):
        link(share, f"b{n}", "a")
    before = files.control.requests("file_download")
    run = await succeeded(files, await files.backup())
    assert files.control.requests("file_download") - before == 1
    assert run.counters.changed_files == 11


async def test_a_name_more_or_less_keeps_the_nodes_of_the_others_and_stores_nothing_anew(files):
    share = files.client()
    put(share, "d/a", secrets.token_bytes(9_000))
    put(share, "d/z", b"z")
    link(share, "d/b", "d/a")
    await succeeded(files, await files.backup())
    before = stored(files)
    link(share, "d/0", "d/a")
    share.get_file_client("d/a").delete_file()
    share.get_file_client("d/b").rename_file("d/c")
    expected = read_tree(share)
    second = await succeeded(files, await files.backup())
    assert second.counters.deleted_files == 0, "three names before, three names now"
    added = stored(files).keys() - before.keys()
    assert [name for name in added if "/segment/" not in name and "/point/" not in name] == []
    _, tree = await restored(files, second)
    assert differences(expected, tree) == []


async def test_a_file_that_gets_its_second_name_later_is_kept_where_it_is(files):
    share = files.client()
    for name in "abcd":
        put(share, name, secrets.token_bytes(9_000))
    first = await succeeded(files, await files.backup())
    link(share, "other", "a")
    expected = read_tree(share)
    second = await succeeded(files, await files.backup())
    share.get_file_client("other").delete_file()
    third = await succeeded(files, await files.backup())
    assert (second.counters.changed_files, third.counters.changed_files) == (2, 1)
    _, tree = await restored(files, second)
    assert differences(expected, tree) == []
    for point in (first, third):
        _, tree = await restored(files, point)
        assert tree["a"].content == expected["a"].content
        assert tree["a"].links == 1


async def test_a_file_that_is_left_with_one_name_is_kept_where_it_is(files):
    share = files.client()
    put(share, "a", secrets.token_bytes(9_000))
    put(share, "holes", bytes(20_000))
    link(share, "b", "a")
    link(share, "holes too", "holes")
    await succeeded(files, await files.backup())
    before = stored(files)
    share.get_file_client("b").delete_file()
    share.get_file_client("holes").delete_file()
    expected = read_tree(share)
    second = await succeeded(files, await files.backup())
    assert second.counters.changed_files == 2
    added = stored(files).keys() - before.keys()
    assert [name for name in added if "/segment/" not in name and "/point/" not in name] == []
    _, tree = await restored(files, second)
    assert differences(expected, tree) == []


async def test_a_directory_of_many_links_is_saved_in_pieces(files):
    """Names of the same files on all its pages, one of them large."""
    share = files.client()
    files.app.limits = replace(files.app.limits, batch_directories=50)
    sizes = (10, 70_000, 5 * 1024 * 1024)
    for n, size in enumerate(sizes):
        put(share, f"wide/{n}", b"%d" % n * size if size < 80_000 else bytes(size))
    for n in range(36):
        link(share, f"wide/{secrets.token_hex(3)}-{n}", f"wide/{n % 3}")
    expected = read_tree(share)
    point = await succeeded(files, await files.backup())
    kept = [name for name in stored(files) if "/chunk/" in name or "/bundle/" in name]
    assert len(kept) == 2  # and the large one, which is zeros, has no chunk
    run, tree = await restored(files, point)
    await succeeded(files, run)
    assert differences(expected, tree) == []
    second = await succeeded(files, await files.backup())
    assert second.counters.changed_directories == 0


async def test_every_change_is_noticed(files):
    share = files.client()
    fill(share)
    await succeeded(files, await files.backup())
    share.get_file_client("data/f1").set_http_headers(share_tree.ContentSettings(), file_mode="0400")
    share.get_file_client("data/f2").set_http_headers(share_tree.ContentSettings(), owner="77")
    share.get_directory_client("bin").set_http_headers(group="78", file_mode="2711", owner="3")
    share.get_file_client("bin/up").delete_file()
    symlink(share, "bin/up", "../..")
    share.get_file_client("data/f3").upload_range(b"X", 5, 1, file_last_write_mode="preserve")
    share.get_file_client("bin/tool2").upload_range(b"#!/bin/zs", 0, 9)  # through one name of three
    share.get_file_client("data/f4").delete_file()
    symlink(share, "data/f4", "f3")
    share.get_file_client("to readme").delete_file()
    put(share, "to readme", b"a file now")
    expected = read_tree(share)
    run = await succeeded(files, await files.backup())
    assert run.counters.changed_files == 9
    restore, tree = await restored(files, run)
    await succeeded(files, restore)
    assert differences(expected, tree) == []


async def test_of_a_part_the_names_in_it_come_back_as_one_file(files):
    share = files.client()
    put(share, "a/one", b"content" * 9)
    for path in ("a/two", "b/three", "b/four"):
        mkdir(share, path.split("/")[0])
        link(share, path, "a/one")
    expected = read_tree(share)
    point = await succeeded(files, await files.backup())
    run, tree = await restored(files, point, path="b", target_path="deep/b")
    await succeeded(files, run)
    assert tree["deep/b/three"].names == {"deep/b/three", "deep/b/four"}
    assert (tree["deep/b/four"].links, tree["deep/b/four"].content) == (2, b"content" * 9)
    for name in ("three", "four"):
        assert tree[f"deep/b/{name}"].times == expected[f"b/{name}"].times
    assert tree["deep/b"].times == expected["b"].times


async def test_what_is_restored_over_is_not_changed_under_its_other_names(files):
    """What is a link now was not then, and what was one then is not one now."""
    share = files.client()
    for name in ("a", "b", "was link"):
        put(share, f"d/{name}", name.encode() * 50)
    link(share, "d/was link too", "d/was link")
    symlink(share, "d/soft", "a")
    put(share, "d/was file", b"file")
    expected = read_tree(share)
    point = await succeeded(files, await files.backup())

    put(share, "elsewhere", b"precious")
    for name in ("a", "b", "was link too", "soft", "was file"):
        share.get_file_client(f"d/{name}").delete_file()
    for name in ("a", "b", "soft"):
        link(share, f"d/{name}", "elsewhere")
    put(share, "d/was link too", b"not any more")
    symlink(share, "d/was file", "elsewhere-as-well")
    run = await succeeded(
        files, await files.restore(point.run_no, files.share.share_name, path="d", target_path="d", create_share=False)
    )
    tree = read_tree(share)
    assert run.counters.files == 6
    assert tree["elsewhere"].content == b"precious"
    assert [line for line in differences(expected, tree) if not line.startswith(": ")] == ["extra: elsewhere"]


@pytest.mark.parametrize(("source", "to"), [("NFS", "SMB"), ("SMB", "NFS")])
async def test_a_restore_to_the_other_protocol_is_refused(postgres_url, azurite, files_emulator, source, to):
    async with world(postgres_url, azurite, files_emulator, protocol=source) as files:
        put(files.client(), "d/a", b"a")
        point = await files.backup()
        name = target(files, to)
        run = await files.restore(point.run_no, name, create_share=False)
        assert run.state is RunState.FAILED
        assert f"is of an {source} share, and '{name}' is an {to} share" in run.error
        assert f"hint: restore to an {source} share" in run.error
        assert list(files.client(name).list_directories_and_files()) == []


async def test_a_name_whose_file_could_not_be_written_is_named(files):
    share = files.client()
    put(share, "a/one", b"content")
    mkdir(share, "b")
    link(share, "b/two", "a/one")
    put(share, "b/three", b"3")
    point = await succeeded(files, await files.backup())
    name = target(files)
    files.control.fault(operation="file_create", path=f"/{name}/(a/one|b/two)$", count=0, status=403, code="x")
    run = await files.restore(point.run_no, name, create_share=False)
    assert (run.state, run.counters.errors) == (RunState.COMPLETED_WITH_ERRORS, 2)
    lines = await files.journal(run)
    assert {line.path for line in lines} == {"a/one", "b/two"}
    assert [line.reason for line in lines if "could not be written" in line.reason]
    assert sorted(read_tree(files.client(name))) == ["", "a", "b", "b/three"]
