"""Jump pointers on a history of 1,000 records, and on short ones by hand."""

import pytest

from shared.core import history
from shared.model.manifest import Ancestor, ManifestRef, PageRecord
from tests.support.histories import Chain


def depths(chain, at):
    return [ancestor.depth for ancestor in chain.records[at].ancestors]


def test_the_first_record_has_no_ancestors():
    assert history.extend(None, None) == (0, ())


def test_a_record_points_to_its_predecessor_and_down_a_ladder_of_powers_of_four():
    chain = Chain(range(1, 70))
    assert [depths(chain, at) for at in range(7)] == [
        [],
        [0],
        [1, 0],
        [2, 1, 0],
        [3, 2, 1, 0],
        [4, 0],
        [5, 4, 0],
    ]
    assert depths(chain, 12) == [11, 10, 9, 8, 4, 0]
    assert depths(chain, 13) == [12, 8, 4, 0]
    assert depths(chain, 27) == [26, 25, 24, 20, 16, 0]
    assert depths(chain, 65) == [64, 0]


def test_a_lost_ancestor_is_left_out():
    chain = Chain(range(1, 7))
    previous = chain.records[5]
    pruned = type(previous)(
        **{f: getattr(previous, f) for f in previous.__dataclass_fields__} | {"ancestors": previous.ancestors[:1]}
    )
    assert history.extend(pruned, chain.refs[5]) == (6, (Ancestor(5, chain.refs[5]), previous.ancestors[0]))


def test_after_a_record_that_is_lost_depth_goes_on_above_all_before_and_points_to_it():
    chain = Chain([1, 2, 2, 2, 5])
    depth, ancestors = history.after_lost(chain.refs[4])
    assert depth > max(record.depth for record in chain.records)
    assert ancestors == (Ancestor(depth - 1, chain.refs[4]),)
    following = PageRecord(1 << 24, 0, 6, depth, ancestors, ())
    assert history.next_hop(following, 5) == chain.refs[4]
    again, _ = history.after_lost(ManifestRef(6, 1, 0, 0))
    assert again > depth


def test_the_record_sought_is_read_next_when_its_neighbour_is_known_to_be_too_new():
    chain = Chain([1, 2, 3, 9, 9])
    assert chain.walk(4, 3) == [chain.records[2]]
    assert chain.walk(4, 2) == [chain.records[1]]


def reads(chain, step):
    """Most reads, that of the newest record included, from any record to any run."""
    count = len(chain.records)
    return max(1 + len(chain.walk(head, run_no)) for head in range(count) for run_no in range(1, head + 1, step))


def test_of_a_thousand_records_any_is_found_with_six_reads():
    chain = Chain(range(1, 1001))
    assert reads(chain, 9) == 6
    assert max(1 + len(chain.walk(999, run_no)) for run_no in range(1, 1001)) == 6
    assert max(len(record.ancestors) for record in chain.records) == 15


def test_records_of_the_old_rule_below_new_ones_are_found_with_no_more_reads_than_before():
    assert reads(Chain(range(1, 1001), by_old_rule=1000), 9) <= 19
    for by_old_rule in (1, 500, 511, 512, 800, 999):
        assert reads(Chain(range(1, 1001), by_old_rule=by_old_rule), 31) <= 19


def test_of_several_records_of_one_run_the_newest_is_found():
    chain = Chain([1, 2, 2, 2, 5])
    assert chain.find(4, 2) is chain.records[3]
    assert chain.find(4, 4) is chain.records[3]
    assert chain.find(4, 1) is chain.records[0]


def test_before_the_first_record_the_page_did_not_exist():
    chain = Chain([3, 4, 9])
    assert chain.find(2, 2) is None
    assert chain.walk(2, 2) == []  # the pointer to the first record says so


def test_a_search_that_went_too_far_is_refused():
    chain = Chain([3, 4])
    with pytest.raises(ValueError, match="run 4 is not newer than run 4"):
        history.next_hop(chain.records[1], 4)


def test_a_previous_record_and_its_place_go_together():
    chain = Chain([1])
    for previous in [(chain.records[0], None), (None, chain.refs[0])]:
        with pytest.raises(ValueError, match="go together"):
            history.extend(*previous)
