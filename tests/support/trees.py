"""Small trees that Hypothesis invents, as rows and as what they mean."""

from dataclasses import dataclass, field

from hypothesis import strategies as st

from shared.model.page import FileRow, Page
from tests.support.catalogue import directory, page
from tests.support.pages import names

NOW = 1_800_000_000


@dataclass
class Tree:
    """A tree as rows and as what they mean: node id to (parent, name, size, mtime, hash)."""

    rows: list[Page] = field(default_factory=list)
    nodes: dict[int, tuple] = field(default_factory=dict)
    deleted: list[int] = field(default_factory=list)

    def path(self, node_id: int) -> str:
        parent, name, *_ = self.nodes[node_id]
        above = self.path(parent) if parent else ""
        return f"{above}/{name}" if above else name

    def children(self, node_id: int) -> list[tuple]:
        found = [(n, *rest) for n, rest in self.nodes.items() if rest[0] == node_id]
        return sorted(found, key=lambda node: node[2])

    def files(self) -> list[tuple]:
        return [(n, *rest) for n, rest in self.nodes.items() if rest[2] is not None]

    def below(self, node_id: int) -> list[tuple]:
        found = [(node_id, *self.nodes[node_id])]
        for child in self.children(node_id):
            found += self.below(child[0]) if child[3] is None else [child]
        return found


_file_names = st.builds(
    lambda stem, ending: stem + ending, names, st.sampled_from(["", ".txt", ".TXT", ".tar.gz", "."])
).filter(bool)
_sizes = st.sampled_from([0, 1, 9, 10, 99, 10**6, 2**40]) | st.integers(0, 5000)
_mtimes = st.integers(NOW - 200_000_000, NOW + 1000)


@st.composite
def trees(draw):
    """Up to eight directories, some deleted; files in pages of up to three, so that boundaries are everywhere."""
    tree = Tree()
    for number in range(1, draw(st.integers(1, 8)) + 1):
        parent = 0 if number == 1 else draw(st.integers(1, number - 1))
        taken = {node[1] for node in tree.nodes.values() if parent and node[0] == directory(parent)}
        name = "" if number == 1 else draw(names.filter(lambda n, taken=taken: n and n not in taken))
        if number > 1 and (draw(st.integers(0, 9)) == 0 or directory(parent) in tree.deleted):
            tree.rows.append(page(number, parent, name, deleted_run=3, next_slot=5))
            tree.deleted.append(directory(number))
            continue
        chosen = sorted(draw(st.sets(_file_names, max_size=9)))
        counting = draw(st.booleans())
        numbers = list(range(1, len(chosen) + 1)) if counting else draw(st.permutations(range(2, len(chosen) + 2)))
        rows = [
            FileRow(n, slot, draw(_sizes), draw(_mtimes), draw(st.integers(0, 3)))
            for n, slot in zip(chosen, numbers, strict=True)
        ]
        parts = [rows[i : i + 3] for i in range(0, len(rows), 3)] or [[]]
        for page_no, part in enumerate(parts):
            if page_no == 0:
                tree.rows.append(
                    page(number, parent or None, name, files=tuple(part), next_slot=max(numbers, default=0) + 1)
                )
            else:
                lower = part[0].name
                tree.rows.append(Page(directory_id=directory(number), page_no=page_no, name=lower, files=tuple(part)))
        if draw(st.booleans()):
            gone = Page(directory_id=directory(number), page_no=len(parts), name="zz", deleted_run=2)
            tree.rows.append(gone)
        tree.nodes[directory(number)] = (directory(parent) if parent else None, name, None, number, None)
        for row in rows:
            tree.nodes[directory(number) | row.slot] = (
                directory(number),
                row.name,
                row.size_bytes,
                row.mtime,
                row.hash,
            )
    # A name is a directory's or a file's.
    for node_id, (parent, name, size, *_) in list(tree.nodes.items()):
        twin = [n for n, other in tree.nodes.items() if other[0] == parent and other[1] == name and n != node_id]
        if size is None and twin:
            tree.rows = [_without(row, twin) for row in tree.rows]
            for n in twin:
                del tree.nodes[n]
    return tree


def _without(row: Page, node_ids: list[int]) -> Page:
    kept = tuple(f for f in row.files if row.directory_id | f.slot not in node_ids)
    if len(kept) == len(row.files):
        return row
    return Page(**{name: getattr(row, name) for name in Page.__slots__} | {"files": kept, "next_slot": row.next_slot})
