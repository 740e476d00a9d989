"""A listing's entry has the bytes the service writes, whatever it is asked for."""

import datetime as dt
from email.utils import format_datetime
from urllib.parse import quote
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from hypothesis import example, given
from hypothesis import strategies as st

from localdev.files_emulator import times
from localdev.files_emulator.entries import ATTRIBUTES, ETAG, PERMISSION_KEY, TIMESTAMPS, entry
from localdev.files_emulator.tree import file_id

KEY = "3254952746172754359*9622787259914961209"
MOMENT = st.integers(times.FIRST_FILE_TIME_TICKS, times.LAST_TICKS)
# As in life: all the same, some the same, none.
MOMENTS = st.lists(MOMENT, min_size=1, max_size=4).flatmap(lambda few: st.tuples(*[st.sampled_from(few)] * 4))
NAMES = st.one_of(
    st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20),
    st.text("a&<>\"'\ufffe\uffff\x7f\u00e9 ", min_size=1, max_size=8),
)


def moment(ticks):
    return dt.datetime(1, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=ticks // 10)


def expected(kind, name, number, size, created, accessed, written, changed, columns):
    """The same by the book: the standard library's dates and escaping, one element after the other."""
    inner = f"<Content-Length>{size}</Content-Length>" if kind == "File" else ""
    if columns & TIMESTAMPS:
        tags = ("CreationTime", "LastAccessTime", "LastWriteTime", "ChangeTime")
        for tag, ticks in zip(tags, (created, accessed, written, changed), strict=True):
            day = moment(ticks).replace(tzinfo=None).isoformat(timespec="microseconds")
            inner += f"<{tag}>{day}{ticks % 10}Z</{tag}>"
        inner += f"<Last-Modified>{format_datetime(moment(changed), usegmt=True)}</Last-Modified>"
    if columns & ETAG:
        inner += f'<Etag>"0x{changed:X}"</Etag>'
    if any(c < " " or c in "\ufffe\uffff" for c in name):
        text = f'<Name Encoded="true">{quote(name, safe="")}</Name>'
    else:
        text = f"<Name>{escape(name)}</Name>"
    text += f"<FileId>{file_id(number)}</FileId>"
    text += f"<Properties>{inner}</Properties>" if inner else "<Properties />"
    if columns & ATTRIBUTES:
        text += "<Attributes>ReadOnly | Archive</Attributes>"
    if columns & PERMISSION_KEY:
        text += f"<PermissionKey>{KEY}</PermissionKey>"
    return f"<{kind}>{text}</{kind}>".encode()


@given(
    st.sampled_from(["File", "Directory"]), NAMES, st.integers(1, 1 << 40), st.integers(0, 1 << 42), MOMENTS,
    st.integers(0, 15),
)  # fmt: skip
@example("File", "file1", 1, 5, (times.FIRST_FILE_TIME_TICKS,) * 4, 15)
@example("Directory", "a\x1fb", 1 << 16, 0, (times.LAST_TICKS,) * 4, 0)
def test_an_entry_is_what_the_standard_library_would_write(kind, name, number, size, moments, columns):
    written = entry(kind, name, number, size, *moments, 0x21, KEY, columns)
    assert written == expected(kind, name, number, size, *moments, columns)
    ElementTree.fromstring(written)
