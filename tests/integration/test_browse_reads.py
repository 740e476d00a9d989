"""What browsing costs in requests to the vault, counted by the meter of the adapter, with a thousand restore points behind."""

import pytest

from shared.adapters.metering import Meter
from shared.errors import NotFound
from shared.usecases.difference import difference
from shared.usecases.past import Past
from shared.usecases.versions import versions
from tests.support.long_history import PAGE_NAMES, LongDirectory, add_points, write
from tests.support.world import world

RUNS = 1000
EVERY = range(1, RUNS + 1)


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as ready:
        yield ready


def past_of(files, meter=None):
    vault = files.app.vaults.vault(files.share.tenant_id, meter or Meter())
    return Past(files.app.catalogue, vault, files.share.share_id)


async def window(files, directory, run_no, after="", limit=200):
    """A window of a directory, and the requests it took."""
    meter = Meter()
    past = past_of(files, meter)
    found = await past.children(directory.node_id, run_no, after=after, limit=limit)
    assert past.reads == meter.vault_reads
    return found, meter.vault_reads


@pytest.mark.parametrize("some", [(2, 4), pytest.param((2, 3, 4, 5, 6), marks=pytest.mark.torture)])
async def test_a_window_takes_at_most_12_reads_at_any_of_1000_restore_points_whatever_the_history(files, some):
    histories = [
        LongDirectory(2, [EVERY]),
        LongDirectory(3, [EVERY, EVERY]),
        LongDirectory(4, [range(1, RUNS + 1, 2), range(1, RUNS + 1, 3)]),
        LongDirectory(5, [EVERY, EVERY, EVERY, range(1, RUNS + 1, 2), range(1, 2)]),
        LongDirectory(6, [range(400, RUNS + 1)]),
    ]
    directories = [directory for directory in histories if directory.number in some]
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


WIDE_PAGES, WIDE_RUNS = 150, 40


async def test_a_wide_directory_is_looked_into_without_reading_all_of_it(files):
    """Page k has a record at run 1 and at every multiple of k + 1; page 0, which names them, at every run."""
    wide = LongDirectory(2, [range(1, WIDE_RUNS + 1), *(range(1, WIDE_RUNS + 1, k + 1) for k in range(1, WIDE_PAGES))])
    await write(files, [wide])
    for run_no in (1, 17, WIDE_RUNS):
        expected = wide.shown(run_no)
        shown, after, windows = [], "", 0
        while True:
            found, reads = await window(files, wide, run_no, after, limit=500)
            assert reads <= 12
            shown += [(saved.entry.name, saved.entry.size_bytes) for saved in found.entries]
            windows += 1
            if not (after := found.following):
                break
        assert shown == expected
        for name, size_bytes in expected[:: len(expected) // 7]:
            past = past_of(files)
            then = await past.directory(wide.node_id, run_no)
            before = past.reads
            assert (await past.find(then, name)).entry.size_bytes == size_bytes
            assert past.reads - before <= 6
            past = past_of(files)
            begun = await past.children(wide.node_id, run_no, begin=name[:-1], limit=100)
            after_it = [n for n, _ in expected if n >= name[:-1]]
            assert [saved.entry.name for saved in begun.entries] == after_it[: len(begun.entries)]
            assert begun.entries
            assert past.reads <= 6 + 12
            if begun.following:
                rest = await past.children(wide.node_id, run_no, begin=name[:-1], after=begun.following, limit=1)
                assert rest.entries[0].entry.name == after_it[len(begun.entries)]
        then = await past.directory(wide.node_id, run_no)
        assert (await past.find(then, "149-AT RUN 1")).entry.name == "149-at run 1"
        assert await past.find(then, "149-at run 2") is None


async def test_a_difference_reads_the_pages_of_a_wide_directory_that_changed(files):
    changing = {7: range(1, 41, 20), 90: range(1, 41, 30)}
    wide = LongDirectory(2, [range(1, 41), *(changing.get(k, range(1, 2)) for k in range(1, WIDE_PAGES))])
    await write(files, [wide])
    past = past_of(files)
    found = await difference(past, wide.node_id, 19, 22, limit=100)
    assert len(found.children) == 2 * (PAGE_NAMES + 1)
    assert {(c.before.entry.name, c.after.entry.name) for c in found.children if "name" in c.changes} == {
        ("000-at run 19", "000-at run 22"),
        ("007-at run 1", "007-at run 21"),
    }
    assert past.reads <= 20  # three pages of 150, at two points


async def test_a_version_costs_a_few_looks_however_often_its_directory_changed(files):
    d = LongDirectory(2, [range(1, 501)], steady=True)
    await write(files, [d])
    await add_points(files, range(1, 501))
    past = past_of(files)
    [steady], following = await versions(past, d.node_id | 1, 300, limit=10)
    assert (steady.first, steady.last, steady.restore_points, following) == (1, 500, 500, "")
    assert past.reads <= 20
    [changing] = [saved for saved in d.entries(0, 1) if saved.entry.name == "000-at run 1"]
    past = past_of(files)
    found, following = await versions(past, changing.node_id, 500, limit=10)
    assert [(v.first, v.last) for v in found] == [(n, n) for n in range(500, 490, -1)]
    assert past.reads <= 5 * len(found)
    rest, _ = await versions(past_of(files), changing.node_id, 500, after=following, limit=1)
    assert [v.first for v in rest] == [490]
