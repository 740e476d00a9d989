"""Which restore points show an entry, against a directory that is played through run by run."""

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.stretches import Kept, shown
from shared.model.content import NO_CONTENT
from shared.model.manifest import SavedEntry
from tests.support.records import entry

NODES = 5


def saved(node, version):
    return SavedEntry(entry(f"n{node}", changed=version), node + 1, version, NO_CONTENT)


@st.composite
def directories(draw):
    """Runs of a directory: what each page holds, and which pages there are, at the end of each."""
    runs = []
    state = {0: {}}
    for _ in range(draw(st.integers(1, 8))):
        state = {page: dict(held) for page, held in state.items()}
        for node in range(NODES):
            match draw(st.integers(0, 5)):
                case 0:
                    for held in state.values():
                        held.pop(node, None)
                case 1 | 2:
                    page = draw(st.sampled_from(sorted(state)))
                    for held in state.values():
                        held.pop(node, None)
                    state[page][node] = len(runs) + 1
                case 3 if len(state) < 4:  # split
                    new = min(set(range(5)) - state.keys())
                    state[new] = {n: state[0].pop(n) for n in list(state[0])[:2]}
                case 4 if len(state) > 1:  # merge: the page goes, its entries stay
                    page = draw(st.sampled_from(sorted(state.keys() - {0})))
                    state[0] |= state.pop(page)
        runs.append(state)
    return runs


@given(directories(), st.data())
@settings(deadline=None, max_examples=300)
def test_every_state_is_told_with_the_restore_points_that_show_it(runs, data):
    histories, before, depths = {}, {}, {}
    for run_no, state in enumerate(runs, 1):
        for page, held in state.items():
            page_nos = tuple(sorted(state)) if page == 0 else (0,)
            now = (held, page_nos)
            if before.get(page) != now or page not in before:
                entries = tuple(saved(node, version) for node, version in sorted(held.items()))
                if data.draw(st.integers(0, 4)) == 0:  # a record that the same run wrote over
                    depths[page] = depths.get(page, -1) + 1
                    histories.setdefault(page, []).append(Kept(run_no, depths[page], (saved(99, 99),), page_nos))
                depths[page] = depths.get(page, -1) + 1
                histories.setdefault(page, []).append(Kept(run_no, depths[page], entries, page_nos))
                before[page] = now
        for page in before.keys() - state.keys():
            del before[page]  # if its number comes back, so does a record
    points = sorted(data.draw(st.sets(st.integers(1, len(runs)))))
    deleted = data.draw(st.none() | st.integers(2, len(runs) + 1))
    expected = set()
    for node in range(NODES):
        last = None
        for at, point in enumerate([p for p in points if deleted is None or p < deleted]):
            versions = [held[node] for held in runs[point - 1].values() if node in held]
            if versions and last and last[0] == versions[0] and last[2] == at - 1:
                last[2] = at
            elif versions:
                last = [versions[0], at, at]
            else:
                last = None
            if last:
                expected = {e for e in expected if e[:3] != (node + 1, last[0], points[last[1]])}
                expected.add((node + 1, last[0], points[last[1]], points[last[2]], last[2] - last[1] + 1))
    found = shown(
        {page: data.draw(st.permutations(records)) for page, records in histories.items()}, points, deleted_run=deleted
    )
    assert {
        (one.saved.node_id, one.saved.entry.changed, one.first, one.last, one.restore_points) for one in found
    } == expected
    assert len(found) == len(expected)
