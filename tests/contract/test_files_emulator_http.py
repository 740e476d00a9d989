"""Clients that are slow, impatient, chatty or gone, at a socket."""

import uuid

import pytest

from tests.support.files_emulator import running
from tests.support.files_wire import Wire, request_bytes, until

CREATE = {"x-ms-type": "file", "x-ms-content-length": "1000"}
BODY = b"0123456789" * 100
BIG = bytes(range(256)) * 4096 * 3


@pytest.fixture(scope="module")
def emulator():
    with running() as found:
        yield found


@pytest.fixture
def share(emulator):
    name = f"s-{uuid.uuid4().hex}"
    emulator.raw.create_share(name)
    return name


@pytest.mark.parametrize("sent", [1, 999])
def test_a_half_sent_body_changes_nothing(emulator, share, sent):
    data = request_bytes("PUT", f"{share}/f", None, CREATE, BODY)
    head = len(data) - len(BODY)
    with Wire(emulator) as wire:
        wire.send(data[: head + sent])
        assert wire.is_silent()
    assert emulator.raw.get(f"{share}/f").status == 404
    assert "file_create" not in emulator.control.counters(share)["operations"]


def test_a_half_sent_chunked_body_changes_nothing(emulator, share):
    data = request_bytes("PUT", f"{share}/f", None, CREATE | {"Content-Length": "0"}, b"")
    data = data.replace(b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n")
    with Wire(emulator) as wire:
        wire.send(data + b"3e8\r\n" + BODY + b"\r\n")
        assert wire.is_silent(), "the last chunk is missing"
    assert emulator.raw.get(f"{share}/f").status == 404


def test_a_half_sent_head_changes_nothing(emulator, share):
    with Wire(emulator) as wire:
        wire.send(request_bytes("DELETE", share, {"restype": "share"})[:-2])
        assert wire.is_silent()
    assert emulator.raw.send("GET", share, {"restype": "share"}).status == 200


def test_a_request_may_come_a_byte_at_a_time(emulator, share):
    with Wire(emulator) as wire:
        for byte in request_bytes("PUT", f"{share}/f", None, CREATE, BODY[:20]):
            wire.send(bytes([byte]))
        assert wire.read_head().startswith(b"HTTP/1.1 201 ")
    assert emulator.raw.get(f"{share}/f").body == BODY[:20].ljust(1000, b"\0")


def test_pipelined_requests_are_answered_in_order(emulator, share):
    emulator.raw.put(f"{share}/big", BIG)
    emulator.control.fault(operation="file_download", path=f"{share}/slow$", delay_s=0.1)
    requests = [
        request_bytes("PUT", f"{share}/slow", None, CREATE, BODY),
        request_bytes("GET", f"{share}/slow"),
        request_bytes("GET", f"{share}/big"),
        request_bytes("HEAD", f"{share}/big"),
        request_bytes("DELETE", f"{share}/slow"),
        request_bytes("GET", f"{share}/slow"),
    ]
    with Wire(emulator) as wire:
        wire.send(b"".join(requests))
        assert wire.read_answer()[0].startswith(b"HTTP/1.1 201 ")
        assert wire.read_answer()[1] == BODY
        assert wire.read_answer()[1] == BIG
        head = wire.read_head()
        assert f"Content-Length: {len(BIG)}\r\n".encode() in head
        assert wire.read_answer()[0].startswith(b"HTTP/1.1 202 ")
        assert wire.read_answer()[0].startswith(b"HTTP/1.1 404 ")


def test_a_client_that_does_not_read_is_not_answered_further(emulator, share):
    for n in range(300):
        emulator.raw.put(f"{share}/{n:0200}", b"")
    one = request_bytes("GET", share, {"restype": "directory", "comp": "list", "include": "timestamps,etag"})
    with Wire(emulator, receive_bytes=4096) as wire:
        wire.send(one)
        whole = len(wire.read_answer()[1])
        assert whole > 100_000
        wire.send(one * 150)
        answered = [-1, 0]
        while answered[-1] != answered[-2]:
            wire.is_silent(0)
            emulator.raw.send("HEAD", share, {"restype": "directory"})
            answered.append(emulator.control.counters(share)["operations"]["directory_list"]["requests"])
        assert answered[-1] < 140, "what was answered fills the buffers of the sockets, and not the emulator's memory"
        for _ in range(150):
            assert len(wire.read_answer()[1]) == whole


def test_a_slow_reader_gets_the_whole_answer(emulator, share):
    emulator.raw.put(f"{share}/big", BIG)
    with Wire(emulator, "GET", f"{share}/big", receive_bytes=4096) as wire:
        wire.read_head()
        found = b""
        while len(found) < len(BIG):
            found += wire.read(min(3001, len(BIG) - len(found)))
            wire.is_silent(0)
        assert found == BIG


def test_a_reader_that_leaves_half_way_leaves_the_rest_alone(emulator, share):
    emulator.raw.put(f"{share}/big", BIG)
    for _ in range(5):
        with Wire(emulator, "GET", f"{share}/big", receive_bytes=4096) as wire:
            wire.read(10_000)
    assert emulator.raw.get(f"{share}/big").body == BIG


def test_a_client_that_has_said_all_still_gets_its_answer(emulator, share):
    import socket

    emulator.control.fault(operation="file_create", path=f"{share}/f$", delay_s=0.1)
    with Wire(emulator, "PUT", f"{share}/f", None, CREATE, BODY) as wire:
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.read_to_end().startswith(b"HTTP/1.1 201 ")


def test_expect_continue_is_answered_before_the_body_is_sent(emulator, share):
    data = request_bytes("PUT", f"{share}/f", None, CREATE | {"Expect": "100-continue"}, BODY)
    with Wire(emulator) as wire:
        wire.send(data[: -len(BODY)])
        assert wire.read_head() == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert wire.is_silent()
        wire.send(BODY)
        assert wire.read_head().startswith(b"HTTP/1.1 201 ")


def test_a_head_s_refusal_has_no_body(emulator, share):
    with Wire(emulator, "HEAD", f"{share}/nothing") as wire:
        head = wire.read_head()
        assert head.startswith(b"HTTP/1.1 404 ")
        assert b"x-ms-error-code: ResourceNotFound\r\n" in head
        wire.send(request_bytes("HEAD", share, {"restype": "share"}))
        assert wire.read_head().startswith(b"HTTP/1.1 200 ")


def test_more_header_lines_than_any_client_sends_end_the_connection(emulator, share):
    def ask(lines):
        data = request_bytes("GET", f"{share}/nothing")
        with Wire(emulator) as wire:
            wire.send(data[:-2] + b"a: b\r\n" * lines + b"Connection: close\r\n\r\n")
            return wire.read_to_end()

    assert ask(900).startswith(b"HTTP/1.1 404 ")
    refused = ask(1100)
    assert refused.startswith(b"HTTP/1.1 400 ")
    assert b"more than 1000 header lines" in refused


def test_the_emulator_stops_while_clients_wait():
    """With a delayed, a stalled and a half-sent request pending; ``running`` waits ten seconds for its end."""
    with running() as emulator:
        emulator.raw.create_share("share")
        emulator.raw.put("share/f", BODY)
        emulator.control.fault(operation="file_create", delay_s=600)
        emulator.control.fault(operation="file_download", stall_s=600)
        delayed = Wire(emulator, "PUT", "share/g", None, CREATE, BODY)
        gone = Wire(emulator, "GET", "share/f")
        half = Wire(emulator)
        half.send(request_bytes("PUT", "share/h", None, CREATE, BODY)[:-1])
        until(lambda: [rule["hits"] for rule in emulator.control.rules()] == [1, 1])
        gone.socket.close()
        emulator.process.terminate()
        assert emulator.process.wait(10) == 0
        delayed.socket.close()
        half.socket.close()
