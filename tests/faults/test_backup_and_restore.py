"""Break a backup and a restore at every effect they perform, then finish them.

The loops have no list of places to break: they fail effect 1, 2, 3, ... until a run completes untouched. Code added later is
broken here too, unasked. Two kinds of break: a service that does not answer once (the run must come to its end by itself),
and a worker that is gone (a new one takes over).
"""

import secrets
from itertools import count

import pytest

from shared.core.rounds import Phase, RoundState
from shared.model.run import RunState
from tests.support.faults import Killed, Tripwire, When, everywhere
from tests.support.share_tree import differences, mkdir, put, read_tree
from tests.support.vault_check import unreferenced, verify_references
from tests.support.world import world

EVERYWHERE = everywhere(step=5)


def small_tree(share):
    put(share, "a.txt", b"a")
    put(share, "empty")
    mkdir(share, "d", metadata={"k": "v"})
    for n in range(4):
        put(share, f"d/{n}.bin", bytes([n]) * 2000)
    put(share, "d/medium.bin", bytes(range(256)) * 100)
    put(share, "big/large.bin", secrets.token_bytes(100_000))


async def finish(files, run, wire, around=lambda scope: scope):
    """Take the run to its end, a new worker taking over when one is killed; ``around`` is done to every scope."""
    state = RoundState(run.run_id, 1)
    while state.phase is not Phase.ENDED:
        files.wrap = around if wire.tripped else lambda scope: wire.wrap(around(scope))
        try:
            state = await files.step(run, state)
        except Killed:
            continue  # what Durable does: the same activity is delivered again
        assert state.barren < 5, state.error
    files.wrap = lambda scope: scope
    return await files.reload(run)


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(
        postgres_url, azurite, files_emulator, bundle_file_max_bytes=16 * 1024, large_file_bytes=64 * 1024
    ) as found:
        small_tree(found.client())
        yield found


@pytest.mark.parametrize(("when", "fault", "first", "step"), EVERYWHERE)
async def test_a_backup_broken_anywhere_can_be_finished(files, when, fault, first, step):
    """One share, backed up again and again, each time changed and each time broken some effects later."""
    share = files.client()
    await files.backup()
    broken = []
    for turn, at in enumerate(count(first, step)):
        small_change_back(share, 1 - turn % 2)
        wire = Tripwire(at, when, fault)
        run = await finish(files, await files.queue_backup(), wire)
        assert run.state is RunState.SUCCEEDED, (wire.where, run.error, await files.journal(run))
        broken.append(wire.where)
        if not wire.tripped:
            break
    await verify_references(files, run.run_no)  # of every restore point on the way
    expected = read_tree(share)
    target = f"restored-{secrets.token_hex(4)}"
    await files.restore(run.run_no, target)
    assert differences(expected, read_tree(files.client(target))) == []
    assert [s.snapshot for s in service_snapshots(files)] == [run.share_snapshot]  # kept: there is a large file
    assert step > 1 or len(set(broken)) > 15, f"only these were broken: {sorted(set(broken))}"


def small_change_back(share, turn):
    """Alternate between two states, so that every run has something of everything to do."""
    put(share, "d/1.bin", b"changed" * (turn + 1))
    names = ("big", "moved big")
    if share.get_directory_client(names[1 - turn]).exists():
        share.get_directory_client(names[1 - turn]).rename_directory(names[turn])
    share.get_file_client(f"{names[turn]}/large.bin").upload_range(secrets.token_bytes(512), 1024, 512)
    if turn:
        put(share, "fresh/new.bin", b"new", permission_key=None)
    else:
        share.get_file_client("fresh/new.bin").delete_file()
        share.get_directory_client("fresh").delete_directory()


def service_snapshots(files):
    from tests.support.share_tree import service

    listed = service(files.emulator).list_shares(name_starts_with=files.share.share_name, include_snapshots=True)
    return [s for s in listed if s.snapshot]


@pytest.mark.parametrize(("when", "fault", "first", "step"), EVERYWHERE)
async def test_a_restore_broken_anywhere_can_be_finished(files, when, fault, first, step):
    point = await files.backup()
    expected = read_tree(files.client())
    broken = []
    for at in count(first, step):
        target = f"restored-{secrets.token_hex(4)}"
        wire = Tripwire(at, when, fault)
        run = await finish(files, await files.queue_restore(point.run_no, target), wire)
        assert run.state is RunState.SUCCEEDED, (wire.where, run.error, await files.journal(run))
        assert differences(expected, read_tree(files.client(target))) == [], wire.where
        files.client(target).delete_share()
        broken.append(wire.where)
        if not wire.tripped:
            break
    assert step > 1 or len(set(broken)) > 10, f"only these were broken: {sorted(set(broken))}"


async def test_an_unfinished_run_leaves_only_what_may_be_swept(files):
    """A worker killed before its commit leaves objects that nothing refers to, and nothing else."""
    wire = Tripwire(10**9, When.BEFORE)
    await finish(files, await files.queue_backup(), wire)
    assert await unreferenced(files) == set()
    put(files.client(), "d/1.bin", b"changed")
    put(files.client(), "d/2.bin", b"changed too")
    put(files.client(), "d/3.bin", b"changed as well")
    commit = CommitKiller()
    await finish(files, await files.queue_backup(), commit)
    left = await unreferenced(files)
    assert left, "nothing was left by the killed worker: the test breaks nothing"
    assert {name.split("/")[1] for name in left} <= {"bundle", "segment", "chunk"}


class CommitKiller(Tripwire):
    """Kills the first worker that is about to commit a batch."""

    def __init__(self):
        super().__init__(-1, When.BEFORE, Killed)

    def due(self, where):
        if where == "catalogue.commit" and not self.tripped:
            self.tripped, self.where = True, where
            return True
        return False
