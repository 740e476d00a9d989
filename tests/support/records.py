"""Nouns of the vault for tests: one of each by hand, and Hypothesis strategies for all they may hold."""

import datetime as dt
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from shared.formats.content_list import ContentList
from shared.model import chunk_list
from shared.model.content import CHUNK_BYTES, HOLE, NO_CONTENT, UNSAVED, Content, ContentKind
from shared.model.entry import Entry, Posix
from shared.model.manifest import NO_HEADERS, Ancestor, ContentHeaders, ManifestRef, PageRecord, SavedEntry
from shared.model.point import PointRecord, RootProperties

MOMENT = 638_000_000_000_000_000


def entry(name: str = "report.docx", **changes: Any) -> Entry:
    """A file's entry, all fields different."""
    fields: dict[str, Any] = {
        "name": name,
        "is_directory": False,
        "file_id": 0xC000_4000_0000_0000,
        "size_bytes": 1234,
        "created": MOMENT + 1,
        "accessed": MOMENT + 2,
        "written": MOMENT + 3,
        "changed": MOMENT + 4,
        "modified": MOMENT,
        "attributes": 0x20,
        "permission_key": "3254952746172754359*9622787259914961209",
    }
    return Entry(**(fields | changes))


def record(names: int = 3, **changes: Any) -> PageRecord:
    """A page of bundled files."""
    headers = ContentHeaders(content_type="application/octet-stream")
    saved = [
        SavedEntry(
            entry(f"file{n:05d}", file_id=(1 << 63) + n),
            node_id=7 << 24 | n + 1,
            saved_run=n % 5 + 1,
            content=Content(ContentKind.BUNDLED, 3, 5, 0, 0, n * 4000, 3900),
            digest=bytes([n % 256]) * 32,
            quickxor=bytes([n % 251]) * 20,
            headers=headers,
        )
        for n in range(names)
    ]
    ancestors = (Ancestor(4, ManifestRef(7, 6, 5, 4)), Ancestor(0, ManifestRef(1, 2, 3, 4)))
    fields: dict[str, Any] = {
        "directory_id": 7 << 24,
        "page_no": 0,
        "run_no": 8,
        "depth": 5,
        "ancestors": ancestors,
        "entries": tuple(saved),
    }
    return PageRecord(**(fields | changes))


def point(**changes: Any) -> PointRecord:
    """A restore point."""
    fields: dict[str, Any] = {
        "tenant_id": "contoso",
        "share_id": 7,
        "run_no": 12,
        "taken_at": dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
        "committed_at": dt.datetime(2026, 1, 2, 3, 14, 15, 926535, tzinfo=dt.UTC),
        "account_url": "https://contoso.file.core.windows.net",
        "share_name": "projects",
        "share_snapshot": "2026-01-02T03:04:05.0000000Z",
        "share_properties": {"quota": "5120", "access_tier": "TransactionOptimized"},
        "root": RootProperties(
            created=MOMENT,
            written=MOMENT + 1,
            changed=MOMENT + 2,
            attributes=0x10,
            permission_key="1*2",
            metadata=(("k", "v"),),
        ),
        "directories": 3,
        "files": 1_000_000_000,
        "bytes": 1 << 50,
        "errors": 1,
        "previous_run_no": 9,
        "segments": ((10, 1), (10, 2), (10, 4), (12, 1)),
    }
    return PointRecord(**(fields | changes))


def content_list(chunks: int = 3, **changes: Any) -> ContentList:
    """A large file's list, its last chunk half full and its first a hole."""
    digests = [HOLE, *(bytes([n]) * 32 for n in range(1, chunks))][:chunks]
    fields: dict[str, Any] = {
        "node_id": 7 << 24 | 1,
        "run_no": 8,
        "size_bytes": chunks * CHUNK_BYTES - CHUNK_BYTES // 2 if chunks else 0,
        "digest": b"\xdd" * 32,
        "chunks": replace(chunk_list.of_digests(b"".join(digests)), states=b"\x07" * 20 * max(0, chunks - 1)),
    }
    return ContentList(**(fields | changes))


# ---------------------------------------------------------------------------------------------------------------------
# Strategies

