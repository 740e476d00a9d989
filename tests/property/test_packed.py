"""Laws of packed pages."""

from hypothesis import given
from hypothesis import strategies as st

from shared.formats import packed
from shared.model.page import Page
from tests.support.pages import pages


def unpack(page: Page, names: str, data: bytes) -> Page:
    return packed.unpack(page.directory_id | page.page_no, page.parent_id, page.file_id, page.name, names, data)


@given(pages())
def test_every_page_comes_back(page):
    assert unpack(page, *packed.pack(page)) == page


@given(pages())
def test_the_head_is_the_pages(page):
    head = packed.unpack_head(packed.pack(page)[1][: packed.HEAD_BYTES])
    assert (head.mtime, head.fingerprint, head.page_fingerprint, head.manifest, head.deleted_run) == (
        page.mtime,
        page.fingerprint,
        page.page_fingerprint,
        page.manifest,
        page.deleted_run,
    )


@given(pages(), st.data())
def test_equal_pages_have_equal_bytes_and_different_ones_do_not(page, data):
    other = data.draw(pages())
    assert (packed.pack(page) == packed.pack(other)) == (_content(page) == _content(other))


def _content(page: Page) -> tuple[object, ...]:
    """What ``packed`` and ``names`` carry."""
    head = (page.mtime, page.fingerprint, page.page_fingerprint, page.manifest, page.deleted_run)
    implied = max((f.slot for f in page.files), default=0) + 1 if page.page_no == 0 else 1
    return (*head, page.next_slot - implied, page.files)
