"""A content list: which chunks a large file is made of.

::

    list = sealed (envelope.py) FlatBuffer "AFBL", version 1, of schema/fbs/content_list.fbs

A file of 4 TiB, the largest there is, has 1,048,576 chunks: a list of 32 MiB.
"""

from dataclasses import dataclass
from typing import Final

from shared.formats import envelope, flat
from shared.formats._generated.vault.ContentList import ContentList as Table
from shared.model.content import CHUNK_BYTES

MAGIC: Final = b"AFBL"
VERSION: Final = 1
_DIGEST_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class ContentList:
    """The chunks of one version of a file."""

    node_id: int
    run_no: int
    """With ``node_id``, the name of the object."""
    size_bytes: int
    """Of the file."""
    digest: bytes
    """Of the chunk digests in order: 32 bytes."""
    chunks: tuple[bytes, ...]
    """BLAKE3 digest of each 4 MiB, in order; :data:`shared.model.content.HOLE` for all zeros."""


def encode(content: ContentList) -> bytes:
    """Return the bytes of ``content``.

    :raises ValueError: digests of another length than 32 bytes, or not one per 4 MiB of the file.
    """
    if any(len(digest) != _DIGEST_BYTES for digest in (content.digest, *content.chunks)):
        raise ValueError("a digest is 32 bytes")
    if len(content.chunks) != _chunks(content.size_bytes):
        raise ValueError(f"{len(content.chunks)} chunks for {content.size_bytes} bytes")
    fields = [
        flat.u64(content.node_id),
        flat.u32(content.run_no),
        flat.u64(content.size_bytes),
        flat.octets(content.digest),
        flat.octets(b"".join(content.chunks)),
    ]
    return envelope.seal(MAGIC, VERSION, flat.table(MAGIC, fields))


def decode(data: bytes) -> ContentList:
    """Return the list whose bytes are exactly ``data``.

    :raises IntegrityError: not a content list, damaged, cut short, or of an unknown version.
    """
    buffer = envelope.unseal(MAGIC, VERSION, data, "content list")
    with envelope.reading("content list"):
        table = Table.GetRootAs(buffer)
        size_bytes = table.SizeBytes()
        (digest,) = flat.pieces(flat.raw(table.DigestAsNumpy()), _DIGEST_BYTES, 1)
        chunks = flat.pieces(flat.raw(table.ChunksAsNumpy()), _DIGEST_BYTES, _chunks(size_bytes))
        return ContentList(table.NodeId(), table.RunNo(), size_bytes, digest, tuple(chunks))


def _chunks(size_bytes: int) -> int:
    return -(-size_bytes // CHUNK_BYTES)
