"""From any head to any run: the right record, in few reads."""

from dataclasses import replace
from math import ceil, log

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.history import next_hops
from tests.support.histories import Chain

gaps = st.lists(st.sampled_from([0, 0, 1, 1, 2, 7]), min_size=1, max_size=300)


@given(gaps, st.data())
@settings(deadline=None)
def test_the_newest_record_not_newer_than_a_run_is_found(gaps, data):
    run_nos, run_no = [], 1
    for gap in gaps:
        run_no += gap
        run_nos.append(run_no)
    by_old_rule = data.draw(st.sampled_from([0, 0, len(run_nos)]) | st.integers(0, len(run_nos)))
    chain = Chain(run_nos, by_old_rule=by_old_rule)
    head = data.draw(st.integers(0, len(run_nos) - 1))
    sought = data.draw(st.integers(0, run_nos[head] + 1))
    candidates = [record for record in chain.records[: head + 1] if record.run_no <= sought]
    assert chain.find(head, sought) is (candidates[-1] if candidates else None)
    if not by_old_rule:
        assert len(chain.walk(head, sought)) <= ceil(log(head + 1, 4))


@given(st.integers(1, 500))
@settings(deadline=None)
def test_depths_descend_and_the_first_is_the_predecessor(count):
    record = Chain(range(count)).records[-1]
    depths = [ancestor.depth for ancestor in record.ancestors]
    assert depths == sorted(set(depths), reverse=True)
    assert not depths or (depths[0], depths[-1]) == (record.depth - 1, 0)


@given(gaps, st.sets(st.integers(0, 300)), st.data())
@settings(deadline=None)
def test_pointers_that_are_lost_cost_reads_and_never_the_answer(gaps, lost, data):
    """Every record but the first loses the same pointers, its predecessor's apart."""
    chain = Chain([1, *(1 + sum(gaps[: at + 1]) for at in range(len(gaps)))])
    chain.records = [
        replace(r, ancestors=tuple(a for a in r.ancestors if a.depth in (0, r.depth - 1) or a.depth not in lost))
        for r in chain.records
    ]
    head = data.draw(st.integers(0, len(gaps)))
    sought = data.draw(st.integers(0, chain.records[head].run_no + 1))
    candidates = [record for record in chain.records[: head + 1] if record.run_no <= sought]
    assert chain.find(head, sought) is (candidates[-1] if candidates else None)


@given(gaps, st.data())
@settings(deadline=None)
def test_what_a_sweep_leaves_is_all_that_is_read_from_any_later_record(gaps, data):
    """A sweep leaves the ways from the newest record to some runs. Whoever comes from a record that was added later needs no other."""
    run_nos, run_no = [], 1
    for gap in gaps:
        run_no += gap
        run_nos.append(run_no)
    by_old_rule = data.draw(st.sampled_from([0, 0, len(run_nos)]) | st.integers(0, len(run_nos)))
    chain = Chain(run_nos, by_old_rule=by_old_rule)
    swept_at = data.draw(st.integers(0, len(run_nos) - 1))
    head = data.draw(st.integers(swept_at, len(run_nos) - 1))
    roots = data.draw(st.sets(st.integers(0, run_nos[swept_at]), max_size=8))

    def way(start):
        met, todo = set(), [(start, sorted(roots))]
        while todo:
            depth, sought = todo.pop()
            met.add(depth)
            record = chain.records[depth]
            older = [root for root in sought if root < record.run_no]
            for ref, through in next_hops(record, older).items():
                todo.append((next(a.depth for a in record.ancestors if a.ref == ref), through))
        return met

    assert {depth for depth in way(head) if depth <= swept_at} <= way(swept_at)
