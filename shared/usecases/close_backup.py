"""Close a backup run: decide what was deleted, write the commit record, let go of share snapshots, record the outcome.

Order: deletions, segments that note them, commit record (the moment the restore point exists), share snapshots, run state. Each step may be repeated,
and a crash between two of them is finished by the next delivery of the same activity. Giving a run up takes the last two
steps only: without a commit record there is no restore point, and what was saved serves the next run.

Once the record is written there is a restore point, and nothing takes that back: neither a share that will not let go of its
snapshot, nor whoever gives the run up between that step and the last. (It cannot be cancelled any more: shared/db/runs.py.)

The run's share snapshot is kept as the *base* of the next run when the share has large files, of which that then reads only
what changed; the base of before goes. A run that is given up deletes its own and leaves the base: it is still that of the
newest restore point.
"""

import datetime as dt
from contextlib import suppress
from dataclasses import replace
from typing import Final

from shared.core.cost import GB, VAULT_TIER
from shared.errors import NotFound, OutOfReach, Rejected, Retryable
from shared.formats import point
from shared.model import ticks
from shared.model.objects import point_name
from shared.model.point import PointRecord, RootProperties
from shared.model.run import Counters, RestorePoint, Run, RunState
from shared.ports.journal import JournalLine
from shared.usecases.giving_up import giving_up
from shared.usecases.note_tombstones import note_tombstones
from shared.usecases.open_backup import outcome
from shared.usecases.save_permission import save_permission
from shared.usecases.scope import RunScope
from shared.usecases.share_snapshots import delete_own, let_go

MISSING_PER_TRANSACTION: Final = 1_000
"""Directories deleted in one transaction: some tens of milliseconds of locks."""


async def close_backup(scope: RunScope) -> RunState:
    """Commit the restore point of a run that has nothing left to do; returns the final state."""
    if scope.run.state not in (RunState.QUEUED, RunState.RUNNING):
        return scope.run.state
    catalogue, run, share = scope.catalogue, scope.run, scope.share
    while await catalogue.take_missing(run.run_id, MISSING_PER_TRANSACTION):
        pass
    record = await _record_there(scope)
    if record is None:
        await note_tombstones(scope)
        record = await _commit_record(scope)
        if not await scope.vault.put(point_name(share.share_id, run.run_no), point.encode(record)):
            # Another one that closes the run was first: its record counts.
            record = await _record_there(scope) or record
    return await _committed(scope, record)


async def _record_there(scope: RunScope) -> PointRecord | None:
    """The commit record that an earlier try has written; the snapshot it was made from may be gone by now."""
    try:
        return point.decode(await scope.vault.get(point_name(scope.share.share_id, scope.run.run_no)))
    except NotFound:
        return None


async def _committed(scope: RunScope, record: PointRecord) -> RunState:
    """End a run whose commit record is written; returns the final state."""
    kept, left = await _let_go(scope)
    restore_point = RestorePoint(
        run_no=record.run_no,
        taken_at=record.taken_at,
        committed_at=record.committed_at,
        directories=record.directories,
        files=record.files,
        bytes=record.bytes,
        errors=record.errors,
        share_snapshot=kept,
    )
    state = outcome(record.errors)
    await _report_repacked(scope, record.previous_run_no or 0)
    await scope.catalogue.finish_run(
        scope.run.run_id, state, error=left, counters=scope.take_requests(), point=restore_point
    )
    return state


async def _report_repacked(scope: RunScope, previous_run_no: int) -> None:
    """Tell what became of what the last sweep has noted to be repacked."""
    if not scope.share.settings.repack:
        return
    done = await scope.catalogue.repacked(scope.share.share_id, previous_run_no, scope.run.run_no)
    if done.bundles or done.left_bundles:
        prices = scope.prices
        saves = (done.bundle_bytes - done.live_bytes) / GB * prices.vault[VAULT_TIER].gb_month
        told = {"repack": done.to_wire(saves, prices.currency)}
        await scope.catalogue.set_report(scope.run.run_id, told)


