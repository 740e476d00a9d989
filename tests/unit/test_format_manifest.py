"""Manifests, segments, content lists and points: round trips by hand, damage, versions, and flatc as a second reader."""

import json
import shutil
import struct
import subprocess
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import xxhash
import zstandard

from shared.errors import IntegrityError
from shared.formats import content_list, envelope, manifest, point
from shared.formats.content_list import ContentList
from shared.model.chunk_list import ChunkList
from shared.model.content import HOLE, Content, ContentKind
from shared.model.entry import Posix
from shared.model.manifest import ContentHeaders, SavedEntry
from tests.support import records
from tests.support.formats import damaged

SCHEMAS = Path(__file__).parents[2] / "schema" / "fbs"
FORMATS = {
    "manifest": (manifest, records.record(), b"AFBM"),
    "content_list": (content_list, records.content_list(), b"AFBL"),
    "point": (point, records.point(), b"AFBP"),
}
each_format = pytest.mark.parametrize(("codec", "value", "magic"), FORMATS.values(), ids=FORMATS)


@each_format
def test_it_is_read_back(codec, value, magic):
    assert codec.decode(codec.encode(value)) == value


def test_what_nfs_adds_costs_a_page_of_an_smb_share_nothing():
    """Fields that a schema gained at its end are not even in the vtable."""
    plain = records.record(12)
    some = replace(plain.entries[5], posix=Posix(0, 0, 0o755))
    mixed = replace(plain, entries=(*plain.entries[:5], some, *plain.entries[6:]))
    assert manifest.decode(manifest.encode(mixed)) == mixed
    buffer = envelope.unseal(b"AFBM", 1, manifest.encode(plain), "manifest")
    table = int.from_bytes(buffer[:4], "little")
    vtable = table - int.from_bytes(buffer[table : table + 4], "little", signed=True)
    fields_before_nfs = 39
    assert int.from_bytes(buffer[vtable : vtable + 2], "little") == 4 + 2 * fields_before_nfs


@each_format
def test_equal_values_give_equal_bytes(codec, value, magic):
    assert codec.encode(value) == codec.encode(value)


@each_format
def test_any_damage_is_an_integrity_error(codec, value, magic):
    for broken in damaged(codec.encode(value)):
        with pytest.raises(IntegrityError):
            codec.decode(broken)


@each_format
def test_an_unknown_version_is_refused_with_a_sentence(codec, value, magic):
    packed = codec.encode(value)[16:]
    key = magic + bytes((codec.VERSION + 1, 0, 0, 0))
    newer = key + struct.pack("<Q", xxhash.xxh3_64_intdigest(key + packed)) + packed
    with pytest.raises(
        IntegrityError, match=f"has version {codec.VERSION + 1}; this program reads version {codec.VERSION}"
    ):
        codec.decode(newer)


@each_format
def test_another_format_is_refused(codec, value, magic):
    other = next(other for other in FORMATS.values() if other[0] is not codec)
    with pytest.raises(IntegrityError, match=f"expected {magic!r}"):
        codec.decode(other[0].encode(other[1]))


@each_format
def test_the_buffer_of_another_format_is_refused(codec, value, magic):
    other = next(other for other in FORMATS.values() if other[0] is not codec)
    buffer = envelope.unseal(other[2], other[0].VERSION, other[0].encode(other[1]), "it")
    with pytest.raises(IntegrityError, match="holds a buffer of"):
        codec.decode(envelope.seal(magic, codec.VERSION, buffer))


@each_format
def test_a_frame_of_nonsense_is_refused(codec, value, magic):
    for buffer in (b"", bytes(8), b"\xff\xff\xff\x7f" + magic, b"\xff" * 4 + magic + b"\xff" * 40):
        with pytest.raises(IntegrityError):
            codec.decode(envelope.seal(magic, codec.VERSION, buffer))


def test_a_frame_that_promises_too_much_is_not_decompressed(monkeypatch):
    sealed = manifest.encode(records.record(40))
    monkeypatch.setattr(envelope, "_BUFFER_MAX_BYTES", 1000)
    with pytest.raises(IntegrityError, match="expected 8 to 1000"):
        manifest.decode(sealed)
    with pytest.raises(ValueError, match="at most 1000"):
        manifest.encode(records.record(40))


@pytest.mark.parametrize("names", [0, 1, 2, 4096])
def test_pages_of_all_sizes_are_read_back(names):
    page = records.record(names)
    assert manifest.decode(manifest.encode(page)) == page


