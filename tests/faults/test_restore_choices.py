"""Break restores onto what is there, and what undoes them, at every effect: finished by whoever comes next, they end as if nothing had been."""

import dataclasses
import secrets
from itertools import count

import pytest

from shared.errors import Unavailable
from shared.model.restore import Conflicts, Selection
from shared.model.run import RunState
from tests.faults.test_backup_and_restore import finish
from tests.support.faults import Killed, Tripwire, When
from tests.support.share_tree import differences, mkdir, put, read_tree, service
from tests.support.world import world

ORDERS = {
    "skip": {"conflicts": Conflicts.SKIP},
    "keep both, files chosen": {"conflicts": Conflicts.KEEP_BOTH, "selection": Selection(extensions=(".bin",))},
    "mirror": {"conflicts": Conflicts.MIRROR, "delete_at_most": 99},
    "some paths": {"selection": Selection(paths=("d/0.bin", "e/below")), "conflicts": Conflicts.DIFFERENT},
}
BREAKS = [(When.BEFORE, Killed), (When.AFTER, Killed), (When.AFTER, Unavailable)]


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    limits = {"bundle_file_max_bytes": 16 * 1024, "large_file_bytes": 64 * 1024}
    async with world(postgres_url, azurite, files_emulator, **limits) as found:
        share = found.client()
        for n in range(3):
            put(share, f"d/{n}.bin", bytes([n]) * 2000)
        mkdir(share, "e", metadata={"k": "v"})
        put(share, "e/below/f.bin", b"f")
        put(share, "e/text.txt", b"text")
        put(share, "big/large.bin", bytes(5 << 20) + b"end")
        yield found


def target(files):
    """What is there before the restore: some of it the same, some not, some more."""
    name = f"target-{secrets.token_hex(4)}"
    share = service(files.emulator).create_share(name)
    put(share, "d/0.bin", b"somebody else's")
    put(share, "d/more/deep/x.bin", b"x")
    put(share, "e/below/more.txt", b"more")
    put(share, "big/large.bin", b"small")
    return name


def told(files, name):
    """What is compared: all but the change times of what the restore leaves alone, which differ from target to target."""
    return {
        path: dataclasses.replace(node, times=node.times[1:2] if node.kind == "file" and "back" in path else ())
        for path, node in read_tree(files.client(name)).items()
    }


@pytest.mark.parametrize("order", list(ORDERS))
async def test_a_restore_onto_what_is_there_broken_here_and_there_can_be_finished_and_undone(files, order):
    """Every eleventh effect, the break another for each order."""
    number = list(ORDERS).index(order)
    await broken_and_finished(files, order, *BREAKS[number % len(BREAKS)], first=1 + number, step=11)


@pytest.mark.torture
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("when", "fault"), BREAKS)
@pytest.mark.parametrize("order", list(ORDERS))
async def test_a_restore_onto_what_is_there_broken_anywhere_can_be_finished_and_undone(files, order, when, fault):
    assert len(set(await broken_and_finished(files, order, when, fault, first=1, step=1))) > 12


async def broken_and_finished(files, order, when, fault, *, first, step):
    """Break a restore, and then its undo, at one effect after the other; returns where it was broken."""
    point = await files.backup()
    whole = target(files)
    before = told(files, whole)
    done = await files.restore(point.run_no, whole, **ORDERS[order])
    assert done.state is RunState.SUCCEEDED
    expected = told(files, whole)
    assert differences(before, expected)
    broken = []
    for at in count(first, step):
        name = target(files)
        wire = Tripwire(at, when, fault)
        run = await finish(files, await files.queue_restore(point.run_no, name, **ORDERS[order]), wire)
        assert run.state is RunState.SUCCEEDED, (wire.where, run.error, await files.journal(run))
        assert differences(expected, told(files, name)) == [], wire.where
        undone = Tripwire(at, when, fault)
        back = await files.reload(run)
        undo = {
            **ORDERS[order],
            "undoes": run.run_no,
            "undo_snapshot": back.share_snapshot or "",
            "create_share": False,
        }
        run = await finish(files, await files.queue_restore(point.run_no, name, **undo), undone)
        assert run.state is RunState.SUCCEEDED, (undone.where, run.error, await files.journal(run))
        assert differences(before, told(files, name)) == [], undone.where
        share = files.client(name)
        share.delete_share(delete_snapshots="include")
        broken += [wire.where, undone.where]
        if not wire.tripped and not undone.tripped:
            break
    return broken
