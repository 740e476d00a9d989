"""DESIGN 6, sentences 3 and 5: the live tree in the catalogue against the manifests its rows name, and against itself."""

from collections import Counter

from shared.core import xorhash
from shared.core.fingerprint import entries_fingerprint
from shared.model import ticks
from shared.model.content import ContentKind
from shared.model.node import ROOT_ID
from shared.model.page import FileRow


class TreeLaws:
    """What must hold of the live tree. ``problems`` says what does not.

    :param settled: no run is at work, and the last one committed a restore point: nothing may be half-way.
    """

    def __init__(self, catalogued, records, swept):
        self._catalogued, self._records, self._swept = catalogued, records, swept
        last = catalogued.last_ended
        self._settled = not catalogued.is_busy and last is not None and last.run_no in catalogued.points
        self._faultless = self._settled and not last.errors
        self._live = catalogued.live()
        self._missed = {node_id for _, node_id in catalogued.missing}
        self._pages = {}
        for (directory_id, page_no), page in sorted(catalogued.pages.items()):
            if directory_id in self._live and page.deleted_run is None:
                self._pages.setdefault(directory_id, {})[page_no] = page
        self._newest = records.newest(catalogued.committed_segments())

    def problems(self):
        problems = []
        for directory_id, page in sorted(self._live.items()):
            told = [*self._place(page), *self._rows(page)]
            if page.manifest is not None:
                told += self._named_pages(page)
                told += self._children(page)
            told += self._fingerprint(page)
            problems += [f"directory {page.name!r} ({directory_id}): {problem}" for problem in told]
        return problems + self._unique() + self._rollups() + self._newest_problems()

    # ------------------------------------------------------------------------------------------------- one directory

    def _place(self, page):
        if page.directory_id >> 24 >= self._catalogued.next_directory_no:
            yield "its number was never given out"
        if page.directory_id == ROOT_ID:
            if page.parent_id is not None:
                yield f"the root has a parent: {page.parent_id}"
            return
        if page.parent_id not in self._live and page.directory_id not in self._missed:
            yield f"its parent {page.parent_id} is not live, and it is not queued for deletion"
        seen, at = set(), page
        while at is not None and at.directory_id != ROOT_ID:
            if at.directory_id in seen:
                yield "it is above itself"
                return
            seen.add(at.directory_id)
            at = self._catalogued.pages.get((at.parent_id, 0))

    def _rows(self, first):
        pages = self._pages[first.directory_id]
        lowers = sorted([("", 0), *((page.name, page_no) for page_no, page in pages.items() if page_no)])
        slots = Counter(file.slot for page in pages.values() for file in page.files)
        if slots and (max(slots) >= first.next_slot or min(slots) < 1):
            yield f"slots {min(slots)} to {max(slots)} are given out, the next one is {first.next_slot}"
        for slot, count in slots.items():
            if count > 1:
                yield f"{count} files have slot {slot}"
        for (lower, page_no), following in zip(lowers, [*(low for low, _ in lowers[1:]), None], strict=True):
            page = pages[page_no]
            names = [file.name for file in page.files]
            if names != sorted(set(names)):
                yield f"page {page_no} does not have each name once and in order"
            if any(name < lower or (following is not None and name >= following) for name in names):
                yield f"page {page_no} has names that belong to another page"
            yield from self._against_manifest(page)

    def _against_manifest(self, page):
        if page.manifest is None:
            if page.files:
                yield f"page {page.page_no} has files and no manifest"
            if page.fingerprint is not None or page.page_fingerprint is not None:
                yield f"page {page.page_no} has a fingerprint and no manifest"
            return
        record = self._records.by_ref.get(page.manifest)
        if record is None:
            yield f"page {page.page_no} names manifest {page.manifest}, and there is no committed record"
            return
        if (record.directory_id, record.page_no) != (page.directory_id, page.page_no):
            yield f"page {page.page_no} names a manifest of page {record.page_no} of {record.directory_id}"
        saved = tuple(_row(one) for one in record.entries if not one.entry.is_directory)
        if saved != page.files:
            odd = sorted({file.name for file in set(saved) ^ set(page.files)})
            yield f"page {page.page_no} and its manifest disagree about {odd[:5]}"
        if page.page_fingerprint is not None:
            if page.page_fingerprint != entries_fingerprint([one.entry for one in record.entries]):
                yield f"the fingerprint of page {page.page_no} is not that of its manifest's entries"
            yield from self._unsafe(record, f"page {page.page_no} has a fingerprint")

    def _unsafe(self, record, although):
        unsafe = [one.entry.name for one in record.entries if one.stale or one.content.kind is ContentKind.UNSAVED]
        if unsafe:
            yield f"{although}, although these are not saved: {unsafe[:5]}"

    def _entries(self, directory_id):
        for page in self._pages[directory_id].values():
            record = self._records.by_ref.get(page.manifest) if page.manifest is not None else None
            yield from ((one, page) for one in (record.entries if record is not None else ()))

    def _named_pages(self, first):
        record = self._records.by_ref.get(first.manifest)
        if record is None or (first.directory_id in self._missed and not self._settled):
            return
        named, live = sorted(record.page_nos), sorted(self._pages[first.directory_id])
        if named != live:
            yield f"its manifest names pages {named[:9]}, {live[:9]} are live"

    def _children(self, first):
        """Every subdirectory that the manifests name has a row of its own here, and the other way round."""
        whole = self._settled or first.fingerprint is not None
        named = set()
        for one, page in self._entries(first.directory_id):
            if not one.entry.is_directory:
                continue
            named.add(one.node_id)
            child = self._live.get(one.node_id)
            if child is None:
                if whole:
                    yield f"subdirectory {one.entry.name!r} ({one.node_id}) has no live row"
            elif child.file_id != one.entry.file_id:
                yield f"subdirectory {one.entry.name!r} has FileId {one.entry.file_id}, its row {child.file_id}"
            elif child.parent_id != first.directory_id:
                if self._settled or not self._moved_on(child, page):
                    yield f"subdirectory {one.entry.name!r} ({one.node_id}) is elsewhere: below {child.parent_id}"
            elif child.name != one.entry.name and whole:
                yield f"subdirectory {one.entry.name!r} ({one.node_id}) is called {child.name!r} in its row"
        if whole:
            for child in self._catalogued.children.get(first.directory_id, ()):
                unnamed = child.directory_id not in named
                if unnamed and (self._settled or child.directory_id not in self._missed):
                    yield f"no manifest names its live subdirectory {child.name!r} ({child.directory_id})"

    def _moved_on(self, child, page):
        """Whether a directory that ``page`` names was found elsewhere by a later run, which has not come here yet."""
        if child.parent_id not in self._live:
            return False
        return any(
            one.node_id == child.directory_id and where.manifest.run_no > page.manifest.run_no
            for one, where in self._entries(child.parent_id)
        )

    def _fingerprint(self, first):
        if first.fingerprint is None:
            if self._faultless:
                yield "it has no fingerprint, although the last run had no errors"
            return
        for page in self._pages[first.directory_id].values():
            record = self._records.by_ref.get(page.manifest) if page.manifest is not None else None
            if record is None:
                yield f"it has a fingerprint, and page {page.page_no} has no manifest"
            else:
                yield from self._unsafe(record, "it has a fingerprint")

    # --------------------------------------------------------------------------------------------------- all of them

    def _unique(self):
        counted = Counter(page.file_id for node_id, page in self._live.items() if node_id != ROOT_ID)
        return [f"{count} live directories have FileId {file_id}" for file_id, count in counted.items() if count > 1]

    def _newest_problems(self):
        """Rebuilt from the vault, every page would be the one that its row names."""
        problems = []
        for key, (ref, _) in self._newest.items():
            row = self._catalogued.pages.get(key)
            if row is None and self._swept.is_dropped(key, ref.run_no):
                continue
            if row is not None and row.deleted_run is not None and self._swept.is_dropped(key, ref.run_no):
                continue  # listed, and about to go
            if row is None or row.manifest != ref:
                named = row.manifest if row is not None else "no row"
                problems.append(
                    f"page {key[1]} of {key[0]}: the newest committed manifest is {ref}, its row names {named}"
                )
        return problems

    def _rollups(self):
        sums = {ROOT_ID: [0, 0, 0]}
        for directory_id, first in self._live.items():
            numbers = sums.setdefault(self._top(first), [0, 0, 0])
            numbers[0] += 1
            for page in self._pages[directory_id].values():
                numbers[1] += len(page.files)
                numbers[2] += sum(file.size_bytes for file in page.files)
        zero = (0, 0, 0)
        return [
            f"top folder {top_id}: the roll-up says {self._catalogued.totals.get(top_id, zero)},"
            f" its rows {tuple(sums.get(top_id, zero))}"
            for top_id in sorted(sums.keys() | self._catalogued.totals.keys())
            if self._catalogued.totals.get(top_id, zero) != tuple(sums.get(top_id, zero))
        ]

    def _top(self, page):
        """The directory right below the root that a directory is in, tombstones included."""
        for _ in range(1000):
            if page is None or page.directory_id == ROOT_ID:
                return ROOT_ID
            if page.parent_id == ROOT_ID:
                return page.directory_id
            page = self._catalogued.pages.get((page.parent_id, 0))
        return ROOT_ID


def _row(saved):
    return FileRow(
        name=saved.entry.name,
        slot=saved.node_id & 0xFFFFFF,
        size_bytes=saved.entry.size_bytes,
        mtime=ticks.to_unix(saved.entry.written),
        hash=xorhash.fold(saved.quickxor) if saved.quickxor else 0,
    )
