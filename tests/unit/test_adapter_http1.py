"""The HTTP client against a server that answers byte by byte what a test says, and nothing it was not told to."""

import asyncio
import itertools
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.http1 import Session
from shared.adapters.http1_chunks import BadAnswer, Chunks
from shared.adapters.http1_connection import BUFFER_BYTES, SLICE_BYTES

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """Answers each connection with ``script``, an async function of a reader and a writer."""

    def __init__(self, script):
        self.script = script
        self.connections = 0
        self.heads = []

    async def head(self, reader):
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        return self.heads[-1]

    async def serve(self, reader, writer):
        self.connections += 1
        try:
            await self.script(self, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def session(script, *, connections=4, silence_s=5.0, idle_s=30.0, headers=None):
    server = Server(script)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    http = Session(
        f"http://127.0.0.1:{port}",
        headers=headers or {},
        connections=connections,
        connect_s=5,
        silence_s=silence_s,
        idle_s=idle_s,
    )
    try:
        yield http, server
    finally:
        await asyncio.wait_for(http.close(), 5)
        listening.close()
        await listening.wait_closed()


def always(*parts, close=False):
    async def script(server, reader, writer):
        while True:
            await server.head(reader)
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.001)
            if close:
                return

    return script


async def body(http, method="GET", target="/a", headers=None, data=b""):
    async with await http.request(method, target, headers or {}, data) as answer:
        return answer.status, await answer.read()


async def test_a_request_says_what_it_was_given_and_no_more():
    async with session(always(OK), headers={"User-Agent": "us"}) as (http, server):
        await body(http, "PUT", "/a?b=c", {"x-ms-date": "now"})
        await body(http, "GET", "/")
    host = f"Host: 127.0.0.1:{http._port}\r\nUser-Agent: us\r\n".encode()
    assert server.heads == [
        b"PUT /a?b=c HTTP/1.1\r\n" + host + b"x-ms-date: now\r\nContent-Length: 0\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + host + b"\r\n",
    ]


@pytest.mark.parametrize(
    ("target", "headers"),
    [("/a b", {}), ("/a\r\nb", {}), ("/", {"x": "1\r\ny: 2"}), ("/", {"x\n": "1"}), ("/", {"x": "\0"})],
)
async def test_what_would_become_another_request_is_refused(target, headers):
    async with session(always(OK)) as (http, server):
        with pytest.raises(ValueError, match=r"percent-encoded|end a line"):
            await http.request("GET", target, headers)
    assert server.heads == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ([OK[i : i + 1] for i in range(len(OK))], (200, b"ok")),
        ([b"HTTP/1.1 100 Continue\r\n\r\n" + OK], (200, b"ok")),
        (
            [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"2\r\nok\r\n3;x=y\r\n", b"yes\r\n0\r\n\r\n"],
            (200, b"okyes"),
        ),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTrailer: 1\r\n\r\n"], (200, b"")),
        ([b"HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n"], (404, b"")),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], (204, b"")),
    ],
    ids=["byte-by-byte", "continue", "chunked", "empty-chunked", "no-reason", "no-content"],
)
async def test_answers_of_every_form_leave_the_connection_for_the_next(answer, expected):
    async with session(always(*answer)) as (http, server):
        for _ in range(3):
            assert await body(http) == expected
        assert server.connections == 1


async def test_a_head_has_a_length_and_no_body():
    async with session(always(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")) as (http, server):
        answer = await http.request("HEAD", "/", {})
        assert (answer.content_length, await answer.read()) == (5, b"")
        assert await body(http, "HEAD") == (200, b"")
        assert server.connections == 1


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_a_body_without_a_length_ends_with_its_connection(version):
    said = f"HTTP/{version} 200 OK\r\nConnection: close\r\n\r\n".encode()
    async with session(always(said, b"all", b" of it", close=True)) as (http, server):
        assert await body(http) == (200, b"all of it")
        assert await body(http) == (200, b"all of it")
        assert server.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfour",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfour",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n",
    ],
)
async def test_a_body_cut_short_is_an_error(answer):
    async with session(always(answer, close=True)) as (http, _):
        with pytest.raises(ConnectionError):
            await body(http)


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ntwo",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\ntwo\r\n",
        b"x" * 300_000,
    ],
)
async def test_what_is_no_answer_is_refused_and_its_connection_not_used_again(answer):
    async with session(always(answer)) as (http, server):
        for _ in range(2):
            with pytest.raises(BadAnswer):
                await body(http)
        assert server.connections == 2


