"""Runs."""

import datetime as dt
from collections.abc import Mapping, Sequence, Set
from typing import Any, Final, LiteralString

from psycopg.types.json import Jsonb

from shared.core.paths import is_within
from shared.db import (
    batches,
    frontier,
    large_files,
    rebuild_items,
    restore_frontier,
    shares,
    sweep_items,
    verify_items,
)
from shared.db.pool import Connection
from shared.errors import Conflict, NotFound
from shared.model.deletion import PurgeOrder
from shared.model.restore import Conflicts, RestoreOrder
from shared.model.retention import PruneOrder
from shared.model.run import ACTIVE, TRANSITIONS, Counters, Driver, RebuildOrder, Run, RunKind, RunState
from shared.model.share import ShareSettings
from shared.model.sweep import SweepOrder
from shared.model.verify_order import VerifyLevel, VerifyOrder

PAUSED_BY_WINDOW: Final = "window"
WHEN_DELETED: Final = frozenset({RunKind.RESTORE, RunKind.VERIFY, RunKind.REBUILD})
"""What is still done for a share that is deleted. That is what its grace is for."""

_COLUMNS: Final[LiteralString] = """
    run_id, tenant_id, share_id, run_no, kind, state, requested_at, started_at, finished_at, share_snapshot, restore_order,
    error, coalesce(final_counters, counters), final_counters IS NOT NULL, driver, epoch, seeded,
    paused_at, paused_seconds, settings, report, verify_order, rebuild_order, retention_order,
    schedule_id, admitted_at, held_until, paused_by
"""
_GET: Final[LiteralString] = f"SELECT {_COLUMNS} FROM run WHERE run_id = %s"
_LOCK: Final[LiteralString] = _GET + " FOR UPDATE"
_LOCK_STATE: Final[LiteralString] = "SELECT state FROM run WHERE run_id = %s FOR UPDATE"
_BY_NUMBER: Final[LiteralString] = f"SELECT {_COLUMNS} FROM run WHERE share_id = %s AND run_no = %s"
_OF_SHARE: Final[LiteralString] = f"""
    SELECT {_COLUMNS} FROM run
     WHERE share_id = %(share_id)s AND run_no < %(before)s
       AND (%(kind)s::text IS NULL OR kind = %(kind)s) AND (%(state)s::text IS NULL OR state = %(state)s)
       AND (%(level)s::text IS NULL OR verify_order->>'level' = %(level)s)
  ORDER BY run_no DESC LIMIT %(limit)s
"""
_WAITING: Final[LiteralString] = f"""
    SELECT {_COLUMNS} FROM run
     WHERE (state = 'cancelling' AND requested_at <= now() - make_interval(secs => %(seconds)s)
            OR state = 'queued' AND admitted_at <= now() - make_interval(secs => %(seconds)s))
       AND driver = 'durable'
  ORDER BY requested_at
"""
_AT_WORK: Final[LiteralString] = f"""
    SELECT {_COLUMNS} FROM run
     WHERE state IN ('queued', 'running', 'cancelling') AND (state <> 'queued' OR admitted_at IS NOT NULL)
  ORDER BY requested_at
"""
_OF_IDS: Final[LiteralString] = f"SELECT {_COLUMNS} FROM run WHERE run_id = ANY (%s)"
# Functions of schema/sql/0017: they see the runs of all tenants.
_ACTIVE_ON: Final[LiteralString] = "SELECT kind, run_no, share_id, state FROM runs_active_on(%s)"
_ACTIVE_IN: Final[LiteralString] = "SELECT run_no, share_id, state, subject FROM runs_active_in(%s)"
_SWEPT_BY: Final[LiteralString] = """
    SELECT kind, run_no, state FROM run
     WHERE share_id = %s AND kind IN ('prune', 'sweep') AND state IN ('queued', 'running', 'paused', 'cancelling')
"""
_REBUILT_BY: Final[LiteralString] = """
    SELECT run_no, state FROM run
     WHERE share_id = %s AND kind = 'rebuild' AND state IN ('queued', 'running', 'paused', 'cancelling')
"""
_UNDOABLE: Final[LiteralString] = f"""
    SELECT {_COLUMNS} FROM run
     WHERE kind = 'restore' AND share_snapshot IS NOT NULL AND finished_at < now() - %s
  ORDER BY finished_at
     LIMIT 100
"""
_LOCK_TARGET: Final[LiteralString] = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
_TAKE_DELETES: Final[LiteralString] = """
    UPDATE run SET deletes_left = deletes_left - %(count)s
     WHERE run_id = %(run_id)s AND deletes_left >= %(count)s
 RETURNING run_id
"""
_SAMPLED: Final[LiteralString] = f"""
    SELECT {_COLUMNS} FROM run
     WHERE share_id = %s AND run_no < %s AND kind = 'verify' AND state IN ('succeeded', 'completed_with_errors')
       AND verify_order->>'level' = %s AND (verify_order->>'parts')::int = %s
  ORDER BY run_no DESC LIMIT %s
"""
_DRILLS_LEFT: Final[LiteralString] = f"""
    SELECT {_COLUMNS} FROM run
     WHERE share_id = %s AND run_no < %s AND kind = 'verify' AND finished_at IS NOT NULL
       AND verify_order->>'level' = 'drill' AND (report->'scratch_share'->>'removed') IS DISTINCT FROM 'true'
  ORDER BY run_no DESC LIMIT %s
"""
_NOW: Final[LiteralString] = "SELECT state, epoch FROM run WHERE run_id = %s"
_WANT: Final[LiteralString] = "UPDATE run SET wanted = true WHERE run_id = %s AND NOT wanted"
_TAKE_WANT: Final[LiteralString] = """
       UPDATE run SET wanted = false
        WHERE run_id = %(run_id)s AND wanted
          AND NOT EXISTS (SELECT FROM frontier WHERE run_id = %(run_id)s AND state = 0)
    RETURNING run_id
"""
_NEXT_NUMBER: Final[LiteralString] = """
       UPDATE share SET next_run_no = next_run_no + 1
        WHERE share_id = %s AND tenant_id = %s
    RETURNING next_run_no - 1, account_url, share_name, settings, name, deleted_at, purging_at
"""
# Before the share's row: so do those who delete or purge a tenant, who keep this waiting until it is known what became of it.
_OF_TENANT: Final[LiteralString] = "SELECT deleted_at, purging_at FROM tenant WHERE tenant_id = %s FOR KEY SHARE"
_CREATE: Final[LiteralString] = f"""
    INSERT INTO run (
        tenant_id, share_id, run_no, kind, subject, restore_order, driver, settings, deletes_left, verify_order, rebuild_order,
        retention_order, schedule_id
    )
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    RETURNING {_COLUMNS}
"""
# Shares in order, so that two who queue for many do not wait for each other crosswise. The subject is that of shares.subject.
_CREATE_MANY: Final[LiteralString] = f"""
    WITH wanted AS (
        SELECT * FROM unnest(%s::int[], %s::text[], %s::bigint[]) AS w (share_id, kind, schedule_id)
    ),
    locked AS MATERIALIZED (
        SELECT s.share_id FROM share AS s JOIN tenant AS t USING (tenant_id)
         WHERE s.share_id IN (SELECT share_id FROM wanted) AND s.deleted_at IS NULL AND t.deleted_at IS NULL
      ORDER BY s.share_id
           FOR NO KEY UPDATE OF s FOR KEY SHARE OF t
    ),
    numbered AS (
           UPDATE share SET next_run_no = next_run_no + 1
             FROM wanted JOIN locked USING (share_id)
            WHERE share.share_id = wanted.share_id
        RETURNING share.*, wanted.kind, wanted.schedule_id
    )
    INSERT INTO run (tenant_id, share_id, run_no, kind, subject, driver, settings, schedule_id)
         SELECT tenant_id, share_id, next_run_no - 1, kind, lower(rtrim(account_url, '/')) || '/' || share_name, %s, settings,
                schedule_id
           FROM numbered
    ON CONFLICT (subject) WHERE state IN ('queued', 'running', 'paused', 'cancelling') DO NOTHING
      RETURNING {_COLUMNS}
"""
_START: Final[LiteralString] = """
    UPDATE run SET state = 'running', started_at = coalesce(started_at, now()) WHERE run_id = %s
"""
_SNAPSHOT: Final[LiteralString] = "UPDATE run SET share_snapshot = %s WHERE run_id = %s RETURNING run_id"
_FINISH: Final[LiteralString] = """
    UPDATE run SET state = %s, finished_at = now(), error = %s, final_counters = %s WHERE run_id = %s
"""
_REPORT: Final[LiteralString] = "UPDATE run SET report = %s WHERE run_id = %s"
_ADD_COUNTERS: Final[LiteralString] = "UPDATE run SET counters = %s WHERE run_id = %s"
_HOLD: Final[LiteralString] = "SELECT share_id, run_no, state FROM run WHERE run_id = %s FOR KEY SHARE"
# A pause ends in whatever state comes after it. Who goes on after one is admitted anew.
_SET_STATE: Final[LiteralString] = """
    UPDATE run
       SET state = %(state)s, epoch = %(epoch)s, next_batch_no = next_batch_no + 1, admitted_at = NULL, held_until = NULL,
           paused_by = %(paused_by)s, window_free = window_free OR %(window_free)s,
           paused_at = CASE WHEN %(state)s = 'paused' THEN now() END,
           paused_seconds = paused_seconds + coalesce(extract(epoch FROM now() - paused_at), 0)
     WHERE run_id = %(run_id)s
 RETURNING next_batch_no - 1
"""
_PAUSE_TAKEN_OVER: Final[LiteralString] = """
       UPDATE run SET paused_by = NULL, held_until = NULL, next_batch_no = next_batch_no + 1
        WHERE run_id = %s AND state = 'paused' AND paused_by IS NOT NULL
    RETURNING next_batch_no - 1
"""
_SEEDED: Final[LiteralString] = """
    UPDATE run SET seeded = true WHERE run_id = %s AND state = 'running' AND NOT seeded RETURNING run_id
"""


