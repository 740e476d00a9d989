"""A connection that is lost at any statement of a prune's and a sweep's transactions: see tests/support/lost_connection.py."""

import datetime as dt

import pytest

from shared.db import restore_points, runs
from shared.db.sweep_catalogue import PostgresRetentions, PostgresSweeps
from shared.model.chunk_list import DIGEST_BYTES
from shared.model.manifest import ManifestRef
from shared.model.retention import Decision, KeepEvent, KeepKind, PruneOrder
from shared.model.run import Counters, RunKind
from shared.model.sweep import Condemned, SweepCommit, SweepItem, SweepKind, SweepOrder, TreeRow
from tests.support.catalogue import LONG_S, directory, page, point
from tests.support.lost_connection import lose_anywhere

AT = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
CHUNKS = [Condemned(bytes([n << 4] * DIGEST_BYTES), f"etag {n}", 100 + n) for n in range(6)]
DIGESTS = [chunk.digest for chunk in CHUNKS]


def _pin(run_no, event_no, kind=KeepKind.PIN):
    return KeepEvent(run_no=run_no, event_no=event_no, kind=kind, by="ada", reason="audit", at=AT, until=None)


async def _points(shelf, run_nos=(1, 2, 3, 4, 5)):
    await shelf.finish()
    async with shelf.catalogue.transaction() as conn:
        for run_no in run_nos:
            await restore_points.add(conn, shelf.share_id, point(run_no))
        await conn.execute(b"UPDATE share SET next_run_no = 6")
    return PostgresRetentions(shelf.catalogue._pool)


async def _begun(shelf, kind, order):
    async with shelf.catalogue.transaction() as conn:
        return (await runs.create(conn, "acme", shelf.share_id, kind, retention=order)).run_id


async def _expire(shelf):
    """Two are kept after all: one is pinned, one is the newest."""
    port = await _points(shelf)
    await port.keep(shelf.share_id, _pin(2, 1))
    run_id = await _begun(shelf, RunKind.PRUNE, PruneOrder(by="ada"))
    await port.start_run(run_id)
    decisions = [Decision(run_no, keep=False, reasons=("no rule keeps it",)) for run_no in (1, 2, 3, 5)]
    return lambda: port.expire(run_id, shelf.share_id, decisions, "ada")


async def _marked(shelf):
    await (await _expire(shelf))()
    port = PostgresRetentions(shelf.catalogue._pool)
    return lambda: port.marked(shelf.share_id, [1])


async def _keep(shelf):
    port = await _points(shelf)
    await port.keep(shelf.share_id, _pin(3, 1))
    return lambda: port.keep(shelf.share_id, _pin(3, 2, KeepKind.HOLD))


async def _take_back(shelf):
    port = await _points(shelf)
    await port.keep(shelf.share_id, _pin(3, 1))
    return lambda: port.keep(shelf.share_id, _pin(3, 2, KeepKind.UNPIN))


async def _queued_sweep(shelf, *, rows=6):
    """A share with a tree and restore points, one of them let go, and a sweep that nobody has opened."""
    await shelf.grow([page(n, 1, f"d{n}", 2, manifest=ManifestRef(1, 1, n, 9)) for n in range(2, 2 + rows)])
    await (await _expire(shelf))()
    async with shelf.catalogue.transaction() as conn:
        await conn.execute(b"UPDATE run SET state = 'succeeded', finished_at = now() WHERE kind = 'prune'")
    port = PostgresSweeps(shelf.catalogue._pool)
    return port, await _begun(shelf, RunKind.SWEEP, SweepOrder(by="ada", margin_s=0))


async def _begin_sweep(shelf):
    port, run_id = await _queued_sweep(shelf)
    return lambda: port.begin_sweep(run_id, AT)


async def _seed_sweep(shelf):
    port, run_id = await _queued_sweep(shelf)
    await port.begin_sweep(run_id, AT)
    items = [
        SweepItem(kind=SweepKind.MARK, low=0, high=directory(100)),
        SweepItem(kind=SweepKind.RESCUE, low=6, details={"batches": [1, 2]}),
    ]
    return lambda: port.seed_sweep(run_id, items)


async def _claim_sweep(shelf):
    """A piece of the tree that is too large, and is cut."""
    await (await _seed_sweep(shelf))()
    port = PostgresSweeps(shelf.catalogue._pool)
    run_id = await shelf.value("SELECT run_id FROM run WHERE kind = 'sweep'")
    return lambda: port.claim_sweep(run_id, "worker", most_pages=3, lease_s=LONG_S)


