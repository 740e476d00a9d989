"""Chunks and lone frames at their limits."""

import pytest
import zstandard

from shared.errors import IntegrityError
from shared.formats import chunk, frame
from shared.model.content import CHUNK_BYTES
from tests.support.formats import damaged, noise

TEXT = b"all work and no play makes jack a dull boy\n" * 50


@pytest.mark.parametrize("data", [b"", b"x", TEXT, noise(1000), bytes(CHUNK_BYTES), noise(CHUNK_BYTES)], ids=len)
def test_a_chunk_is_read_back(data):
    assert chunk.decode(chunk.encode(data)) == data


def test_what_compresses_is_compressed_and_the_rest_is_not():
    assert chunk.encode(TEXT)[:6] == b"AFBC\x01\x01"
    assert len(chunk.encode(TEXT)) < len(TEXT) / 10
    assert chunk.encode(noise(1000)) == b"AFBC\x01\x00" + noise(1000)
    assert chunk.encode(b"") == b"AFBC\x01\x00"


def test_zstd_must_save_five_percent():
    # 1,000 bytes of noise and n that repeat: somewhere between, the codec changes, and never wastes more than 5 %.
    for repeated in range(0, 200, 5):
        data = noise(1000) + b"x" * repeated
        encoded = chunk.encode(data)
        compressed = len(frame.frame(data))
        assert (encoded[5] == 1) == (compressed <= 0.95 * len(data))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not a chunk"),
        (b"AFBC\x01", "not a chunk"),
        (b"AFBX\x01\x00data", "not a chunk"),
        (b"AFBC\x02\x00data", "version 2; this program reads version 1"),
        (b"AFBC\x01\x02data", "codec 2"),
        (b"AFBC\x01\x01data", "damaged"),
        (b"AFBC\x01\x00" + bytes(CHUNK_BYTES + 1), "4194305 bytes"),
        (b"AFBC\x01\x01" + zstandard.ZstdCompressor().compress(bytes(CHUNK_BYTES + 1)), "4194305 bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_chunk_is_refused_with_a_sentence(data, said):
    with pytest.raises(IntegrityError, match=said):
        chunk.decode(data)


def test_a_chunk_larger_than_the_grid_is_refused():
    with pytest.raises(ValueError, match="4194305"):
        chunk.encode(bytes(CHUNK_BYTES + 1))


def test_damage_to_a_compressed_chunk_is_noticed():
    for broken in damaged(chunk.encode(TEXT)):
        if broken[:6] == b"AFBC\x01\x00":
            continue  # taken for raw content: only its digest can tell
        try:
            assert chunk.decode(broken) == TEXT
        except IntegrityError:
            continue


@pytest.mark.parametrize("data", [b"", b"x", TEXT, noise(5000)], ids=len)
def test_a_frame_is_read_back_by_us_and_by_zstd(data):
    packed = frame.frame(data)
    assert frame.unframe(packed, len(data)) == data
    assert zstandard.ZstdDecompressor().decompressobj().decompress(packed) == data
    assert frame.frame(data) == packed


@pytest.mark.parametrize("data", [b"", TEXT, noise(100)], ids=len)
def test_damage_to_a_frame_is_noticed(data):
    for broken in damaged(frame.frame(data)):
        try:
            assert frame.unframe(broken, len(data)) == data
        except IntegrityError:
            continue


def test_a_frame_of_another_size_is_refused():
    with pytest.raises(IntegrityError, match=f"holds {len(TEXT)} bytes, expected 5"):
        frame.unframe(frame.frame(TEXT), 5)


def test_a_frame_followed_by_more_is_refused():
    with pytest.raises(IntegrityError):
        frame.unframe(frame.frame(TEXT) * 2, len(TEXT))


def test_a_frame_that_does_not_say_its_size_is_refused():
    unsized = zstandard.ZstdCompressor(write_content_size=False).compress(TEXT)
    with pytest.raises(IntegrityError, match="unknown size"):
        frame.unframe(unsized, len(TEXT))