async def create(
    conn: Connection,
    tenant_id: str,
    share_id: int,
    kind: RunKind,
    order: RestoreOrder | None = None,
    *,
    driver: Driver = Driver.DURABLE,
    verify: VerifyOrder | None = None,
    rebuild: RebuildOrder | None = None,
    retention: PruneOrder | SweepOrder | PurgeOrder | None = None,
    schedule_id: int | None = None,
) -> Run:
    """Queue a run of a share. It is opened when it is admitted (:mod:`shared.db.admission`).

    :param verify: of a verify, which works on the share's objects in the vault and is in nobody's way but another verify's, and a sweep's.
    :param retention: of a prune, a sweep or a purge; of a sweep too that it is in nobody's way but a verify's: what a verify has listed must
        not go. A purge is queued by :mod:`shared.db.purges`, which sees that there is nobody in its way.
    :param schedule_id: whose occurrence it is.
    :raises NotFound: the tenant has no such share.
    :raises Conflict: a run is active on the Azure share that this one would read or write; or the share, or its tenant, is deleted.
    """
    whole = await hold_tenant(conn, tenant_id)
    row = await (await conn.execute(_NEXT_NUMBER, [share_id, tenant_id])).fetchone()
    if row is None:
        raise NotFound(f"there is no share {share_id}")
    run_no, account_url, share_name, settings, name, deleted_at, purging_at = row
    if kind is not RunKind.PURGE:
        _check_deleted(kind, f"share {name!r}", f"{tenant_id}/shares/{share_id}", deleted_at, purging_at)
        _check_deleted(kind, f"the share's tenant {tenant_id!r}", tenant_id, *whole)
    if order is not None:
        target = await _check_room(conn, share_id, order)
    elif verify is not None or isinstance(retention, SweepOrder | PurgeOrder):
        target = f"vault/{share_id}"
    elif retention is not None:
        target = f"points/{share_id}"
    else:
        target = shares.subject(account_url, share_name)
    # A friendlier answer than the constraint's, which is what decides when two come at the same moment.
    active = await (await conn.execute(_ACTIVE_ON, [target])).fetchone()
    if active is not None and order is None:
        active_kind, active_no, active_share, active_state = active
        which = (
            f"{active_kind} run {active_no}" if active_share == share_id else f"a {active_kind} run of another share"
        )
        until = "wait until it ends"
        if active_state == RunState.PAUSED:
            until = "it is paused: resume or cancel it"
        raise Conflict(f"a run of this share is active: {which} works on {share_name}; {until}", "run_active_subject")
    if retention is not None and (row := await (await conn.execute(_REBUILT_BY, [share_id])).fetchone()) is not None:
        raise Conflict(
            f"rebuild run {row[0]} of this share is {row[1]}: what there is to let go is known when it has ended",
            "run_active_subject",
        )
    if rebuild is not None:
        swept = await (await conn.execute(_SWEPT_BY, [share_id])).fetchone()
        if swept is not None:
            raise Conflict(
                f"{swept[0]} run {swept[1]} of this share is {swept[2]}: it goes by the catalogue that a rebuild makes anew; wait until"
                " it ends, or cancel it",
                "run_active_subject",
            )
    wire = None if order is None else Jsonb(order.to_wire())
    deletes = order.delete_at_most if order is not None and order.conflicts is Conflicts.MIRROR else None
    values = [tenant_id, share_id, run_no, kind.value, target, wire, driver.value, Jsonb(settings), deletes]
    values.append(None if verify is None else Jsonb(verify.to_wire()))
    values.append(None if rebuild is None else Jsonb(rebuild.to_wire()))
    values.append(None if retention is None else Jsonb(retention.to_wire()))
    values.append(schedule_id)
    created = await (await conn.execute(_CREATE, values)).fetchone()
    assert created is not None
    return _from_row(created)