async def test_a_kept_connection_that_was_closed_costs_one_more_and_a_fresh_one_is_an_error():
    async def script(server, reader, writer):
        await server.head(reader)
        if server.connections <= 2:
            writer.write(OK)
            await writer.drain()
            await reader.read(1)  # the next request: closed instead of answered
        return

    async with session(script) as (http, server):
        assert await body(http) == (200, b"ok")
        assert await body(http) == (200, b"ok")
        assert server.connections == 2
        with pytest.raises(ConnectionError):
            await body(http)  # the kept one, then a fresh one
        assert server.connections == 3


async def test_silence_ends_a_request_before_and_within_its_answer():
    async def script(server, reader, writer):
        await server.head(reader)
        if server.connections == 2:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhal")
        await asyncio.sleep(5)

    async with session(script, silence_s=0.2) as (http, _):
        loop = asyncio.get_running_loop()
        for _ in range(2):
            began = loop.time()
            with pytest.raises(TimeoutError, match=r"0\.2 s"):
                await body(http)
            assert 0.15 < loop.time() - began < 2


async def test_a_slow_answer_that_goes_on_is_not_silence():
    async def script(server, reader, writer):
        await server.head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n")
        for _ in range(8):
            await asyncio.sleep(0.1)
            writer.write(b"x")

    async with session(script, silence_s=0.4) as (http, _):
        assert await body(http) == (200, b"x" * 8)


async def test_a_reader_that_takes_its_time_is_not_silence_and_holds_little():
    sent = 0

    async def script(server, reader, writer):
        nonlocal sent
        await server.head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 33554432\r\n\r\n")
        for _ in range(32):
            writer.write(b"x" * 2**20)
            await writer.drain()
            sent += 2**20

    async with session(script, silence_s=0.3) as (http, _):
        answer = await http.request("GET", "/", {})
        await asyncio.sleep(0.8)
        assert answer._held < BUFFER_BYTES + 2**20
        assert sent < 2**25
        total = 0
        while part := await answer.content.read(3 * 2**20):
            total += len(part)
        assert total == 2**25
        assert answer.at_eof()


async def test_a_large_body_arrives_and_an_early_refusal_ends_it():
    data = bytearray(range(256)) * (8 * SLICE_BYTES // 256)

    async def script(server, reader, writer):
        head = await server.head(reader)
        if b"refuse" in head:
            writer.write(b"HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            await asyncio.sleep(1)
            return
        assert await reader.readexactly(len(data)) == data
        writer.write(OK.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"))
        await writer.drain()

    async with session(script) as (http, server):
        assert await body(http, "PUT", "/", {}, data) == (200, b"ok")
        assert await asyncio.wait_for(body(http, "PUT", "/refuse", {}, bytes(2**26)), 5) == (409, b"")
        assert server.connections == 2


async def test_no_more_connections_than_allowed_and_each_request_gets_its_own_answer():
    async def script(server, reader, writer):
        while True:
            number = (await server.head(reader)).split()[1][1:]
            await asyncio.sleep(0.001)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(number), number))

    async with session(script, connections=3) as (http, server):
        found = await asyncio.gather(*(body(http, target=f"/{n}") for n in range(100)))
        assert found == [(200, b"%d" % n) for n in range(100)]
        assert server.connections == 3


async def test_requests_that_are_given_up_leave_no_connection_behind():
    async def script(server, reader, writer):
        await server.head(reader)
        if server.connections > 6:
            writer.write(OK)
        await asyncio.sleep(1)

    async with session(script, connections=2) as (http, _):
        for _ in range(3):
            tasks = [asyncio.create_task(body(http)) for _ in range(5)]
            await asyncio.sleep(0.05)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        assert await asyncio.wait_for(body(http), 5) == (200, b"ok")


async def test_an_idle_connection_that_is_too_old_is_not_used():
    async with session(always(OK), idle_s=0.05) as (http, server):
        await body(http)
        await asyncio.sleep(0.1)
        await body(http)
        assert server.connections == 2


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=5), st.lists(st.integers(0, 200)))
def test_chunks_come_out_however_they_were_cut(parts, cuts):
    sent = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    edges = sorted({0, len(sent), *(cut for cut in cuts if cut < len(sent))})
    chunks, found = Chunks(), b""
    for start, end in itertools.pairwise(edges):
        assert not chunks.is_over
        found += b"".join(chunks.feed(sent[start:end]))
    assert chunks.is_over
    assert found == b"".join(parts)
