"""HTTP as bytes: any way of cutting a request gives the same answer, and one answer never runs into the next."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.files_emulator import ACCOUNT, InProcess, signed, target

LIST = {"restype": "directory", "comp": "list"}


def request(method, path, query=None, body=b"", *, chunks=None, **headers):
    path = f"/{ACCOUNT}/{path}"
    found = signed(method, path, query or {}, {"Content-Length": "0"} | headers if chunks else headers, body, "h")
    if chunks is not None:
        del found["Content-Length"]
        found["Transfer-Encoding"] = "chunked"
        body = b"".join(b"%x;x=y\r\n%s\r\n" % (len(c), c) for c in chunks if c) + b"0\r\nTrailer: x\r\n\r\n"
    head = [f"{method} {target(path, query)} HTTP/1.1", *(f"{name}: {value}" for name, value in found.items())]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def stocked():
    emulator = InProcess()
    emulator.create_share("share")
    return emulator


def create(body, **keywords):
    return request("PUT", "share/f", body=body, **{"x-ms-type": "file", "x-ms-content-length": "30"}, **keywords)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 2000), max_size=6))
def test_a_request_may_arrive_in_any_pieces(cuts):
    emulator = stocked()
    data = create(b"hello") + request("GET", "share/f") + request("HEAD", "share/f") + request("GET", "share", LIST)
    edges = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    answer = emulator.bytes(*(data[a:b] for a, b in pairwise(edges)))
    assert answer.count(b"HTTP/1.1 2") == 4
    assert answer.count(b"hello" + bytes(25)) == 1
    assert answer.endswith(b"</EnumerationResults>")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=8), max_size=3), st.lists(st.integers(0, 1000), max_size=4))
def test_a_chunked_body_is_the_chunks_joined(chunks, cuts):
    emulator = stocked()
    data = create(b"", chunks=chunks or [b""])
    edges = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    assert emulator.bytes(*(data[a:b] for a, b in pairwise(edges))).startswith(b"HTTP/1.1 201")
    assert emulator.get("share/f").body == b"".join(chunks).ljust(30, b"\0")


def test_expect_continue_is_answered_before_the_body():
    emulator = stocked()
    data = create(b"hello", Expect="100-continue")
    answer = emulator.bytes(data[:-5], data[-5:])
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 ")


def test_a_connection_that_is_to_close_is_closed():
    answer = stocked().bytes(request("GET", "share", LIST, Connection="close") + request("GET", "share", LIST))
    assert answer.count(b"HTTP/1.1 200") == 1
    assert b"Connection: close" in answer


def test_a_body_longer_than_any_operation_takes_is_read_past_and_refused():
    emulator = stocked()
    body = bytes(5 * 1024 * 1024)
    data = request("PUT", "share/f", body=body, **{"x-ms-type": "file", "x-ms-content-length": str(len(body))})
    answer = emulator.bytes(*(data[i : i + 65536] for i in range(0, len(data), 65536)), request("GET", "share", LIST))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"<MaxLimit>4194304</MaxLimit>" in answer
    assert answer.count(b"HTTP/1.1 200") == 1, "the connection goes on"


def test_a_body_too_long_to_read_past_ends_the_connection():
    data = create(b"", **{"Content-Length": str(1 << 40)})
    answer = stocked().bytes(data)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"Connection: close" in answer


def test_a_head_without_end_is_refused():
    assert stocked().bytes(b"GET / HTTP/1.1\r\n", b"a: b\r\n" * 20_000).startswith(b"HTTP/1.1 400")