async def hold_tenant(conn: Connection, tenant_id: str) -> tuple[dt.datetime | None, dt.datetime | None]:
    """Since when a tenant is deleted, and is being purged, if it is; that stays until the transaction ends."""
    row = await (await conn.execute(_OF_TENANT, [tenant_id])).fetchone()
    return (None, None) if row is None else (row[0], row[1])


async def create_many(conn: Connection, wanted: Sequence[tuple[int, RunKind, int]], driver: Driver) -> list[Run]:
    """Queue scheduled backups and scans: ``(share_id, kind, schedule_id)``, each share once. Where one is active, none is queued."""
    columns = [[w[0] for w in wanted], [w[1].value for w in wanted], [w[2] for w in wanted]]
    rows = await (await conn.execute(_CREATE_MANY, [*columns, driver.value])).fetchall()
    return [_from_row(row) for row in rows]


def _check_deleted(
    kind: RunKind, what: str, where: str, deleted_at: dt.datetime | None, purging_at: dt.datetime | None
) -> None:
    """Of what is deleted nothing new is saved and nothing is let go. What it has can be restored, verified and rebuilt until it is purged.

    :raises Conflict: a run of this kind is not for it.
    """
    if purging_at is not None:
        raise Conflict(f"{what} is being purged since {purging_at:%Y-%m-%d %H:%M} UTC", "purging")
    if deleted_at is not None and kind not in WHEN_DELETED:
        raise Conflict(
            f"{what} was deleted at {deleted_at:%Y-%m-%d %H:%M} UTC: no {kind} is started; hint: bring it back with"
            f" POST /api/tenants/{where}/undelete",
            "deleted",
        )


