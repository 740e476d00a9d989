"""Drills: a sample is restored into a scratch share by the code of a restore, read back, compared, and the scratch share is gone after."""

import asyncio
import secrets
from dataclasses import replace

import pytest
from azure.storage.fileshare import ContentSettings

from shared.core import sampling
from shared.core.rounds import RoundState
from shared.core.verify_report import next_part
from shared.db import runs
from shared.errors import Unavailable
from shared.model.run import Driver, RunState
from shared.model.tickets import RunTicket
from shared.model.verify_order import SCRATCH, VerifyLevel
from shared.usecases import compare_restored
from shared.usecases.runs import close_run, open_run
from tests.support import nfs_tree
from tests.support.crew import crew
from tests.support.damage import Oracle, Vandal
from tests.support.share_tree import SDDL, change, fill, mkdir, put, read_tree, service
from tests.support.world import CREDENTIAL, world

DRILL = VerifyLevel.DRILL
MIB = 1024 * 1024
HEADERS = ContentSettings(content_type="text/plain", cache_control="no-cache")
LONG_AGO = "2001-02-03T04:05:06.7890123Z"


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        yield found


def order(files, **more):
    """What a drill needs beside its level."""
    told = {"account_url": files.share.account_url, "credential": CREDENTIAL, "scratch": secrets.token_hex(6)}
    return told | more


def scratch_shares(files, run=None):
    prefix = SCRATCH if run is None else f"{SCRATCH}{run.run_id}-"
    return [share.name for share in service(files.emulator).list_shares(name_starts_with=prefix)]


async def drill(files, point=None, **more):
    """A drill that leaves no scratch share."""
    run = await files.verify(DRILL, point, **order(files, **more))
    assert scratch_shares(files, run) == []
    return run


async def test_a_drill_of_a_rich_share_finds_nothing_and_leaves_nothing(files):
    fill(files.client())
    put(files.client(), "media/nothing but zeros.bin", bytes(3 * MIB))
    point = await files.backup()
    run = await drill(files)
    assert (run.state, await files.journal(run)) == (RunState.SUCCEEDED, []), run.report
    told = run.report
    assert 0 < told["restored"].pop("seconds") <= told["seconds"] + 0.1
    assert told["restored"] == {
        "files": point.counters.files,
        "bytes": point.counters.bytes,
        "exceptions": 0,
    }
    assert told["compared"]["directories"] == point.counters.directories - 2  # the root, and one that is empty
    assert told["compared"]["files"] == point.counters.files
    assert told["compared"]["bytes"] == point.counters.bytes
    assert told["scratch_share"]["removed"] is True
    assert told["scratch_share"]["name"].startswith(f"{SCRATCH}{run.run_id}-")
    assert told["statement"].endswith("of the files cannot be restored as they were saved")
    change(files.client())
    await files.backup()
    for run_no in (1, 3):
        again = await drill(files, run_no)
        assert (again.state, await files.journal(again)) == (RunState.SUCCEEDED, []), again.report


async def test_drills_take_turns_through_all_files_and_say_what_that_proves(files):
    share = files.client()
    for n in range(60):
        put(share, f"d{n % 7}/e{n % 3}/f{n}.txt", b"%d" % n)
    await files.backup()
    await files.verify(VerifyLevel.SAMPLE, parts=4, part=0)  # another cycle
    restored, before = [], None
    for n in range(5):
        part = next_part(4, before)
        run = await drill(files, parts=4, part=part)
        assert (run.state, await files.journal(run)) == (RunState.SUCCEEDED, [])
        assert run.report["restored"]["files"] == run.report["compared"]["files"] > 0
        assert run.report["sample"]["parts_read"] == (n + 1 if n < 4 else 1)
        restored.append(run.report["compared"]["files"])
        before = run.verify
    assert sum(restored[:4]) == 60
    assert restored[4] == restored[0]


