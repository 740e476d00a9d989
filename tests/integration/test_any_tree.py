"""Whatever changes in a tree, the packed pages, the view, the questions and the roll-ups are what one row per node would say.

The model is a plain table: node id to parent, name, size, mtime and hash. Changes reach the catalogue as a backup's do: a
directory's entries are cut into pages, the rows of pages that differ are committed in a batch.
"""

import asyncio
from dataclasses import dataclass, replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from shared.core.paging import Bound, cut
from shared.db import catalogue, frontier, pages
from shared.model.page import DirectoryHead, FileRow, Page
from tests.support.catalogue import ROOT, empty, shelf

PAGE_ENTRIES = 4

# What makes names alike and yet different: case, composed and decomposed accents, code points beyond 16 bits, and length.
_odd = [
    "a",
    "A",
    "é",
    "e\u0301",
    "ß",
    "SS",
    "\uffff",
    "\U0001f600",
    "a" * 255,
    "a" * 254 + "b",
    "\U0001f600" * 127,
    "~",
    " ",
    ".",
]
_names = st.sampled_from(_odd) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0/"), min_size=1, max_size=12
)
_sizes = st.sampled_from([0, 1, 255, 256, 2**32, 2**42]) | st.integers(0, 70_000)
_mtimes = st.integers(1_700_000_000, 1_700_000_300) | st.sampled_from([-1, 0, 2**32])
_hashes = st.integers(0, 2**64 - 1)
_facts = st.tuples(_sizes, _mtimes, _hashes)


@dataclass(frozen=True)
class Node:
    parent: int | None
    name: str
    size: int | None
    mtime: int
    hash: int | None


@dataclass(frozen=True)
class Item:
    """An entry of a directory's listing as far as cutting cares."""

    name: str
    file: FileRow | None


