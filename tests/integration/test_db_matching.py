"""Search by name in the catalogue, against a plain model, on trees that Hypothesis invents: in slices, and in parts of slices."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.name_pattern import NamePattern
from shared.db import past
from shared.db.pool import make_pool
from shared.model.found import FoundNode, SearchPlace
from shared.model.page import FileRow
from tests.support.bare_tree import SHARE, bare_tree, store
from tests.support.catalogue import directory, page
from tests.support.trees import NOW, Tree, trees

some_patterns = st.sampled_from(
    ["*", "*.txt", "*.TXT", "a*", "*.*", "?", "*t?r*", "[a-m]*", "[!a-m]*.txt", "none such"]
)


@pytest.fixture(scope="module")
def conn(postgres_url_module):
    with bare_tree(postgres_url_module) as made:
        yield made


@st.composite
def searches(draw) -> tuple[Tree, NamePattern]:
    """A tree, and a pattern that is mostly made of one of its names."""
    tree = draw(trees())
    taken = sorted({node[1] for node in tree.nodes.values() if node[1]})
    text = draw(some_patterns)
    if taken and draw(st.booleans()):
        name = draw(st.sampled_from(taken))
        begin = draw(st.integers(0, len(name)))
        end = draw(st.integers(begin, len(name)))
        text = f"{'*' if begin else ''}{name[begin:end]}*".replace("[", "?")
    return tree, NamePattern.parse(text, ignore_case=draw(st.booleans()))


async def search(url: str, pattern: NamePattern, *, limit: int, pages: int) -> list[tuple[FoundNode, str]]:
    """All of it, part after part."""
    found: list[tuple[FoundNode, str]] = []
    at: SearchPlace | None = SearchPlace()
    async with make_pool(url) as pool:
        while at is not None:
            async with pool.connection() as made:
                some, at = await past.matching(made, SHARE, pattern.sql, after=at, limit=limit, pages=pages)
            assert len(some) <= limit
            found += some
    return found


@settings(max_examples=100, deadline=None)
@given(sought=searches(), limit=st.sampled_from([1, 2, 1000]), pages=st.sampled_from([1, 2, 1000]))
def test_it_finds_the_nodes_whose_names_match_and_each_once(conn, postgres_url_module, sought, limit, pages):
    tree, pattern = sought
    store(conn, tree.rows)
    found = asyncio.run(search(postgres_url_module, pattern, limit=limit, pages=pages))
    root = directory(1)
    expected = [
        (FoundNode(node_id, parent, name, size, mtime), tree.path(node_id))
        for node_id, (parent, name, size, mtime, _) in tree.nodes.items()
        if node_id != root and pattern.matches(name)
    ]
    assert sorted(found, key=lambda one: one[0].node_id) == sorted(expected, key=lambda one: one[0].node_id)


@pytest.mark.parametrize("letters", ["abc", "日本語", "aéz"])
def test_names_that_begin_and_end_alike_are_found_by_all_of_their_characters(conn, postgres_url_module, letters):
    """They are kept without what they have in common."""
    names = [f"report-{letter}.docx" for letter in letters]
    rows = tuple(FileRow(name, slot, 1, NOW, 1) for slot, name in enumerate(names, 1))
    store(conn, [page(1, None, "", files=rows, next_slot=9)])
    for text in [*names, *letters, "report-", ".docx", "*"]:
        pattern = NamePattern.parse(text)
        found = asyncio.run(search(postgres_url_module, pattern, limit=9, pages=9))
        assert [node.name for node, _ in found] == [name for name in names if pattern.matches(name)], text
