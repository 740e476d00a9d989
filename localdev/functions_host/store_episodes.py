"""The tables as an episode uses them: find, hold, read, write down.  The caller owns the transaction."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString

from psycopg import AsyncConnection
from psycopg.rows import class_row

from localdev.functions_host.episode import Arrived
from localdev.functions_host.events import Event
from localdev.functions_host.replay import CreateTimer, ScheduleActivity
from localdev.functions_host.store_instances import Instance

#: Most arrived events one episode takes.  Replay cost is per episode, so completions are best taken together;
#: a thousand keeps one episode's replay under a tenth of a second.
MAX_EVENTS = 1000

_READY: LiteralString = """
select i.id from functions_host.instance i
where i.hub = %(hub)s and i.status in ('Pending', 'Running', 'Suspended')
  and i.id <> all(%(busy)s)
  and exists (
    select from functions_host.inbox b
    where b.hub = i.hub and b.instance_id = i.id and b.visible_at <= statement_timestamp()
      and (i.status <> 'Suspended' or b.kind in (3, 20)))
order by i.updated_at
limit %(limit)s
"""


async def ready(connection: AsyncConnection, hub: str, *, busy: Sequence[str], limit: int) -> list[str]:
    """Ids of instances with something to do, longest untouched first; takes no lock.

    A suspended one is ready only for its resumption (kind 20) or termination (kind 3).
    """
    cursor = await connection.execute(_READY, {"hub": hub, "busy": list(busy), "limit": limit})
    return [instance_id for (instance_id,) in await cursor.fetchall()]


_NEXT_DUE: LiteralString = """
select extract(epoch from min(visible_at) - statement_timestamp())::float8
from functions_host.inbox where hub = %s and visible_at > statement_timestamp()
"""


async def seconds_to_next(connection: AsyncConnection, hub: str) -> float | None:
    """Seconds until the next waiting timer fires, or None if none waits."""
    cursor = await connection.execute(_NEXT_DUE, (hub,))
    row = await cursor.fetchone()
    return None if row is None else row[0]


_HOLD: LiteralString = """
select id, execution_id, name, version, status, input, output, custom_status,
       parent_id, parent_execution, parent_task, created_at, updated_at
