"""What ZIP and TAR have in common: an archive that is made member by member, and handed out while it is made.

Writers keep no content. They are used from one thread, but for :meth:`ArchiveWriter.prepared`, which is the work that may be
done beforehand, in any thread, in any order.
"""

from collections.abc import Iterator
from typing import Final, Protocol

from shared.model.content import CHUNK_BYTES
from shared.model.entry import Attributes
from shared.model.member import Member

ZEROS: Final = bytes(CHUNK_BYTES)
_WRITABLE: Final = 0o222


class ArchiveWriter(Protocol):
    """Gives the bytes of an archive, in order. Between ``begin`` and ``end`` no other member can be added."""

    @staticmethod
    def prepared(data: bytes) -> bytes:
        """``data`` as the archive holds it; to be given with it to :meth:`file` or :meth:`piece`."""
        ...

    def directory(self, member: Member) -> bytes:
        """A directory."""
        ...

    def symbolic_link(self, member: Member, text: str) -> bytes:
        """A symbolic link that points to ``text``."""
        ...

    def file(self, member: Member, data: bytes, prepared: bytes | None) -> bytes:
        """A whole file. ``prepared``: what :meth:`prepared` made of ``data``; None: not worth it."""
        ...

    def begin(self, member: Member) -> bytes:
        """The beginning of a file of ``member.size_bytes`` that follows in pieces."""
        ...

    def piece(self, data: bytes, prepared: bytes) -> bytes:
        """The next bytes of it."""
        ...

    def hole(self, length: int) -> Iterator[bytes]:
        """The next ``length`` bytes of it, all zeros."""
        ...

    def end(self, *, intact: bool) -> bytes:
        """The end of it. ``intact`` False: some of its bytes are not the ones that were saved; said as loudly as the format can."""
        ...

    def finish(self) -> Iterator[bytes]:
        """The end of the archive."""
        ...


def mode_of(member: Member) -> int:
    """Permission bits: those of an NFS share, or such that nobody may write what is read-only."""
    if member.posix is not None:
        return member.posix.mode
    if member.is_directory:  # read-only says something else of a directory: that Explorer shows it in a way of its own
        return 0o755
    return 0o644 & ~_WRITABLE if member.attributes & Attributes.READ_ONLY else 0o644
