"""Instances as a client sees them: start, look up, list, send an event, purge.

The caller owns the transaction.  Whoever adds to the inbox also calls :func:`announce`, so that
every host on the hub looks at once instead of at its next poll.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from psycopg import AsyncConnection
from psycopg.rows import class_row

from localdev.functions_host.events import Event

#: One notification channel for every hub; the payload says whose and what kind of work.
CHANNEL = "functions_host"

EPISODES = "episodes"
TASKS = "tasks"

ALIVE = ("Pending", "Running", "Suspended")
OVER = ("Completed", "Failed", "Terminated")


@dataclass(frozen=True, slots=True)
class Instance:
    """One row of ``instance``; ``input``, ``output`` and ``custom_status`` are JSON text."""

    id: str
    execution_id: str
    name: str
    version: str | None
    status: str
    input: str | None
    output: str | None
    custom_status: str | None
    parent_id: str | None
    parent_execution: str | None
    parent_task: int | None
    created_at: datetime
    updated_at: datetime

    @property
    def alive(self) -> bool:
        """Whether it may still do something."""
        return self.status in ALIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What is needed to begin an instance."""

    instance_id: str
    execution_id: str
    name: str
    version: str | None
    input_text: str | None
    parent_id: str | None = None
    parent_execution: str | None = None
    parent_task: int | None = None


_COLUMNS: LiteralString = (
    "id, execution_id, name, version, status, input, output, custom_status,"
    " parent_id, parent_execution, parent_task, created_at, updated_at"
)

_ANNOUNCE: LiteralString = "select pg_notify(%s, %s)"


async def announce(connection: AsyncConnection, hub: str, kind: str) -> None:
    """Wake every host on ``hub`` when this transaction commits; equal notices merge into one."""
    await connection.execute(_ANNOUNCE, (CHANNEL, f"{kind}:{hub}"))


_START: LiteralString = """
insert into functions_host.instance as i
    (hub, id, execution_id, name, version, input, parent_id, parent_execution, parent_task)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
on conflict (hub, id) do update set
    execution_id = excluded.execution_id, name = excluded.name, version = excluded.version,
    input = excluded.input, parent_id = excluded.parent_id, parent_execution = excluded.parent_execution,
    parent_task = excluded.parent_task, status = 'Pending', output = null, custom_status = null,
    created_at = clock_timestamp(), updated_at = clock_timestamp(), completed_at = null
where i.status in ('Completed', 'Failed', 'Terminated')
returning 1
"""

_FORGET_HISTORY: LiteralString = "delete from functions_host.history where hub = %s and instance_id = %s"

_FORGET_INBOX: LiteralString = "delete from functions_host.inbox where hub = %s and instance_id = %s"


async def start(connection: AsyncConnection, hub: str, request: Start) -> bool:
    """Create the instance, or replace one that is over; False when one of that id is alive.

    The first event is not written here: the caller posts ``ExecutionStarted``.
    """
    cursor = await connection.execute(
        _START,
        (
            hub,
            request.instance_id,
            request.execution_id,
            request.name,
            request.version,
            request.input_text,
            request.parent_id,
            request.parent_execution,
            request.parent_task,
        ),
    )
    if await cursor.fetchone() is None:
        return False
    await connection.execute(_FORGET_HISTORY, (hub, request.instance_id))
    await connection.execute(_FORGET_INBOX, (hub, request.instance_id))
    return True


_POST: LiteralString = """
insert into functions_host.inbox (hub, instance_id, execution_id, kind, event, visible_at)
values (%s, %s, %s, %s, %s, coalesce(%s, clock_timestamp()))
"""


async def post(
    connection: AsyncConnection,
    hub: str,
    instance_id: str,
    event: Event,
    *,
    execution_id: str | None,
    arrived_at: datetime | None = None,
) -> None:
    """Put ``event`` into the inbox.

    ``execution_id`` None: for whichever execution is current.  ``arrived_at`` None: now; an earlier time keeps
    an event that moves over ahead of those that came after it.
    """
    await connection.execute(_POST, (hub, instance_id, execution_id, event["EventType"], json.dumps(event), arrived_at))


_GET: LiteralString = f"select {_COLUMNS} from functions_host.instance where hub = %s and id = %s"


async def get(connection: AsyncConnection, hub: str, instance_id: str) -> Instance | None:
    """Look up one instance."""
    async with connection.cursor(row_factory=class_row(Instance)) as cursor:
        await cursor.execute(_GET, (hub, instance_id))
        return await cursor.fetchone()


_LOCK: LiteralString = f"{_GET} for no key update"


async def lock(connection: AsyncConnection, hub: str, instance_id: str) -> Instance | None:
    """Look up one instance and hold it until the transaction ends; waits for a running episode."""
    async with connection.cursor(row_factory=class_row(Instance)) as cursor:
        await cursor.execute(_LOCK, (hub, instance_id))
        return await cursor.fetchone()


_HISTORY: LiteralString = """
select event from functions_host.history where hub = %s and instance_id = %s order by seq
"""


async def history(connection: AsyncConnection, hub: str, instance_id: str) -> list[Event]:
    """All events of the current execution, oldest first."""
    cursor = await connection.execute(_HISTORY, (hub, instance_id))
    return [json.loads(event) for (event,) in await cursor.fetchall()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which instances to list or purge; None means "any"."""

    created_from: datetime | None = None
    created_to: datetime | None = None
    statuses: Sequence[str] | None = None
    prefix: str | None = None


_MATCHES: LiteralString = """
    hub = %(hub)s
    and (%(created_from)s::timestamptz is null or created_at >= %(created_from)s)
    and (%(created_to)s::timestamptz is null or created_at <= %(created_to)s)
    and (%(statuses)s::text[] is null or status = any(%(statuses)s))
    and (%(prefix)s::text is null or starts_with(id, %(prefix)s))
"""

_PAGE: LiteralString = f"""
select {_COLUMNS} from functions_host.instance
where {_MATCHES} and (%(after)s::text is null or id > %(after)s)
order by id limit %(limit)s
"""


async def page(
    connection: AsyncConnection, hub: str, where: Filter, *, after: str | None, limit: int
) -> list[Instance]:
    """Up to ``limit`` instances in order of id, starting behind ``after``."""
    async with connection.cursor(row_factory=class_row(Instance)) as cursor:
        await cursor.execute(_PAGE, {**_parameters(hub, where), "after": after, "limit": limit})
        return await cursor.fetchall()


_PURGE: LiteralString = f"""
with gone as (
    delete from functions_host.instance
    where {_MATCHES} and status in ('Completed', 'Failed', 'Terminated')
      and (%(id)s::text is null or id = %(id)s)
    returning hub, id
), inbox as (
    delete from functions_host.inbox b using gone g where b.hub = g.hub and b.instance_id = g.id
), tasks as (
    delete from functions_host.task t using gone g where t.hub = g.hub and t.instance_id = g.id
)
select count(*) from gone
"""


async def purge(connection: AsyncConnection, hub: str, where: Filter, *, instance_id: str | None = None) -> int:
    """Delete instances that are over, with history and leftovers; returns how many."""
    cursor = await connection.execute(_PURGE, {**_parameters(hub, where), "id": instance_id})
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


def _parameters(hub: str, where: Filter) -> dict[str, object]:
    return {
        "hub": hub,
        "created_from": where.created_from,
        "created_to": where.created_to,
        "statuses": list(where.statuses) if where.statuses is not None else None,
        "prefix": where.prefix,
    }
