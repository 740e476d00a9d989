"""Schedules and what became of their occurrences."""

import datetime as dt
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Final, LiteralString

from psycopg.types.json import Jsonb

from shared.core.schedule import next_after, upkeep_of
from shared.db.pool import Connection
from shared.errors import NotFound
from shared.model.schedule import Occurrence, Outcome, Schedule, ScheduleOptions, Times, Timing, What
from shared.model.share import Share

COLUMNS: Final[LiteralString] = """
    schedule_id, tenant_id, share_id, name, what, cron, time_zone, spread_s, catch_up_s, enabled, options, due_at, next_at, waits_for,
    last_at, last_outcome, last_run_no, version, created_at
"""
_CREATE: Final[LiteralString] = f"""
    INSERT INTO schedule (
        tenant_id, share_id, name, what, cron, time_zone, spread_s, catch_up_s, enabled, options, due_at, next_at
    )
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    RETURNING {COLUMNS}
"""
_GET: Final[LiteralString] = f"SELECT {COLUMNS} FROM schedule WHERE schedule_id = %s AND share_id = %s"
_LOCK: Final[LiteralString] = _GET + " FOR UPDATE"
_OF_SHARE: Final[LiteralString] = f"""
    SELECT {COLUMNS} FROM schedule WHERE share_id = %s AND schedule_id > %s ORDER BY schedule_id LIMIT %s
"""
_OF_TENANT: Final[LiteralString] = f"""
    SELECT {COLUMNS} FROM schedule WHERE tenant_id = %s AND schedule_id > %s ORDER BY schedule_id LIMIT %s
"""
# What comes next is that of the new times; what waited does not wait any more.
_CHANGE: Final[LiteralString] = f"""
       UPDATE schedule
          SET name = %s, cron = %s, time_zone = %s, spread_s = %s, catch_up_s = %s, enabled = %s, options = %s,
              due_at = %s, next_at = %s, waits_for = '', version = version + 1
        WHERE schedule_id = %s AND share_id = %s
    RETURNING {COLUMNS}
"""
_KINDS: Final[LiteralString] = "SELECT what, name, next_at FROM schedule WHERE share_id = %s"
_DELETE: Final[tuple[LiteralString, ...]] = (
    "DELETE FROM schedule_occurrence WHERE schedule_id = %(schedule_id)s AND share_id = %(share_id)s",
    "DELETE FROM schedule WHERE schedule_id = %(schedule_id)s AND share_id = %(share_id)s RETURNING schedule_id",
)
_FORGET: Final[tuple[LiteralString, ...]] = (
    "DELETE FROM schedule_occurrence WHERE share_id = %s",
    "DELETE FROM schedule WHERE share_id = %s",
)
_OCCURRENCES: Final[LiteralString] = """
    SELECT schedule_id, share_id, due_at, decided_at, outcome, run_no, note FROM schedule_occurrence
     WHERE schedule_id = %s AND share_id = %s AND due_at < %s
  ORDER BY due_at DESC LIMIT %s
"""
_ADOPT: Final[LiteralString] = """
    INSERT INTO schedule (tenant_id, share_id, name, what, cron, time_zone, spread_s, catch_up_s, enabled, options)
         SELECT %(tenant_id)s, %(share_id)s, name, what, cron, time_zone, spread_s, catch_up_s, false, options
           FROM jsonb_to_recordset(%(kept)s)
             AS kept (name text, what text, cron text, time_zone text, spread_s int, catch_up_s int, options jsonb)
    ON CONFLICT DO NOTHING
"""
_TIDY: Final[tuple[LiteralString, ...]] = (
    "DELETE FROM schedule_occurrence WHERE decided_at < %(before)s OR NOT EXISTS (SELECT FROM share AS s WHERE s.share_id = schedule_occurrence.share_id)",
    "DELETE FROM schedule WHERE NOT EXISTS (SELECT FROM share AS s WHERE s.share_id = schedule.share_id)",
)


async def create(
    conn: Connection,
    tenant_id: str,
    share_id: int,
    *,
    name: str,
    what: What,
    timing: Timing,
    options: ScheduleOptions,
    times: Times | None,
) -> Schedule:
    """Add a schedule, checked by :func:`shared.core.schedule.check`; not enabled without ``times``, of its next occurrence.

    :raises Conflict: the share has one of this name.
    """
    args = [tenant_id, share_id, name, what.value, timing.cron, timing.time_zone, timing.spread_s, timing.catch_up_s]
    args += [times is not None, Jsonb(options.to_wire()), times and times.due_at, times and times.starts_at]
    row = await (await conn.execute(_CREATE, args)).fetchone()
    assert row is not None
    return from_row(row)


async def add_upkeep(conn: Connection, share: Share, now: dt.datetime) -> None:
    """Add a schedule of prunes and one of sweeps to a share that has none of the kind; switched off is one too.

    The share's row is locked.
    """
    there = await (await conn.execute(_KINDS, [share.share_id])).fetchall()
    kinds, names = {row[0] for row in there}, {row[1] for row in there}
    for what, timing in upkeep_of(share.settings.time_zone):
        if what.value in kinds:
            continue
        candidates = itertools.chain([what.value], (f"{what} {n}" for n in itertools.count(2)))
        name = next(one for one in candidates if one not in names)
        times, options = next_after(timing, share.share_id, now), ScheduleOptions()
        await create(
            conn, share.tenant_id, share.share_id, name=name, what=what, timing=timing, options=options, times=times
        )


