"""Timer triggers' state: when each is due next, and which host is running it.

The caller owns the transaction.  A timer whose host dies is due again at once, because its next
time is only written when the run has ended.
"""

from datetime import datetime
from typing import LiteralString

from psycopg import AsyncConnection

from localdev.functions_host.schema import LOCK_CLASS

_REGISTER: LiteralString = """
insert into functions_host.timer as t (hub, name, schedule, next_due_at)
values (%(hub)s, %(name)s, %(schedule)s, %(next)s)
on conflict (hub, name) do update set schedule = excluded.schedule, next_due_at = excluded.next_due_at
where t.schedule <> excluded.schedule or (not %(monitor)s and t.owner is null and t.next_due_at < statement_timestamp())
"""


async def register(
    connection: AsyncConnection, hub: str, name: str, *, schedule: str, next_due_at: datetime, monitor: bool
) -> None:
    """Make sure the timer has a row.

    A due time that has passed is kept, so that it fires as past due, unless the schedule changed
    or the timer is not monitored.
    """
    await connection.execute(
        _REGISTER, {"hub": hub, "name": name, "schedule": schedule, "next": next_due_at, "monitor": monitor}
    )


_DUE: LiteralString = "select next_due_at, last_ran_at from functions_host.timer where hub = %s and name = %s"


async def due(connection: AsyncConnection, hub: str, name: str) -> tuple[datetime, datetime | None]:
    """When the timer fires next, and when it last did."""
    row = await (await connection.execute(_DUE, (hub, name))).fetchone()
    if row is None:
        raise LookupError(f"timer {name!r} of hub {hub!r} was deleted while a host was running it")
    return row[0], row[1]


_CLAIM: LiteralString = """
update functions_host.timer
set owner = %(owner)s, lease_until = clock_timestamp() + make_interval(secs => %(lease)s), attempt = attempt + 1
where hub = %(hub)s and name = %(name)s and owner is null and (%(early)s or next_due_at <= statement_timestamp())
returning attempt
"""


async def claim(
    connection: AsyncConnection, hub: str, name: str, *, owner: int, lease_seconds: float, early: bool
) -> int | None:
    """Take the timer to run it; the attempt's number, or None if it is not due or another host runs it.

    ``early``: take it before its time (``run_on_startup``).
    """
    cursor = await connection.execute(
        _CLAIM, {"hub": hub, "name": name, "owner": owner, "lease": lease_seconds, "early": early}
    )
    row = await cursor.fetchone()
    return None if row is None else int(row[0])


_FINISH: LiteralString = """
update functions_host.timer
set owner = null, lease_until = null, last_ran_at = %s, next_due_at = %s
where hub = %s and name = %s and owner = %s and attempt = %s
"""


async def finish(
    connection: AsyncConnection,
    hub: str,
    name: str,
    *,
    owner: int,
    attempt: int,
    ran_at: datetime,
    next_due_at: datetime,
) -> bool:
    """Write down that the run has ended; False if the lease was lost meanwhile."""
    cursor = await connection.execute(_FINISH, (ran_at, next_due_at, hub, name, owner, attempt))
    return cursor.rowcount == 1


_RENEW: LiteralString = """
update functions_host.timer set lease_until = clock_timestamp() + make_interval(secs => %s) where owner = %s
"""


async def renew(connection: AsyncConnection, *, owner: int, lease_seconds: float) -> None:
    """Extend the leases of running timers."""
    await connection.execute(_RENEW, (lease_seconds, owner))


_RELEASE: LiteralString = "update functions_host.timer set owner = null, lease_until = null where owner = %s"


async def release(connection: AsyncConnection, *, owner: int) -> None:
    """Give back what this host was still running; it stays due."""
    await connection.execute(_RELEASE, (owner,))


_TAKE_BACK: LiteralString = """
update functions_host.timer
set owner = null, lease_until = null
where hub = %(hub)s and owner <> %(owner)s
  and (lease_until < statement_timestamp()
       or not exists (
           select from pg_locks l
           where l.locktype = 'advisory' and l.objsubid = 2 and l.granted
             and l.database = (select oid from pg_database where datname = current_database())
             and l.classid = %(class)s::oid and l.objid = timer.owner::oid))
returning name
"""


async def take_back(connection: AsyncConnection, hub: str, *, owner: int) -> list[str]:
    """Free the timers of dead or silent hosts; their names."""
    cursor = await connection.execute(_TAKE_BACK, {"hub": hub, "owner": owner, "class": LOCK_CLASS})
    return [name for (name,) in await cursor.fetchall()]