from functions_host.instance
where hub = %s and id = %s and status in ('Pending', 'Running', 'Suspended')
for no key update skip locked
"""


async def hold(connection: AsyncConnection, hub: str, instance_id: str) -> Instance | None:
    """Lock the instance for one episode; None if another host has it or it is over.

    The lock is on the instance row only: results may arrive in its inbox meanwhile.
    """
    async with connection.cursor(row_factory=class_row(Instance)) as cursor:
        await cursor.execute(_HOLD, (hub, instance_id))
        return await cursor.fetchone()


_ARRIVED: LiteralString = """
select seq, execution_id, event from functions_host.inbox
where hub = %s and instance_id = %s and visible_at <= statement_timestamp()
order by kind <> 0, visible_at, seq limit %s
"""


async def arrived(connection: AsyncConnection, hub: str, instance_id: str) -> list[Arrived]:
    """Return what is in the inbox and due, in order of arrival.

    ``ExecutionStarted`` (kind 0) comes first whatever arrived before it: the SDK looks for it there, and an
    event raised during ``continue_as_new`` may be older than the new execution.
    """
    cursor = await connection.execute(_ARRIVED, (hub, instance_id, MAX_EVENTS))
    return [Arrived(seq, execution_id, json.loads(event)) for seq, execution_id, event in await cursor.fetchall()]


_REMOVE: LiteralString = "delete from functions_host.inbox where seq = any(%s)"


async def remove(connection: AsyncConnection, seqs: Sequence[int]) -> None:
    """Take rows out of the inbox."""
    await connection.execute(_REMOVE, (list(seqs),))


_APPEND: LiteralString = """
insert into functions_host.history (hub, instance_id, seq, event)
select %s, %s, %s + n - 1, e from unnest(%b::text[]) with ordinality as added(e, n)
"""


async def append(connection: AsyncConnection, hub: str, instance_id: str, at: int, added: Sequence[Event]) -> None:
    """Write ``added`` behind the ``at`` events already there."""
    await connection.execute(_APPEND, (hub, instance_id, at, [json.dumps(event) for event in added]))


_SCHEDULE: LiteralString = """
insert into functions_host.task (hub, instance_id, execution_id, task_id, name, input)
select %s, %s, %s, t, n, i from unnest(%s::int[], %b::text[], %b::text[]) as task(t, n, i)
"""


async def schedule(
    connection: AsyncConnection, hub: str, instance_id: str, execution_id: str, tasks: Sequence[ScheduleActivity]
) -> None:
    """Queue activities, in order of task id."""
    await connection.execute(
        _SCHEDULE,
        (
            hub,
            instance_id,
            execution_id,
            [task.task_id for task in tasks],
            [task.name for task in tasks],
            [task.input_text for task in tasks],
        ),
    )


_SET_TIMERS: LiteralString = """
insert into functions_host.inbox (hub, instance_id, execution_id, kind, visible_at, event)
select %s, %s, %s, 11, v, e from unnest(%s::timestamptz[], %b::text[]) as timer(v, e)
"""


async def set_timers(
    connection: AsyncConnection,
    hub: str,
    instance_id: str,
    execution_id: str,
    timers: Sequence[CreateTimer],
    fired: Sequence[Event],
) -> None:
    """Put the ``TimerFired`` events into the inbox, visible when due."""
    await connection.execute(
        _SET_TIMERS,
        (
            hub,
            instance_id,
            execution_id,
            [timer.fire_at for timer in timers],
            [json.dumps(event) for event in fired],
        ),
    )


_WAITS: LiteralString = """
update functions_host.instance
set status = %s, custom_status = coalesce(%s, custom_status), updated_at = %s
where hub = %s and id = %s
"""


async def goes_on(
    connection: AsyncConnection,
    hub: str,
    instance_id: str,
    *,
    status: str,
    custom_status: str | None,
    moment: datetime,
) -> None:
    """Write the instance back after an episode that did not end it."""
    await connection.execute(_WAITS, (status, custom_status, moment, hub, instance_id))


_FINISH: LiteralString = """
update functions_host.instance
set status = %s, output = %s, custom_status = coalesce(%s, custom_status), updated_at = %s, completed_at = %s
where hub = %s and id = %s
"""

_DROP_INBOX: LiteralString = "delete from functions_host.inbox where hub = %s and instance_id = %s"


async def finish(
    connection: AsyncConnection,
    hub: str,
    instance_id: str,
    *,
    status: str,
    output: str | None,
    custom_status: str | None,
    moment: datetime,
) -> None:
    """End the instance; what is still in its inbox will never be read."""
    await connection.execute(_FINISH, (status, output, custom_status, moment, moment, hub, instance_id))
    await connection.execute(_DROP_INBOX, (hub, instance_id))


_RENEW: LiteralString = """
update functions_host.instance
set execution_id = %s, input = %s, status = 'Running', custom_status = coalesce(%s, custom_status), updated_at = %s
where hub = %s and id = %s
"""

_DROP_EXECUTION: LiteralString = """
delete from functions_host.inbox where hub = %s and instance_id = %s and execution_id = %s
"""

_DROP_HISTORY: LiteralString = "delete from functions_host.history where hub = %s and instance_id = %s"


async def renew(
    connection: AsyncConnection,
    hub: str,
    instance: Instance,
    *,
    execution_id: str,
    input_text: str,
    custom_status: str | None,
    moment: datetime,
) -> None:
    """Begin a new execution under the same id (``continue_as_new``), with an empty history.

    Raised events still in the inbox stay: they belong to no execution.  Activities of the old
    execution may still run; their results arrive under its id and are dropped.
    """
    await connection.execute(_RENEW, (execution_id, input_text, custom_status, moment, hub, instance.id))
    await connection.execute(_DROP_EXECUTION, (hub, instance.id, instance.execution_id))
    await connection.execute(_DROP_HISTORY, (hub, instance.id))