def test_every_kind_of_content_is_read_back():
    full = Content(ContentKind.CHUNKED, 1, 2, 3, 4, 5, 6, (HOLE, b"\x01" * 32, HOLE))
    contents = [
        full,
        Content(ContentKind.CHUNKED, chunks=(b"\x02" * 32,)),
        *(replace(full, kind=kind) for kind in ContentKind),
        *(Content(kind) for kind in ContentKind),
    ]
    page = records.record(len(contents))
    saved = tuple(replace(one, content=content) for one, content in zip(page.entries, contents, strict=True))
    page = replace(page, entries=saved)
    assert manifest.decode(manifest.encode(page)) == page


def test_headers_and_metadata_are_read_back_in_order_and_case():
    headers = ContentHeaders("text/plain", "gzip", "de", 'attachment; filename="a"', "no-cache", b"\x05" * 16)
    metadata = (("Zeta", "1"), ("alpha", ""), ("Zeta", "1"), ("", ""))
    page = records.record(3)
    first, second, third = page.entries
    saved = (
        replace(first, headers=headers, metadata=metadata),
        replace(second, headers=replace(headers, md5=b""), stale=True),
        replace(third, headers=ContentHeaders(), metadata=metadata[1:2], digest=b"", quickxor=b""),
    )
    page = replace(page, entries=saved)
    assert manifest.decode(manifest.encode(page)) == page


def test_metadata_of_nothing_but_empty_texts_is_kept():
    page = records.record(1)
    page = replace(page, entries=(replace(page.entries[0], metadata=(("", ""),)),))
    assert manifest.decode(manifest.encode(page)).entries[0].metadata == (("", ""),)