class Tree(RuleBasedStateMachine):
    """A share's owner, a backup that sees each change, and a plain table of the result."""

    url: str

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.opened = shelf(self.url, connections=2)
        self.shelf = self.run(self.opened.__aenter__())
        self.nodes = {ROOT: Node(None, "", None, 0, None)}
        self.next_slot = {ROOT: 1}
        self.next_directory = 2
        self.rows = {ROOT: {0: Page(directory_id=ROOT, name="")}}

    def run(self, work):
        return self.loop.run_until_complete(work)

    def teardown(self):
        self.run(self.opened.__aexit__(None, None, None))
        self.loop.close()
        empty(self.url)

    # What the model knows

    def directories(self):
        return sorted(n for n, node in self.nodes.items() if node.size is None)

    def children(self, parent):
        return {n: node for n, node in self.nodes.items() if node.parent == parent}

    def below(self, node_id):
        found = [node_id]
        for child in self.children(node_id):
            found += self.below(child)
        return found

    def path(self, node_id):
        node = self.nodes[node_id]
        if node.parent is None:
            return ""
        above = self.path(node.parent)
        return f"{above}/{node.name}" if above else node.name

    # How a change reaches the catalogue

    def commit(self, directories, **fields):
        """Commit what the model now says of these directories, and return how many rows that took."""
        written = [row for node_id in sorted(set(directories)) for row in self.pages_of(node_id)]

        async def work():
            s = self.shelf
            async with s.catalogue.transaction() as conn:
                await frontier.add(conn, s.run_id, [(ROOT, 0)])
            claim = await s.claim()
            await s.catalogue.commit(s.batch(claim, pages=written, **fields))
            while await s.catalogue.take_missing(s.run_id, 2):
                pass

        self.run(work())
        for row in written:
            self.rows.setdefault(row.directory_id, {})[row.page_no] = row
        return len(written)

    def pages_of(self, node_id):
        """The rows of a directory that differ from those in the catalogue."""
        node, known = self.nodes[node_id], self.rows.get(node_id, {})
        items = [
            Item(
                child.name,
                None if child.size is None else FileRow(child.name, n & 0xFFFFFF, child.size, child.mtime, child.hash),
            )
            for n, child in self.children(node_id).items()
        ]
        live = [row for row in known.values() if row.page_no == 0 or row.deleted_run is None]
        bounds = sorted((Bound(r.page_no, r.name if r.page_no else "") for r in live), key=lambda b: b.lower)
        free = [row.page_no for row in known.values() if row.page_no and row.deleted_run is not None]
        slices = cut(
            sorted(items, key=lambda item: item.name),
            bounds,
            free=free,
            next_page_no=max(known, default=0) + 1,
            page_entries_max=PAGE_ENTRIES,
        )
        rows = []
        for s in slices:
            row = Page(
                directory_id=node_id, page_no=s.page_no, name=s.lower, files=tuple(i.file for i in s.entries if i.file)
            )
            if s.page_no == 0:
                row = replace(
                    row,
                    name=node.name,
                    parent_id=node.parent,
                    file_id=node_id if node.parent else None,
                    mtime=node.mtime,
                    fingerprint=node.hash,
                    next_slot=self.next_slot[node_id],
                )
            rows.append(row)
            rows += [
                Page(directory_id=node_id, page_no=n, name=known[n].name, deleted_run=self.shelf.run.run_no)
                for n in s.dissolved
            ]
        return [row for row in rows if known.get(row.page_no) != row]

    # What may happen

    @initialize(
        parents=st.lists(st.integers(0, 5), min_size=3, max_size=7),
        counts=st.lists(st.integers(0, 9), min_size=8, max_size=8),
    )
    def some_tree(self, parents, counts):
        """Something that can move: without it most of what Hypothesis does is build."""
        for number, above in enumerate(parents):
            parent = self.directories()[min(above, number)]
            self.make(parent, f"d{number}", 1_700_000_000, None)
        for node_id, count in zip(self.directories(), counts, strict=False):
            self.put_files(node_id, {f"f{n}": (n * 100, 1_700_000_000 + n, n) for n in range(count)})
        self.commit(self.directories())

    def make(self, parent, name, mtime, fingerprint):
        node_id, self.next_directory = self.next_directory << 24, self.next_directory + 1
        self.nodes[node_id] = Node(parent, name, None, mtime, fingerprint)
        self.next_slot[node_id] = 1
        return node_id

    def put_files(self, parent, wanted):
        taken = {node.name for node in self.children(parent).values()}
        for name in sorted(set(wanted) - taken):
            self.nodes[parent | self.next_slot[parent]] = Node(parent, name, *wanted[name])
            self.next_slot[parent] += 1

    @rule(data=st.data(), wanted=st.dictionaries(_names, _facts, min_size=1, max_size=10))
    def add(self, data, wanted):
        parent = data.draw(st.sampled_from(self.directories()))
        self.put_files(parent, wanted)
        self.commit([parent])

    @rule(data=st.data(), name=_names, mtime=_mtimes, fingerprint=st.none() | _hashes)
    def make_directory(self, data, name, mtime, fingerprint):
        parent = data.draw(st.sampled_from(self.directories()))
        if name in {node.name for node in self.children(parent).values()}:
            return
        self.commit([parent, self.make(parent, name, mtime, fingerprint)])

    def some(self, data, candidates):
        return data.draw(st.sampled_from(sorted(candidates))) if candidates else None

    def files(self):
        return [n for n, node in self.nodes.items() if node.size is not None]

    @precondition(lambda self: self.files())
    @rule(data=st.data(), facts=_facts)
    def change_a_file(self, data, facts):
        node_id = self.some(data, self.files())
        before = self.nodes[node_id]
        self.nodes[node_id] = Node(before.parent, before.name, *facts)
        assert self.commit([before.parent]) <= 1, "one file is on one page"

    @precondition(lambda self: self.files())
    @rule(data=st.data())
    def delete_files(self, data):
        gone = data.draw(st.sets(st.sampled_from(sorted(self.files())), min_size=1, max_size=12))
        parents = {self.nodes[n].parent for n in gone}
        for node_id in gone:
            del self.nodes[node_id]
        self.commit(parents)

    @precondition(lambda self: self.files())
    @rule(data=st.data(), name=_names)
    def rename_a_file(self, data, name):
        """It keeps its node id."""
        node_id = self.some(data, self.files())
        before = self.nodes[node_id]
        if name in {node.name for node in self.children(before.parent).values()}:
            return
        self.nodes[node_id] = replace(before, name=name)
        self.commit([before.parent])

    @precondition(lambda self: self.files())
    @rule(data=st.data())
    def move_a_file(self, data):
        """Another directory gives it a number of its own."""
        node_id = self.some(data, self.files())
        before = self.nodes[node_id]
        target = data.draw(st.sampled_from(self.directories()))
        if before.name in {node.name for node in self.children(target).values()}:
            return
        del self.nodes[node_id]
        self.nodes[target | self.next_slot[target]] = replace(before, parent=target)
        self.next_slot[target] += 1
        self.commit([before.parent, target])

    @precondition(lambda self: len(self.directories()) > 1)
    @rule(data=st.data(), name=_names, stay=st.booleans(), with_row=st.booleans())
    def move_a_directory(self, data, name, stay, with_row):
        """One row, whatever is below: alone, or with the directory's own changes."""
        node_id = self.some(data, self.directories()[1:])
        before = self.nodes[node_id]
        targets = [d for d in self.directories() if d not in self.below(node_id)]
        target = before.parent if stay else data.draw(st.sampled_from(targets))
        if name in {node.name for n, node in self.children(target).items() if n != node_id}:
            return
        after = self.nodes[node_id] = replace(before, parent=target, name=name)
        if with_row:
            self.commit([node_id, before.parent, target])
            return
        head = DirectoryHead(
            node_id=node_id, parent_id=target, name=name, file_id=node_id, mtime=after.mtime, fingerprint=after.hash
        )
        self.rows[node_id][0] = replace(self.rows[node_id][0], parent_id=target, name=name)
        assert self.pages_of(node_id) == [], "what is in a directory has no part in its move"
        self.commit([before.parent, target], placed=[head])

    @precondition(lambda self: len(self.directories()) > 1)
    @rule(data=st.data())
    def delete_a_directory(self, data):
        node_id = self.some(data, self.directories()[1:])
        parent = self.nodes[node_id].parent
        for gone in self.below(node_id):
            del self.nodes[gone]
            self.rows.pop(gone, None)
        self.commit([parent], missing=[(node_id, parent)])

    @rule()
    def next_night(self):
        async def work():
            await self.shelf.finish()
            await self.shelf.new_run()
            await self.shelf.seeded()

        self.run(work())

    # What is true all the time

    @invariant()
    def the_view_is_the_plain_table(self):
        if self.shelf.run.run_no == 1 and not self.rows:
            return
        expected = {
            (n, node.parent, node.name, node.size, node.mtime, _signed(node.hash)) for n, node in self.nodes.items()
        }
        assert set(self.ask("SELECT * FROM node")) == expected

    @invariant()
    def the_packed_pages_are_the_plain_table(self):
        found = self.run(self.shelf.catalogue.pages(self.shelf.share_id, self.directories()))
        for node_id, rows in found.items():
            live = {row.page_no: row for row in rows if row.page_no == 0 or row.deleted_run is None}
            assert live == {n: row for n, row in self.rows[node_id].items() if n == 0 or row.deleted_run is None}
            files = {
                node_id | f.slot: (f.name, f.size_bytes, f.mtime, f.hash) for row in live.values() for f in row.files
            }
            assert files == {
                n: (c.name, c.size, c.mtime, c.hash) for n, c in self.children(node_id).items() if c.size is not None
            }
            assert all(len(row.files) <= PAGE_ENTRIES for row in live.values())

    @invariant()
    def top_folders_add_up(self):
        tops = {ROOT: [ROOT, *(n for n, c in self.children(ROOT).items() if c.size is not None)]}
        tops |= {n: self.below(n) for n, node in self.children(ROOT).items() if node.size is None}
        expected = set()
        for top_id, inside in tops.items():
            sizes = [self.nodes[n].size for n in inside if self.nodes[n].size is not None]
            expected.add((top_id, self.nodes[top_id].name, len(inside) - len(sizes), len(sizes), sum(sizes)))
        assert set(self.ask("SELECT * FROM top_folders()")) == expected

    @rule(data=st.data(), most=st.integers(1, 6))
    def questions_about_a_place(self, data, most):
        node_id = data.draw(st.sampled_from(sorted(self.nodes)))
        path = self.path(node_id)
        assert self.ask("SELECT node_path(%s), node_at(%s)", node_id, path) == [(path, node_id)]
        directory_id = data.draw(st.sampled_from(self.directories()))
        names = sorted(node.name for node in self.children(directory_id).values())
        after = data.draw(st.sampled_from(["", *names]))
        listed = self.ask("SELECT name FROM node_children(%s, %s, %s)", directory_id, after, most)
        assert [name for (name,) in listed] == [name for name in names if name > after][:most]

    def ask(self, text, *args):
        async def work():
            async with self.shelf.catalogue.transaction() as conn:
                await pages.choose_share(conn, self.shelf.share_id)
                return await (await conn.execute(text.encode(), args)).fetchall()

        return self.run(work())


def _signed(number):
    return None if number is None else number - (1 << 64) if number >> 63 else number


@pytest.mark.slow
@pytest.mark.timeout(900)  # a failure is made small first
@pytest.mark.parametrize("examples", [12, pytest.param(80, marks=pytest.mark.torture)])
def test_any_tree_through_any_changes(catalogue_url, monkeypatch, examples):
    monkeypatch.setattr(catalogue, "DELETED_PAGES", 2)
    machine = type("TreeInThisDatabase", (Tree,), {"url": catalogue_url})
    run_state_machine_as_test(machine, settings=settings(max_examples=examples, stateful_step_count=25, deadline=None))
