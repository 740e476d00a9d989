"""Whether content is there and is what its digests say; and which objects it is in."""

from shared.core import xorhash
from shared.core.hashing import ShareHasher
from shared.errors import IntegrityError
from shared.formats import bundle, chunk, content_list, frame
from shared.model.content import CHUNK_BYTES, HOLE, ContentKind


class Contents:
    """The content of one share. What was found good is not looked at again: objects do not change, and that is checked."""

    def __init__(self, stored, tenant_id, share_id):
        self._stored = stored
        self._hasher = ShareHasher(tenant_id, share_id)
        self._good: set[tuple] = set()

    def forget(self):
        """Look at everything again."""
        self._good.clear()

    def names(self, content):
        """Objects that hold a content."""
        match content.kind:
            case ContentKind.BUNDLED:
                part = f"-{content.part}" if content.part else ""
                return [f"bundle/{content.run_no}/{content.batch_no}{part}.tar.zst"]
            case ContentKind.PLAIN:
                return [f"{content.node_id}/{content.run_no}"]
            case ContentKind.CHUNKED:
                return [_chunk_name(digest) for digest in content.chunks if digest != HOLE]
            case ContentKind.LISTED:
                name = f"{content.node_id}/{content.run_no}"
                data = self._stored.objects.get(name)
                try:
                    digests = [d for _, d in content_list.decode(data).chunks.chunks()] if data is not None else []
                except IntegrityError:
                    digests = []
                return [name, *map(_chunk_name, digests)]
            case _:
                return []

    def problem(self, saved):
        """What is wrong with the content of a saved file; empty if nothing is."""
        if saved.entry.is_directory or saved.content.kind is ContentKind.UNSAVED:
            return ""
        key = (saved.content, saved.digest, saved.quickxor, saved.entry.size_bytes)
        if key in self._good:
            return ""
        try:
            digest, quickxor = self._hashes(saved)
        except (IntegrityError, ValueError) as error:
            return str(error)
        if digest != saved.digest:
            return "its BLAKE3 digest is another"
        if quickxor != saved.quickxor:
            return "its QuickXorHash is another"
        self._good.add(key)
        return ""

    def read(self, saved):
        """The bytes of a saved file. Raises ``IntegrityError`` or ``ValueError``."""
        if saved.content.kind in (ContentKind.CHUNKED, ContentKind.LISTED):
            pieces = self._pieces(self._digests(saved.content), saved.entry.size_bytes)
            return b"".join(part if part is not None else bytes(length) for _, length, part in pieces)
        return self._small(saved)

    def _hashes(self, saved):
        if saved.content.kind not in (ContentKind.CHUNKED, ContentKind.LISTED):
            data = self._small(saved)
            return self._hasher.digest(data), xorhash.quickxor(data)
        digests, size = self._digests(saved.content), saved.entry.size_bytes
        pieces = self._pieces(digests, size)
        states = (xorhash.state(part, offset) for offset, _, part in pieces if part is not None)
        return self._hasher.digest_of_chunks(digests), xorhash.finish(xorhash.combine(states), size)

    def _small(self, saved):
        content, size = saved.content, saved.entry.size_bytes
        match content.kind:
            case ContentKind.NONE:
                data = saved.posix.link_text.encode() if saved.posix is not None else b""
            case ContentKind.BUNDLED:
                data = self._object(self.names(content)[0])[content.offset : content.offset + content.length]
                data = bundle.member_content(data, size)
            case ContentKind.PLAIN:
                data = frame.unframe(self._object(self.names(content)[0]), size)
            case kind:
                raise IntegrityError(f"content of kind {kind}, which this checker does not know")
        if len(data) != size:
            raise IntegrityError(f"{len(data)} bytes, expected {size}")
        return data

    def _digests(self, content):
        """One digest per 4 MiB, holes included."""
        if content.kind is ContentKind.CHUNKED:
            return content.chunks
        listed = content_list.decode(self._object(self.names(content)[0]))
        if (listed.node_id, listed.run_no) != (content.node_id, content.run_no):
            raise IntegrityError(f"content list says it is {listed.node_id}/{listed.run_no}")
        found = [HOLE] * listed.chunks.count
        for place, digest in listed.chunks.chunks():
            found[place] = digest
        return found

    def _pieces(self, digests, size):
        """Offset, length and bytes of each chunk; no bytes of a hole."""
        for offset, digest in zip(range(0, size, CHUNK_BYTES), digests, strict=True):
            length = min(CHUNK_BYTES, size - offset)
            if digest == HOLE:
                yield offset, length, None
                continue
            part = chunk.decode(self._object(_chunk_name(digest)))
            if len(part) != length or self._hasher.digest(part) != digest:
                raise IntegrityError(f"{_chunk_name(digest)} does not hold what its name says")
            yield offset, length, part

    def _object(self, name):
        if name not in self._stored.objects:
            raise IntegrityError(f"{name} is missing")
        return self._stored.objects[name]


def _chunk_name(digest):
    return f"chunk/{digest.hex()[:2]}/{digest.hex()}"
