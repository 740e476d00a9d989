"""Find out what of a large file has to be read, before it becomes spans.

A file is asked for what is allocated in it; what is not is never read. A file that was saved before is asked for what
changed *since the restore point before*, whose share snapshot was kept for this (its *base*), and what did not change comes
from the content list of then. That is right only if the saved version is the very version the base has. A run may have
failed to look at the file since it was saved; so its base is asked for the file's ETag, and only if that is the saved
one's the answer is used. Everything that stands in the way of a diff (no base, the file was not there then, was replaced
or overwritten by a copy, the base is gone) leads to a full read of what is allocated, and so does a service that will not
say what is allocated to a read of everything.

Reads only; nothing to clean up.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from shared.core.chunk_plan import ChunkPlan
from shared.errors import IntegrityError, NotFound, Rejected, ShareGone, Unavailable
from shared.formats import content_list
from shared.formats.content_list import ContentList
from shared.model.content import CHUNK_BYTES, Content, ContentKind
from shared.model.objects import node_object_name
from shared.model.run import RestorePoint
from shared.model.work import LargeContent, LargeFile
from shared.ports.share_reader import ShareReader
from shared.usecases.patience import NODE_TROUBLE, patiently
from shared.usecases.save_files import FileToSave
from shared.usecases.scope import RunScope
from shared.usecases.together import together

RANGE_PAGES_MAX: Final = 2_000
"""Of one file: 20 million ranges. A file in more pieces than that is read whole from there on: asking would take longer."""


async def plan_large(scope: RunScope, files: Sequence[tuple[int, FileToSave]]) -> list[LargeFile | LargeContent]:
    """What is to be read of each ``(directory_id, file)``, in order; or its content right away where that is nothing.

    One request per page of ranges, mostly one per file, and one more to the base of a file that was saved before.
    """
    if not files:
        return []
    base = await scope.catalogue.last_restore_point(scope.share.share_id)
    gate = asyncio.Semaphore(scope.limits.concurrent_reads)

    async def one(directory_id: int, file: FileToSave) -> LargeFile | LargeContent:
        async with gate:
            return await _plan(scope, directory_id, file, base)

    return await together(one(directory_id, file) for directory_id, file in files)


async def _plan(
    scope: RunScope, directory_id: int, file: FileToSave, point: RestorePoint | None
) -> LargeFile | LargeContent:
    entry = file.plan.entry
    span_bytes = scope.limits.span_bytes
    known = await _known(scope, file, point)
    base, plan = known if known is not None else (None, await _allocated(scope, file))
    spans = plan.spans(span_bytes // CHUNK_BYTES)
    cleared = plan.cleared() if base is not None else ()
    if not spans:
        return LargeContent(
            directory_id=directory_id,
            file_id=entry.file_id,
            changed=entry.changed,
            span_bytes=span_bytes,
            base=base,
            cleared=cleared,
        )
    return LargeFile(
        directory_id=directory_id,
        file_id=entry.file_id,
        changed=entry.changed,
        name=entry.name,
        size_bytes=entry.size_bytes,
        span_bytes=span_bytes,
        spans=spans,
        base=base,
        cleared=cleared,
    )


async def _known(
    scope: RunScope, file: FileToSave, point: RestorePoint | None
) -> tuple[tuple[int, int], ChunkPlan] | None:
    """The content list to build on, and what to do about the chunks since; None when everything has to be read."""
    previous = file.plan.previous
    snapshot = point.share_snapshot if point is not None else None
    if (
        previous is None
        or point is None
        or snapshot is None
        or previous.stale
        or previous.content.kind is not ContentKind.LISTED
        or previous.saved_run > point.run_no
    ):
        return None
    before = await read_content_list(scope, previous.content)
    if before is None or before.digest != previous.digest or not before.chunks.has_states:
        return None
    reader = scope.reader
    assert reader is not None
    parent = file.path.removesuffix(file.plan.entry.name)
    then = parent + previous.entry.name
    try:
        found = await patiently(lambda: reader.file_properties(then, snapshot))
        if (found.file_id, found.changed) != (previous.entry.file_id, previous.entry.changed):
            return None
        plan = await patiently(lambda: _changed(reader, file, before.size_bytes, snapshot))
    except (*NODE_TROUBLE, ShareGone):  # of the two share snapshots asked for it may be the earlier one that is gone
        return None  # the full read that follows succeeds, or tells what is wrong
    return (before.node_id, before.run_no), plan


async def _changed(reader: ShareReader, file: FileToSave, size_before_bytes: int, snapshot: str) -> ChunkPlan:
    size = file.plan.entry.size_bytes
    plan = ChunkPlan(size)
    plan.resized_from(size_before_bytes)
    await _fill(plan, reader, file, snapshot)
    return plan


async def _allocated(scope: RunScope, file: FileToSave) -> ChunkPlan:
    reader = scope.reader
    assert reader is not None
    size = file.plan.entry.size_bytes
    plan = ChunkPlan(size)

    async def attempt() -> None:
        await _fill(plan, reader, file, None)

    try:
        await patiently(attempt)
    except (Rejected, Unavailable):
        return ChunkPlan.of_all(size)
    return plan


async def _fill(plan: ChunkPlan, reader: ShareReader, file: FileToSave, since: str | None) -> None:
    size = file.plan.entry.size_bytes
    pages = end = 0
    async for page in reader.ranges(file.path, size, since):
        for start, end, cleared in page:
            if cleared:
                plan.clear(start, end)
            else:
                plan.read(start, end)
        pages += 1
        if pages >= RANGE_PAGES_MAX:
            plan.read(end, size)
            return


async def read_content_list(scope: RunScope, content: Content) -> ContentList | None:
    """The list of LISTED content; None when it is damaged or gone."""
    name = node_object_name(scope.share.share_id, content.node_id, content.run_no)
    try:
        found = content_list.decode(await scope.vault.get(name))
    except (IntegrityError, NotFound):
        return None
    if scope.hasher.digest_of_joined(found.chunks.joined()) != found.digest:
        return None
    return found
