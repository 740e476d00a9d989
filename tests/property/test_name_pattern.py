"""Patterns mean what the standard library's ``fnmatch`` says, and the same to Postgres."""

import time
from fnmatch import fnmatchcase

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.core.name_pattern import LENGTH_MAX, NamePattern
from shared.errors import InvalidInput

letters = st.sampled_from("aAbBzZ.-_éÉß日\n^$(){}+|\\#&~!] ")
pieces = letters | st.sampled_from(
    ["*", "?", "**", "[ab]", "[!a]", "[a-c]", "[]a]", "[!]a]", "[", "[-]", "[a-]", "[^a]", "[\\]"]
)
texts = st.lists(pieces, min_size=1, max_size=6).map("".join)
names = st.lists(letters | st.sampled_from(["[", "*", "?"]), min_size=1, max_size=7).map("".join)


def simple(text):
    """Upper and lower case of which both are one character."""
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


@given(texts, names)
@settings(deadline=None, max_examples=500)
def test_a_pattern_matches_what_fnmatch_matches(text, name):
    assert NamePattern.parse(text, ignore_case=False).matches(name) is fnmatchcase(name, text)


@given(texts.filter(lambda text: "[" not in text), names)
@settings(deadline=None, max_examples=500)
def test_case_is_ignored_letter_by_letter(text, name):
    assert NamePattern.parse(text).matches(name) is fnmatchcase(simple(name), simple(text))


@pytest.fixture(scope="module")
def connection(postgres_server):
    with postgres_server.database() as url, psycopg.connect(url, autocommit=True) as conn:
        yield conn


@given(st.lists(st.tuples(texts, st.lists(names, min_size=1, max_size=8), st.booleans()), min_size=1, max_size=5))
@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_postgres_agrees(connection, cases):
    for text, some, ignore_case in cases:
        pattern = NamePattern.parse(text, ignore_case=ignore_case)
        rows = connection.execute(
            'SELECT name, name COLLATE "C" ~ %s FROM unnest(%s::text[]) AS name', [f"^(?:{pattern.sql})$", some]
        ).fetchall()
        assert rows == [(name, pattern.matches(name)) for name in some], pattern.sql
        [among] = connection.execute(
            'SELECT %s::text COLLATE "C" ~ %s', [f"/{'/'.join(some)}/", f"/(?:{pattern.sql})/"]
        ).fetchone()
        assert among is any(pattern.matches(name) for name in some), pattern.sql


@pytest.mark.parametrize("text", ["", "a/b", "a\0b", "x" * (LENGTH_MAX + 1), "\ud800", "[z-a]"])
def test_what_is_no_pattern_is_refused_by_name(text):
    with pytest.raises(InvalidInput) as caught:
        NamePattern.parse(text)
    assert caught.value.field == "pattern"


def test_no_pattern_takes_for_ever():
    began = time.perf_counter()
    assert not NamePattern.parse("*a" * 120 + "b").matches("a" * 255)
    assert time.perf_counter() - began < 1