async def _check_room(conn: Connection, share_id: int, order: RestoreOrder) -> str:
    """The subject of a restore: its target, and where in it.

    Restores to places of which none is in another run side by side, and beside a backup, which reads a share snapshot.

    :raises Conflict: another restore writes there.
    """
    target = shares.subject(order.account_url, order.share_name) + "//"
    await conn.execute(_LOCK_TARGET, [target])
    wanted = order.target_path.strip("/").casefold()
    for run_no, active_share, state, subject in await (await conn.execute(_ACTIVE_IN, [target])).fetchall():
        place = subject.removeprefix(target)
        if is_within(wanted, place) or is_within(place, wanted):
            which = f"restore run {run_no}" if active_share == share_id else "a restore of another share"
            until = "it is paused: resume or cancel it" if state == RunState.PAUSED else "wait until it ends"
            where = f"{order.share_name}/{place}".rstrip("/")
            raise Conflict(
                f"another restore writes there: {which} works on {where}; {until}, or restore to another directory",
                "run_active_subject",
            )
    return target + wanted


async def take_deletes(conn: Connection, run_id: int, count: int) -> bool:
    """Take ``count`` from what a restore may still delete; False, and nothing is taken, if that is less."""
    return await (await conn.execute(_TAKE_DELETES, {"run_id": run_id, "count": count})).fetchone() is not None