u32 = st.integers(0, 2**32 - 1) | st.sampled_from([0, 2**32 - 1])
u64 = st.integers(0, 2**64 - 1) | st.sampled_from([0, 2**63, 2**64 - 1])
ticks = st.integers(0, 3_155_378_975_999_999_999)
texts = st.text(st.characters(codec="utf-8"), max_size=20)
names = st.text(
    st.characters(codec="utf-8", exclude_characters='"\\/:|<>*?', exclude_categories=("Cc", "Cs"))
    | st.sampled_from("&'%+ .\ufffe\uffff\U0001f600"),
    min_size=1,
    max_size=40,
).filter(lambda name: name not in (".", ".."))
digests = st.binary(min_size=32, max_size=32) | st.just(HOLE)
permission_keys = st.just("") | st.sampled_from(["1*2", "3*2", "18446744073709551615*9622787259914961209"])
pairs = st.lists(st.tuples(texts, texts), max_size=3).map(tuple)

entries = st.builds(
    Entry,
    name=names,
    is_directory=st.booleans(),
    file_id=u64,
    size_bytes=u64,
    created=ticks,
    accessed=ticks,
    written=ticks,
    changed=ticks,
    modified=ticks,
    attributes=u32,
    permission_key=permission_keys,
)
contents = st.sampled_from([NO_CONTENT, UNSAVED]) | st.builds(
    Content,
    kind=st.sampled_from(ContentKind),
    run_no=u32,
    batch_no=u32,
    part=u32,
    node_id=u64,
    offset=u64,
    length=u64,
    chunks=st.just(()) | st.lists(digests, max_size=4).map(tuple),
)
content_headers = st.just(NO_HEADERS) | st.builds(
    ContentHeaders,
    content_type=texts | st.just("application/octet-stream"),
    content_encoding=texts,
    content_language=texts,
    content_disposition=texts,
    cache_control=texts,
    md5=st.just(b"") | st.binary(min_size=16, max_size=16),
)
posixes = st.builds(
    Posix, owner=u32, group=u32, mode=st.integers(0, 0o7777), links=st.just(1) | st.integers(1, 178), link_text=texts
)
saved_entries = st.builds(
    SavedEntry,
    entry=entries,
    node_id=u64,
    saved_run=u32,
    content=contents,
    digest=st.just(b"") | digests,
    quickxor=st.just(b"") | st.binary(min_size=20, max_size=20),
    metadata=pairs,
    headers=content_headers,
    stale=st.booleans(),
    posix=st.none() | posixes,
)
refs = st.builds(ManifestRef, u32, u32, u32, u32)
records = st.builds(
    PageRecord,
    directory_id=u64,
    page_no=u32,
    run_no=u32,
    depth=u32,
    ancestors=st.lists(st.builds(Ancestor, u32, refs), max_size=4).map(tuple),
    entries=st.lists(saved_entries, max_size=5).map(tuple),
    page_nos=st.just((0,)) | st.lists(u32, max_size=4).map(tuple),
)
moments = st.datetimes(timezones=st.just(dt.UTC))
points = st.builds(
    PointRecord,
    tenant_id=texts,
    share_id=u64,
    run_no=u32,
    taken_at=moments,
    committed_at=moments,
    account_url=texts,
    share_name=texts,
    share_snapshot=texts,
    share_properties=st.dictionaries(texts, texts, max_size=3),
    root=st.builds(
        RootProperties,
        created=ticks,
        written=ticks,
        changed=ticks,
        attributes=u32,
        permission_key=permission_keys,
        metadata=pairs,
        posix=st.none() | st.builds(Posix, owner=u32, group=u32, mode=st.integers(0, 0o7777)),
    ),
    directories=u64,
    files=u64,
    bytes=u64,
    errors=u64,
    previous_run_no=st.none() | u32,
    segments=st.lists(st.tuples(st.integers(1, 3), st.integers(1, 9)), max_size=12).map(tuple)
    | st.lists(st.tuples(st.integers(1, 3), st.integers(1, 9)), max_size=12, unique=True).map(sorted).map(tuple),
)


@st.composite
def content_lists(draw: st.DrawFn) -> ContentList:
    """Lists whose size lies on, before and after the edge of a chunk."""
    chunks = draw(st.lists(digests, min_size=1, max_size=4))
    last = draw(st.sampled_from([1, CHUNK_BYTES - 1, CHUNK_BYTES]) | st.integers(1, CHUNK_BYTES))
    found = chunk_list.of_digests(b"".join(chunks))
    if draw(st.booleans()):
        found = replace(found, states=draw(st.binary(min_size=found.filled * 20, max_size=found.filled * 20)))
    return ContentList(draw(u64), draw(u32), (len(chunks) - 1) * CHUNK_BYTES + last, draw(digests), found)
