"""Open a sweep: see that catalogue and vault agree about the restore points, decide what stays, put the work in the frontier.

Safe to repeat at any point: what stays is decided once. The agreement is what a sweep stands on: it goes by the catalogue, and a catalogue that is
older than the vault (a database restored from a backup of it, or rebuilt as of an older restore point) would take for garbage what newer
restore points need.
"""

from typing import Final

from shared.errors import Conflict
from shared.model.node import ROOT_ID
from shared.model.sweep import SweepItem, SweepKind
from shared.usecases.prune import mark_expired
from shared.usecases.scope import RunScope
from shared.usecases.sweep_chunks import finish_deletions
from shared.usecases.vault_points import expired_numbers, numbers_of_points

_BEYOND: Final = (1 << 63) - 1


async def open_sweep(scope: RunScope) -> None:
    """QUEUED to RUNNING.

    :raises Conflict: the vault has restore points that the catalogue does not know, or something is in progress that a sweep cannot stand.
    """
    share_id = scope.share.share_id
    order = await scope.sweeps.begin_sweep(scope.run.run_id, scope.clock.now(), repack=scope.share.settings.repack)
    if order is None:
        await scope.sweeps.seed_sweep(scope.run.run_id, [])
        return  # nothing was ever backed up: all there is may belong to a backup that is not finished
    if scope.run.seeded:
        return
    await finish_deletions(scope)
    await scope.sweeps.tidy_condemned(share_id)
    await mark_expired(scope)
    there = set(await numbers_of_points(scope.vault, share_id)) - await expired_numbers(scope.vault, share_id)
    known = set(await scope.catalogue.restore_point_numbers(share_id))
    known |= {point.run_no for point in await scope.retentions.expired(share_id)}
    # One that is being committed is in the vault first; it is newer than the horizon, and all of it is left alone.
    assert order.horizon is not None
    unknown = sorted(no for no in there - known if no <= order.horizon)
    newer = sorted(no for no in there - known if no > order.horizon)
    if newer and not await _is_being_committed(scope, newer):
        unknown += newer
    if unknown:
        raise Conflict(
            f"the vault has restore points that the catalogue does not know: {', '.join(map(str, unknown[:10]))}; what they need is not"
            " deleted; hint: the catalogue may be older than the vault: rebuild it, or let go of these restore points",
            "restore_points_unknown",
        )
    items = [SweepItem(kind=SweepKind.MARK, low=ROOT_ID, high=_BEYOND), SweepItem(kind=SweepKind.SEGMENTS)]
    if order.held_s:
        items.append(SweepItem(kind=SweepKind.REPACK))
    else:
        await scope.sweeps.forget_repacks(share_id)
    await scope.sweeps.seed_sweep(scope.run.run_id, items)


async def _is_being_committed(scope: RunScope, newer: list[int]) -> bool:
    """Whether the one restore point that is newer is that of a backup at work."""
    return len(newer) == 1 and await scope.sweeps.is_backing_up(scope.share.share_id, newer[0])
