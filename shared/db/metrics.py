"""What the catalogue says of all shares and runs, as metrics: the same whichever process is asked."""

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Iterator
from typing import Final, LiteralString

from shared.db.pool import Connection
from shared.db.run_totals import RunTotals
from shared.model import metric as m
from shared.model.metric import Family, Metric, Sample

AGE_S: Final = 10.0
"""Answers are at most this old: whoever scrapes more often, or several at once, cost the catalogue no more."""

_TENANTS: Final[LiteralString] = "SELECT count(*) FROM tenant WHERE deleted_at IS NULL"
_ACTIVE: Final[LiteralString] = """
    SELECT kind, state, count(*) FROM run
     WHERE state IN ('queued', 'running', 'paused', 'cancelling')
  GROUP BY kind, state
"""
_POINTS: Final[LiteralString] = """
    SELECT s.tenant_id, s.share_id, s.name, p.taken_at, p.files, p.bytes
      FROM share AS s
      JOIN tenant AS t USING (tenant_id)
      LEFT JOIN share_total AS p USING (share_id)
     WHERE s.deleted_at IS NULL AND t.deleted_at IS NULL
  ORDER BY s.tenant_id, s.share_id
"""
# These tables hold what active runs have left and nothing else.
_LEFT: Final[LiteralString] = """
    SELECT run.tenant_id, run.share_id, run.kind, sum(work.items)::bigint
      FROM (
               SELECT run_id, count(*) AS items FROM frontier GROUP BY run_id
         UNION ALL
               SELECT run_id, sum(spans_left) FROM large_file GROUP BY run_id
         UNION ALL
               SELECT run_id, count(*) FROM restore_frontier GROUP BY run_id
         UNION ALL
               SELECT run_id, count(*) FROM verify_item GROUP BY run_id
         UNION ALL
               SELECT run_id, count(*) FROM rebuild_item GROUP BY run_id
         UNION ALL
               SELECT run_id, count(*) FROM sweep_item GROUP BY run_id
           ) AS work
      JOIN run USING (run_id)
     WHERE run.state IN ('queued', 'running', 'paused', 'cancelling')
  GROUP BY run.tenant_id, run.share_id, run.kind
  ORDER BY run.tenant_id, run.share_id, run.kind
"""
_HELD: Final[LiteralString] = """
    SELECT count(*), count(*) FILTER (WHERE batch.lease_until < now()),
           coalesce(extract(epoch FROM now() - min(batch.claimed_at)), 0)::float8
      FROM run JOIN batch USING (run_id)
     WHERE run.state IN ('queued', 'running', 'paused', 'cancelling') AND batch.state = 0
"""
_BRAKED: Final[LiteralString] = "SELECT count(*) FROM pace WHERE top IS NOT NULL"

_CLASSES: Final = (
    ("files", "list", "files_lists"),
    ("files", "read", "files_reads"),
    ("files", "write", "files_writes"),
    ("vault", "write", "vault_writes"),
    ("vault", "read", "vault_reads"),
)


class CatalogueMetrics:
    """Reads the metrics of the catalogue, and remembers them for a few seconds."""

    def __init__(self, *, per_share: bool) -> None:
        self._per_share = per_share
        self._totals = RunTotals()
        self._families: list[Family] = []
        self._read_at: dt.datetime | None = None
        self._reading = asyncio.Lock()

    async def families(self, conn: Connection, now: dt.datetime) -> list[Family]:
        """Everything as it is now, or was a few seconds ago."""
        async with self._reading:
            if self._read_at is None or (now - self._read_at).total_seconds() >= AGE_S:
                await self._totals.advance(conn)
                self._families = [
                    *await _shares(conn, now, per_share=self._per_share),
                    *await _active(conn, per_share=self._per_share),
                    *self._ended(),
                ]
                self._read_at = now
            return self._families

    def _ended(self) -> Iterator[Family]:
        ended, sums = self._totals.ended, sorted(self._totals.sums.items())
        yield m.RUNS_ENDED, [Sample(labels, count) for labels, count in sorted(ended.items())]
        for metric, name in ((m.RUN_ERRORS, "errors"), (m.RUN_FILES, "files"), (m.RUN_BYTES, "bytes")):
            yield metric, [Sample((kind,), of_kind[name]) for kind, of_kind in sums]
        backups = self._totals.sums.get("backup", Counter())
        yield _one(m.SAVED_FILES, backups["changed_files"])
        yield _one(m.SAVED_BYTES, backups["changed_bytes"])
        yield _one(m.VAULT_BYTES, sum(of_kind["vault_bytes"] for _, of_kind in sums))
        yield (
            m.RUN_REQUESTS,
            [Sample((service, kind), sum(of_kind[name] for _, of_kind in sums)) for service, kind, name in _CLASSES],
        )


def _one(metric: Metric, value: float) -> Family:
    return metric, [Sample((), value)]


async def _number(conn: Connection, statement: LiteralString) -> int:
    row = await (await conn.execute(statement)).fetchone()
    return int(row[0]) if row else 0


async def _shares(conn: Connection, now: dt.datetime, *, per_share: bool) -> list[Family]:
    rows = await (await conn.execute(_POINTS)).fetchall()
    with_point = [row for row in rows if row[3] is not None]
    ages = [(now - row[3]).total_seconds() for row in with_point]
    found: list[Family] = [
        _one(m.TENANTS, await _number(conn, _TENANTS)),
        _one(m.SHARES, len(rows)),
        _one(m.SHARES_WITHOUT_POINT, len(rows) - len(with_point)),
        (m.SHARES_OLDER, [Sample((str(bound),), sum(age > bound for age in ages)) for bound in m.AGES_S]),
        (m.OLDEST_POINT, [Sample((), round(max(ages), 3))] if ages else []),
        _one(m.PROTECTED_FILES, sum(row[4] for row in with_point)),
        _one(m.PROTECTED_BYTES, sum(row[5] for row in with_point)),
    ]
    if per_share:
        names = [(row[0], str(row[1]), row[2]) for row in with_point]
        found += [
            (m.POINT_AGE, [Sample(name, round(age, 3)) for name, age in zip(names, ages, strict=True)]),
            (m.SHARE_FILES, [Sample(name, row[4]) for name, row in zip(names, with_point, strict=True)]),
            (m.SHARE_BYTES, [Sample(name, row[5]) for name, row in zip(names, with_point, strict=True)]),
        ]
    return found


async def _active(conn: Connection, *, per_share: bool) -> list[Family]:
    active = await (await conn.execute(_ACTIVE)).fetchall()
    left = await (await conn.execute(_LEFT)).fetchall()
    by_kind: dict[str, int] = {kind: 0 for kind, _, _ in sorted(active)}
    for _, _, kind, items in left:
        by_kind[kind] = by_kind.get(kind, 0) + items
    held = await (await conn.execute(_HELD)).fetchone() or (0, 0, 0.0)
    found: list[Family] = [
        (m.RUNS_ACTIVE, [Sample((kind, state), count) for kind, state, count in sorted(active)]),
        (m.WORK_LEFT, [Sample((kind,), items) for kind, items in by_kind.items()]),
        _one(m.BATCHES_HELD, held[0]),
        _one(m.BATCHES_OVERDUE, held[1]),
        _one(m.BATCH_AGE, round(held[2], 3)),
        _one(m.SHARES_PACED, await _number(conn, _BRAKED)),
    ]
    if per_share:
        found.append((m.SHARE_LEFT, [Sample((row[0], str(row[1]), row[2]), row[3]) for row in left]))
    return found
