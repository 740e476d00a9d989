"""What a preview says of rules is what a backup would do: it is held to the rules asked for every name on every path."""

import asyncio
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.core.rules import Rules
from shared.model.found import FoundNode, SearchPlace
from shared.usecases.past import Past
from shared.usecases.rules_preview import LOOKED_MAX, SHOWN_MAX, rules_preview

NAMES = st.sampled_from(["a", "b", "A", "tmp", "x.tmp", "keep.tmp"])
PATTERNS = st.sampled_from(["*.tmp", "!keep.tmp", "/a/", "a/b", "tmp", "**/b", "b/", "/a/*"])


@dataclass
class Tree:
    """Nodes in the order of their ids, in parts as small as the catalogue may make them."""

    nodes: list[tuple[FoundNode, str]]
    part: int

    async def nodes_matching(self, share_id: int, pattern: str, *, after: SearchPlace, limit: int, pages: int) -> Any:
        part = [one for one in self.nodes if one[0].node_id > after.told][: min(limit, self.part)]
        last = part[-1][0].node_id if part else after.told
        return part, SearchPlace(told=last) if any(one[0].node_id > last for one in self.nodes) else None


class Clock:
    def __init__(self, step: float = 0.0) -> None:
        self.now, self.step = 0.0, step

    def monotonic(self) -> float:
        self.now += self.step
        return self.now


@st.composite
def trees(draw: st.DrawFn) -> list[tuple[FoundNode, str]]:
    """Directories before what is in them, as backups number them."""
    directories, found = [""], dict[str, int | None]()
    for parent, name, size in draw(st.lists(st.tuples(st.integers(0, 99), NAMES, st.integers(-9, 9)), max_size=30)):
        above = directories[parent % len(directories)]
        path = f"{above}/{name}" if above else name
        if path not in found:
            found[path] = size if size >= 0 else None
            if size < 0:
                directories.append(path)
    return [
        (FoundNode(number, 1, path.rpartition("/")[2], size, 0), path)
        for number, (path, size) in enumerate(found.items(), start=1)
    ]


def left_out(rules: Rules, path: str, *, is_directory: bool) -> bool:
    names = path.split("/")
    return any(
        not rules.within("/".join(names[:depth])).keeps(names[depth], is_directory or depth < len(names) - 1)
        for depth in range(len(names))
    )


@given(
    trees(), st.lists(PATTERNS, max_size=4), st.lists(PATTERNS.filter(lambda p: p[0] != "!"), max_size=2), st.booleans()
)
def test_the_preview_says_what_a_backup_does(nodes, exclude, include, ignore_case):
    rules = Rules(exclude, include, ignore_case=ignore_case)
    past: Any = Past(Tree(nodes, 3), None, 1)  # type: ignore[arg-type]
    found = asyncio.run(rules_preview(past, Clock(), rules))
    gone = {
        path: node.size_bytes for node, path in nodes if left_out(rules, path, is_directory=node.size_bytes is None)
    }
    assert found.complete
    assert (found.looked, found.left_out) == (len(nodes), len(gone))
    assert found.bytes_left_out == sum(size or 0 for size in gone.values())
    top = sorted(path for path in gone if path.rpartition("/")[0] not in gone)
    assert [one.path for one in found.shown] == top


def test_a_large_tree_is_looked_at_in_part():
    nodes = [(FoundNode(number, 1, f"{number}.tmp", 1, 0), f"{number}.tmp") for number in range(1, LOOKED_MAX + 100)]
    found = asyncio.run(rules_preview(Past(Tree(nodes, 10**6), None, 1), Clock(), Rules(["*.tmp"])))  # type: ignore[arg-type]
    assert (found.looked, found.complete, len(found.shown)) == (LOOKED_MAX, False, SHOWN_MAX)


def test_a_slow_catalogue_is_not_waited_for():
    nodes = [(FoundNode(number, 1, "x.tmp", 1, 0), "x.tmp") for number in range(1, 100)]
    found = asyncio.run(rules_preview(Past(Tree(nodes, 1), None, 1), Clock(step=0.1), Rules(["*.tmp"])))  # type: ignore[arg-type]
    assert 0 < found.looked < 10
    assert not found.complete
