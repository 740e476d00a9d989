"""The share snapshots that we take: which are ours, which are to go, and whether there is room for one more.

A share has room for 200, which users and Azure Backup take too. Ours have a tag: tenant, share, run, and the share's *mark*,
which no other catalogue knows (:attr:`shared.model.share.Share.snapshot_mark`). Two of them are meant to be there: that of the
run in progress, and the *base*, that of the newest restore point if it was kept. Any other was left behind by a run that
died, was given up, or could not delete it; it goes when the next run opens. What has no tag of ours is never touched.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from shared.core.advice import advice
from shared.errors import Conflict, NoAccess, OutOfReach, Rejected, Retryable
from shared.model.share import Share, ShareSnapshot
from shared.ports.journal import WARNED, JournalLine
from shared.usecases.patience import NODE_TROUBLE
from shared.usecases.scope import RunScope

SNAPSHOTS_MAX: Final = 200
"""Of one share; Azure's limit."""
SNAPSHOTS_MANY: Final = 180
"""From here on the journal warns: with a snapshot a day, users or Azure Backup have the rest used up in three weeks."""


def snapshot_tag(share: Share, run_id: int) -> str:
    """The mark by which a run knows its own share snapshot again."""
    return f"{share.tenant_id}.{share.share_id}.{run_id}.{share.snapshot_mark}"


UNDO_DAYS: Final = 7
"""How long the share snapshot is kept by which a restore can be undone."""


def undo_tag(share: Share, run_id: int, now: dt.datetime) -> str:
    """The tag of the share snapshot by which a restore can be undone: it has a day on which it is to go."""
    expires = (now + dt.timedelta(days=UNDO_DAYS)).strftime("%Y%m%d")
    return f"{snapshot_tag(share, run_id)}.undo.{expires}"


def left_behind(
    found: Iterable[ShareSnapshot], share: Share, *, before_run_id: int, base: str | None, today: str
) -> list[ShareSnapshot]:
    """Those that earlier runs of this catalogue have left at the share. A share has one backup at a time: they have all ended.

    :param today: ``YYYYMMDD``, for those by which restores could be undone.
    """
    left: list[ShareSnapshot] = []
    for snapshot in found:
        match snapshot.tag.split("."):
            case [tenant_id, share_id, run_id, mark] if run_id.isdecimal():
                ours = (tenant_id, share_id, mark) == (share.tenant_id, str(share.share_id), share.snapshot_mark)
                if ours and int(run_id) < before_run_id and snapshot.snapshot != base:
                    left.append(snapshot)
            case [_, _, _, mark, "undo", expires] if mark == share.snapshot_mark and expires < today:
                left.append(snapshot)
    return left


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is at the share, leftovers gone."""

    looked: bool
    """False when the credential may not list snapshots, and nothing else is known."""
    own: str | None = None
    """That of this run, taken by an earlier try of the same opening."""
    count: int = 0
    """All there are."""
    ours: int = 0
    """Those of this catalogue among them."""
    stuck: tuple[str, ...] = ()
    """Which of those left behind could not be deleted, and why."""


async def tidy(scope: RunScope) -> Found:
    """Look at the share's snapshots once: delete what was left behind, and forget a base that is gone."""
    assert scope.admin is not None
    share, run = scope.share, scope.run
    try:
        found = await scope.admin.snapshots()
    except NoAccess:
        return Found(looked=False)
    point = await scope.catalogue.last_restore_point(share.share_id)
    base = point.share_snapshot if point is not None else None
    if point is not None and base is not None and base not in {snapshot.snapshot for snapshot in found}:
        await scope.catalogue.forget_snapshot(share.share_id, point.run_no)
    stuck: list[str] = []
    today = scope.clock.now().strftime("%Y%m%d")
    for snapshot in left_behind(found, share, before_run_id=run.run_id, base=base, today=today):
        try:
            await scope.admin.delete_snapshot(snapshot.snapshot)
        except NODE_TROUBLE as error:  # a lease, for instance; it is not worth a backup
            stuck.append(f"{snapshot.snapshot}: {error}")
        else:
            found.remove(snapshot)
    tag = snapshot_tag(share, run.run_id)
    return Found(
        looked=True,
        own=next((snapshot.snapshot for snapshot in found if snapshot.tag == tag), None),
        count=len(found),
        ours=sum(share.snapshot_mark in snapshot.tag.split(".") for snapshot in found),
        stuck=tuple(stuck),
    )


def check_room(found: Found, share_name: str) -> None:
    """Refuse to go on where Azure would, and say what to do.

    :raises Conflict: the share has as many share snapshots as there may be.
    """
    if found.own is None and found.count >= SNAPSHOTS_MAX:
        raise Conflict(
            f"share {share_name!r} has {found.count} share snapshots, which is Azure's limit of {SNAPSHOTS_MAX}; {found.ours} of"
            " them are of this product; hint: delete some in the portal or with az storage share delete --snapshot, or shorten the"
            " retention of Azure Backup for this share",
            "ShareSnapshotCountExceeded",
        )


async def warn(scope: RunScope, found: Found) -> None:
    """Tell the journal what somebody should look at before it becomes a failure."""
    now = scope.clock.now()
    lines = [
        JournalLine(
            at=now,
            kind="snapshot_left",
            path="",
            reason=f"a share snapshot that an earlier run left behind could not be deleted: {reason}",
            hint=advice("snapshot_left", ""),
        )
        for reason in found.stuck
    ]
    if found.count >= SNAPSHOTS_MANY:
        lines.append(
            JournalLine(
                at=now,
                kind="snapshots_nearly_full",
                path="",
                reason=f"share {scope.share.share_name!r} has {found.count} share snapshots of at most {SNAPSHOTS_MAX}; {found.ours}"
                " are of this product",
                hint=advice("snapshots_nearly_full", ""),
            )
        )
    if lines:
        await scope.journal.write(scope.run.key, WARNED, lines)


async def let_go(scope: RunScope, snapshot: str) -> str:
    """Delete a share snapshot that nothing needs any more; returns why it could not be, or ``""``.

    That is no reason for a run to end otherwise than it does: the next one tries again.
    """
    assert scope.admin is not None
    try:
        await scope.admin.delete_snapshot(snapshot)
    except (OutOfReach, Rejected, Retryable) as error:
        return f"share snapshot {snapshot} could not be deleted, the next run tries again: {error}"
    return ""


async def delete_own(scope: RunScope) -> None:
    """Delete the share snapshot of a run that is given up, recorded or not, and what earlier ones left behind."""
    assert scope.admin is not None
    if scope.run.share_snapshot is not None:
        await scope.admin.delete_snapshot(scope.run.share_snapshot)
        return
    found = await tidy(scope)
    if found.own is not None:
        await scope.admin.delete_snapshot(found.own)