async def undoable_for(conn: Connection, age: dt.timedelta) -> list[Run]:
    """Some restores that ended at least ``age`` ago and still have the share snapshot by which they could be undone."""
    return [_from_row(row) for row in await (await conn.execute(_UNDOABLE, [age])).fetchall()]


async def get(conn: Connection, run_id: int) -> Run:
    """One run with its counters so far. Raises ``NotFound``."""
    return await _whole(conn, await (await conn.execute(_GET, [run_id])).fetchone(), f"run {run_id}")


async def by_number(conn: Connection, share_id: int, run_no: int) -> Run:
    """One run of a share with its counters so far. Raises ``NotFound``."""
    row = await (await conn.execute(_BY_NUMBER, [share_id, run_no])).fetchone()
    return await _whole(conn, row, f"run {run_no} of share {share_id}")


async def of_share(
    conn: Connection,
    share_id: int,
    *,
    before: int | None = None,
    limit: int = 50,
    kind: RunKind | None = None,
    state: RunState | None = None,
    level: VerifyLevel | None = None,
) -> list[Run]:
    """Runs of a share, newest first, with their counters so far.

    :param before: only runs with lower numbers; the last ``run_no`` of the previous page.
    :param kind: only runs of this kind.
    :param state: only runs in this state.
    :param level: only verifies of this level.
    """
    chosen = {"kind": kind and kind.value, "state": state and state.value, "level": level and level.value}
    args = {"share_id": share_id, "before": before or (1 << 31) - 1, "limit": limit, **chosen}
    rows = await (await conn.execute(_OF_SHARE, args)).fetchall()
    return [await _whole(conn, row, "") for row in rows]


async def sampled(conn: Connection, share_id: int, before_run_no: int, parts: int, level: VerifyLevel) -> list[Run]:
    """Verifies of a level that have read their part, one of so many, newest first; not more than there are parts."""
    rows = await (await conn.execute(_SAMPLED, [share_id, before_run_no, level.value, parts, parts])).fetchall()
    return [_from_row(row) for row in rows]


async def drills_left(conn: Connection, share_id: int, before_run_no: int, limit: int) -> list[Run]:
    """Drills that have ended, and of whose scratch share nobody knows that it is gone; newest first."""
    rows = await (await conn.execute(_DRILLS_LEFT, [share_id, before_run_no, limit])).fetchall()
    return [_from_row(row) for row in rows]


async def queued_for(conn: Connection, seconds: float) -> list[Run]:
    """Runs for Durable, admitted at least ``seconds`` ago, that an orchestration is to open, or to cancel.

    The oldest first. Whoever was to start theirs may not have; one that has started will have done it in a moment.
    """
    return [_from_row(row) for row in await (await conn.execute(_WAITING, {"seconds": seconds})).fetchall()]


async def at_work(conn: Connection) -> list[Run]:
    """Runs in which there is something to do, the oldest first; counters without those of batches."""
    return [_from_row(row) for row in await (await conn.execute(_AT_WORK)).fetchall()]


async def of_ids(conn: Connection, run_ids: Sequence[int]) -> list[Run]:
    """Runs in the order of their ids as given; counters without those of batches."""
    found = {run.run_id: run for run in map(_from_row, await (await conn.execute(_OF_IDS, [list(run_ids)])).fetchall())}
    return [found[run_id] for run_id in run_ids if run_id in found]


async def state_now(conn: Connection, run_id: int) -> tuple[RunState, int]:
    """State and epoch of a run. Raises ``NotFound``."""
    row = await (await conn.execute(_NOW, [run_id])).fetchone()
    if row is None:
        raise NotFound(f"there is no run {run_id}")
    return RunState(row[0]), int(row[1])


async def want(conn: Connection, run_id: int) -> None:
    """Note that a worker has nothing to claim; the next claim of whatever kind takes the note away."""
    await conn.execute(_WANT, [run_id])


async def take_want(conn: Connection, run_id: int) -> bool:
    """Take such a note away while no directory is pending; whether there was one."""
    return await (await conn.execute(_TAKE_WANT, {"run_id": run_id})).fetchone() is not None


