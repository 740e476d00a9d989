"""The catalogue of one share in plain SQL, all of it at one moment, while workers go on."""

from dataclasses import dataclass, field
from typing import NamedTuple

import psycopg

from shared.formats import packed
from shared.model.page import Page

OPEN, COMMITTED, GIVEN_UP = 0, 1, 2
WORK = (0, 1)
"""Kinds of batches that write to the vault: directories and spans."""


class Run(NamedTuple):
    """A row of ``run``."""

    run_id: int
    run_no: int
    kind: str
    state: str
    next_batch_no: int
    errors: int
    is_active: bool


class Batch(NamedTuple):
    """A row of ``batch``."""

    run_no: int
    batch_no: int
    kind: int
    state: int
    segment_bytes: int
    bundle_bytes: list[int]
    segment_swept: bool


class Point(NamedTuple):
    """A row of ``restore_point``."""

    directories: int
    files: int
    bytes: int
    errors: int


@dataclass
class Catalogued:
    """What the tables say."""

    tenant_id: str
    share_id: int
    next_directory_no: int
    runs: dict[int, Run]
    batches: dict[tuple[int, int], Batch]
    points: dict[int, Point]
    expired: dict[int, Point]
    """Restore points that were let go."""
    pages: dict[tuple[int, int], Page]
    """By directory and number; tombstones included."""
    frontier: list[tuple[int, int, int, int | None]]
    """``run_id, node_id, state, batch_no``"""
    missing: list[tuple[int, int]]
    """``run_id, node_id``"""
    spans: list[tuple[int, int, int | None, bytes | None]]
    """``run_id, state, batch_no, digests``"""
    large_files: list[tuple[int]]
    permissions: set[str]
    totals: dict[int, tuple[int, int, int]]
    """Directories, files and bytes by top folder: ``rollup`` and what runs in progress have booked."""
    children: dict[int, list[Page]] = field(default_factory=dict)
    """Live directories by parent."""

    def __post_init__(self):
        for page in self.pages.values():
            if page.page_no == 0 and page.deleted_run is None:
                self.children.setdefault(page.parent_id or 0, []).append(page)

    def live(self):
        """Page 0 of every live directory, by node id."""
        return {node_id: p for (node_id, page_no), p in self.pages.items() if not page_no and p.deleted_run is None}

    def backups(self):
        """Runs that write to the tree."""
        return [run for run in self.runs.values() if run.kind in ("backup", "scan")]

    @property
    def is_busy(self):
        """Whether a backup is queued or at work."""
        return any(run.is_active for run in self.backups())

    @property
    def last_ended(self):
        """The newest backup that has ended, if any."""
        return max((run for run in self.backups() if not run.is_active), key=lambda run: run.run_no, default=None)

    def committed_segments(self, up_to_run_no=1 << 31):
        """``(run_no, batch_no)`` of segments that count, in order."""
        return sorted(
            key
            for key, b in self.batches.items()
            if b.state == COMMITTED and b.segment_bytes and not b.segment_swept and key[0] <= up_to_run_no
        )


def read(url, share_id):
    """The catalogue of a share as one transaction sees it."""
    with psycopg.connect(url) as conn:
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        conn.read_only = True

        def rows(query, *args):
            return conn.execute(query, args).fetchall()

        [(tenant_id, next_no)] = rows("SELECT tenant_id, next_directory_no FROM share WHERE share_id = %s", share_id)
        runs = rows(
            "SELECT run_id, run_no, kind, state, next_batch_no, coalesce((final_counters->>'errors')::int, 0),"
            " finished_at IS NULL"
            " FROM run WHERE share_id = %s",
            share_id,
        )
        batches = rows(
            "SELECT run_no, batch_no, kind, state, segment_bytes, bundle_bytes, segment_swept FROM batch WHERE share_id = %s",
            share_id,
        )
        points = rows(
            "SELECT run_no, directories, files, bytes, errors FROM restore_point WHERE share_id = %s", share_id
        )
        expired = rows(
            "SELECT run_no, directories, files, bytes, errors FROM expired_point WHERE share_id = %s", share_id
        )
        pages = {}
        if rows("SELECT to_regclass(%s)", f"page_{share_id}")[0][0]:
            found = rows(
                "SELECT page_id, parent_id, file_id, name, names, packed FROM page WHERE share_id = %s", share_id
            )
            for page_id, parent_id, file_id, name, names, data in found:
                file_id = None if file_id is None else file_id & (1 << 64) - 1
                page = packed.unpack(page_id, parent_id, file_id, name, names, data)
                pages[page.directory_id, page.page_no] = page
        own = "run_id IN (SELECT run_id FROM run WHERE share_id = %s)"
        return Catalogued(
            tenant_id=tenant_id,
            share_id=share_id,
            next_directory_no=next_no,
            runs={run[1]: Run(*run) for run in runs},
            batches={batch[:2]: Batch(*batch) for batch in batches},
            points={point[0]: Point(*point[1:]) for point in points},
            expired={point[0]: Point(*point[1:]) for point in expired},
            pages=pages,
            frontier=rows(f"SELECT run_id, node_id, state, batch_no FROM frontier WHERE {own}", share_id),
            missing=rows(f"SELECT run_id, node_id FROM missing WHERE {own}", share_id),
            spans=rows(f"SELECT run_id, state, batch_no, digests FROM span WHERE {own}", share_id),
            large_files=rows(f"SELECT run_id FROM large_file WHERE {own}", share_id),
            permissions={key for (key,) in rows("SELECT key FROM permission WHERE share_id = %s", share_id)},
            totals={
                top_id: tuple(map(int, numbers))
                for top_id, *numbers in rows(
                    "SELECT top_id, sum(directories), sum(files), sum(bytes) FROM ("
                    " SELECT top_id, directories, files, bytes FROM rollup WHERE share_id = %s UNION ALL"
                    " SELECT top_id, directories, files, bytes FROM rollup_change WHERE share_id = %s AND batch_no >= 0"
                    ") AS t GROUP BY top_id",
                    share_id,
                    share_id,
                )
            },
        )
