"""Manifests as the vault has them: what a set of segments says of every page, and the tree that follows from it.

This is how the catalogue could be rebuilt from the vault alone: of a page, the newest record counts, by run and batch.
"""

from dataclasses import dataclass, field

from shared.errors import IntegrityError
from shared.formats import segment
from shared.model.content import ContentKind
from shared.model.manifest import ManifestRef, PageRecord, SavedEntry
from shared.model.node import ROOT_ID

Key = tuple[int, int]


class Records:
    """The records of all segments read so far. Segments never change, so each is decoded once."""

    def __init__(self, stored):
        self._stored = stored
        self._of_segment: dict[Key, list[tuple[ManifestRef, PageRecord]]] = {}
        self.by_ref: dict[ManifestRef, PageRecord] = {}

    def load(self, segments):
        """Decode these segments; returns what is wrong with them."""
        problems = []
        for run_no, batch_no in segments:
            if (run_no, batch_no) in self._of_segment:
                continue
            name = f"segment/{run_no}/{batch_no}.fb"
            data = self._stored.objects.get(name)
            if data is None:
                problems.append(f"{name} is missing, and its batch is committed")
                continue
            try:
                found = [
                    (ManifestRef(run_no, batch_no, offset, length), record)
                    for offset, length, record in segment.read(data)
                ]
            except IntegrityError as error:
                problems.append(f"{name} cannot be read: {error}")
                continue
            self._of_segment[run_no, batch_no] = found
            self.by_ref.update(found)
            for ref, record in found:
                if record.run_no != run_no:
                    problems.append(f"{name}: the record at {ref.offset} says it is of run {record.run_no}")
        return problems

    def newest(self, segments):
        """Of every page the newest record in ``segments``: ``(directory_id, page_no)`` -> reference and record."""
        found: dict[Key, tuple[ManifestRef, PageRecord]] = {}
        for key in sorted(segments):
            for ref, record in self._of_segment.get(key, ()):
                found[record.directory_id, record.page_no] = (ref, record)
        return found

    def history_problems(self, swept):
        """Whether every record points where it says: to older records of its page, each of the depth that is claimed."""
        problems = []
        for ref, record in self.by_ref.items():
            what = f"record of page {record.page_no} of {record.directory_id} at {ref}"
            if record.ancestors and record.ancestors[0].depth != record.depth - 1:
                problems.append(f"{what} has depth {record.depth}, its predecessor {record.ancestors[0].depth}")
            for ancestor in record.ancestors:
                older = self.by_ref.get(ancestor.ref)
                if older is None and not swept.counts((ancestor.ref.run_no, ancestor.ref.batch_no)):
                    continue
                if older is None:
                    problems.append(f"{what} points to {ancestor.ref}, where no committed record is")
                elif (older.directory_id, older.page_no, older.depth) != (
                    record.directory_id,
                    record.page_no,
                    ancestor.depth,
                ):
                    problems.append(f"{what} points to {ancestor.ref}, which is another page's or of another depth")
        return problems


@dataclass
class Tree:
    """What a restore of some state would find."""

    nodes: dict[str, SavedEntry] = field(default_factory=dict)
    """By path, the root left out."""
    pages: dict[Key, ManifestRef] = field(default_factory=dict)
    directories: int = 1
    files: int = 0
    bytes: int = 0
    unsafe: list[str] = field(default_factory=list)
    """Paths of what was not saved, or not in its newest version; directories that were never listed."""
    problems: list[str] = field(default_factory=list)


def walk(newest):
    """The tree that the newest records make, from the root down."""
    tree = Tree()
    todo, visited = [("", ROOT_ID)], set()
    while todo:
        path, directory_id = todo.pop()
        if directory_id in visited:
            tree.problems.append(f"directory {directory_id} is met twice, the second time at {path!r}")
            continue
        visited.add(directory_id)
        if (directory_id, 0) not in newest:
            (tree.problems if not path else tree.unsafe).append(path)
            continue
        names = []
        for page_no in newest[directory_id, 0][1].page_nos:
            if (directory_id, page_no) not in newest:
                tree.problems.append(f"page {page_no} of {path!r} ({directory_id}) has no record")
                continue
            ref, record = newest[directory_id, page_no]
            tree.pages[directory_id, page_no] = ref
            for saved in record.entries:
                child = f"{path}/{saved.entry.name}" if path else saved.entry.name
                names.append(saved.entry.name)
                tree.nodes[child] = saved
                if saved.stale or saved.content.kind is ContentKind.UNSAVED:
                    tree.unsafe.append(child)
                if saved.entry.is_directory:
                    tree.directories += 1
                    todo.append((child, saved.node_id))
                else:
                    tree.files += 1
                    tree.bytes += saved.entry.size_bytes
                    if saved.node_id & ~0xFFFFFF != directory_id:
                        tree.problems.append(f"{child!r} has node id {saved.node_id}, its directory {directory_id}")
        if names != sorted(set(names)):
            tree.problems.append(f"the pages of {path!r} ({directory_id}) do not list each name once and in order")
    return tree
