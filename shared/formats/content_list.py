"""A content list: which chunks a large file is made of.

::

    list = sealed (envelope.py) FlatBuffer "AFBL", version 2, of schema/fbs/content_list.fbs

A file of 4 TiB, the largest there is, has 1,048,576 chunks: a list of up to 52 MiB, and of some hundred bytes when it is
nearly all holes. Version 1 had a digest for every hole, and no QuickXorHash states: such a file could not be brought up to
date from what changed in it. It is still read.
"""

from dataclasses import dataclass
from typing import Final

from shared.formats import envelope, flat
from shared.formats._generated.vault.ContentList import ContentList as Table
from shared.model.chunk_list import DIGEST_BYTES, STATE_BYTES, ChunkList, count_of, of_digests

MAGIC: Final = b"AFBL"
VERSION: Final = 2
_WITH_HOLES: Final = 1


@dataclass(frozen=True, slots=True)
class ContentList:
    """The chunks of one version of a file."""

    node_id: int
    run_no: int
    """With ``node_id``, the name of the object."""
    size_bytes: int
    """Of the file."""
    digest: bytes
    """Of the chunk digests in order, holes included: 32 bytes."""
    chunks: ChunkList


def encode(content: ContentList) -> bytes:
    """Return the bytes of ``content``.

    :raises ValueError: its parts do not fit one another: a digest of another length than 32 bytes, more or fewer digests than the
        stretches say, stretches out of order or beyond the end, not one chunk per 4 MiB of the file.
    """
    _check(content)
    chunks = content.chunks
    fields = [
        flat.u64(content.node_id),
        flat.u32(content.run_no),
        flat.u64(content.size_bytes),
        flat.octets(content.digest),
        flat.octets(chunks.digests),
        flat.vector("I", [number for stretch in chunks.stretches for number in stretch]),
        flat.octets(chunks.states),
    ]
    return envelope.seal(MAGIC, VERSION, flat.table(MAGIC, fields))


def decode(data: bytes) -> ContentList:
    """Return the list whose bytes are exactly ``data``.

    :raises IntegrityError: not a content list, damaged, cut short, or of an unknown version.
    """
    version = int.from_bytes(data[4:6], "little")
    buffer = envelope.unseal(MAGIC, version if version == _WITH_HOLES else VERSION, data, "content list")
    with envelope.reading("content list"):
        table = Table.GetRootAs(buffer)
        digests = flat.raw(table.ChunksAsNumpy())
        if version == _WITH_HOLES:
            chunks = of_digests(digests)
        else:
            numbers = flat.numbers(table.StretchesAsNumpy())
            stretches = tuple(zip(numbers[::2], numbers[1::2], strict=True))
            chunks = ChunkList(count_of(table.SizeBytes()), stretches, digests, flat.raw(table.StatesAsNumpy()))
        digest = flat.raw(table.DigestAsNumpy())
        found = ContentList(table.NodeId(), table.RunNo(), table.SizeBytes(), digest, chunks)
        _check(found)
        return found


def _check(content: ContentList) -> None:
    chunks = content.chunks
    if len(content.digest) != DIGEST_BYTES or len(chunks.digests) % DIGEST_BYTES:
        raise ValueError("a digest is 32 bytes")
    if chunks.count != count_of(content.size_bytes):
        raise ValueError(f"{chunks.count} chunks for {content.size_bytes} bytes")
    end = -1
    filled = 0
    for first, length in chunks.stretches:
        if first <= end or not length:
            raise ValueError(f"a stretch of {length} chunks from {first} on, after one that ends at {end}")
        end = first + length
        filled += length
    if end > chunks.count:
        raise ValueError(f"chunk {end - 1} of {chunks.count}")
    if filled != chunks.filled:
        raise ValueError(f"{chunks.filled} digests of {filled} chunks")
    if chunks.states and not chunks.has_states:
        raise ValueError(f"{len(chunks.states)} bytes of states of {STATE_BYTES} for {filled} chunks")
