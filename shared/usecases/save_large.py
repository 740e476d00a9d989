"""Read a large file span by span, spread over workers, before its directory is committed.

A span writes chunks, then its digests in one transaction. The file's content list is written when its directory is visited
again, after the last span: so no manifest ever refers to content that is not there. A crash before a span's transaction
leaves chunks that the next try finds again by name.
"""

import asyncio

from shared.core import xorhash
from shared.formats import content_list
from shared.model.content import CHUNK_BYTES, Content, ContentKind
from shared.model.objects import node_object_name
from shared.model.work import LargeContent, SpanClaim, SpanResult
from shared.ports import ShareReader
from shared.usecases.patience import NODE_TROUBLE, patiently
from shared.usecases.put_once import put_once
from shared.usecases.save_files import CHUNK_WRITES, FileToSave, save_chunk
from shared.usecases.scope import RunScope
from shared.usecases.stopping import Stopped
from shared.usecases.together import VaultTrouble, together


async def save_span(scope: RunScope, span: SpanClaim) -> None:
    """Read one span, store its chunks and commit it; a span that cannot be read ends its file, not the run."""
    gate = asyncio.Semaphore(CHUNK_WRITES)

    async def chunk(offset: int) -> tuple[bytes, bytes]:
        length = min(CHUNK_BYTES, span.offset + span.length - offset)
        async with gate:
            if scope.stop:
                raise Stopped
            return await save_chunk(scope, await _read(scope, span.path, offset, length), offset, set())

    try:
        done = await together(chunk(offset) for offset in range(span.offset, span.offset + span.length, CHUNK_BYTES))
    except Stopped:  # chunks that were stored are found by name
        await scope.catalogue.give_back(span.run_id, span.batch_no)
        return
    except VaultTrouble as trouble:
        raise trouble.cause from trouble
    except _Unreadable as error:
        result = SpanResult(digests=b"", quickxor=bytes(20), counters=scope.take_requests(), error=str(error))
    else:
        result = SpanResult(
            digests=b"".join(digest for digest, _ in done),
            quickxor=xorhash.combine(state for _, state in done),
            counters=scope.take_requests(),
        )
    await scope.catalogue.commit_span(span, result)


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
    try:
        file.properties = await patiently(lambda: reader.file_properties(file.path))
    except NODE_TROUBLE as error:
        file.error = str(error)
        return
    size = file.plan.entry.size_bytes
    chunks = tuple(content.digests[i : i + 32] for i in range(0, len(content.digests), 32))
    file.digest = scope.hasher.digest_of_chunks(chunks)
    file.quickxor = xorhash.finish(content.quickxor, size)
    previous = file.plan.previous
    if previous is not None and previous.digest == file.digest and previous.content.kind is ContentKind.LISTED:
        file.content = previous.content
        return
    run_no, node_id = scope.run.run_no, file.plan.node_id
    encoded = content_list.encode(
        content_list.ContentList(node_id=node_id, run_no=run_no, size_bytes=size, digest=file.digest, chunks=chunks)
    )
    await put_once(scope.vault, node_object_name(scope.share.share_id, node_id, run_no), encoded)
    file.content = Content(ContentKind.LISTED, run_no=run_no, node_id=node_id)
