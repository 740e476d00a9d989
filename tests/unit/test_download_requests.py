"""Links for downloads, and what is answered to requests for parts of a file."""

import datetime as dt

import pytest

from shared.core.content_request import answer_to, attachment
from shared.core.download_link import DownloadLink, Form, sign, verify
from shared.errors import Denied, InvalidInput
from shared.model.restore import Change, Selection

NOW = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
KEY = "k" * 32
LINK = DownloadLink(
    tenant_id="contoso",
    share_id=7,
    run_no=3,
    form=Form.ZIP,
    selection=Selection(paths=("a/ü", "b"), written_from=NOW, compared_with=4, changes=(Change.DELETED,)),
    until=NOW + dt.timedelta(hours=1),
)


def test_a_link_says_what_was_signed():
    assert verify(sign(LINK, KEY), KEY, NOW) == LINK


def test_a_link_that_was_changed_made_with_another_key_or_is_too_old_is_refused():
    text = sign(LINK, KEY)
    payload, _, signature = text.partition(".")
    other = sign(DownloadLink(**{f: getattr(LINK, f) for f in LINK.__slots__} | {"share_id": 8}), KEY)
    changed = [text[:-1], payload, "", ".", "ü.ü", f"{payload}.{signature}!", f"{other.partition('.')[0]}.{signature}"]
    changed += [text[:n] + ("A" if text[n] != "A" else "B") + text[n + 1 :] for n in range(0, len(payload), 7)]
    for forged in changed:
        with pytest.raises(Denied, match="not made here"):
            verify(forged, KEY, NOW)
    with pytest.raises(Denied, match="not made here"):
        verify(text, "x" * 32, NOW)
    with pytest.raises(Denied, match="was good until 2026-01-02 04:04 UTC"):
        verify(text, KEY, NOW + dt.timedelta(hours=2))


def test_a_selection_too_long_for_a_link_is_refused_with_what_to_do():
    import secrets

    paths = tuple(secrets.token_hex(20) for _ in range(1000))
    with pytest.raises(InvalidInput, match="name directories"):
        sign(DownloadLink(**{f: getattr(LINK, f) for f in LINK.__slots__} | {"selection": Selection(paths=paths)}), KEY)


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        ({}, (200, 0, 100)),
        ({"range": "bytes=0-"}, (206, 0, 40)),
        ({"range": "bytes=0-9"}, (206, 0, 10)),
        ({"range": "bytes=90-500"}, (206, 90, 100)),
        ({"range": "bytes=-30"}, (206, 70, 100)),
        ({"range": "bytes=-300"}, (206, 0, 40)),
        ({"range": "bytes=10-99"}, (206, 10, 50)),
        ({"range": "bytes=100-"}, (416, 0, 0)),
        ({"range": "bytes=-0"}, (416, 0, 0)),
        ({"range": "bytes=5-4"}, (200, 0, 100)),
        ({"range": "bytes=-"}, (200, 0, 100)),
        ({"range": "bytes=0-1,5-6"}, (200, 0, 100)),
        ({"range": "lines=0-1"}, (200, 0, 100)),
        ({"range": "bytes=0-9", "if-range": '"t"'}, (206, 0, 10)),
        ({"range": "bytes=0-9", "if-range": '"other"'}, (200, 0, 100)),
        ({"if-none-match": '"x", W/"t"'}, (304, 0, 0)),
        ({"if-none-match": "*"}, (304, 0, 0)),
        ({"if-none-match": '"x"'}, (200, 0, 100)),
    ],
)
def test_conditions_and_ranges(headers, answer):
    content = answer_to(headers, etag='"t"', size_bytes=100, part_bytes=40)
    assert (content.status, content.start, content.end) == answer
    told = {206: f"bytes {content.start}-{content.end - 1}/100", 416: "bytes */100"}
    assert content.headers.get("Content-Range") == told.get(content.status)


def test_any_name_fits_a_header():
    told = attachment('a"b\\c\r\nX-Evil: 1; 日本%20.txt')["Content-Disposition"]
    assert told.startswith(
        "attachment; filename=\"a_b_c__X-Evil: 1; ___20.txt\"; filename*=UTF-8''a%22b%5Cc%0D%0AX-Evil"
    )
    assert told.isascii()
    assert told.isprintable()
