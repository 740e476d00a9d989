r"""The host's tables, in their own Postgres schema ``functions_host``.

JSON is stored as ``text``: it is handed on verbatim, never queried, and ``jsonb`` would refuse the
``\u0000`` that an activity may legally return.

There are no foreign keys from ``inbox`` and ``task``: an event may outlive its instance by a
moment (a result that arrives while the instance completes), and such rows are ignored and swept.
"""

from typing import LiteralString

from psycopg import AsyncConnection

#: First key of every advisory lock of this package ("fhst"); the second says what is locked.
LOCK_CLASS = 0x66687374

#: Second key while the schema is created.  Owners count up from 1, so 0 is never one.
SCHEMA_LOCK = 0

_SCHEMA: LiteralString = """
create schema if not exists functions_host;

create sequence if not exists functions_host.owner_number as integer cycle;

create table if not exists functions_host.instance (
    hub               text        not null,
    id                text        not null,
    execution_id      text        not null,
    name              text        not null,
    version           text,
    status            text        not null default 'Pending'
        constraint instance_status_known check (status in
            ('Pending', 'Running', 'Suspended', 'Completed', 'Failed', 'Terminated')),
    input             text,
    output            text,
    custom_status     text,
    parent_id         text,
    parent_execution  text,
    parent_task       integer,
    created_at        timestamptz not null default clock_timestamp(),
    updated_at        timestamptz not null default clock_timestamp(),
    completed_at      timestamptz,
    primary key (hub, id),
    constraint instance_completed_when_over check
        ((completed_at is not null) = (status in ('Completed', 'Failed', 'Terminated')))
);
create index if not exists instance_alive on functions_host.instance (hub, id)
    where status in ('Pending', 'Running', 'Suspended');

create table if not exists functions_host.history (
    hub          text    not null,
    instance_id  text    not null,
    seq          integer not null,
    event        text    not null,
    primary key (hub, instance_id, seq),
    foreign key (hub, instance_id) references functions_host.instance (hub, id) on delete cascade
);

create table if not exists functions_host.inbox (
    seq           bigint      generated always as identity primary key,
    hub           text        not null,
    instance_id   text        not null,
    execution_id  text,
    kind          integer     not null,
    visible_at    timestamptz not null default clock_timestamp(),
    event         text        not null
);
create index if not exists inbox_by_instance on functions_host.inbox (hub, instance_id, visible_at);
create index if not exists inbox_by_time on functions_host.inbox (hub, visible_at);

create table if not exists functions_host.task (
    seq           bigint      generated always as identity primary key,
    hub           text        not null,
    instance_id   text        not null,
    execution_id  text        not null,
    task_id       integer     not null,
    name          text        not null,
    input         text        not null,
    owner         integer,
    lease_until   timestamptz,
    attempt       integer     not null default 0,
    losses        integer     not null default 0,
    constraint task_leased_by_owner check ((owner is null) = (lease_until is null)),
    constraint task_once unique (hub, instance_id, execution_id, task_id)
);
create index if not exists task_waiting on functions_host.task (hub, seq) where owner is null;
create index if not exists task_leased on functions_host.task (owner) where owner is not null;

create table if not exists functions_host.timer (
    hub           text        not null,
    name          text        not null,
    schedule      text        not null,
    next_due_at   timestamptz not null,
    last_ran_at   timestamptz,
    owner         integer,
    lease_until   timestamptz,
    attempt       integer     not null default 0,
    primary key (hub, name),
    constraint timer_leased_by_owner check ((owner is null) = (lease_until is null))
);
"""

_LOCK: LiteralString = "select pg_advisory_xact_lock(%s, %s)"


async def create(connection: AsyncConnection) -> None:
    """Create what is missing; safe to repeat and to run from several hosts at once.

    The caller owns the transaction: the lock that serialises hosts ends with it.
    """
    await connection.execute(_LOCK, (LOCK_CLASS, SCHEMA_LOCK))
    await connection.execute(_SCHEMA)
