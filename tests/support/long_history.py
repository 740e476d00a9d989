"""A share with a thousand backups behind it, made at the level of formats and rows: a thousand real backups would take an hour.

What is written is what backups write: a segment per batch with records that :func:`shared.core.history.extend` links, and the rows
that point to the newest of them. What each directory held at each run follows from its number alone (:func:`names_at`).
"""

import datetime as dt
from dataclasses import dataclass, field

from shared.adapters.metering import Meter
from shared.core import history
from shared.db import pages, restore_points
from shared.formats.segment import SegmentWriter
from shared.model.content import NO_CONTENT
from shared.model.manifest import ManifestRef, PageRecord, SavedEntry
from shared.model.node import ROOT_ID
from shared.model.objects import segment_name
from shared.model.page import Page
from shared.model.run import RestorePoint
from shared.usecases.together import together
from tests.support.records import entry

PAGE_NAMES = 40
"""More than half of a page, so that neighbours do not merge."""


@dataclass
class LongDirectory:
    """A directory whose page k has a record at every run of ``runs[k]``, written by a batch of its own."""

    number: int
    runs: list[range]
    steady: bool = False
    """The names that stay are of files that do not change."""
    records: dict[int, PageRecord] = field(default_factory=dict)
    refs: dict[int, ManifestRef] = field(default_factory=dict)

    @property
    def node_id(self) -> int:
        return self.number << 24

    def entries(self, page_no: int, run_no: int) -> tuple[SavedEntry, ...]:
        """Names that stay, and one that says which run this is."""
        names = sorted([*(f"{page_no:03d}-{n:03d}" for n in range(PAGE_NAMES)), f"{page_no:03d}-at run {run_no}"])
        return tuple(
            SavedEntry(entry(name, size_bytes=at, changed=at), self.node_id | page_no * 1000 + n + 1, at, NO_CONTENT)
            for n, name in enumerate(names)
            for at in [1 if self.steady and "run" not in name else run_no]
        )

    def shown(self, run_no: int) -> list[tuple[str, int]]:
        """Names and sizes of what the directory held at a run, from the ranges alone."""
        newest = [max((r for r in runs if r <= run_no), default=None) for runs in self.runs]
        return [
            (saved.entry.name, saved.entry.size_bytes)
            for page_no, at in enumerate(newest)
            if at is not None
            for saved in self.entries(page_no, at)
        ]


async def write(files, directories: list[LongDirectory]) -> None:
    """Put the records of ``directories`` in the vault of a world's share, and the rows in its catalogue."""
    share_id = files.share.share_id
    vault = files.app.vaults.vault(files.share.tenant_id, Meter())
    await vault.prepare()
    last = max(run_no for d in directories for runs in d.runs for run_no in runs)
    for run_no in range(1, last + 1):
        batch_no, puts = 0, []
        for d in directories:
            for page_no, runs in enumerate(d.runs):
                if run_no not in runs:
                    continue
                batch_no += 1
                depth, ancestors = history.extend(d.records.get(page_no), d.refs.get(page_no))
                page_nos = tuple(range(len(d.runs))) if page_no == 0 else (0,)
                entries = d.entries(page_no, run_no)
                record = PageRecord(d.node_id, page_no, run_no, depth, ancestors, entries, page_nos)
                segment = SegmentWriter()
                where = segment.add(record)
                puts.append(vault.put(segment_name(share_id, run_no, batch_no), segment.finish()))
                d.records[page_no], d.refs[page_no] = record, ManifestRef(run_no, batch_no, *where)
        assert all(await together(puts))
    async with files.app.transaction() as conn:
        await pages.create_partition(conn, share_id)
        await pages.upsert(conn, share_id, [row for d in directories for row in _rows(d)])


async def add_points(files, run_nos: range) -> None:
    """Make restore points of runs."""
    moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    async with files.app.transaction() as conn:
        for run_no in run_nos:
            point = RestorePoint(
                run_no=run_no, taken_at=moment, committed_at=moment, directories=1, files=1, bytes=1, errors=0
            )
            await restore_points.add(conn, files.share.share_id, point)


def _rows(d: LongDirectory) -> list[Page]:
    first = Page(
        directory_id=d.node_id, name=f"d{d.number}", parent_id=ROOT_ID, file_id=d.number, manifest=d.refs[0], mtime=1
    )
    return [
        first,
        *(
            Page(directory_id=d.node_id, page_no=page_no, name=d.entries(page_no, 1)[0].entry.name, manifest=ref)
            for page_no, ref in d.refs.items()
            if page_no
        ),
    ]
