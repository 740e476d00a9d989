"""Extents against a plain bytearray, which is how slow and how right one can be."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from localdev.files_emulator import content
from localdev.files_emulator.blocks import MemoryBlocks

SIZE = 24

positions = st.tuples(st.integers(0, SIZE), st.integers(0, SIZE)).map(sorted).filter(lambda p: p[0] < p[1])
steps = st.lists(st.tuples(st.sampled_from(["write", "clear", "truncate"]), positions), max_size=12)


class Model:
    """One cell per byte: the byte, and a token that is new with every write."""

    def __init__(self):
        self.cells = [(0, None)] * SIZE

    def copy(self):
        other = Model()
        other.cells = list(self.cells)
        return other


def play(steps, extents, model, blocks):
    for number, (kind, (start, end)) in enumerate(steps):
        if kind == "write":
            data = bytes((number * 7 + i) % 251 + 1 for i in range(end - start))
            extents = content.write(extents, start, end, blocks.keep(data))
            model.cells[start:end] = [(byte, ("w", object())) for byte in data]
        elif kind == "clear":
            extents = content.write(extents, start, end, blocks.cleared())
            token = ("c", object())
            model.cells[start:end] = [(0, token)] * (end - start)
        else:
            extents = content.truncate(extents, start)
            model.cells[start:] = [(0, None)] * (SIZE - start)
    return extents


@given(steps, positions)
def test_any_part_reads_as_a_bytearray_would(steps, part):
    model = Model()
    extents = play(steps, (), model, MemoryBlocks())
    start, end = part
    assert b"".join(content.pieces(extents, start, end)) == bytes(cell[0] for cell in model.cells[start:end])
    assert all(a.end <= b.start for a, b in pairwise(extents))


@given(steps, positions)
def test_ranges_are_what_was_written_and_not_cleared_since(steps, part):
    model = Model()
    extents = play(steps, (), model, MemoryBlocks())
    listed = {i for low, high in content.ranges(extents, *part) for i in range(low, high)}
    assert listed == {i for i in range(*part) if model.cells[i][1] is not None and model.cells[i][1][0] == "w"}


@given(steps, steps, positions)
def test_changes_are_exactly_the_cells_touched_between_two_states(first, second, part):
    blocks, model = MemoryBlocks(), Model()
    before = play(first, (), model, blocks)
    old = model.copy()
    after = play(second, before, model, blocks)
    found = content.changes(before, after, *part)
    cells = {i: kind for low, high, kind in found for i in range(low, high)}
    wanted = {}
    for i in range(*part):
        if old.cells[i][1] is not model.cells[i][1]:
            now = model.cells[i][1]
            wanted[i] = "Range" if now is not None and now[0] == "w" else "ClearRange"
    assert cells == wanted
    assert all(a[1] < b[0] or a[2] != b[2] for a, b in pairwise(found)), "neighbours are merged"


@given(steps, positions, st.integers(0, 10))
def test_a_window_spliced_elsewhere_carries_the_same_bytes(steps, part, shift):
    extents = play(steps, (), Model(), MemoryBlocks())
    start, end = part
    moved = content.splice((), start + shift, end + shift, content.window(extents, start, end, shift))
    assert b"".join(content.pieces(moved, start + shift, end + shift)) == b"".join(content.pieces(extents, start, end))
