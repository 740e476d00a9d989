"""A connection that is lost at any statement of a backup's transactions: see tests/support/lost_connection.py."""

import pytest

from shared.db import catalogue
from shared.model.manifest import ManifestRef
from shared.model.page import DirectoryHead, Page
from shared.model.run import Counters, RunState
from shared.model.work import FoundDirectory, LargeFile
from tests.support.catalogue import LONG_S, ROOT, directory, files, page, point
from tests.support.lost_connection import lose_anywhere

REF = ManifestRef(1, 2, 3, 4)
TREE = (
    page(2, 1, "a", 3, manifest=REF),
    page(3, 2, "a/x", 2),
    page(4, 3, "a/x/y", 2),
    page(5, 1, "b", 1),
    page(6, 1, "gone", 4, next_slot=30),
    Page(directory_id=directory(6), page_no=1, name="f1", files=files(5, first_slot=10)),
    page(7, 6, "gone/too", 1),
)


def _head(number: int, parent: int, name: str) -> DirectoryHead:
    return DirectoryHead(
        node_id=directory(number), parent_id=directory(parent), name=name, file_id=number, mtime=0, fingerprint=None
    )


async def _start(shelf):
    await shelf.finish()
    async with shelf.catalogue.transaction() as conn:
        shelf.run = await catalogue.runs.create(conn, shelf.share.tenant_id, shelf.share_id, catalogue.RunKind.BACKUP)
    return lambda: shelf.catalogue.start_run(shelf.run_id)


async def _seed(shelf):
    await shelf.finish()
    await shelf.new_run()
    return lambda: shelf.catalogue.seed(shelf.run_id, shelf.share_id, [(ROOT, 5), (directory(2), 6)])


async def _claim(shelf):
    await shelf.finish()
    await shelf.new_run()
    await shelf.catalogue.seed(shelf.run_id, shelf.share_id, [(ROOT, 5)])
    return lambda: shelf.catalogue.claim(shelf.run_id, "worker", limit=5, lease_s=LONG_S)


async def _commit(shelf):
    await shelf.finish()
    await shelf.new_run()
    claim = await shelf.seeded()
    batch = shelf.batch(
        claim,
        found=[FoundDirectory(node_id=directory(2), mtime=1), FoundDirectory(node_id=directory(8), mtime=2)],
        waiting=[directory(8)],
        large=[
            LargeFile(
                directory_id=directory(8),
                file_id=9,
                changed=1,
                name="big",
                size_bytes=300,
                span_bytes=100,
                spans=((0, 1), (1, 1), (2, 1)),
            ),
        ],
        pages=[page(2, 1, "a", 5, manifest=REF), page(8, 5, "new", 2)],
        placed=[_head(3, 5, "moved"), _head(4, 1, "up")],
        missing=[(directory(6), ROOT)],
        permissions=["1*2"],
        segment_bytes=100,
        bundles=[5],
        counters=Counters(files=7),
    )
    return lambda: shelf.catalogue.commit(batch)


async def _take_missing(shelf):
    await (await _commit(shelf))()
    return lambda: shelf.catalogue.take_missing(shelf.run_id, 10)


async def _finish(shelf):
    await (await _commit(shelf))()
    while await shelf.catalogue.take_missing(shelf.run_id, 10):
        pass
    return lambda: shelf.catalogue.finish_run(
        shelf.run_id, RunState.SUCCEEDED, counters=Counters(errors=1), point=point(shelf.run.run_no)
    )


# Called again after it happened, a claim gives up the first one and takes a new number, and taking what is missing takes more of it.
CHANGES_AGAIN = {_claim, _take_missing}


@pytest.mark.parametrize("prepare", [_start, _seed, _claim, _commit, _take_missing, _finish])
async def test_a_connection_lost_anywhere_leaves_all_or_nothing(catalogue_url, monkeypatch, prepare):
    async def grown(shelf):
        await shelf.grow(TREE)
        return await prepare(shelf)

    statements = await lose_anywhere(catalogue_url, monkeypatch, grown, changes_again=prepare in CHANGES_AGAIN)
    assert statements > 2
