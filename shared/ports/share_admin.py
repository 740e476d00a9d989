"""Azure Files, to administer: shares, and share snapshots."""

from collections.abc import Mapping
from typing import Protocol

from shared.model.share import ShareSnapshot


class ShareAdmin(Protocol):
    """Share-level operations."""

    async def snapshots(self) -> list[ShareSnapshot]:
        """All share snapshots of the share, ours or not, oldest first. Raises ``Denied`` when the credential may not list them."""
        ...

    async def take_snapshot(self, tag: str, *, is_new: bool = False) -> str:
        """Take a share snapshot tagged ``tag``, or return the one that already has that tag. Returns its id.

        ``is_new`` saves looking for it: the caller has just seen that there is none.
        """
        ...

    async def delete_snapshot(self, snapshot: str) -> None:
        """Delete a share snapshot; one that is already gone is fine."""
        ...

    async def properties(self) -> Mapping[str, str]:
        """Quota, tier, protocols, what is provisioned, and metadata of the share. Raises ``ShareGone``."""
        ...

    async def create(self, protocol: str = "SMB", tag: str = "", quota_gib: int = 0) -> None:
        """Make the share, for ``SMB`` or ``NFS``; one that is already there is fine, whatever its protocol.

        With a ``tag`` the share has it; one that is there and has not is ``Conflict``. ``quota_gib``: of a share that is made; 0: what
        the account gives.
        """
        ...

    async def delete(self, tag: str) -> None:
        """Delete the whole share, which has this ``tag``; one that is gone is fine, one that has not is ``Conflict``."""
        ...