async def _claimed(shelf):
    claim = await (await _claim_sweep(shelf))()
    assert claim is not None
    return PostgresSweeps(shelf.catalogue._pool), claim


async def _commit_sweep(shelf):
    """Marks are written, more is to be done, and rows go: all but one that is another by now."""
    port, claim = await _claimed(shelf)
    rows = await shelf.rows("SELECT page_id, packed FROM page WHERE page_id > %s ORDER BY page_id", directory(4))
    dropped = [TreeRow(page_id, None, 1, bytes(packed)) for page_id, packed in rows]
    dropped[0] = dropped[0]._replace(packed=b"what it was")

    def work():
        return port.commit_sweep(
            SweepCommit(
                run_id=claim.run_id,
                share_id=shelf.share_id,
                batch_no=claim.batch_no,
                following=[SweepItem(kind=SweepKind.SEGMENTS), SweepItem(kind=SweepKind.DELETE, low=0, high=16)],
                marks_bytes=7,
                dropped=list(dropped),
                counters=Counters(records=3),
            )
        )

    return work


async def _condemn(shelf):
    port, claim = await _claimed(shelf)
    return lambda: port.condemn(claim.run_id, claim.batch_no, shelf.share_id, CHUNKS)


async def _condemned(shelf):
    port, claim = await _claimed(shelf)
    await port.condemn(claim.run_id, claim.batch_no, shelf.share_id, CHUNKS)
    return port, claim


async def _rescue(shelf):
    port, _ = await _condemned(shelf)
    return lambda: port.rescue(shelf.share_id, DIGESTS[:2])


async def _doom(shelf):
    port, claim = await _condemned(shelf)
    return lambda: port.doom(claim.run_id, claim.batch_no, shelf.share_id, 0, 4, 100)


async def _settle(shelf):
    """Two are gone, one was spared, one is still being deleted."""
    await (await _doom(shelf))()
    port = PostgresSweeps(shelf.catalogue._pool)
    return lambda: port.settle_chunks(shelf.share_id, DIGESTS[:2], DIGESTS[2:3])


async def _tidy(shelf):
    await (await _settle(shelf))()
    port = PostgresSweeps(shelf.catalogue._pool)
    return lambda: port.tidy_condemned(shelf.share_id)


async def _forget_segments(shelf):
    port, _ = await _saved(shelf)
    return lambda: port.forget_segments(shelf.share_id, [(1, 1)])


async def _forget_bundles(shelf):
    """Of two parts: a statement for each."""
    port, _ = await _saved(shelf)
    return lambda: port.forget_bundles(shelf.share_id, [(1, 1, 0), (1, 1, 2)])


async def _saved(shelf):
    """A batch with a segment and three bundles."""
    claim = await shelf.seeded()
    await shelf.catalogue.commit(shelf.batch(claim, pages=[page(2, 1, "d", 1)], segment_bytes=50, bundles=[5, 6, 7]))
    return PostgresSweeps(shelf.catalogue._pool), claim


async def _backup_that_rescues(shelf):
    """A backup's batch that refers to chunks on the list: they are taken off it in the same transaction."""
    await _condemned(shelf)
    await shelf.new_run()
    claim = await shelf.seeded()
    return lambda: shelf.catalogue.commit(
        shelf.batch(claim, pages=[page(20, 1, "new", 1)], chunks=DIGESTS[:3], segment_bytes=9)
    )


ALL = [
    _expire, _marked, _keep, _take_back, _begin_sweep, _seed_sweep, _claim_sweep, _commit_sweep, _condemn, _rescue, _doom, _settle, _tidy,
    _forget_segments, _forget_bundles, _backup_that_rescues,
]  # fmt: skip
CHANGES_AGAIN = {_claim_sweep}
"""A claim gives up the first one and takes a new number."""


@pytest.mark.parametrize("prepare", ALL, ids=lambda prepare: prepare.__name__.strip("_"))
async def test_a_connection_lost_anywhere_leaves_all_or_nothing(catalogue_url, monkeypatch, prepare):
    assert await lose_anywhere(catalogue_url, monkeypatch, prepare, changes_again=prepare in CHANGES_AGAIN) >= 2
