"""The history of a page, grown record by record."""

from collections.abc import Iterable

from shared.core import history
from shared.model.manifest import Ancestor, ManifestRef, PageRecord


def extend_by_old_rule(
    previous: PageRecord | None, previous_ref: ManifestRef | None
) -> tuple[int, tuple[Ancestor, ...]]:
    """Depth and ancestors as releases before docs/adr/0010 made them: the lowest set bit of the depth is cleared again and again."""
    if previous is None or previous_ref is None:
        return 0, ()
    depth = older = previous.depth + 1
    known = {ancestor.depth: ancestor for ancestor in previous.ancestors}
    jumps = []
    while older:
        older &= older - 1
        jumps += [known[older]] if older in known else []
    return depth, (Ancestor(previous.depth, previous_ref), *jumps)


class Chain:
    """Records of one page, one per given run, each made from its predecessor alone; the first ones by the old rule if so asked."""

    def __init__(self, run_nos: Iterable[int], *, by_old_rule: int = 0) -> None:
        self.records: list[PageRecord] = []
        self.refs: list[ManifestRef] = []
        for at, run_no in enumerate(run_nos):
            previous = (self.records[-1], self.refs[-1]) if at else (None, None)
            depth, ancestors = (extend_by_old_rule if at < by_old_rule else history.extend)(*previous)
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
