"""Batches: the lease and the fence of whatever is claimed under their number.

A claimed directory, span or restore item names its batch and nothing else; the batch's row says whose it is and until when.
Whoever changes what a batch holds has locked its row first: the owner to commit, another worker to take an expired one
over. So there is no moment at which both believe to own it.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Final, LiteralString

from psycopg.types.json import Jsonb

from shared.core.throughput import Stretch
from shared.db.pool import Connection
from shared.errors import Fenced
from shared.model.run import Counters


class BatchKind(IntEnum):
    """What a batch has claimed."""

    DIRECTORIES = 0
    SPAN = 1
    RESTORE = 2
    CONTROL = 3
    """Nothing but the right to open or close the run."""
    VERIFY = 4
    TOMBSTONES = 8
    """Nothing: it has a segment with notes of what a closing deleted."""
    REBUILD = 9
    SWEEP = 10


class BatchState(IntEnum):
    """Where a batch is."""

    OPEN = 0
    COMMITTED = 1
    GIVEN_UP = 2


KNOWS: Final = 1
"""What programs of this release know, and shares that were swept demand (``schema/sql/0022``): that sweeps delete while they work. Raised by a release
beside whose work those before it must not go on; the trigger's condition has it too.
"""

# SKIP LOCKED: one that is being committed or taken over at this moment is no longer ours to take.
_GIVE_UP: Final[LiteralString] = """
       UPDATE batch SET state = 2
        WHERE run_id = %(run_id)s
          AND batch_no IN (
                  SELECT batch_no FROM batch
                   WHERE run_id = %(run_id)s AND kind = %(kind)s AND state = 0
                     AND (worker = %(worker)s OR lease_until < now())
              FOR UPDATE SKIP LOCKED
              )
    RETURNING batch_no
"""
_NEXT_NUMBER: Final[LiteralString] = """
       UPDATE run SET next_batch_no = next_batch_no + 1, wanted = false WHERE run_id = %s
    RETURNING next_batch_no - 1, share_id, run_no
"""
_OPEN: Final[LiteralString] = """
    INSERT INTO batch (run_id, batch_no, share_id, run_no, kind, state, worker, lease_until, knows)
    VALUES (%s, %s, %s, %s, %s, 0, %s, now() + make_interval(secs => %s), %s)
"""
_WORKER: Final[LiteralString] = "SELECT kind, worker FROM batch WHERE run_id = %s AND batch_no = %s"
_RENEW: Final[LiteralString] = """
       UPDATE batch SET lease_until = now() + make_interval(secs => %(lease_s)s)
        WHERE run_id = %(run_id)s AND batch_no = %(batch_no)s AND state = 0
    RETURNING batch_no
"""
_LOCK: Final[LiteralString] = "SELECT state FROM batch WHERE run_id = %s AND batch_no = %s FOR NO KEY UPDATE"
_CLOSE: Final[LiteralString] = """
    UPDATE batch
       SET state = 1, committed_at = now(), segment_bytes = %s, bundle_bytes = %s::int[], counters = %s, rolled_up = true
     WHERE run_id = %s AND batch_no = %s
"""
_GIVE_BACK: Final[LiteralString] = """
    UPDATE batch SET state = 2, lease_until = now() WHERE run_id = %s AND batch_no = %s AND state = 0 RETURNING kind
"""
_HELD: Final[LiteralString] = """
    SELECT EXISTS (SELECT FROM batch WHERE run_id = %s AND state = 0 AND kind = ANY(%s::int2[]))
"""
_OTHERS: Final[LiteralString] = """
    SELECT EXISTS (SELECT FROM batch WHERE run_id = %s AND state = 0 AND kind = %s AND batch_no <> %s)
"""
_WORKERS: Final[LiteralString] = """
    SELECT count(DISTINCT worker) FROM batch WHERE run_id = %s AND state = 0 AND lease_until >= now()
"""
_LEASED: Final[LiteralString] = """
    SELECT ceil(extract(epoch FROM max(lease_until) - now()))::int
      FROM batch
     WHERE run_id = %s AND kind = %s AND state <> 1 AND lease_until > now()
