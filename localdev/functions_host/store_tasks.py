"""Queued activities: claim under a lease, renew, complete, give back, take from the dead.

A claim is fenced by ``(seq, owner, attempt)``: whoever lost its lease finds that no row matches
and its result goes nowhere.  The caller owns the transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString

from psycopg import AsyncConnection
from psycopg.rows import class_row

from localdev.functions_host.schema import LOCK_CLASS


@dataclass(frozen=True, slots=True)
class Task:
    """One claimed activity; ``input`` is JSON text."""

    seq: int
    instance_id: str
    execution_id: str
    task_id: int
    name: str
    input: str
    attempt: int


_CLAIM: LiteralString = """
update functions_host.task t
set owner = %(owner)s, lease_until = clock_timestamp() + make_interval(secs => %(lease)s), attempt = t.attempt + 1
from (
    select seq from functions_host.task where hub = %(hub)s and owner is null
    order by seq limit %(limit)s for update skip locked
) free
where t.seq = free.seq
returning t.seq, t.instance_id, t.execution_id, t.task_id, t.name, t.input, t.attempt
"""


async def claim(connection: AsyncConnection, hub: str, *, owner: int, lease_seconds: float, limit: int) -> list[Task]:
    """Lease up to ``limit`` waiting tasks, oldest first."""
    async with connection.cursor(row_factory=class_row(Task)) as cursor:
        await cursor.execute(_CLAIM, {"hub": hub, "owner": owner, "lease": lease_seconds, "limit": limit})
        return sorted(await cursor.fetchall(), key=lambda task: task.seq)


_RENEW: LiteralString = """
update functions_host.task set lease_until = clock_timestamp() + make_interval(secs => %s) where owner = %s
"""


async def renew(connection: AsyncConnection, *, owner: int, lease_seconds: float) -> None:
    """Extend every lease of ``owner``: the heartbeat."""
    await connection.execute(_RENEW, (lease_seconds, owner))


_COMPLETE: LiteralString = """
with answered as (
    select * from unnest(%(seqs)s::bigint[], %(attempts)s::int[], %(kinds)s::int[], %(events)b::text[])
        as a(seq, attempt, kind, event)
), gone as (
    delete from functions_host.task t using answered a
    where t.seq = a.seq and t.attempt = a.attempt and t.owner = %(owner)s
    returning t.hub, t.instance_id, t.execution_id, t.seq, a.kind, a.event
), posted as (
    insert into functions_host.inbox (hub, instance_id, execution_id, kind, event)
    select g.hub, g.instance_id, g.execution_id, g.kind, g.event from gone g
    where exists (
        select from functions_host.instance i
        where i.hub = g.hub and i.id = g.instance_id and i.execution_id = g.execution_id
          and i.status in ('Pending', 'Running', 'Suspended'))
    order by g.seq
)
select seq from gone
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """A task's result as the event it becomes (``kind`` is its type, ``event`` its JSON text)."""

    task: Task
    kind: int
    event: str


async def complete(connection: AsyncConnection, answers: Sequence[Answer], *, owner: int) -> set[int]:
    """Replace tasks by their results; returns the ``seq`` of those whose lease still held.

    Results for an execution that is over are dropped, as nobody will read them.
    """
    cursor = await connection.execute(
        _COMPLETE,
        {
            "seqs": [answer.task.seq for answer in answers],
            "attempts": [answer.task.attempt for answer in answers],
            "kinds": [answer.kind for answer in answers],
            "events": [answer.event for answer in answers],
            "owner": owner,
        },
    )
    return {seq for (seq,) in await cursor.fetchall()}


_RELEASE: LiteralString = """
update functions_host.task set owner = null, lease_until = null where owner = %s
"""


async def release(connection: AsyncConnection, *, owner: int) -> int:
    """Give everything of ``owner`` back; an orderly stop is not held against the task."""
    cursor = await connection.execute(_RELEASE, (owner,))
    return cursor.rowcount


_TAKE_BACK: LiteralString = """
update functions_host.task t
set owner = null, lease_until = null, losses = t.losses + 1
from (
    select seq from functions_host.task
    where hub = %(hub)s and owner is not null and owner <> %(owner)s
      and (lease_until < statement_timestamp()
           or not exists (
               select from pg_locks l
               where l.locktype = 'advisory' and l.objsubid = 2 and l.granted
                 and l.database = (select oid from pg_database where datname = current_database())
                 and l.classid = %(class)s::oid and l.objid = task.owner::oid))
    for update skip locked
) lost
where t.seq = lost.seq
returning t.seq, t.instance_id, t.execution_id, t.task_id, t.name, t.input, t.attempt, t.losses
"""


async def take_back(connection: AsyncConnection, hub: str, *, owner: int) -> list[tuple[Task, int]]:
    """Free the tasks whose owner is dead or late; returns them with how often each was lost.

    Dead means: its advisory lock is gone, which Postgres sees the moment the process dies.  Late
    means: alive but silent past its lease (a stopped process, a cut network).
    """
    cursor = await connection.execute(_TAKE_BACK, {"hub": hub, "owner": owner, "class": LOCK_CLASS})
    return [(Task(*row[:7]), row[7]) for row in await cursor.fetchall()]


_POISONED: LiteralString = """
update functions_host.task
set owner = %s, lease_until = clock_timestamp() + interval '1 minute'
where seq = %s and owner is null and attempt = %s
"""


async def seize(connection: AsyncConnection, task: Task, *, owner: int) -> None:
    """Lease ``task`` to ``owner`` in order to answer for it (in the same transaction)."""
    await connection.execute(_POISONED, (owner, task.seq, task.attempt))
