"""Break a restore of links at every effect, then finish it: links are the one thing there that depends on what others have written."""

import secrets
from itertools import count

import pytest

from shared.errors import Unavailable
from shared.model.run import RunState
from tests.faults.test_backup_and_restore import finish
from tests.support.faults import Killed, Tripwire, When
from tests.support.nfs_tree import differences, link, read_tree, symlink
from tests.support.share_tree import mkdir, put, service
from tests.support.world import world


@pytest.mark.parametrize("step", [8, pytest.param(2, marks=pytest.mark.torture)])
@pytest.mark.parametrize(("first", "fault"), [(1, Killed), (2, Unavailable)])
async def test_a_restore_of_links_broken_anywhere_can_be_finished(
    postgres_url, azurite, files_emulator, first, fault, step
):
    """Over a share whose links are others, so that what stands in the way must give way just once.

    An effect happens and its answer is lost: of the odd ones because the worker is gone, of the even ones alone.
    """
    async with world(postgres_url, azurite, files_emulator, protocol="NFS") as files:
        share = files.client()
        put(share, "a", b"one file", owner="1", file_mode="0700")
        mkdir(share, "d", owner="2")
        for path in ("b", "d/c"):
            link(share, path, "a")
        symlink(share, "d/s", "../a")
        point = await files.backup()
        expected = read_tree(share)
        broken = []
        for at in count(first, step):
            target = f"restored-{secrets.token_hex(4)}"
            there = service(files_emulator).create_share(target, protocols="NFS")
            put(there, "other", b"other")
            link(there, "a", "other")
            symlink(there, "b", "other")
            wire = Tripwire(at, When.AFTER, fault)
            run = await finish(files, await files.queue_restore(point.run_no, target, create_share=False), wire)
            assert run.state is RunState.SUCCEEDED, (wire.where, run.error, await files.journal(run))
            tree = read_tree(there)
            assert tree.pop("other").content == b"other", wire.where
            assert differences(expected, tree) == [], wire.where
            there.delete_share()
            broken.append(wire.where)
            if not wire.tripped:
                break
        assert step > 2 or len(set(broken)) > 8, set(broken)