"""
_OLDER: Final[LiteralString] = """
    SELECT run_no, worker FROM batch WHERE share_id = %s AND state = 0 AND knows < %s ORDER BY run_no LIMIT 1
"""
_DONE: Final[LiteralString] = "SELECT count(*) FROM batch WHERE run_id = %s AND state = 1"
_END: Final[LiteralString] = "UPDATE batch SET state = 2 WHERE run_id = %s AND state = 0"
# Zeros are not stored: most batches have a few counters.
_COUNTERS: Final[LiteralString] = """
    SELECT c.key, sum(c.value::bigint)::bigint
      FROM batch, jsonb_each_text(batch.counters) AS c
     WHERE run_id = %s AND state = 1
  GROUP BY c.key
"""
# Every step-th batch by its key, so that a run of a million batches costs no more than one of `most`.
_COURSE: Final[LiteralString] = """
    SELECT done.claimed_at, done.committed_at, done.counters, r.step
      FROM (
               SELECT run_id, next_batch_no, greatest(1, (next_batch_no + %(most)s - 2) / %(most)s) AS step
                 FROM run WHERE share_id = %(share_id)s AND run_no = %(run_no)s
           ) AS r
     CROSS JOIN LATERAL generate_series(r.step, r.next_batch_no - 1, r.step) AS n
     CROSS JOIN LATERAL (
               SELECT claimed_at, committed_at, counters FROM batch
                WHERE run_id = r.run_id AND batch_no = n AND state = 1 AND counters <> '{}'
               OFFSET 0
           ) AS done
"""
_SEGMENTS: Final[LiteralString] = """
    SELECT run_no, batch_no
      FROM batch
     WHERE share_id = %s AND run_no > %s AND run_no <= %s AND segment_bytes > 0 AND NOT segment_swept
  ORDER BY run_no, batch_no
