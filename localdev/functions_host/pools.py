"""Connections: one pool whose commits are durable, one whose commits may be lost with the server.

Leases, heartbeats and results of activities go through the second.  If Postgres itself crashes,
the last moments of these may be gone; what is left is an earlier state of the same work, so an
activity runs again, which at-least-once allows.  Episodes and everything a client was told was
accepted go through the first: a decision must not be forgotten once somebody acted on it.  As
commits reach the log in order, an episode also makes durable every result it has read.

Not waiting for the disk at each lease and each result is most of the throughput of small
activities.
"""

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

#: Leases, heartbeats and reports are one at a time each; two more for looking after the dead.
RELAXED_CONNECTIONS = 4


def durable(postgres_url: str, *, size: int) -> AsyncConnectionPool:
    """Make a pool of up to ``size`` connections; it is not open yet."""
    return _pool(postgres_url, size=size, synchronous_commit="on")


def relaxed(postgres_url: str) -> AsyncConnectionPool:
    """Make the pool for work that may be done again; it is not open yet."""
    return _pool(postgres_url, size=RELAXED_CONNECTIONS, synchronous_commit="off")


def _pool(postgres_url: str, *, size: int, synchronous_commit: str) -> AsyncConnectionPool:
    async def configure(connection: AsyncConnection) -> None:
        # To the planner, queues are empty tables, best read from end to end; in truth they are full of dead rows
        # until the next vacuum, and one bad cached plan makes every lease slower than the last.
        await connection.execute(
            "select set_config('enable_seqscan', 'off', false), set_config('jit', 'off', false),"
            " set_config('synchronous_commit', %s, false)",
            (synchronous_commit,),
        )

    return AsyncConnectionPool(
        postgres_url,
        min_size=1,
        max_size=size,
        kwargs={"autocommit": True, "application_name": "functions_host"},
        configure=configure,
        open=False,
    )
