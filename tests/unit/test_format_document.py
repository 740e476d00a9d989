"""docs/FORMAT.md tells the truth: its vectors, its names, its contexts."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import xxhash

from shared.core import hashing, xorhash
from shared.formats import bundle, chunk, content_list, manifest, segment
from shared.formats.content_list import ContentList
from shared.model import objects
from shared.model.chunk_list import ChunkList
from shared.model.content import CHUNK_BYTES, HOLE, Content, ContentKind
from shared.model.entry import Entry
from shared.model.manifest import Ancestor, ContentHeaders, ManifestRef, PageRecord, SavedEntry
from shared.model.node import ROOT_ID, SLOT_MAX

DOCUMENT = (Path(__file__).parents[2] / "docs" / "FORMAT.md").read_text()
HELLO = b"hello world"
HASHER = hashing.ShareHasher("contoso", 7)
DIGEST = HASHER.digest(HELLO)


def row(name):
    """The result in the table of vectors."""
    return re.search(rf"^\| {name} \| .* \| `([0-9a-f]+)` \|$", DOCUMENT, re.MULTILINE)[1]


def dump(name):
    """The bytes of a whole object."""
    return bytes.fromhex(re.search(rf"^```\n{name} ([0-9a-f]+)\n```$", DOCUMENT, re.MULTILINE)[1])


def test_the_hashes_are_as_documented():
    assert row("digest") == DIGEST.hex()
    assert row("digest of chunks") == HASHER.digest_of_chunks([DIGEST, HOLE]).hex()
    assert row("QuickXorHash") == xorhash.quickxor(HELLO).hex()
    assert row("xorhash") == f"{xorhash.fold(xorhash.quickxor(HELLO)):016x}"
    assert row("checksum") == f"{xxhash.xxh3_64_intdigest(HELLO):016x}"


def test_the_contexts_are_as_documented():
    assert f"`{hashing.CONTENT_CONTEXT}`" in DOCUMENT
    assert f"`{hashing.CHUNKS_CONTEXT}`" in DOCUMENT


def test_the_chunk_is_as_documented():
    assert chunk.decode(dump("chunk")) == b"hello"
    assert chunk.encode(b"hello") == dump("chunk")


# Bytes of another zstd library may differ, what they decode to may not.


def test_the_content_list_is_as_documented():
    digest = HASHER.digest_of_chunks((HOLE, DIGEST))
    states = xorhash.state(HELLO, CHUNK_BYTES)
    expected = ContentList(33554433, 5, 4_194_315, digest, ChunkList(2, ((1, 1),), DIGEST, states))
    assert content_list.decode(dump("content_list")) == expected
    before = replace(expected, chunks=replace(expected.chunks, states=b""))
    assert content_list.decode(dump("content_list_1")) == before


def test_the_manifest_is_as_documented():
    moment = 638_000_000_000_000_000
    times = (moment, moment + 1, moment + 2, moment + 3, moment)
    saved = SavedEntry(
        Entry("hello.txt", False, 14988049928633188352, len(HELLO), *times, 0x20, "1*2"),
        node_id=33554433,
        saved_run=5,
        content=Content(ContentKind.BUNDLED, run_no=5, batch_no=3, length=300),
        digest=DIGEST,
        quickxor=xorhash.quickxor(HELLO),
        metadata=(("color", "blue"),),
        headers=ContentHeaders(content_type="text/plain"),
    )
    expected = PageRecord(33554432, 0, 5, 1, (Ancestor(0, ManifestRef(4, 1, 8, 300)),), (saved,))
    assert manifest.decode(dump("manifest")) == expected


def test_every_name_is_in_the_table():
    digest = bytes(range(32))
    for name, pattern in [
        (objects.point_name(7, 5), "{share_id}/point/{run_no}.fb"),
        (objects.segment_name(7, 5, 3), "{share_id}/segment/{run_no}/{batch_no}.fb"),
        (objects.bundle_name(7, 5, 3, 0), "{share_id}/bundle/{run_no}/{batch_no}.tar.zst"),
        (objects.node_object_name(7, 33554433, 5), "{share_id}/{node_id}/{run_no}"),
        (objects.chunk_name(7, digest), "{share_id}/chunk/{2 hex}/{64 hex}"),
        (objects.permission_name(7, "1*2"), "{share_id}/permission/{key}"),
    ]:
        assert f"| `{pattern}` |" in DOCUMENT
        values = {
            "share_id": 7,
            "run_no": 5,
            "batch_no": 3,
            "node_id": 33554433,
            "2 hex": "00",
            "64 hex": digest.hex(),
            "key": "1-2",
        }
        assert name == re.sub(r"{(.*?)}", lambda field: str(values[field[1]]), pattern)  # noqa: B023
    assert objects.bundle_name(7, 5, 3, 2) == "7/bundle/5/3-2.tar.zst"


@pytest.mark.parametrize("codec", [manifest, segment, content_list, chunk])
def test_every_magic_is_in_the_document(codec):
    assert f"`{codec.MAGIC.decode()}`" in DOCUMENT


def test_every_kind_of_content_is_in_the_document():
    for kind in ContentKind:
        assert f"| {kind.value} {kind.name} |" in DOCUMENT


def test_the_constants_are_as_documented():
    assert f"its node id is {ROOT_ID}" in DOCUMENT
    assert f"1 to {SLOT_MAX:,}" in DOCUMENT
    assert CHUNK_BYTES == 4 << 20
    assert bundle.BLOCK_BYTES == 512


def test_the_schemas_it_names_exist():
    for name in set(re.findall(r"\]\(\.\./(schema/[a-z_./]+)\)", DOCUMENT)):
        assert (Path(__file__).parents[2] / name).exists()