async def next_of(conn: Connection, share_id: int, what: What) -> dt.datetime | None:
    """When the share's next one of a kind comes round; None if none does."""
    times = [row[2] for row in await (await conn.execute(_KINDS, [share_id])).fetchall() if row[0] == what and row[2]]
    return min(times, default=None)


async def get(conn: Connection, share_id: int, schedule_id: int, *, lock: bool = False) -> Schedule:
    """One schedule of a share. Raises ``NotFound``."""
    row = await (await conn.execute(_LOCK if lock else _GET, [schedule_id, share_id])).fetchone()
    if row is None:
        raise NotFound(f"share {share_id} has no schedule {schedule_id}")
    return from_row(row)


async def of_share(conn: Connection, share_id: int, *, after: int = 0, limit: int = 100) -> list[Schedule]:
    """A share's schedules by id, those after one."""
    return [from_row(row) for row in await (await conn.execute(_OF_SHARE, [share_id, after, limit])).fetchall()]


async def of_tenant(conn: Connection, tenant_id: str, *, after: int = 0, limit: int = 100) -> list[Schedule]:
    """A tenant's schedules by id, those after one."""
    return [from_row(row) for row in await (await conn.execute(_OF_TENANT, [tenant_id, after, limit])).fetchall()]


async def change(conn: Connection, changed: Schedule, times: Times | None) -> Schedule:
    """Write name, timing, options and whether it is enabled, which is with ``times`` of its next occurrence.

    :raises NotFound: it is gone.
    :raises Conflict: the share has another one of this name.
    """
    timing = changed.timing
    args: list[Any] = [changed.name, timing.cron, timing.time_zone, timing.spread_s, timing.catch_up_s]
    args += [times is not None, Jsonb(changed.options.to_wire()), times and times.due_at, times and times.starts_at]
    row = await (await conn.execute(_CHANGE, [*args, changed.schedule_id, changed.share_id])).fetchone()
    if row is None:
        raise NotFound(f"share {changed.share_id} has no schedule {changed.schedule_id}")
    return from_row(row)


async def delete(conn: Connection, share_id: int, schedule_id: int) -> None:
    """Remove a schedule with what is known of its occurrences; its runs stay. Raises ``NotFound``."""
    found = None
    for statement in _DELETE:
        cur = await conn.execute(statement, {"schedule_id": schedule_id, "share_id": share_id})
        found = await cur.fetchone() if cur.description else None
    if found is None:
        raise NotFound(f"share {share_id} has no schedule {schedule_id}")


async def forget_share(conn: Connection, share_id: int) -> None:
    """Remove all schedules of a share that is purged."""
    for statement in _FORGET:
        await conn.execute(statement, [share_id])


async def occurrences(
    conn: Connection, share_id: int, schedule_id: int, *, before: dt.datetime | None = None, limit: int = 50
) -> Sequence[Occurrence]:
    """What became of a schedule's occurrences, newest first."""
    args = [schedule_id, share_id, before or dt.datetime.max.replace(tzinfo=dt.UTC), limit]
    return [
        Occurrence(
            schedule_id=row[0],
            share_id=row[1],
            due_at=row[2],
            decided_at=row[3],
            outcome=Outcome(row[4]),
            run_no=row[5],
            note=row[6],
        )
        for row in await (await conn.execute(_OCCURRENCES, args)).fetchall()
    ]


async def adopt(conn: Connection, tenant_id: str, share_id: int, kept: Sequence[Mapping[str, Any]]) -> None:
    """Add schedules that a restore point has kept (:mod:`shared.db.origins`), switched off.

    Whoever rebuilds may be trying it out beside the catalogue that is at work. Two that back up one share into one vault must not be.
    """
    await conn.execute(
        _ADOPT, {"tenant_id": tenant_id, "share_id": share_id, "kept": Jsonb([dict(one) for one in kept])}
    )


async def tidy(conn: Connection, before: dt.datetime) -> None:
    """Forget occurrences that were decided upon before, and what is of shares that are gone."""
    for statement in _TIDY:
        await conn.execute(statement, {"before": before})


def from_row(row: Sequence[Any]) -> Schedule:
    """From :data:`COLUMNS`."""
    return Schedule(
        schedule_id=row[0],
        tenant_id=row[1],
        share_id=row[2],
        name=row[3],
        what=What(row[4]),
        timing=Timing(cron=row[5], time_zone=row[6], spread_s=row[7], catch_up_s=row[8]),
        enabled=row[9],
        options=ScheduleOptions.from_wire(row[10]),
        due_at=row[11],
        next_at=row[12],
        waits_for=row[13],
        last_at=row[14],
        last_outcome=row[15],
        last_run_no=row[16],
        version=row[17],
        created_at=row[18],
    )
