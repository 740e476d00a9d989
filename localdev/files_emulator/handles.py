"""Handles that SMB clients have open, and what they keep REST requests from doing.

There is no SMB here: the control API opens a handle in place of a client. A request over REST is to the service an open with some access
that shares everything, so it is refused with 409 ``SharingViolation`` where a handle does not share that access. Listing and
describing open nothing, nor does reading from a share snapshot.

Handles live in memory only: a restart closes them, as one of the service would. One whose file is no longer where it was opened is closed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from localdev.files_emulator.account import Account
from localdev.files_emulator.call import Call
from localdev.files_emulator.errors import ServiceError
from localdev.files_emulator.share import Share
from localdev.files_emulator.tree import Entry, Path, find

READ, WRITE, DELETE = "read", "write", "delete"
ACCESSES = (READ, WRITE, DELETE)

#: What an operation does to the node at its path, if there is one. Others open nothing, or do not touch what SMB can open.
ACCESS = {
    "file_download": READ,
    "file_get_range_list": READ,
    "file_upload_range": WRITE,
    "file_upload_range_from_url": WRITE,
    "file_set_http_headers": WRITE,
    "file_set_metadata": WRITE,
    "directory_set_properties": WRITE,
    "directory_set_metadata": WRITE,
    "file_create": DELETE,
    "file_start_copy": DELETE,
    "file_delete": DELETE,
    "file_rename": DELETE,
    "directory_delete": DELETE,
    "directory_rename": DELETE,
}
_FIRST_ID = 21_123_954_401  # ids are 64-bit numbers; those of the service's samples look like this


@dataclass(frozen=True, slots=True)
class Handle:
    """A file or directory that a client has open."""

    id: int
    share: Share
    path: Path
    number: int
    """Of the node: a file that replaces it is another."""
    access: tuple[str, ...]
    deny: frozenset[str]
    opened: int
    """Ticks."""


class Handles:
    """The open handles of an account."""

    def __init__(self) -> None:
        self._open: dict[int, Handle] = {}
        self._ids = count(_FIRST_ID)

    def open(self, account: Account, share: Share, path: Path, access: tuple[str, ...], deny: frozenset[str]) -> Handle:
        """Open a node. Other handles have no say in it.

        :raises ServiceError: there is no such node.
        """
        node = find(share.root, path)
        handle = Handle(next(self._ids), share, path, node.number, access, deny, account.clock.tick())
        self._open[handle.id] = handle
        return handle

    def close(self, handle: Handle) -> None:
        """Close a handle; one that is closed is fine."""
        self._open.pop(handle.id, None)

    def of_share(self, account: Account, share: Share) -> list[tuple[Handle, Entry]]:
        """The open handles of a share with their nodes, oldest first."""
        found = []
        for handle in list(self._open.values()):
            node = self._node(account, handle)
            if node is None:
                self.close(handle)
            elif handle.share is share:
                found.append((handle, node))
        return found

    def at(self, account: Account, share: Share, path: Path, *, recursive: bool) -> Iterator[tuple[Handle, Entry]]:
        """Those of the node at ``path``; with ``recursive`` of all below it, too."""
        if not self._open:
            return
        key = share.root.key
        wanted = [key(part) for part in path]
        for handle, node in self.of_share(account, share):
            opened = [key(part) for part in handle.path]
            if opened == wanted or (recursive and opened[: len(wanted)] == wanted):
                yield handle, node

    def guard(self, call: Call, operation: str) -> None:
        """Let an operation do what it does to the node at its path.

        :raises ServiceError: SharingViolation.
        """
        if self._open and operation in ACCESS and "sharesnapshot" not in call.query:
            share = call.account.shares.get(call.address.share)
            if share is not None:
                self.guard_path(call.account, share, call.path, ACCESS[operation])

    def guard_path(self, account: Account, share: Share, path: Path, access: str) -> None:
        """Let somebody open the node at ``path``, if there is one, with ``access``."""
        for handle, _ in self.at(account, share, path, recursive=False):
            if access in handle.deny:
                raise ServiceError("SharingViolation")

    def _node(self, account: Account, handle: Handle) -> Entry | None:
        if account.shares.get(handle.share.name) is not handle.share:
            return None
        try:
            node = find(handle.share.root, handle.path)
        except ServiceError:
            return None
        return node if node.number == handle.number else None
