"""Deleted shares that are kept for a while, to be restored or to vanish for good when their time is over."""

from localdev.files_emulator.errors import ServiceError
from localdev.files_emulator.journal import Journal
from localdev.files_emulator.share import Deletion, Share
from localdev.files_emulator.times import FIRST_FILE_TIME_TICKS, TICKS_PER_SECOND

TICKS_PER_DAY = 24 * 3600 * TICKS_PER_SECOND


class DeletedShares:
    """Deleted shares by version; many may have had the same name."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._by_version: dict[str, Share] = {}

    def keep(self, share: Share, now: int, days: int) -> None:
        """Keep ``share``, which was deleted at ``now``, with its snapshots, but without their leases."""
        self.all(now)
        for holder in ["", *share.snapshots]:
            if holder in share.leases:
                share.set_lease(holder, None)
        version = f"{now - FIRST_FILE_TIME_TICKS:016X}"  # shaped like the service's: no two deletions share a tick
        share.deletion = Deletion(version, now, now + days * TICKS_PER_DAY)
        self._by_version[version] = share
        self._journal.share(share)

    def load(self, share: Share) -> None:
        """Keep a share that a store has found to be deleted."""
        if share.deletion is not None:
            self._by_version[share.deletion.version] = share

    def all(self, now: int) -> list[tuple[Share, Deletion]]:
        """Return what is still kept at ``now``, by name and then by time of deletion; drop the rest."""
        kept = []
        for version, share in sorted(self._by_version.items(), key=lambda item: (item[1].name, item[0])):
            if share.deletion is not None and now < share.deletion.until:
                kept.append((share, share.deletion))
            else:
                del self._by_version[version]
                self._journal.share_gone(share)
        return kept

    def take(self, name: str, version: str, now: int) -> Share:
        """Return a deleted share for restoring; it is no longer kept here.

        :raises ServiceError: ShareNotFound if it never was, or is no longer.
        """
        found = next((share for share, kept in self.all(now) if (share.name, kept.version) == (name, version)), None)
        if found is None:
            raise ServiceError("ShareNotFound")
        del self._by_version[version]
        found.deletion = None
        self._journal.share(found)
        return found


def remaining_days(deletion: Deletion, now: int) -> int:
    """Return how many days a deleted share has left, begun ones included."""
    return max(-(-(deletion.until - now) // TICKS_PER_DAY), 0)
