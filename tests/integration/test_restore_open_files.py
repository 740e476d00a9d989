"""Files that somebody has open: a restore names them and goes on, or closes them if it was told to; a backup says what it could not read."""

import secrets

import pytest

from shared.model.restore import Conflicts, Part
from shared.model.run import RunState
from tests.support.share_tree import differences, fill, put, read_tree
from tests.support.world import world

MIB = 1024 * 1024


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        yield found


def opened(files, path, *deny):
    """Open a file as Excel does: whoever else wants to write, replace or delete it is shut out."""
    deny = deny or ("write", "delete")
    files.control.ask("POST", f"/shares/{files.share.share_name}/handles", {"path": path, "deny": deny})


def handles(files):
    return [h["path"] for h in files.control.ask("GET", f"/shares/{files.share.share_name}/handles")]


SMALL, LARGE = "docs/reports/report 04.csv", "media/large.bin"


async def saved(files):
    share = files.client()
    fill(share)
    put(share, LARGE, secrets.token_bytes(9 * MIB))
    run, before = await files.backup(), read_tree(share)
    for path in (SMALL, LARGE, "readme.txt", "docs/reports/report 05.csv"):
        put(share, path, b"spoiled")
    return run, before


async def test_a_file_that_is_open_is_named_with_what_to_do_and_everything_else_is_restored(files):
    run, before = await saved(files)
    opened(files, SMALL)
    opened(files, LARGE)
    opened(files, "docs/reports/report 05.csv", "read", "write")  # it may be deleted, so it may be replaced
    done = await files.restore(run.run_no, files.share.share_name)
    assert done.state is RunState.COMPLETED_WITH_ERRORS
    lines = sorted(await files.journal(done), key=lambda line: line.path)
    assert [(line.kind, line.path) for line in lines] == [("not_restored", SMALL), ("not_restored", LARGE)]
    for line in lines:
        assert "409 SharingViolation" in line.reason
        assert "somebody has it open over SMB" in line.hint
        assert "close_handles" in line.hint
    assert handles(files) == [SMALL, LARGE]
    now = read_tree(files.client())
    assert {line.split(":")[0] for line in differences(before, now) if "content" in line} == {SMALL, LARGE}
    assert now[SMALL].content == now[LARGE].content == b"spoiled"
    assert now.keys() == before.keys(), "nothing unfinished is left"

    files.control.ask("DELETE", f"/shares/{files.share.share_name}/handles")
    done = await files.restore(run.run_no, files.share.share_name)
    assert done.state is RunState.SUCCEEDED
    assert differences(before, read_tree(files.client())) == []


async def test_a_restore_that_may_closes_what_is_open_and_nothing_else(files):
    run, before = await saved(files)
    opened(files, SMALL)
    opened(files, SMALL, "read", "write", "delete")
    opened(files, LARGE)
    opened(files, "docs/trailing./dot..", "read")  # in nobody's way
    ranges = files.control.requests("file_upload_range")
    done = await files.restore(run.run_no, files.share.share_name, close_handles=True, conflicts=Conflicts.DIFFERENT)
    assert (done.state, await files.journal(done)) == (RunState.SUCCEEDED, [])
    assert handles(files) == ["docs/trailing./dot.."]
    assert files.control.requests("file_upload_range") - ranges == 3, "a large file is written once, and renamed twice"
    files.control.ask("DELETE", f"/shares/{files.share.share_name}/handles")
    assert differences(before, read_tree(files.client())) == []


async def test_a_part_of_a_file_that_is_open_is_not_given_and_that_is_told(files):
    share = files.client()
    put(share, "d/a.txt", b"one", metadata={"kind": "saved"})
    put(share, "d/b.txt", b"two", metadata={"kind": "saved"})
    run = await files.backup()
    for name in ("a", "b"):
        share.get_file_client(f"d/{name}.txt").set_file_metadata({"kind": "changed"})
    opened(files, "d/a.txt", "write")
    done = await files.restore(run.run_no, files.share.share_name, part=Part.METADATA)
    assert done.state is RunState.COMPLETED_WITH_ERRORS
    [line] = await files.journal(done)
    assert (line.kind, line.path) == ("not_restored", "d/a.txt")
    now = read_tree(share)
    assert (now["d/a.txt"].metadata, now["d/b.txt"].metadata) == ({"kind": "changed"}, {"kind": "saved"})


async def test_a_mirror_names_what_it_could_not_delete(files):
    share = files.client()
    put(share, "d/a.txt", b"one")
    run = await files.backup()
    put(share, "d/new.txt", b"new")
    put(share, "d/newer.txt", b"new")
    opened(files, "d/new.txt")
    done = await files.restore(run.run_no, files.share.share_name, conflicts=Conflicts.MIRROR, delete_at_most=2)
    assert done.state is RunState.COMPLETED_WITH_ERRORS
    [line] = await files.journal(done)
    assert (line.kind, line.path) == ("not_deleted", "d/new.txt")
    assert "somebody has it open" in line.hint
    assert sorted(read_tree(share)) == ["d", "d/a.txt", "d/new.txt"]


async def test_a_backup_reads_what_is_open_because_it_reads_a_share_snapshot(files):
    fill(files.client())
    before = read_tree(files.client())
    for path in (SMALL, "readme.txt", "media/song.wav"):
        opened(files, path, "read", "write", "delete")
    run = await files.backup()
    assert (run.state, await files.journal(run)) == (RunState.SUCCEEDED, [])
    name = f"target-{secrets.token_hex(4)}"
    await files.restore(run.run_no, name)
    assert differences(before, read_tree(files.client(name))) == []
