"""Cursors of lists: what they say comes back, and what is no cursor of this list is refused by the name of the field."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_api import cursor
from shared.errors import InvalidInput

values = st.lists(st.text(max_size=40) | st.integers() | st.booleans() | st.none(), max_size=4)


@given(values, st.text(max_size=20))
def test_a_place_comes_back_as_it_was(place, of):
    made = cursor.encode(of, place)
    assert cursor.decode(of, made, [type(value) for value in place]) == place
    assert made.isascii()
    assert "=" not in made


@given(values, st.text(max_size=20), st.text(max_size=20))
def test_a_cursor_of_another_list_is_refused(place, of, other):
    if of == other:
        return
    with pytest.raises(InvalidInput) as refused:
        cursor.decode(other, cursor.encode(of, place), [type(value) for value in place])
    assert refused.value.field == "after"


@given(st.text(max_size=80) | st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_what_nobody_gave_is_refused(text):
    with pytest.raises(InvalidInput, match="after is"):
        cursor.decode("runs", text, [int])


@given(values.filter(bool), st.data())
def test_one_letter_changed_is_seen(place, data):
    made = cursor.encode("runs", place)
    at = data.draw(st.integers(0, len(made) - 2))  # the last letter has bits that mean nothing
    letter = data.draw(st.sampled_from("ABCxyz019-_").filter(lambda one: one != made[at]))
    with pytest.raises(InvalidInput):
        cursor.decode("runs", made[:at] + letter + made[at + 1 :], [type(value) for value in place])


def test_a_place_of_another_shape_is_refused():
    with pytest.raises(InvalidInput):
        cursor.decode("runs", cursor.encode("runs", ["a"]), [int])
    with pytest.raises(InvalidInput):
        cursor.decode("runs", cursor.encode("runs", [1, 2]), [int])
