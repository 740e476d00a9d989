"""What browsing costs in requests to the vault, counted by the meter of the adapter, with a thousand restore points behind."""

import pytest

from shared.adapters.metering import Meter
from shared.errors import NotFound
from shared.usecases.past import Past
from tests.support.long_history import LongDirectory, write
from tests.support.world import world

RUNS = 1000
EVERY = range(1, RUNS + 1)


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as ready:
        yield ready


async def window(files, directory, run_no, after="", limit=200):
    """A window of a directory, and the requests it took."""
    meter = Meter()
    past = Past(files.app.catalogue, files.app.vaults.vault(files.share.tenant_id, meter), files.share.share_id)
    found = await past.children(directory.node_id, run_no, after=after, limit=limit)
    assert past.reads == meter.vault_reads
    return found, meter.vault_reads


async def test_a_window_takes_at_most_12_reads_at_any_of_1000_restore_points_whatever_the_history(files):
    directories = [
        LongDirectory(2, [EVERY]),
        LongDirectory(3, [EVERY, EVERY]),
        LongDirectory(4, [range(1, RUNS + 1, 2), range(1, RUNS + 1, 3)]),
        LongDirectory(5, [EVERY, EVERY, EVERY, range(1, RUNS + 1, 2), range(1, 2)]),
        LongDirectory(6, [range(400, RUNS + 1)]),
    ]
    await write(files, directories)
    worst = {}
    for directory in directories:
        for run_no in [1, 2, 3, *range(5, RUNS, 47), 512, 513, 768, RUNS - 1, RUNS]:
            if run_no not in range(directory.runs[0].start, RUNS + 1):
                with pytest.raises(NotFound, match=f"restore point {run_no} does not show"):
                    await window(files, directory, run_no)
                continue
            shown, after = [], ""
            while True:
                found, reads = await window(files, directory, run_no, after)
                worst[directory.number] = max(worst.get(directory.number, 0), reads)
                assert found.entries
                shown += [(saved.entry.name, saved.entry.size_bytes) for saved in found.entries]
                if not (after := found.following):
                    break
            assert shown == directory.shown(run_no)
    assert worst[2] <= 6
    assert max(worst.values()) <= 12