async def give_up_backup(scope: RunScope, error: str) -> RunState:
    """Fail the run with ``error``, or end it if it is being cancelled; what it saved stays and serves the next run."""
    state = await giving_up(scope)
    if state is None:
        return scope.run.state
    record = None
    if not await scope.catalogue.left(scope.run.run_id):  # it may have come as far as its commit record
        with suppress(OutOfReach, Retryable):  # a vault that does not answer keeps nobody from giving up
            record = await _record_there(scope)
    if record is not None:
        return await _committed(scope, record)
    try:
        await delete_own(scope)
    except (OutOfReach, Rejected, Retryable) as left_behind:
        which = scope.run.share_snapshot or "(if it took one)"
        left = f"its share snapshot {which} could not be deleted, the next run tries again: {left_behind}"
        error = f"{error}; {left}" if error else left
    await scope.catalogue.finish_run(scope.run.run_id, state, error=error, counters=scope.take_requests())
    return state


async def _let_go(scope: RunScope) -> tuple[str | None, str]:
    """Delete the share snapshots that nothing needs any more: a share has room for 200, and they are not ours alone.

    :returns: the one that is kept, if any, and what to tell people if another is left behind.
    """
    share, own = scope.share, scope.run.share_snapshot
    before = await scope.catalogue.last_restore_point(share.share_id)
    now, _ = await scope.catalogue.run(scope.run.run_id)
    keep = _keeps_snapshot(scope, now)
    goes = (before.share_snapshot if before is not None else None, None if keep else own)
    left = [await let_go(scope, snapshot) for snapshot in goes if snapshot is not None]
    return own if keep else None, "; ".join(filter(None, left))


def _keeps_snapshot(scope: RunScope, now: Run) -> bool:
    return scope.share.settings.keep_share_snapshot and now.counters.large_files > 0


async def _commit_record(scope: RunScope) -> PointRecord:
    assert scope.reader is not None
    assert scope.admin is not None
    catalogue, run, share = scope.catalogue, scope.run, scope.share
    root = await scope.reader.directory_properties("")
    known = await catalogue.known_permissions(share.share_id)
    if root.permission_key and root.permission_key not in known:
        await _save_root_permission(scope, root.permission_key)
    previous = await catalogue.last_restore_point(share.share_id)
    previous_no = previous.run_no if previous is not None else None
    current, _ = await catalogue.run(run.run_id)
    directories, files, size = await catalogue.totals(share.share_id)
    origin = await catalogue.origin(run.run_id, previous_no or 0)
    return PointRecord(
        tenant_id=share.tenant_id,
        share_id=share.share_id,
        run_no=run.run_no,
        taken_at=_snapshot_time(run.share_snapshot, scope),
        committed_at=scope.clock.now(),
        account_url=share.account_url,
        share_name=share.share_name,
        share_snapshot=run.share_snapshot or "",
        share_properties=dict(await scope.admin.properties()),
        root=RootProperties(
            created=root.created,
            written=root.written,
            changed=root.changed,
            attributes=root.attributes,
            permission_key=root.permission_key,
            metadata=root.metadata,
            posix=root.posix,
        ),
        directories=directories,
        files=files,
        bytes=size,
        errors=current.counters.errors,
        previous_run_no=previous_no,
        segments=tuple(await catalogue.committed_batches(share.share_id, previous_no or 0, run.run_no)),
        origin=replace(origin, keeps_snapshot=_keeps_snapshot(scope, current)),
    )


async def _save_root_permission(scope: RunScope, key: str) -> None:
    saved = await save_permission(scope, key)
    if not saved.error:
        await scope.catalogue.add_permission(scope.share.share_id, key, saved.checksum)
        return
    line = JournalLine(
        at=scope.clock.now(),
        kind="permission_unreadable",
        path="",
        reason=f"permission {key} of the root: {saved.error}",
    )
    await scope.journal.write(scope.run.key, 0, [line])  # no batch has that number
    await scope.catalogue.add_counters(scope.run.run_id, Counters(errors=1))


def _snapshot_time(snapshot: str | None, scope: RunScope) -> dt.datetime:
    if snapshot is None:
        return scope.clock.now()
    seconds = ticks.to_unix(ticks.from_text(snapshot))
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
