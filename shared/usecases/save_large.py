"""Read a large file span by span, spread over workers, before its directory is committed.

A claim of spans writes chunks, then their digests in one transaction. The file's content list is written when its directory
is visited again, after the last span: so no manifest ever refers to content that is not there. A crash before a span's
transaction leaves chunks that the next try finds again by name.

Memory: four chunks of a span at once; to assemble a list, some 200 bytes per chunk that has content.
"""

import asyncio

from shared.core import xorhash
from shared.core.chunk_plan import ReadChunks, assemble, places_of
from shared.formats import content_list
from shared.formats.content_list import ContentList
from shared.model.chunk_list import count_of
from shared.model.content import CHUNK_BYTES, Content, ContentKind
from shared.model.objects import node_object_name
from shared.model.work import LargeContent, SpanClaim, SpanRead, SpanResult
from shared.ports.share_reader import ShareReader
from shared.usecases.chunks_there import chunks_there
from shared.usecases.patience import NODE_TROUBLE, patiently
from shared.usecases.plan_large import read_content_list
from shared.usecases.put_once import put_once
from shared.usecases.save_files import CHUNK_WRITES, FileToSave, save_chunk
from shared.usecases.scope import RunScope
from shared.usecases.stopping import Stopped
from shared.usecases.together import VaultTrouble, together


async def save_span(scope: RunScope, claim: SpanClaim) -> None:
    """Read the chunks of a claim, store them and commit it; one that cannot be read ends its file, not the run."""
    gate = asyncio.Semaphore(CHUNK_WRITES)
    size = claim.file_size_bytes
    span_chunks = -(-claim.span_bytes // CHUNK_BYTES)
    places = {span[0]: places_of([span], span_chunks, count_of(size)).tolist() for span in claim.spans}
    read_bytes = 0

    async def chunk(place: int) -> tuple[bytes, bytes]:
        nonlocal read_bytes
        offset = place * CHUNK_BYTES
        async with gate:
            if scope.stop:
                raise Stopped
            data = await _read(scope, claim.path, offset, min(CHUNK_BYTES, size - offset))
            read_bytes += len(data)
            return await save_chunk(scope, data, offset, set())

    try:
        done = iter(await together(chunk(place) for of_span in places.values() for place in of_span))
    except Stopped:  # chunks that were stored are found by name
        await scope.catalogue.give_back(claim.run_id, claim.batch_no)
        return
    except VaultTrouble as trouble:
        raise trouble.cause from trouble
    except _Unreadable as error:
        result = SpanResult(counters=scope.take_requests(), error=str(error))
    else:
        result = SpanResult(
            read=tuple(_span_read(span_no, [next(done) for _ in of_span]) for span_no, of_span in places.items()),
            counters=scope.take_requests(),
        )
    result.counters.read_bytes += read_bytes
    async with chunks_there(scope, result.chunks):
        await scope.catalogue.commit_span(claim, result)


def _span_read(span_no: int, chunks: list[tuple[bytes, bytes]]) -> SpanRead:
    return SpanRead(
        span_no,
        digests=b"".join(digest for digest, _ in chunks),
        states=b"".join(state for _, state in chunks),
        quickxor=xorhash.combine(state for _, state in chunks),
    )


class _Unreadable(Exception):
    """The share would not give these bytes."""


async def _read(scope: RunScope, path: str, offset: int, length: int) -> bytes:
    reader = scope.reader
    assert reader is not None
    try:
        return await patiently(lambda: reader.read_range(path, offset, length))
    except NODE_TROUBLE as error:
        raise _Unreadable(str(error)) from error


async def save_content_list(scope: RunScope, file: FileToSave, content: LargeContent, reader: ShareReader) -> None:
    """Write the content list of a large file whose spans are done; ``file`` tells how it went."""
    if content.error:
        file.error = content.error
        return
    base: ContentList | None = None
    if content.base is not None:
        node_id, run_no = content.base
        base = await read_content_list(scope, Content(ContentKind.LISTED, node_id=node_id, run_no=run_no))
        if base is None:
            file.error = (
                f"the list of its chunks at run {run_no}, which is to be brought up to date, is damaged or gone"
            )
            return
    try:
        file.properties = await patiently(lambda: reader.file_properties(file.path))
    except NODE_TROUBLE as error:
        file.error = str(error)
        return
    made = await asyncio.to_thread(_assembled, scope, file, content, base)
    previous = file.plan.previous
    if previous is not None and previous.digest == made.digest and previous.content.kind is ContentKind.LISTED:
        known = await read_content_list(scope, previous.content)
        if known is not None and known.chunks.has_states:
            file.content = previous.content
            return
    await put_once(
        scope.vault, node_object_name(scope.share.share_id, made.node_id, made.run_no), content_list.encode(made)
    )
    file.content = Content(ContentKind.LISTED, run_no=made.run_no, node_id=made.node_id)


def _assembled(scope: RunScope, file: FileToSave, content: LargeContent, base: ContentList | None) -> ContentList:
    size = file.plan.entry.size_bytes
    places = places_of(content.spans, -(-content.span_bytes // CHUNK_BYTES), count_of(size))
    found = ReadChunks(places, content.digests, content.states, content.quickxor)
    chunks, state = assemble(size, base.chunks if base is not None else None, content.cleared, found)
    file.digest = scope.hasher.digest_of_joined(chunks.joined())
    file.quickxor = xorhash.finish(state, size)
    return ContentList(file.plan.node_id, scope.run.run_no, size, file.digest, chunks)
