"""Jump pointers on a history of 1,000 records, and on short ones by hand."""

import pytest

from shared.core import history
from shared.model.manifest import Ancestor, ManifestRef, PageRecord
from tests.support.histories import Chain


def depths(chain, at):
    return [ancestor.depth for ancestor in chain.records[at].ancestors]


def test_the_first_record_has_no_ancestors():
    assert history.extend(None, None) == (0, ())


def test_a_record_points_to_its_predecessor_and_along_the_cleared_bits():
    chain = Chain(range(1, 15))
    assert [depths(chain, at) for at in range(9)] == [
        [],
        [0],
        [1, 0],
        [2, 0],
        [3, 0],
        [4, 0],
        [5, 4, 0],
        [6, 4, 0],
        [7, 0],
    ]
    assert depths(chain, 11) == [10, 8, 0]
    assert depths(chain, 13) == [12, 8, 0]


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


def test_a_thousand_records_are_never_more_than_19_reads_apart():
    chain = Chain(range(1, 1001))
    assert max(len(chain.walk(head, run_no)) for head in range(1000) for run_no in range(1, head + 1, 9)) == 19
    assert max(len(record.ancestors) for record in chain.records) == 9


def test_of_several_records_of_one_run_the_newest_is_found():
    chain = Chain([1, 2, 2, 2, 5])
    assert chain.find(4, 2) is chain.records[3]
    assert chain.find(4, 4) is chain.records[3]
    assert chain.find(4, 1) is chain.records[0]


def test_before_the_first_record_the_page_did_not_exist():
    chain = Chain([3, 4, 9])
    assert chain.find(2, 2) is None


def test_a_search_that_went_too_far_is_refused():
    chain = Chain([3, 4])
    with pytest.raises(ValueError, match="run 4 is not newer than run 4"):
        history.next_hop(chain.records[1], 4)


def test_a_previous_record_and_its_place_go_together():
    chain = Chain([1])
    for previous in [(chain.records[0], None), (None, chain.refs[0])]:
        with pytest.raises(ValueError, match="go together"):
            history.extend(*previous)