"""


async def give_up(conn: Connection, run_id: int, kind: BatchKind, worker: str) -> list[int]:
    """End open batches whose lease is over or that ``worker`` holds; return them, locked."""
    args = {"run_id": run_id, "kind": kind.value, "worker": worker}
    return [row[0] for row in await (await conn.execute(_GIVE_UP, args)).fetchall()]


async def open_one(conn: Connection, run_id: int, kind: BatchKind, worker: str, lease_s: float) -> int:
    """A fresh batch number, counted up from 1 in each run, and its row."""
    row = await (await conn.execute(_NEXT_NUMBER, [run_id])).fetchone()
    assert row is not None
    batch_no, share_id, run_no = row
    await conn.execute(_OPEN, [run_id, batch_no, share_id, run_no, kind.value, worker, lease_s, KNOWS])
    return int(batch_no)


async def open_after(conn: Connection, run_id: int, batch_no: int, lease_s: float) -> int:
    """One more batch for the worker of a locked one, of the same kind."""
    row = await (await conn.execute(_WORKER, [run_id, batch_no])).fetchone()
    assert row is not None
    return await open_one(conn, run_id, BatchKind(row[0]), row[1], lease_s)


async def renew(conn: Connection, run_id: int, batch_no: int, lease_s: float) -> None:
    """Prolong the lease: from now on ``lease_s`` seconds. Raises ``Fenced``."""
    args = {"run_id": run_id, "batch_no": batch_no, "lease_s": lease_s}
    if await (await conn.execute(_RENEW, args)).fetchone() is None:
        raise fenced(run_id, batch_no)


async def lock_open(conn: Connection, run_id: int, batch_no: int) -> bool:
    """Lock our batch to commit it; False if that was done already.

    A batch is committed by whoever claimed it and by nobody else. Finding it committed therefore means that we did, and
    that the answer was lost.

    :raises Fenced: it was given up.
    """
    row = await (await conn.execute(_LOCK, [run_id, batch_no])).fetchone()
    if row is None or row[0] == BatchState.GIVEN_UP:
        raise fenced(run_id, batch_no)
    return bool(row[0] == BatchState.OPEN)


async def close(
    conn: Connection,
    run_id: int,
    batch_no: int,
    counters: Counters,
    *,
    segment_bytes: int = 0,
    bundles: Sequence[int] = (),
) -> None:
    """Mark a locked batch committed, and what it changed booked in the roll-ups."""
    done = Jsonb({name: number for name, number in counters.to_wire().items() if number})
    await conn.execute(_CLOSE, [segment_bytes, list(bundles), done, run_id, batch_no])


async def give_back(conn: Connection, run_id: int, batch_no: int) -> BatchKind | None:
    """End our own batch without a result; None if it has ended already. The caller releases what it held."""
    row = await (await conn.execute(_GIVE_BACK, [run_id, batch_no])).fetchone()
    return None if row is None else BatchKind(row[0])


async def leased_s(conn: Connection, run_id: int, kind: BatchKind) -> int:
    """Seconds until the last lease is over of a batch that has ended without a result, and not by its worker's own word; 0: there is none.

    Who is at work when its run is ended by somebody else notes that when it looks at the run, or asks for its lease; until then it goes on.
    """
    row = await (await conn.execute(_LEASED, [run_id, kind.value])).fetchone()
    return int(row[0] or 0) if row is not None else 0


async def held(conn: Connection, run_id: int, kinds: Iterable[BatchKind]) -> bool:
    """Whether anybody holds a batch of one of these kinds, its lease over or not."""
    row = await (await conn.execute(_HELD, [run_id, [kind.value for kind in kinds]])).fetchone()
    return bool(row and row[0])


async def others(conn: Connection, run_id: int, kind: BatchKind, batch_no: int) -> bool:
    """Whether a batch of the kind is open beside this one."""
    row = await (await conn.execute(_OTHERS, [run_id, kind.value, batch_no])).fetchone()
    return bool(row and row[0])


async def workers(conn: Connection, run_id: int) -> int:
    """How many workers hold something of a run and show signs of life."""
    row = await (await conn.execute(_WORKERS, [run_id])).fetchone()
    return int(row[0]) if row else 0


async def of_older_program(conn: Connection, share_id: int) -> tuple[int, str] | None:
    """Run number and worker of a batch that a program has in hand which does not know what this one knows; None if there is none."""
    row = await (await conn.execute(_OLDER, [share_id, KNOWS])).fetchone()
    return None if row is None else (row[0], row[1])


async def done(conn: Connection, run_id: int) -> int:
    """How many batches of a run are committed."""
    row = await (await conn.execute(_DONE, [run_id])).fetchone()
    return int(row[0]) if row else 0


async def end(conn: Connection, run_id: int) -> None:
    """Give up whatever is open in a run that ends."""
    await conn.execute(_END, [run_id])


async def counters(conn: Connection, run_id: int) -> Counters:
    """The sum over a run's committed batches."""
    return Counters.from_wire(dict(await (await conn.execute(_COUNTERS, [run_id])).fetchall()))


async def course(conn: Connection, share_id: int, run_no: int, most: int) -> list[Stretch]:
    """What a run did, and when: its committed batches; of one that has more than ``most``, some, each of which stands for several."""
    args = {"share_id": share_id, "run_no": run_no, "most": most}
    rows = await (await conn.execute(_COURSE, args)).fetchall()
    return [
        Stretch(began, ended, {name: number * step for name, number in done.items()})
        for began, ended, done, step in rows
    ]


async def committed_segments(
    conn: Connection, share_id: int, after_run_no: int, up_to_run_no: int
) -> list[tuple[int, int]]:
    """``(run_no, batch_no)`` of the segments of runs in ``(after, up_to]``, in order."""
    rows = await (await conn.execute(_SEGMENTS, [share_id, after_run_no, up_to_run_no])).fetchall()
    return [(row[0], row[1]) for row in rows]


def fenced(run_id: int, batch_no: int) -> Fenced:
    """The error of a worker that came too late."""
    return Fenced(
        f"batch {batch_no} of run {run_id} is no longer ours: its lease ended and its work was given to others"
    )
