"""Open a purge: tell the vault, let go of the share snapshots, and divide what is to be deleted.

The vault is told before anything goes: from then on whoever makes a catalogue of it leaves the share out. Safe to repeat at any point.
"""

import logging
from typing import Final

from shared.errors import BackupError, IntegrityError
from shared.model.objects import deletion_folder
from shared.model.sweep import SweepItem, SweepKind
from shared.usecases.scope import RunScope
from shared.usecases.tell_deletions import read_deletion, tell_deletions

log = logging.getLogger(__name__)

JOURNALS: Final = 50
"""Runs whose journals are one piece."""
_POINTS: Final = ("point/", "keep/", "ledger/")
_OTHERS: Final = ("segment/", "bundle/", "permission/", "restore/", "dropped/", "marks/")
_HEX: Final = "0123456789abcdef"


async def open_purge(scope: RunScope) -> None:
    """QUEUED to RUNNING with all there is to be deleted.

    :raises IntegrityError: the vault does not say that the share is being purged.
    """
    assert scope.purges is not None
    share = scope.share
    await scope.catalogue.start_run(scope.run.run_id)
    if scope.run.seeded:
        return
    await (
        scope.vault.prepare()
    )  # of a share that was never backed up nothing is there, and nothing is to be found wrong with that
    await tell_deletions(scope.purges, lambda _: scope.vault, tenant_id=share.tenant_id, share_id=share.share_id)
    await _check_told(scope)
    await _let_go_of_snapshots(scope)
    await scope.sweeps.seed_sweep(scope.run.run_id, items(scope.run.run_no))


def items(run_no: int) -> list[SweepItem]:
    """The pieces of a purge that is run ``run_no``."""
    points = [SweepItem(kind=SweepKind.PURGE_POINTS, details={"prefix": prefix}) for prefix in _POINTS]
    prefixes = [*_OTHERS, *(f"chunk/{digit}" for digit in _HEX), *"123456789"]
    objects = [SweepItem(kind=SweepKind.PURGE_OBJECTS, details={"prefix": prefix}) for prefix in prefixes]
    journals = [
        SweepItem(kind=SweepKind.PURGE_JOURNAL, low=low, high=min(low + JOURNALS, run_no))
        for low in range(1, run_no, JOURNALS)
    ]
    return [*points, *objects, *journals, SweepItem(kind=SweepKind.PURGE_ROWS)]


async def _check_told(scope: RunScope) -> None:
    """A lost object of a few hundred bytes would be enough to have a share come back of which half is gone."""
    said = await read_deletion(scope.vault, scope.share.share_id)
    if said.deletion is None or said.deletion.purging_at is None:
        raise IntegrityError(
            f"the vault does not say in {deletion_folder(scope.share.share_id)} that the share is being purged: nothing is deleted"
        )


async def _let_go_of_snapshots(scope: RunScope) -> None:
    """Delete the share snapshots that this catalogue has taken of the Azure share, which are paid for.

    Where that cannot be done it is no reason to keep the share: neither it nor its credential need be there any more.
    """
    share = scope.share
    assert scope.protected is not None
    try:
        async with scope.protected(share) as admin:
            for snapshot in await admin.snapshots():
                if share.snapshot_mark in snapshot.tag.split("."):
                    await admin.delete_snapshot(snapshot.snapshot)
    except BackupError as error:
        log.warning("share_snapshots_left", extra={"share_id": share.share_id, "error": str(error)})
