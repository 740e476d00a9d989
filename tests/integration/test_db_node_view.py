"""View ``node`` and shared/formats/packed.py are two readers of one format: they agree on every page there can be."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.db import pages as db
from shared.model.page import FileRow, Page
from tests.support.bare_tree import bare_tree, store
from tests.support.catalogue import directory, files, page
from tests.support.pages import pages


@pytest.fixture(scope="module")
def conn(postgres_url_module):
    with bare_tree(postgres_url_module) as made:
        yield made


def model(page: Page) -> list[tuple]:
    """What the view should show of one row."""
    if page.deleted_run is not None:
        return []
    signed = [
        (page.directory_id | f.slot, page.directory_id, f.name, f.size_bytes, f.mtime, db.signed(f.hash))
        for f in page.files
    ]
    if page.page_no:
        return signed
    fingerprint = None if page.fingerprint is None else db.signed(page.fingerprint)
    return [(page.directory_id, page.parent_id, page.name, None, page.mtime, fingerprint), *signed]


def shown(conn, rows: list[Page]) -> list[tuple]:
    store(conn, rows)
    return conn.execute("SELECT node_id, parent_id, name, size, mtime, hash FROM node").fetchall()


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(pages(), max_size=4, unique_by=lambda p: p.directory_id))
def test_the_view_shows_what_the_pages_hold(conn, rows):
    expected = [node for row in rows for node in model(row)]
    assert sorted(shown(conn, rows), key=repr) == sorted(expected, key=repr)


def test_full_pages_are_shown_whole(conn):
    """Long enough to be compressed, and out of line."""
    tricky = tuple(FileRow(f"{i:04} é", 2 * i + 1, i**5, 1_700_000_000 - i, 2**64 - 1 - i) for i in range(4096))
    rows = [
        page(2, 1, "a", 4096),
        Page(directory_id=directory(2), page_no=1, name="x", files=files(4096, first_slot=4097)),
        page(3, 1, "b", files=tricky, next_slot=9000),
    ]
    expected = [node for row in rows for node in model(row)]
    assert sorted(shown(conn, rows), key=repr) == sorted(expected, key=repr)


def test_one_file_without_a_name_is_a_row_and_none_is_not(conn):
    nameless = page(2, 1, "a", files=(FileRow("", 1, 5, 6, 7),), next_slot=2)
    assert len(shown(conn, [nameless])) == 2
    assert len(shown(conn, [dataclasses.replace(nameless, files=(), next_slot=1)])) == 1


def test_the_view_has_exactly_the_six_fields(conn):
    names = [column.name for column in conn.execute("SELECT * FROM node LIMIT 0").description]
    assert names == ["node_id", "parent_id", "name", "size", "mtime", "hash"]


def test_a_row_has_at_most_eight_columns(conn):
    """A ninth would make the null bitmap cost 8 bytes a row."""
    count = conn.execute(
        "SELECT count(*) FROM pg_attribute WHERE attrelid = 'page'::regclass AND attnum > 0 AND NOT attisdropped"
    ).fetchone()
    assert count == (7,)
