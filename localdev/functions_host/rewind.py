"""Take a failed instance back to before its failures, so that they are tried again.

The events of failed activities are removed together with their scheduling, so the replay decides
them anew under the same task ids.  Failed sub-orchestrations are rewound in turn and answer their
parent again.  Histories with timers are refused, as the real extension does not support them
either: a removed attempt would leave its retry timer behind, and the replay would not match.
"""

import json
from collections.abc import Sequence
from typing import LiteralString

from psycopg import AsyncConnection

from localdev.functions_host import events, store_episodes, store_instances
from localdev.functions_host.events import Event, Kind
from localdev.functions_host.store_instances import Instance


class CannotRewindError(Exception):
    """Why this instance cannot be rewound."""


def rewound(history: Sequence[Event]) -> tuple[list[Event], list[str]]:
    """Return the history without its failures, and the ids of failed sub-orchestrations.

    :raises CannotRewindError: the history has timers.
    """
    if any(event["EventType"] == Kind.TIMER_CREATED for event in history):
        raise CannotRewindError("cannot rewind an orchestration that used durable timers or retries")
    tasks = {event["TaskScheduledId"] for event in history if event["EventType"] == Kind.TASK_FAILED}
    children = {event["TaskScheduledId"] for event in history if event["EventType"] == Kind.CHILD_FAILED}
    dropped = (Kind.TASK_FAILED, Kind.CHILD_FAILED, Kind.EXECUTION_COMPLETED)
    kept: list[Event] = []
    failed: list[str] = []
    for event in history:
        kind = event["EventType"]
        if kind in dropped or (kind == Kind.TASK_SCHEDULED and event["EventId"] in tasks):
            continue
        if kind == Kind.CHILD_CREATED and event["EventId"] in children:
            failed.append(event["InstanceId"])
        kept.append(event)
    return kept, failed


_REVIVE: LiteralString = """
update functions_host.instance
set status = 'Running', output = null, completed_at = null, updated_at = clock_timestamp()
where hub = %s and id = %s
"""

_CLEAR: LiteralString = "delete from functions_host.history where hub = %s and instance_id = %s"


async def rewind(connection: AsyncConnection, hub: str, instance: Instance, *, reason: str) -> None:
    """Rewind ``instance`` (held by the caller) and its failed children; the caller owns the transaction.

    :raises CannotRewindError: it or a child cannot be rewound; roll back.
    """
    history, children = rewound(await store_instances.history(connection, hub, instance.id))
    await connection.execute(_CLEAR, (hub, instance.id))
    await store_episodes.append(connection, hub, instance.id, 0, history)
    await connection.execute(_REVIVE, (hub, instance.id))
    for child_id in children:
        child = await store_instances.lock(connection, hub, child_id)
        if child is None or child.status != "Failed":
            raise CannotRewindError(f"cannot rewind: sub-orchestration {child_id!r} is not there or did not fail")
        await rewind(connection, hub, child, reason=reason)
    event = events.generic(events.utc_now(), json.dumps({"rewind": reason}))
    await store_instances.post(connection, hub, instance.id, event, execution_id=instance.execution_id)
