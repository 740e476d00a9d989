"""Whatever is noted of pages comes back, and what a commit record says of the catalogue."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from shared.formats import point, segment
from shared.formats.segment import SegmentWriter
from shared.model.note import PageNote, Place
from shared.model.point import Origin, PointRecord, RootProperties, RunChange

u64, u32 = st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1)
names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1, max_size=20)
moments = st.integers(86_400_000_000, 4_102_444_800_000_000).map(
    lambda us: dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=us)
)
signed = st.integers(-(2**63), 2**63 - 1)
common = {
    "fingerprint": st.none() | u64,
    "page_fingerprint": st.none() | u64,
    "next_slot": st.none() | u32,
    "record": st.none() | st.tuples(u32, u32),
}
first_pages = st.builds(
    PageNote,
    page_id=st.integers(1, 2**39 - 1).map(lambda n: n << 24),
    mtime=signed,
    deleted_run=st.none(),
    **common,
)
deleted = st.builds(
    PageNote,
    page_id=st.integers(2, 2**39 - 1).map(lambda n: n << 24),
    mtime=signed,
    deleted_run=u32,
    place=st.builds(Place, u64, u64, names),
    **common,
)
later_pages = st.builds(
    PageNote,
    page_id=st.integers(1, 2**24 - 1).map(lambda n: 1 << 24 | n),
    deleted_run=st.none() | u32,
    lower=names,
    **common,
)


@given(st.lists(first_pages | deleted | later_pages, max_size=12))
def test_notes_come_back(notes):
    writer = SegmentWriter()
    for note in notes:
        writer.note(note)
    data = writer.finish()
    assert segment.read_index(data).notes == notes
    assert list(segment.read(data)) == []
    assert writer.empty == (not notes)


origins = st.builds(
    Origin,
    tenant_name=names,
    tenant_created_at=moments,
    name=names,
    credential=st.just("") | names,
    settings=st.dictionaries(names, st.none() | st.integers() | names | st.booleans()),
    created_at=moments,
    snapshot_mark=names,
    next_directory_no=u64,
    run_id=st.integers(0, 2**63 - 1),
    requested_at=moments,
    started_at=moments,
    counters=st.dictionaries(names, st.integers(1)),
    keeps_snapshot=st.booleans(),
    changes=st.lists(st.builds(RunChange, *[st.integers(0, 2**31)] * 2, *[signed] * 6), max_size=5).map(tuple),
)


@given(st.none() | origins)
def test_what_a_commit_record_says_of_the_catalogue_comes_back(origin):
    moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    record = PointRecord(
        tenant_id="contoso",
        share_id=7,
        run_no=5,
        taken_at=moment,
        committed_at=moment,
        account_url="https://contoso.file.core.windows.net",
        share_name="files",
        share_snapshot="",
        share_properties={},
        root=RootProperties(created=1, written=2, changed=3, attributes=16, permission_key=""),
        directories=1,
        files=0,
        bytes=0,
        errors=0,
        previous_run_no=None,
        segments=(),
        origin=origin,
    )
    assert point.decode(point.encode(record)) == record
