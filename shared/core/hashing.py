"""BLAKE3-256, derived per share: the identity of content, and the names of chunks.

Every share has its own hash function (BLAKE3's key derivation mode, the context naming tenant and share), so equal content of
two shares has unrelated digests: nothing can be deduplicated, guessed or confirmed across shares, with no secret to lose.
The digest of a file kept as chunks is the digest of its chunk digests under a context of its own, so that a list of
digests and a small file that happens to hold the same bytes never share an identity.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from blake3 import blake3

DIGEST_BYTES: Final = 32

CONTENT_CONTEXT: Final = "azure-files-backup 2026 content {tenant_id}/{share_id}"
CHUNKS_CONTEXT: Final = "azure-files-backup 2026 chunk digests {tenant_id}/{share_id}"


class Hasher(Protocol):
    """A digest in the making."""

    def update(self, data: bytes, /) -> object:
        """Take in ``data``."""
        ...

    def digest(self) -> bytes:
        """32 bytes over everything taken in so far."""
        ...


class ShareHasher:
    """The digests of one share. Cheap to keep, safe to use from several threads."""

    def __init__(self, tenant_id: str, share_id: int) -> None:
        names = {"tenant_id": tenant_id, "share_id": share_id}
        self._content = blake3(derive_key_context=CONTENT_CONTEXT.format(**names))
        self._chunks = blake3(derive_key_context=CHUNKS_CONTEXT.format(**names))

    def digest(self, data: bytes) -> bytes:
        """Digest of a whole small file or of one chunk: 32 bytes."""
        hasher = self._content.copy()
        hasher.update(data)
        return bytes(hasher.digest())

    def digest_of_chunks(self, digests: Sequence[bytes]) -> bytes:
        """Digest of a file kept as chunks, from the digests of its chunks in order."""
        hasher = self._chunks.copy()
        hasher.update(b"".join(digests))
        return bytes(hasher.digest())

    def digest_of_joined(self, pieces: Iterable[bytes]) -> bytes:
        """The same from digests that lie end to end in ``pieces`` of any length."""
        hasher = self._chunks.copy()
        for piece in pieces:
            hasher.update(piece)
        return bytes(hasher.digest())

    def hasher(self) -> Hasher:
        """The same as :meth:`digest`, fed piece by piece."""
        hasher: Hasher = self._content.copy()
        return hasher