async def left(conn: Connection, run_id: int) -> int:
    """Directories and spans not finished: pending, claimed or waiting."""
    return (
        await frontier.left(conn, run_id)
        + await large_files.left(conn, run_id)
        + await restore_frontier.left(conn, run_id)
        + await verify_items.left(conn, run_id)
        + await rebuild_items.left(conn, run_id)
        + await sweep_items.left(conn, run_id)
    )


async def lock(conn: Connection, run_id: int) -> Run:
    """One run, kept as it is until the transaction ends; waits for batches being committed. Raises ``NotFound``."""
    return await _whole(conn, await (await conn.execute(_LOCK, [run_id])).fetchone(), f"run {run_id}")


async def lock_state(conn: Connection, run_id: int) -> RunState:
    """The same lock for who needs no more than the state."""
    row = await (await conn.execute(_LOCK_STATE, [run_id])).fetchone()
    if row is None:
        raise NotFound(f"there is no run {run_id}")
    return RunState(row[0])


async def hold(conn: Connection, run_id: int) -> tuple[int, int, RunState]:
    """``(share_id, run_no, state)``; until the transaction ends the state stays. Any number may hold one run.

    Claims are for a run that is RUNNING. What was claimed may be committed also when it is PAUSED since.
    """
    row = await (await conn.execute(_HOLD, [run_id])).fetchone()
    if row is None:
        raise NotFound(f"there is no run {run_id}")
    return row[0], row[1], RunState(row[2])


async def start(conn: Connection, run: Run) -> None:
    """QUEUED to RUNNING; nothing if it is RUNNING. Raises ``Conflict`` when it has ended."""
    if run.state is RunState.RUNNING:
        return
    _check(run, RunState.RUNNING)
    await conn.execute(_START, [run.run_id])


async def pause(conn: Connection, run_id: int) -> int | None:
    """QUEUED or RUNNING to PAUSED: from now on nothing of it is claimed, and what is in hand may be committed.

    A run that is paused because its window ended stays so from now on until somebody resumes it.

    :returns: a batch number for the journal's line about it, which nothing else has; None if it is paused already.
    :raises Conflict: it has ended or is about to; the message says so.
    """
    line_no = await _change(conn, run_id, "paused", RunState.PAUSED, done={RunState.PAUSED}, epochs=0)
    if line_no is None:
        row = await (await conn.execute(_PAUSE_TAKEN_OVER, [run_id])).fetchone()
        line_no = int(row[0]) if row is not None else None
    return line_no


async def pause_for_window(conn: Connection, run_id: int) -> int | None:
    """The same because its window ended: marked so, and it goes on when the next one opens."""
    return await _change(
        conn, run_id, "paused", RunState.PAUSED, done={RunState.PAUSED}, epochs=0, paused_by=PAUSED_BY_WINDOW
    )


async def resume(conn: Connection, run_id: int, *, window_free: bool = True) -> int | None:
    """PAUSED to QUEUED, with a new epoch: somebody is to open it again. See :func:`pause`; None if it is not paused, but active.

    :param window_free: a person wants it to go on, whatever its share's windows are; else one has opened.
    """
    done = {RunState.QUEUED, RunState.RUNNING}
    return await _change(conn, run_id, "resumed", RunState.QUEUED, done=done, epochs=1, window_free=window_free)


async def cancel(conn: Connection, run_id: int) -> int | None:
    """To CANCELLING, with a new epoch: somebody is to clean up after it. See :func:`pause`; None if it is, or was, cancelled."""
    done = {RunState.CANCELLING, RunState.CANCELLED}
    return await _change(conn, run_id, "cancelled", RunState.CANCELLING, done=done, epochs=1)


async def set_snapshot(conn: Connection, run_id: int, snapshot: str | None) -> None:
    """Remember which share snapshot the run reads from. Raises ``NotFound``."""
    if await (await conn.execute(_SNAPSHOT, [snapshot, run_id])).fetchone() is None:
        raise NotFound(f"there is no run {run_id}")


async def finish(conn: Connection, run: Run, state: RunState, *, error: str, counters: Counters) -> None:
    """End a locked run: its counters so far plus ``counters`` are final. Raises ``Conflict`` if it has ended otherwise."""
    _check(run, state)
    run.counters.add(counters)
    await conn.execute(_FINISH, [state.value, error or None, Jsonb(run.counters.to_wire()), run.run_id])


