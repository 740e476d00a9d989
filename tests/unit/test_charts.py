"""Where things are in charts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_api.pages.charts import BOX, columns, curve, part, scale, thinned, treemap

WEIGHTS = st.lists(st.integers(1, 10**15), min_size=1, max_size=60).map(lambda w: sorted(w, reverse=True))


@given(weights=WEIGHTS, aspect=st.sampled_from([0.7, 1.0, 2.0, 2.7]))
def test_a_treemap_fills_its_box_with_areas_as_its_weights_and_nothing_overlaps(weights, aspect):
    found = treemap(weights, aspect=aspect)
    assert len(found) == len(weights)
    assert sum(rect.width * rect.height for rect in found) == pytest.approx(BOX * BOX, rel=0.01)
    for rect, weight in zip(found, weights, strict=True):
        # Edges are rounded to a hundredth.
        assert rect.width * rect.height == pytest.approx(
            weight / sum(weights) * BOX * BOX, abs=0.01 * (rect.width + rect.height) + 0.01
        )
        assert rect.x >= 0
        assert rect.y >= 0
        assert rect.x + rect.width <= BOX + 0.011
        assert rect.y + rect.height <= BOX + 0.011
    for number, one in enumerate(found):
        for other in found[number + 1 :]:
            across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
            down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
            assert across <= 0.011 or down <= 0.011, "two overlap"


def test_a_treemap_of_equals_is_near_square():
    found = treemap([1] * 8, aspect=2.0)
    assert all(0.5 <= rect.width * 2 / rect.height <= 2 for rect in found)


def test_a_treemap_has_no_place_for_nothing():
    assert treemap([]) == []
    with pytest.raises(ValueError, match="above 0"):
        treemap([3, 0])


@given(largest=st.floats(1e-6, 1e18), binary=st.booleans())
def test_a_scale_reaches_the_largest_with_few_marks_evenly_apart(largest, binary):
    found = scale(largest, binary=binary, whole=False)
    assert found.marks[0] == 0
    assert largest <= found.top * 1.000_01
    assert found.top < largest * 2.01
    assert 2 <= len(found.marks) <= 6
    step = found.marks[1]
    assert all(mark == pytest.approx(number * step) for number, mark in enumerate(found.marks))


@pytest.mark.parametrize(
    ("largest", "binary", "marks"),
    [
        (0, False, (0, 1)),
        (1, False, (0, 1)),
        (3, False, (0, 1, 2, 3)),
        (100, False, (0, 50, 100)),
        (41, False, (0, 20, 40, 60)),
        (3000, True, (0, 1024, 2048, 3072)),
    ],
)
def test_marks_are_round_numbers(largest, binary, marks):
    assert scale(largest, binary=binary).marks == marks


def test_a_curve_begins_left_ends_right_and_is_higher_where_there_is_more():
    found = curve([10, 20, 50], [0, 2, 4], scale(4))
    assert found.line == "0,100 25,50 100,0"
    assert found.area == "0,100 0,100 25,50 100,0 100,100"


def test_a_curve_of_one_value_is_a_line_across():
    assert curve([7], [1], scale(2)).line == "0,50 100,50"


def test_columns_stand_on_the_ground_and_are_stacked():
    (first, second) = columns([[1, 3], [0, 2]], scale(4))
    assert [(r.y, r.height) for r in first] == [(75, 25), (0, 75)]
    assert [(r.y, r.height) for r in second] == [(100, 0), (50, 50)]
    assert first[0].x + first[0].width < second[0].x


@given(count=st.integers(0, 500), most=st.integers(2, 50))
def test_what_is_thinned_keeps_its_ends_and_its_order(count, most):
    found = thinned(range(count), most)
    assert len(found) == min(count, most)
    assert found == sorted(set(found))
    if count:
        assert (found[0], found[-1]) == (0, count - 1)


def test_a_bar_of_something_is_seen():
    assert [part(value, 1000) for value in (0, 1, 500, 1000)] == [0, 0.5, 50, 100]
    assert part(0, 0) == 0