@pytest.mark.parametrize("page_nos", [(), (0,), (3, 0, 2**32 - 1)])
def test_the_pages_of_a_directory_are_read_back(page_nos):
    page = records.record(page_nos=page_nos)
    assert manifest.decode(manifest.encode(page)).page_nos == page_nos


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"entry": records.entry("a/b")}, "'/'"),
        ({"digest": b"short"}, "digests are 32 bytes each"),
        ({"quickxor": b"short"}, "QuickXorHashes are 20 bytes each"),
        ({"headers": ContentHeaders(md5=b"short")}, "MD5 hashes are 16 bytes each"),
        ({"content": Content(ContentKind.CHUNKED, chunks=(b"short",))}, "chunk digests are 32 bytes each"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_kept_is_refused(change, said):
    page = records.record(2)
    with pytest.raises(ValueError, match=said):
        manifest.encode(replace(page, entries=(replace(page.entries[0], **change), page.entries[1])))


def test_a_compressor_can_be_kept():
    compress = envelope.compressor()
    for page in (records.record(1), records.record(40)):
        assert manifest.encode(page, compress) == manifest.encode(page)


def test_a_content_list_must_fit_its_file():
    with pytest.raises(ValueError, match="2 chunks for"):
        content_list.encode(replace(records.content_list(3), chunks=ChunkList(2, (), b"")))
    with pytest.raises(ValueError, match="32 bytes"):
        content_list.encode(replace(records.content_list(1), chunks=ChunkList(1, ((0, 1),), b"short")))
    for stretches in [((0, 1), (1, 1)), ((1, 1), (0, 1)), ((2, 2),), ((0, 1),), ((0, 0), (1, 2))]:
        with pytest.raises(ValueError, match=r"stretch|chunk"):
            content_list.encode(replace(records.content_list(3), chunks=ChunkList(3, stretches, bytes([1]) * 64)))
    with pytest.raises(ValueError, match="bytes of states"):
        content_list.encode(
            replace(records.content_list(3), chunks=ChunkList(3, ((0, 2),), bytes([1]) * 64, bytes(20)))
        )
    with pytest.raises(ValueError, match="32 bytes"):
        content_list.encode(replace(records.content_list(1), digest=b""))


def test_a_content_list_of_holes_is_small_whatever_the_size_of_the_file():
    chunks = ChunkList(1 << 20, ((5, 1), (1 << 19, 2)), bytes(range(96)), bytes(60))
    data = content_list.encode(ContentList(1, 2, 1 << 42, b"\xdd" * 32, chunks))
    assert len(data) < 400
    assert content_list.decode(data).chunks == chunks
    assert [place for place, _ in chunks.chunks()] == [5, 1 << 19, (1 << 19) + 1] == chunks.places().tolist()


def test_a_point_keeps_consecutive_segments_as_ranges():
    few = records.point(segments=((1, 1),))
    many = records.point(segments=tuple((1, batch) for batch in range(1, 100_001)))
    assert len(point.encode(many)) - len(point.encode(few)) < 16
    assert point.decode(point.encode(many)) == many


def test_a_point_needs_times_with_a_zone():
    naive = records.point().taken_at.replace(tzinfo=None)
    with pytest.raises(ValueError, match="no time zone"):
        point.encode(records.point(taken_at=naive))


def test_a_point_that_names_too_many_segments_is_refused():
    buffer = bytearray(envelope.unseal(b"AFBP", 1, point.encode(records.point(segments=((77, 5), (77, 6)))), "point"))
    at = buffer.index(struct.pack("<III", 77, 5, 2))
    buffer[at + 8 : at + 12] = b"\xff" * 4
    with pytest.raises(IntegrityError, match="more than 4194304 segments"):
        point.decode(envelope.seal(b"AFBP", 1, bytes(buffer)))


def test_the_first_restore_point_has_none_before_it():
    for previous in (None, 0, 1):
        assert point.decode(point.encode(records.point(previous_run_no=previous))).previous_run_no == previous


# ---------------------------------------------------------------------------------------------------------------------
# flatc reads the buffers too: a reader we did not write, from the schema alone


def as_json(tmp_path, name, magic, data):
    if shutil.which("flatc") is None:
        pytest.skip("flatc, the FlatBuffers compiler, is not installed")
    assert (data[:4], data[5:8]) == (magic, bytes(3))
    (tmp_path / "it.bin").write_bytes(zstandard.ZstdDecompressor().decompress(data[16:]))
    command = [
        "flatc",
        "--json",
        "--strict-json",
        "-o",
        str(tmp_path),
        str(SCHEMAS / f"{name}.fbs"),
        "--",
        str(tmp_path / "it.bin"),
    ]
    subprocess.run(command, check=True, capture_output=True)
    return json.loads((tmp_path / "it.json").read_text())


def test_flatc_reads_a_manifest(tmp_path):
    metadata = (("name", "v\u00e4lue"), ("other", "value"))
    page = records.record(3)
    saved: tuple[SavedEntry, ...] = (
        replace(page.entries[0], metadata=metadata),
        replace(page.entries[1], stale=True, content=Content(ContentKind.CHUNKED, chunks=(HOLE, b"\x01" * 32))),
        page.entries[2],
    )
    page = replace(page, entries=saved)
    found = as_json(tmp_path, "manifest", b"AFBM", manifest.encode(page))
    assert found["directory_id"] == 7 << 24
    assert "page_no" not in found
    assert (found["run_no"], found["depth"]) == (8, 5)
    assert found["ancestors"] == [4, 7, 6, 5, 4, 0, 1, 2, 3, 4]
    assert found["page_nos"] == [0]
    assert found["flags"] == [4 | 8, 2 | 4 | 8, 4 | 8]
    assert found["names"] == "file00000/file00001/file00002"
    assert found["file_ids"] == [(1 << 63) + n for n in range(3)]
    assert found["changed"] == [records.MOMENT + 4] * 3
    assert found["content_kinds"] == [1, 3, 1]
    assert found["content_offsets"] == [0, 0, 8000]
    assert found["chunk_counts"] == [0, 2, 0]
    assert found["chunks"] == [0] * 32 + [1] * 32
    assert found["digests"] == [0] * 32 + [1] * 32 + [2] * 32
    ends = [0, *found["text_ends"]]
    texts = ["", *(bytes(found["text_bytes"])[a:b].decode() for a, b in pairwise(ends))]
    assert [texts[n] for n in found["permissions"]] == [page.entries[0].entry.permission_key] * 3
    assert [texts[n] for n in found["content_types"]] == ["application/octet-stream"] * 3
    triples = zip(found["metadata"][::3], found["metadata"][1::3], found["metadata"][2::3], strict=True)
    assert [(at, texts[name], texts[value]) for at, name, value in triples] == [(0, *pair) for pair in metadata]
    assert "cache_controls" not in found


def test_flatc_reads_a_point(tmp_path):
    found = as_json(tmp_path, "point", b"AFBP", point.encode(records.point()))
    assert found["tenant_id"] == "contoso"
    assert found["segments"] == [10, 1, 2, 10, 4, 1, 12, 1, 1]
    assert (found["files"], found["previous_run_no"]) == (1_000_000_000, 9)


def test_flatc_reads_a_content_list(tmp_path):
    found = as_json(tmp_path, "content_list", b"AFBL", content_list.encode(records.content_list()))
    assert found["chunks"] == [1] * 32 + [2] * 32
    assert (found["stretches"], found["states"]) == ([1, 2], [7] * 40)
    assert (found["run_no"], found["size_bytes"]) == (8, records.content_list().size_bytes)
