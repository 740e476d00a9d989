"""Break a purge at every effect it performs, then finish it: nothing is left of the share, all of its neighbour, and never one that looks alive."""

import secrets
from itertools import count

import pytest

from shared.errors import Unavailable
from shared.model.run import RunState
from tests.support import deleting
from tests.support.faults import WAYS, Killed, Tripwire, When
from tests.support.share_tree import put
from tests.support.world import world

BREAKS = [(When.BEFORE, Unavailable, 43), (When.AFTER, Killed, 43)]
ALL = [(*way, 1) for way in WAYS]


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize(
    ("when", "fault", "step"), [*BREAKS, *(pytest.param(*one, marks=pytest.mark.torture) for one in ALL)]
)
async def test_a_purge_broken_anywhere_can_be_finished(postgres_url, azurite, files_emulator, when, fault, step):
    """One share after another of one tenant, each purge broken some effects later."""
    async with world(postgres_url, azurite, files_emulator, bundle_file_max_bytes=16 * 1024) as first:
        put(first.client(), "a.txt", b"a")
        assert (await first.backup()).state is RunState.SUCCEEDED
        kept = deleting.names(first)
        broken = set()
        for at in count(1, step):
            files = await deleting.neighbour(first)
            for n in range(3):
                put(files.client(), f"d/{n}.txt", b"x" * (n + 1))
            put(files.client(), "chunked.bin", secrets.token_bytes(30_000))
            assert (await files.backup()).state is RunState.SUCCEEDED
            await deleting.delete(files, ago=deleting.LONG_AGO)
            wire = Tripwire(at, when, fault)
            run = await deleting.queue_purge(files)
            ended = await deleting.drive(files, run, wire)
            if ended is not None:
                assert fault is Unavailable, (wire.where, ended.error)
                assert (await deleting.current(files)).deletion.purging_at is not None, wire.where
                assert await deleting.purge(files) is None, wire.where
            await deleting.nothing_is_left(files, 3)
            assert deleting.names(first) == kept, wire.where
            broken.add(wire.where)
            if not wire.tripped:
                assert step > 1 or len(broken) > 10, broken
                break
        await first.nothing_is_damaged()