async def add_counters(conn: Connection, run_id: int, counters: Counters) -> None:
    """Add to what was done outside batches."""
    row = await (
        await conn.execute("SELECT counters FROM run WHERE run_id = %s FOR NO KEY UPDATE", [run_id])
    ).fetchone()
    if row is None:
        raise NotFound(f"there is no run {run_id}")
    total = Counters.from_wire(row[0])
    total.add(counters)
    await conn.execute(_ADD_COUNTERS, [Jsonb(total.to_wire()), run_id])


async def set_report(conn: Connection, run_id: int, report: Mapping[str, Any]) -> None:
    """Remember what a scan or a verify came to."""
    await conn.execute(_REPORT, [Jsonb(dict(report)), run_id])


async def first_seed(conn: Connection, run_id: int) -> bool:
    """Whether this is the first time that a running run's frontier is filled; from now on it is not."""
    return await (await conn.execute(_SEEDED, [run_id])).fetchone() is not None


async def _check_asked(conn: Connection, run: Run, asked: str, state: RunState) -> None:
    """Refuse what somebody asked for if the run cannot be in ``state``, or if there is nothing left but to close it.

    Of a run that is paused with nothing left, the closing has not begun, and does not until it is resumed.
    """
    if state not in TRANSITIONS[run.state]:
        has = "is" if run.state in ACTIVE else "has ended:"
        hint = "start a new run" if run.state not in ACTIVE else "wait until it has ended"
        raise Conflict(f"run {run.run_no} {has} {run.state} and cannot be {asked}; hint: {hint}", "run_state")
    if run.state is RunState.RUNNING and run.seeded and await left(conn, run.run_id) == 0:
        raise Conflict(
            f"run {run.run_no} has done all its work and is being closed: it cannot be {asked}; hint: wait until it has ended",
            "run_closing",
        )


async def _change(
    conn: Connection,
    run_id: int,
    asked: str,
    state: RunState,
    *,
    done: Set[RunState],
    epochs: int,
    paused_by: str | None = None,
    window_free: bool = False,
) -> int | None:
    """Do what somebody asked for, and begin ``epochs`` new ones; None if the run is in one of the states ``done``."""
    run = await lock(conn, run_id)
    if run.state in done:
        return None
    await _check_asked(conn, run, asked, state)
    args = {
        "state": state.value,
        "epoch": run.epoch + epochs,
        "run_id": run_id,
        "paused_by": paused_by,
        "window_free": window_free,
    }
    row = await (await conn.execute(_SET_STATE, args)).fetchone()
    assert row is not None
    return int(row[0])


def _check(run: Run, state: RunState) -> None:
    if state not in TRANSITIONS[run.state]:
        has = "is" if run.state in ACTIVE else "has ended:"
        raise Conflict(f"run {run.run_no} of share {run.share_id} {has} {run.state}; it cannot become {state}")


async def _whole(conn: Connection, row: tuple[Any, ...] | None, what: str) -> Run:
    if row is None:
        raise NotFound(f"there is no {what}")
    run = _from_row(row)
    if not row[13]:
        run.counters.add(await batches.counters(conn, run.run_id))
    return run


def _from_row(row: tuple[Any, ...]) -> Run:
    return Run(
        run_id=row[0],
        tenant_id=row[1],
        share_id=row[2],
        run_no=row[3],
        kind=RunKind(row[4]),
        state=RunState(row[5]),
        requested_at=row[6],
        started_at=row[7],
        finished_at=row[8],
        share_snapshot=row[9],
        order=None if row[10] is None else RestoreOrder.from_wire(row[10]),
        error=row[11],
        counters=Counters.from_wire(row[12]),
        driver=Driver(row[14]),
        epoch=row[15],
        seeded=row[16],
        paused_at=row[17],
        paused_seconds=row[18],
        settings=None if row[19] is None else ShareSettings.from_wire(row[19]),
        report=row[20],
        verify=None if row[21] is None else VerifyOrder.from_wire(row[21]),
        rebuild=None if row[22] is None else RebuildOrder.from_wire(row[22]),
        retention=row[23],
        schedule_id=row[24],
        admitted_at=row[25],
        held_until=row[26],
        paused_by=row[27],
    )
