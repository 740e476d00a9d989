"""What to do about a node that was skipped or failed: every line of the journal says so.

By what the service said first, because that names the cause; else by the kind of line. A hint that whoever complains knows
better goes before both.
"""

import re
from typing import Final

_BY_CODE: Final = {
    "SharingViolation": "somebody has it open over SMB in a way that shuts others out: close it there, then run again",
    "FileLockConflict": "somebody holds a lock on a part of it over SMB: close it there, then run again",
    "ReadOnlyAttribute": "a read-only file stands in the way and could not be made writable: remove it, then restore again",
    "DeletePending": "it is being deleted, and goes when the last handle on it is closed: close it, then run again",
    "ResourceTypeMismatch": "a file stands where a directory is to be, or the other way round: remove it, then restore again",
    "ShareSnapshotNotFound": "the run's share snapshot was deleted while it read from it: start another backup",
    "ShareNotFound": "the share was deleted or renamed while the run worked on it",
    "InvalidResourceName": "the REST interface cannot address this name: rename it over SMB or NFS",
    "InvalidUri": "the REST interface cannot address this name: rename it over SMB or NFS",
    "ShareSizeLimitReached": "the target share is full: raise its quota, then restore again",
    "AuthenticationFailed": "renew the account key or SAS of the credential, then run again",
    "AuthorizationPermissionMismatch": "give the credential the right to read all files (backup) or to write them (restore)",
}
"""Error codes of Azure Files, as they stand in a reason."""

_BY_KIND: Final = {
    "unreadable": "it has no content in this restore point; the next run tries it again",
    "stale": "the restore point holds the version before; the next run tries it again",
    "not_listed": "nothing new below this directory is saved; what earlier runs saved of it is kept. The next run tries it again",
    "damaged": "restore it from another restore point",
    "permission_unreadable": "nodes with this permission are restored without it and inherit; the next run tries it again",
    "permission_lost": "the nodes that had it inherit from their directory: set their permissions by hand",
    "too_many_files": "split the directory; every file beyond the limit is left out",
    "vanished": "nothing: a scan reads the share while it is in use",
    "snapshot_left": "nothing, if it passes: the next run tries again; if it has a lease, break that",
    "scratch_left": "nothing, if it passes: the next verify tries again; else delete that share in the portal, nobody needs it",
    "snapshots_nearly_full": "at the limit backups fail: delete some, or shorten the retention of Azure Backup for this share",
    "not_saved": "look for it in another restore point; the journal of the backup says why it was not saved",
    "lost": "see docs/DISASTER.md: what is lost in the vault is saved again by the next backup, if the share still has it",
    "not_there": "a part of a node is given to what is there: restore all of it to have it made",
    "changed_since": "nothing: it is as whoever changed it left it. Restore it, if it is to be as it was before",
    "not_deleted": "look at what a dry run says, and confirm as many deletions as it counts",
    "expired": "nothing: its policy, or whoever asked, let go of it, and the next sweep frees what only it needed",
    "not_expired": "unpin it, have the hold released, or wait for what works with it",
    "not_restored": "remove the cause, then restore it again: a restore may be repeated",
}
"""For those kinds of line that can come without a better hint."""

KINDS_ADVISED: Final = tuple(_BY_KIND)
"""Kinds of line that a run may write, beside events and findings."""

_OPEN: Final = (
    "somebody has it open over SMB in a way that shuts others out: close it there, or restore again with close_handles, by which"
    " they lose what they have not saved"
)
_CODE: Final = re.compile(r"\b[A-Z][a-z]+(?:[A-Z][a-z]*)+\b")
_BUSY: Final = re.compile(r"\b(?:ServerBusy|OperationTimedOut|no answer)\b")


def advice(kind: str, reason: str) -> str:
    """What to do about a line of this ``kind``; never empty for the kinds that this product writes."""
    if kind == "not_restored" and "SharingViolation" in reason:
        return _OPEN
    for word in _CODE.findall(reason):
        if word in _BY_CODE:
            return _BY_CODE[word]
    if _BUSY.search(reason):
        return "the share was too busy to answer: the next run tries it again; a run at a quieter hour gets further"
    return _BY_KIND.get(kind, "")
