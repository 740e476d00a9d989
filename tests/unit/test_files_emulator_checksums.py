"""CRC64: as a value, in the framing of structured bodies, and as a condition of Put Range From URL."""

import struct
from base64 import b64encode

import pytest
from azure.storage.extensions.checksums import crc64 as theirs
from hypothesis import given
from hypothesis import strategies as st

from localdev.files_emulator.crc64 import crc64
from tests.support.files_emulator import ACCOUNT, InProcess

KIND = "XSM/1.0; properties=crc64"
URL = f"http://127.0.0.1/{ACCOUNT}"


@pytest.fixture
def emulator():
    emulator = InProcess()
    emulator.create_share("share")
    return emulator


def message(*segments, flags=1):
    """Return a structured message, by its description."""
    body = b""
    for number, data in enumerate(segments, 1):
        body += struct.pack("<HQ", number, len(data)) + data + struct.pack("<Q", theirs.compute(data, 0))
    body += struct.pack("<Q", theirs.compute(b"".join(segments), 0))
    return struct.pack("<BQHH", 1, 13 + len(body), flags, len(segments)) + body


def put(emulator, body, size, **headers):
    wanted = {"x-ms-structured-body": KIND, "x-ms-structured-content-length": str(size), **headers}
    return emulator.put("share/f", body, wanted, size=size)


def text(data):
    return b64encode(theirs.compute(data, 0).to_bytes(8, "little")).decode()


@given(st.binary(max_size=300), st.integers(0, 300))
def test_the_checksum_is_the_services_and_can_be_continued(data, cut):
    assert crc64(data) == theirs.compute(data, 0)
    assert crc64(data[cut:], crc64(data[:cut])) == crc64(data)


@pytest.mark.parametrize("segments", [(b"",), (b"hello",), (b"hel", b"lo", b"x" * 1000)])
def test_a_structured_body_is_unwrapped(emulator, segments):
    data = b"".join(segments)
    answer = put(emulator, message(*segments), len(data))
    assert (answer.status, answer.headers["x-ms-structured-body"]) == (201, KIND)
    assert emulator.get("share/f").body == data


def test_a_range_too(emulator):
    emulator.put("share/f", b"0123456789")
    wanted = {"x-ms-range": "bytes=2-4", "x-ms-write": "update", "x-ms-structured-body": KIND}
    wanted["x-ms-structured-content-length"] = "3"
    assert emulator.send("PUT", "share/f", {"comp": "range"}, wanted, message(b"ab", b"c")).status == 201
    assert emulator.get("share/f").body == b"01abc56789"


def test_a_body_that_is_not_as_it_says_is_refused(emulator):
    good = message(b"hello")
    for place in range(len(good)):
        broken = bytearray(good)
        broken[place] ^= 1
        assert put(emulator, bytes(broken), 5).status == 400, place
    for cut in range(len(good)):
        assert put(emulator, good[:cut], 5).status == 400, cut
    assert put(emulator, good + b"x", 5).status == 400
    assert put(emulator, message(b"hello", flags=0), 5).status == 400
    assert put(emulator, good, 4).code == "InvalidHeaderValue"
    assert put(emulator, good, 5, **{"x-ms-structured-body": "XSM/2.0"}).code == "InvalidHeaderValue"
    corrupt = bytearray(good)
    corrupt[23] ^= 1  # the first byte of the content
    assert put(emulator, bytes(corrupt), 5).code == "Crc64Mismatch"
    assert emulator.get("share/f").status == 404


def test_a_checksum_in_a_header_is_held_against_the_body(emulator):
    assert emulator.put("share/f", b"abc", {"x-ms-content-crc64": text(b"abc")}).status == 201
    assert emulator.put("share/g", b"abc", {"x-ms-content-crc64": text(b"abd")}).code == "Crc64Mismatch"
    assert emulator.put("share/g", b"abc", {"x-ms-content-crc64": "short"}).code == "InvalidHeaderValue"


def test_a_range_from_url_can_name_the_checksum_of_its_source(emulator):
    emulator.put("share/source", b"0123456789")
    emulator.put("share/f", b"..........")

    def copy(**headers):
        named = {f"x-ms-source-{name.replace('_', '-')}-crc64": value for name, value in headers.items()}
        wanted = {"x-ms-copy-source": f"{URL}/share/source", "x-ms-write": "update", "x-ms-range": "bytes=0-2"}
        return emulator.send("PUT", "share/f", {"comp": "range"}, {**wanted, "x-ms-source-range": "bytes=3-5", **named})

    right, wrong = text(b"345"), text(b"346")
    assert copy(content=wrong).code == "Crc64Mismatch"
    for refused in ({"if_match": wrong}, {"if_none_match": right}):
        assert (copy(**refused).status, copy(**refused).code) == (412, "SourceConditionNotMet")
    assert copy(content="x").code == "InvalidHeaderValue"
    assert emulator.get("share/f").body == b".........."
    assert copy(content=right, if_match=right, if_none_match=wrong).status == 201
    assert emulator.get("share/f").body == b"345......."
