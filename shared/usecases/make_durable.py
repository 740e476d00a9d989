"""Make a batch durable.

Write order: content (as it is read), then the segment, then the journal, then one catalogue transaction that is fenced by
the claim. A crash

* before the transaction leaves objects that nothing refers to, which the sweeper collects, and a claim that another worker
  takes over when its lease ends, or at once when the same activity is delivered again;
* after it leaves nothing: the batch is done, and the run goes on with the next.
"""

from collections.abc import Awaitable, Callable

from shared.model.objects import segment_name
from shared.model.work import Kept
from shared.usecases.batch import Batch
from shared.usecases.chunks_there import chunks_there
from shared.usecases.scope import RunScope


async def make_durable(scope: RunScope, batch: Batch, fill: Callable[[], Awaitable[None]]) -> Kept | None:
    """Await ``fill``, which saves content through ``batch``, then write and commit what it came to. Raises ``Fenced``.

    :returns: as :meth:`shared.ports.catalogue.Catalogue.commit`.
    """
    with scope.batch(batch.commit.batch_no) as span:
        kept = await _made_durable(scope, batch, fill)
        done = batch.commit.counters
        span.set(directories=done.directories, files=done.changed_files, bytes=done.changed_bytes, errors=done.errors)
    return kept


async def _made_durable(scope: RunScope, batch: Batch, fill: Callable[[], Awaitable[None]]) -> Kept | None:
    try:
        await fill()
        await batch.saver.close()
    except BaseException:
        await batch.saver.abandon()
        raise
    commit = batch.commit
    segment = batch.records()
    if not segment.empty:
        data = segment.finish()
        # A taken name is our own earlier try: no other claim has this batch number.
        await scope.vault.put(segment_name(scope.share.share_id, scope.run.run_no, commit.batch_no), data)
        commit.segment_bytes = len(data)
    commit.bundles = batch.saver.bundle_sizes
    if batch.journal:
        await scope.journal.write(scope.run.key, commit.batch_no, batch.journal)
    commit.counters.add(scope.take_requests())
    async with chunks_there(scope, commit.chunks):
        return await scope.catalogue.commit(commit, lease_s=scope.limits.lease_s)
