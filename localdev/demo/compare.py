"""Finds every difference between two readings."""

from collections.abc import Iterator
from dataclasses import dataclass

from localdev.demo.reading import Node, Reading


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that was expected of ``path`` and found otherwise."""

    path: str
    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.path or '(root)'}: {self.what}: expected {self.expected}, found {self.found}"


def compare(expected: Reading, found: Reading, *, with_root: bool = True) -> list[Difference]:
    """Return all differences, by path.  None means that both are the same in everything that can be restored.

    :param with_root: whether the root's own facts count; what is below it always does.
    """
    differences: list[Difference] = []
    for path in sorted(expected.nodes.keys() | found.nodes.keys()):
        if path or with_root:
            differences += _compare_nodes(path, expected.nodes.get(path), found.nodes.get(path))
    return differences


def _compare_nodes(path: str, expected: Node | None, found: Node | None) -> Iterator[Difference]:
    if expected == found:
        return
    if expected is None or found is None:
        yield Difference(path, "existence", _described(expected), _described(found))
        return
    if expected.kind != found.kind:
        yield Difference(path, "kind", expected.kind, found.kind)
        return
    for what in ("size_bytes", "attributes", "created", "written", "changed", "sddl"):
        yield from _compare_values(path, what, str(getattr(expected, what)), str(getattr(found, what)))
    yield from _compare_values(path, "sha256", expected.content.sha256, found.content.sha256)
    yield from _compare_maps(path, "metadata", expected.content.metadata, found.content.metadata)
    yield from _compare_maps(path, "header", expected.content.headers, found.content.headers)


def _compare_values(path: str, what: str, expected: str, found: str) -> Iterator[Difference]:
    if expected != found:
        yield Difference(path, what, expected or "nothing", found or "nothing")


def _compare_maps(
    path: str, what: str, expected: tuple[tuple[str, str], ...], found: tuple[tuple[str, str], ...]
) -> Iterator[Difference]:
    wanted, had = dict(expected), dict(found)
    for name in sorted(wanted.keys() | had.keys()):
        yield from _compare_values(path, f"{what} {name}", repr(wanted.get(name)), repr(had.get(name)))


def _described(node: Node | None) -> str:
    return "nothing" if node is None else f"a {node.kind} of {node.size_bytes:,} bytes"
