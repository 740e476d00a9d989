"""The history of a page, grown record by record."""

from collections.abc import Iterable

from shared.core import history
from shared.model.manifest import ManifestRef, PageRecord


class Chain:
    """Records of one page, one per given run, each made from its predecessor alone."""

    def __init__(self, run_nos: Iterable[int]) -> None:
        self.records: list[PageRecord] = []
        self.refs: list[ManifestRef] = []
        for at, run_no in enumerate(run_nos):
            previous = (self.records[-1], self.refs[-1]) if at else (None, None)
            depth, ancestors = history.extend(*previous)
            self.records.append(PageRecord(1 << 24, 0, run_no, depth, ancestors, ()))
            self.refs.append(ManifestRef(run_no, at, 0, 0))  # the batch number tells them apart

    def walk(self, head: int, run_no: int) -> list[PageRecord]:
        """Records read on the way from ``head``, itself not counted, to the newest that is not newer than ``run_no``."""
        record, read = self.records[head], list[PageRecord]()
        while record.run_no > run_no:
            ref = history.next_hop(record, run_no)
            if ref is None:
                break
            record = self.records[ref.batch_no]
            read.append(record)
        return read

    def find(self, head: int, run_no: int) -> PageRecord | None:
        """The record that was newest at ``run_no``."""
        found = [self.records[head], *self.walk(head, run_no)][-1]
        return found if found.run_no <= run_no else None