async def test_a_file_that_is_damaged_in_the_vault_is_found_and_saved_again(files):
    share = files.client()
    for n in range(9):
        put(share, f"d/f{n}.txt", secrets.token_bytes(500 + n))
    await files.backup()
    vandal = Vandal(files)
    (bundle,) = [name for name in vandal.names() if name.startswith("bundle/")]
    member = next(saved for _, path, saved in Oracle(files).files_in(bundle) if path.endswith("f4.txt"))
    data = vandal.flipped(bundle, member.content.offset + member.content.length // 2)
    vandal.delete(bundle)
    vandal.put(bundle, data)
    mine = sampling.part_of(member.node_id, member.saved_run, 3)
    for part in range(3):
        run = await drill(files, parts=3, part=part)
        kinds = sorted(line.kind for line in await files.journal(run))
        assert kinds == (["damaged", "object_damaged"] if part == mine else []), run.report
        assert run.report["compared"]["files_otherwise"] == (part == mine)
    run = await drill(files, parts=1)
    found = next(line for line in await files.journal(run) if line.kind == "object_damaged")
    assert (found.details["object"], found.details["restore_points"]) == (f"{files.share.share_id}/{bundle}", "1")
    assert found.details["paths"] == "d/f4.txt"
    assert run.report["restored"]["exceptions"] == run.report["damaged_objects"] == 1
    await files.backup()
    healed = await drill(files)
    assert (healed.state, await files.journal(healed)) == (RunState.SUCCEEDED, [])


async def test_a_version_that_only_an_older_restore_point_has_is_found_damaged_and_not_saved_again(files):
    share = files.client()
    put(share, "d/f.bin", secrets.token_bytes(100_000))  # an object of its own
    await files.backup()
    put(share, "d/f.bin", b"now")
    await files.backup()
    vandal = Vandal(files)
    (name,) = [n for n in vandal.names() if n.startswith("chunk/")]
    data = vandal.flipped(name, 50_000)
    vandal.delete(name)
    vandal.put(name, data)
    run = await drill(files, 1)
    (found,) = [line for line in await files.journal(run) if line.kind != "damaged"]
    assert (found.kind, found.details["restore_points"]) == ("object_damaged", "1")
    assert "nothing brings these versions back" in found.hint
    assert (await files.backup()).counters.changed_files == 0
    assert (await drill(files)).state is RunState.SUCCEEDED


async def test_directories_of_many_pages_are_compared_piece_by_piece(files, monkeypatch):
    monkeypatch.setattr(compare_restored, "PAGES_AT_ONCE", 2)
    share = files.client()
    for n in range(33):
        put(share, f"wide/{n:02d}.txt", b"%d" % n)
    mkdir(share, "wide/zzz/below", metadata={"k": "v"})
    put(share, "wide/zzz/below/last.txt", b"last")
    await files.backup()
    run = await drill(files)
    assert (run.state, await files.journal(run)) == (RunState.SUCCEEDED, [])
    assert (run.report["compared"]["files"], run.report["compared"]["directories"]) == (34, 3)


# ---------------------------------------------------------------------------------------------------------------------
# What the target loses


async def all_restored(files, run):
    """Drive a drill until all is restored and nothing is compared; returns its scratch share, and where to go on."""
    usual, files.app.limits = files.app.limits, replace(files.app.limits, activity_s=0.0001)
    try:
        state = await files.step(run, RoundState(run.run_id, 1))
        while await files.app.verifies.restore_left(run.run_id):
            state = await files.step(run, state)
            assert not state.error
    finally:
        files.app.limits = usual
    assert not (await files.reload(run)).counters.reread_files
    (name,) = scratch_shares(files, run)
    return files.client(name), state


ASPECTS = {
    "metadata": lambda share: share.get_file_client("a/small.txt").set_file_metadata({"other": "1"}),
    "files": lambda share: share.get_file_client("a/small.txt").delete_file(),
    "content": lambda share: put(share, "a/small.txt", b"shorter", content_settings=HEADERS),
    "times": lambda share: share.get_directory_client("a").set_http_headers(file_last_write_time=LONG_AGO),
    "attributes": lambda share: share.get_file_client("a/small.txt").set_http_headers(HEADERS, "Hidden"),
    "permissions": lambda share: share.get_file_client("a/small.txt").set_http_headers(
        HEADERS, file_permission=SDDL.format(n=77)
    ),
    "content headers": lambda share: share.get_file_client("a/small.txt").set_http_headers(
        ContentSettings(content_type="text/html")
    ),
    "directories": lambda share: share.get_directory_client("b/empty of files").rename_directory("b/elsewhere"),
}


@pytest.mark.parametrize("aspect", ASPECTS)
async def test_whatever_the_target_does_not_keep_is_found(files, aspect):
    share = files.client()
    key = share.create_permission_for_share(SDDL.format(n=1001))
    put(share, "a/small.txt", b"of a length", content_settings=HEADERS, metadata={"Kind": "x"}, permission_key=key)
    put(share, "b/empty of files/c/f.txt", b"below")
    await files.backup()
    run = await files.queue_verify(DRILL, **order(files))
    scratch, state = await all_restored(files, run)
    ASPECTS[aspect](scratch)
    run = await files.drive_on(run, state)
    assert run.state is RunState.COMPLETED_WITH_ERRORS
    lines = {line.details["object"]: line for line in await files.journal(run)}
    found = lines[f"restored {aspect}"]
    assert found.kind == ("drill_missing" if aspect in ("files", "directories") else "drill_differs")
    expected = {"times": "a", "directories": "b/empty of files"}.get(aspect, "a/small.txt")
    assert expected in found.details["paths"].splitlines()
    assert found.hint
    assert scratch_shares(files, run) == []
    await files.nothing_is_damaged()  # in the vault


@pytest.mark.parametrize("how", ["a chunk", "a hole", "the end"])
async def test_what_is_wrong_with_a_large_file_is_found(files, how):
    share, size = files.client(), 11 * MIB
    client = share.get_file_client("large.bin")
    client.create_file(size)
    for place in (0, 8):
        for offset in (0, 2):
            client.upload_range(secrets.token_bytes(1 * MIB), (place + offset) * MIB, 1 * MIB)
    await files.backup()
    run = await files.queue_verify(DRILL, **order(files))
    scratch, state = await all_restored(files, run)
    there = scratch.get_file_client("large.bin")
    if how == "the end":
        there.resize_file(size - 1)
    else:
        there.upload_range(b"\x01", (10 if how == "a chunk" else 5) * MIB, 1)
    run = await files.drive_on(run, state)
    found = {line.details["object"]: line for line in await files.journal(run)}["restored content"]
    told = {"a chunk": f"from byte {8 * MIB}", "a hole": f"from byte {4 * MIB}", "the end": f"it has {size - 1} bytes"}
    assert told[how] in found.reason
    clean = await drill(files)
    assert (clean.state, await files.journal(clean)) == (RunState.SUCCEEDED, [])


@pytest.mark.parametrize(
    ("operation", "kinds"),
    [
        ("share_create_permission", ["drill_differs", "permission_lost"]),
        ("file_create", ["drill_missing", "not_restored"]),
    ],
)
async def test_what_the_target_refuses_is_told_by_the_restore_and_by_the_comparison(files, operation, kinds):
    share = files.client()
    key = share.create_permission_for_share(SDDL.format(n=1001))
    put(share, "a/f.txt", b"content", permission_key=key)
    await files.backup()
    run = await files.queue_verify(DRILL, **order(files))
    refusal = {"operation": operation, "share": f"{SCRATCH}{run.run_id}-{run.verify.scratch}", "count": 0}
    with files.control.faults(refusal | {"status": 400, "code": "InvalidHeaderValue"}):
        run = await files.drive(run)
    found = {line.kind for line in await files.journal(run)}
    assert {*kinds} <= found
    assert run.state is RunState.COMPLETED_WITH_ERRORS
    assert scratch_shares(files, run) == []


# ---------------------------------------------------------------------------------------------------------------------
# The scratch share


def many(share, directories=20, each=3):
    for d in range(directories):
        for n in range(each):
            put(share, f"d{d:02d}/f{n}.txt", secrets.token_bytes(100 + n))


@pytest.mark.parametrize("when", ["queued", "opened", "restoring", "comparing"])
async def test_a_cancelled_drill_leaves_no_share(files, when):
    many(files.client(), 8)
    await files.backup()
    run = await files.queue_verify(DRILL, **order(files))
    files.app.limits = replace(files.app.limits, activity_s=0.0001)
    if when != "queued":
        state = await files.step(run, RoundState(run.run_id, 1))
        assert len(scratch_shares(files, run)) == 1
        if when != "opened":
            state = await files.step(run, state)
        while when == "comparing" and not (await files.reload(run)).counters.reread_files:
            state = await files.step(run, state)
    async with files.app.transaction() as conn:
        await runs.cancel(conn, run.run_id)
    ended = await files.drive(await files.reload(run))
    assert ended.state is RunState.CANCELLED
    assert scratch_shares(files, run) == []
    assert ended.report["scratch_share"]["removed"] is True


async def test_a_paused_drill_goes_on_where_it_was(files):
    many(files.client())
    await files.backup()
    run = await files.queue_verify(DRILL, **order(files))
    files.app.limits = replace(files.app.limits, activity_s=0.0001)
    state = await files.step(run, RoundState(run.run_id, 1))
    state = await files.step(run, state)
    async with files.app.transaction() as conn:
        await runs.pause(conn, run.run_id)
    done = (await files.reload(run)).counters.files
    assert 0 < done < 60
    async with files.app.transaction() as conn:
        await runs.resume(conn, run.run_id)
    files.app.limits = replace(files.app.limits, activity_s=30.0)
    ended = await files.drive(await files.reload(run))
    assert (ended.state, await files.journal(ended)) == (RunState.SUCCEEDED, [])
    assert ended.report["restored"]["files"] == ended.report["compared"]["files"] == 60
    assert scratch_shares(files, run) == []


async def test_a_drill_whose_workers_are_killed_is_finished_by_others_and_leaves_no_share(files, tmp_path):
    many(files.client(), 60, 2)
    await files.backup()
    run = await files.queue_verify(DRILL, driver=Driver.WORKERS, **order(files))
    with crew(files.app, tmp_path, {"lease_s": 1}, size=2) as workers:
        async with asyncio.timeout(120):
            for counter in ("files", "files", "reread_files"):
                before = getattr((await files.reload(run)).counters, counter)
                now = await files.reload(run)
                while getattr(now.counters, counter) == before and now.finished_at is None:
                    await asyncio.sleep(0.02)
                    now = await files.reload(run)
                if now.finished_at is None:
                    workers.kill(0)
                    workers.hire()
            while (run := await files.reload(run)).finished_at is None:  # noqa: ASYNC110 - other processes work
                await asyncio.sleep(0.1)
        assert workers.ended() == []
    assert (run.state, await files.journal(run)) == (RunState.SUCCEEDED, [])
    assert run.report["compared"]["files"] == 120
    assert scratch_shares(files, run) == []


async def test_nothing_is_compared_while_somebody_restores(files):
    many(files.client(), 2)
    await files.backup()
    run = await files.queue_verify(DRILL, **order(files))
    state = await files.step(run, RoundState(run.run_id, 1))
    files.app.limits = replace(files.app.limits, activity_s=0.5)
    held = await files.app.catalogue.claim_restore(run.run_id, "somebody", limit=99, lease_s=2.0)
    assert held is not None
    state = await files.step(run, state)
    assert state.left > 1
    assert (await files.reload(run)).counters.records == 0
    files.app.limits = replace(files.app.limits, activity_s=30.0)
    ended = await files.drive_on(run, state)
    assert (ended.state, await files.journal(ended)) == (RunState.SUCCEEDED, [])


async def test_a_scratch_share_that_does_not_answer_is_no_finding(files, monkeypatch):
    put(files.client(), "f.txt", b"content")
    await files.backup()
    run = await files.queue_verify(DRILL, **order(files))
    _, state = await all_restored(files, run)

    def unavailable(scope):
        async def read_file(*_):
            raise Unavailable("cut short")

        monkeypatch.setattr(scope.reader, "read_file", read_file)
        return scope

    files.wrap = unavailable
    failed = await files.step(run, state)
    files.wrap = lambda scope: scope
    assert (failed.barren, "cut short" in failed.error) == (1, True)
    ended = await files.drive_on(run, failed)
    assert (ended.state, await files.journal(ended)) == (RunState.SUCCEEDED, [])


async def test_a_share_that_cannot_be_deleted_is_told_of_and_the_next_verify_deletes_it(files):
    many(files.client(), 2)
    await files.backup()
    with files.control.faults({"operation": "share_delete", "status": 409, "code": "LeaseIdMissing", "count": 0}):
        run = await files.verify(DRILL, **order(files))
        assert run.state is RunState.SUCCEEDED
        (line,) = await files.journal(run)
        assert (line.kind, "portal" in line.hint) == ("scratch_left", True)
        assert run.report["scratch_share"]["removed"] is False
        stuck = await files.verify()
        (line,) = await files.journal(stuck)
        assert (stuck.state, line.kind) == (RunState.SUCCEEDED, "scratch_left")
    (name,) = scratch_shares(files, run)
    quick = await files.verify()
    assert (quick.state, await files.journal(quick)) == (RunState.SUCCEEDED, [])
    assert scratch_shares(files, run) == []
    told = await files.reload(run)
    assert told.report["scratch_share"] == {"account_url": files.share.account_url, "name": name, "removed": True}
    assert told.report["restored"]["files"] == 6
    after = await files.verify()
    assert after.counters.files_requests == 0


async def test_what_a_drill_leaves_that_nobody_could_close_the_next_verify_deletes(files):
    many(files.client(), 2)
    await files.backup()
    run = await files.queue_verify(DRILL, **order(files))
    await files.step(run, RoundState(run.run_id, 1))
    assert len(scratch_shares(files, run)) == 1
    await files.app.catalogue.abandon_run(run.run_id, "its account could not be reached")
    await files.verify()
    assert scratch_shares(files, run) == []


async def test_a_share_of_somebody_else_is_neither_written_nor_deleted(files):
    many(files.client(), 1)
    await files.backup()
    run = await files.queue_verify(DRILL, **order(files))
    theirs = files.client(f"{SCRATCH}{run.run_id}-{run.verify.scratch}")
    theirs.create_share()
    put(theirs, "precious.txt", b"theirs")
    ended = await files.drive(run)
    assert (ended.state, "was not made by this run" in ended.error) == (RunState.FAILED, True)
    await files.verify()
    assert [*read_tree(theirs)] == ["precious.txt"]
    theirs.delete_share()


async def test_a_worker_that_stood_still_while_its_run_was_cancelled_leaves_no_share(files):
    many(files.client(), 1)
    await files.backup()
    run = await files.queue_verify(DRILL, **order(files))

    class Slow:
        def __init__(self, admin):
            self._admin = admin

        def __getattr__(self, name):
            return getattr(self._admin, name)

        async def create(self, *args):
            async with files.app.transaction() as conn:
                await runs.cancel(conn, run.run_id)
            files.wrap = lambda scope: scope
            assert (await files.drive(await files.reload(run))).state is RunState.CANCELLED
            await self._admin.create(*args)

    files.wrap = lambda scope: replace(scope, admin=Slow(scope.admin))
    await files.step(run, RoundState(run.run_id, 1))
    assert scratch_shares(files, run) == []


@pytest.mark.parametrize("what", ["restore point", "credential"])
async def test_a_drill_that_cannot_begin_says_why(files, what):
    many(files.client(), 1)
    await files.backup()
    if what == "credential":
        run = await files.queue_verify(DRILL, **order(files, credential="nobody"))
        receipt = await files.app.perform(RunTicket(run_id=run.run_id), open_run)
        assert "nobody" in receipt.error
        await files.app.close(RunTicket(run_id=run.run_id, error=receipt.error), close_run)
        assert (await files.reload(run)).state is RunState.FAILED
    else:
        run = await files.verify(DRILL, 7, **order(files))
        assert (run.state, "restore point 7" in run.error) == (RunState.FAILED, True)
        assert scratch_shares(files, run) == []


async def test_a_drill_of_an_nfs_share_keeps_owners_modes_and_links(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator, "NFS") as files:
        nfs_tree.fill(files.client())
        await files.backup()
        run = await drill(files)
        assert (run.state, await files.journal(run)) == (RunState.SUCCEEDED, []), run.report
        assert run.report["compared"]["files"] == run.report["restored"]["files"] > 0
