"""The HTTP client under servers that behave oddly: whole answers or an error in time, and connections used again only when whole."""

import asyncio
import random
import time
from contextlib import asynccontextmanager

import pytest

from shared.adapters import http_connection, http_origin
from shared.adapters.http_connection import Broken
from shared.adapters.http_origin import HttpOrigin
from tests.support.files_emulator import running

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """Calls ``behave(reader, writer)`` for every connection."""

    def __init__(self, behave):
        self.behave = behave
        self.connections = 0
        self.tasks = set()

    async def serve(self, reader, writer):
        self.connections += 1
        self.tasks.add(asyncio.current_task())
        try:
            await self.behave(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def origin(behave):
    server = Server(behave)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    client = HttpOrigin("http", "127.0.0.1", port, f"127.0.0.1:{port}")
    try:
        yield client, server
    finally:
        await client.aclose()
        listening.close()
        for task in server.tasks:
            task.cancel()
        await asyncio.gather(*server.tasks, return_exceptions=True)


def saying(*answers):
    """One answer per request, over all connections, the last one for ever."""
    left = list(answers)

    async def behave(reader, writer):
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(left[0] if len(left) == 1 else left.pop(0))
            await writer.drain()

    return behave


def get(client, method="GET", headers=(), body=b"", connect_s=5.0, silence_s=5.0, look=None):
    return client.request(method, "/a?b=c", dict(headers), body, connect_s=connect_s, silence_s=silence_s, look=look)


@pytest.mark.parametrize(
    ("sent", "body"),
    [
        (OK, b"ok"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" + OK, b"ok"),
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", b""),
    ],
    ids=["length", "chunked", "204", "100", "404"],
)
async def test_a_whole_answer_comes_back_and_its_connection_is_used_again(sent, body):
    async with origin(saying(sent)) as (client, server):
        answers = [await get(client) for _ in range(3)]
    assert [answer.body for answer in answers] == [body] * 3
    assert all("X" not in answer.headers for answer in answers)
    assert server.connections == 1


async def test_an_answer_in_single_bytes_is_read():
    async def behave(reader, writer):
        while True:
            await reader.readuntil(b"\r\n\r\n")
            for byte in OK.replace(b"\r\n\r\n", "\r\nX: ä\r\n\r\n".encode()):
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0)

    async with origin(behave) as (client, server):
        for _ in range(2):
            answer = await get(client)
            assert (answer.status, answer.headers["x"], answer.body) == (200, "ä", b"ok")
    assert server.connections == 1


async def test_the_answer_to_head_has_no_body_whatever_its_length():
    async with origin(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")) as (client, server):
        for _ in range(2):
            answer = await get(client, "HEAD")
            assert (answer.body, answer.headers["Content-Length"]) == (b"", "1000")
    assert server.connections == 1


async def test_a_body_without_length_ends_with_its_connection():
    async def behave(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nto the end")
        await writer.drain()

    async with origin(behave) as (client, server):
        assert [(await get(client)).body for _ in range(2)] == [b"to the end"] * 2
    assert server.connections == 2


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhell",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["nothing", "half a line", "cut", "cut chunk", "no http", "too many headers"],
)
async def test_half_an_answer_is_none(sent):
    async def behave(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(sent)
        await writer.drain()

    async with origin(behave) as (client, server):
        with pytest.raises(Broken):
            await get(client)
    assert server.connections == 1


async def test_a_kept_connection_that_has_ended_costs_no_request():
    async def behave(reader, writer):  # hangs up after every answer without having said so
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await writer.drain()

    async with origin(behave) as (client, server):
        for pause_s in (0, 0, 0.05, 0):
            assert (await get(client)).body == b"ok"
            await asyncio.sleep(pause_s)
    assert server.connections == 4


async def test_a_connection_that_breaks_with_the_answer_begun_is_not_hidden():
    async with origin(saying(OK, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx")) as (client, server):
        await get(client)
        task = asyncio.create_task(get(client))
        await asyncio.sleep(0.1)
        for serving in server.tasks:
            serving.cancel()
        with pytest.raises(Broken):
            await task
    assert server.connections == 1


async def test_an_answer_that_nobody_asked_for_spoils_the_connection():
    async with origin(saying(OK + OK, OK)) as (client, server):
        await get(client)
        await asyncio.sleep(0.05)
        assert (await get(client)).body == b"ok"
    assert server.connections == 2


async def test_a_connection_that_the_service_closes_is_not_used_again():
    async with origin(saying(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))) as (client, server):
        for _ in range(3):
            await get(client)
    assert server.connections == 3


async def test_silence_ends_in_time_and_slowness_does_not():
    async def behave(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        for byte in OK[:-1]:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.03)
        await asyncio.sleep(20)

    async with origin(behave) as (client, _):
        started = time.monotonic()
        with pytest.raises(TimeoutError, match=r"nothing arrived for 0\.5 s"):
            await get(client, silence_s=0.5)
        assert time.monotonic() - started >= len(OK) * 0.03 + 0.5


async def test_a_large_body_is_sent_whole_however_slowly_it_is_read():
    body = random.Random(1).randbytes(128 * http_connection.SLICE_BYTES + 17)  # beyond what sockets hold
    got = bytearray()

    async def behave(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        while len(got) < len(body):
            await asyncio.sleep(0.03)
            got.extend(await reader.readexactly(min(1 << 20, len(body) - len(got))))
        writer.write(OK)
        await writer.drain()

    async with origin(behave) as (client, _):
        assert (await get(client, "PUT", body=body, silence_s=0.5)).body == b"ok"
    assert got == body


async def test_a_refusal_in_the_middle_of_a_large_body_is_an_answer():
    refusal = b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno"

    async def behave(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(refusal)
        await writer.drain()
        while await reader.read(1 << 20):
            pass

    async with origin(behave) as (client, server):
        for _ in range(2):
            answer = await get(client, "PUT", body=bytes(200 * http_connection.SLICE_BYTES))
            assert (answer.status, answer.body) == (403, b"no")
    assert server.connections == 2  # the first had the rest of a body to come


@pytest.mark.parametrize("headers", [{"a": "b\r\nc: d"}, {"a\n": "b"}, {"a": "b\r"}, {"a": "\ud800"}])
async def test_headers_that_would_be_others_are_not_sent(headers):
    async with origin(saying(OK)) as (client, server):
        with pytest.raises(ValueError, match=r"line break|surrogates"):
            await get(client, headers=headers)
    assert server.connections == 0


async def test_what_looks_at_the_headers_may_refuse_the_body():
    seen = []

    def look(status, headers):
        seen.append((status, headers["Content-Length"]))
        if len(seen) == 1:
            raise LookupError("not this one")

    async with origin(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", OK)) as (client, server):
        with pytest.raises(LookupError, match="not this one"):
            await get(client, look=look)
        assert (await get(client, look=look)).body == b"ok"
    assert seen == [(200, "99999999999"), (200, "2")]
    assert server.connections == 2


async def test_a_request_that_is_cancelled_takes_its_connection_with_it():
    async with origin(saying(b"", OK)) as (client, server):
        task = asyncio.create_task(get(client))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await get(client)).body == b"ok"
    assert server.connections == 2


async def test_closing_ends_requests_on_their_way():
    async with origin(saying(b"")) as (client, _):
        tasks = [asyncio.create_task(get(client, silence_s=60)) for _ in range(3)]
        await asyncio.sleep(0.1)
        await asyncio.wait_for(client.aclose(), 5)
        assert [type(error) for error in await asyncio.gather(*tasks, return_exceptions=True)] == [Broken] * 3


async def test_connections_are_bounded_and_the_idle_ones_closed(monkeypatch):
    monkeypatch.setattr(http_origin, "CONNECTIONS", 4)
    monkeypatch.setattr(http_origin, "KEEP_ALIVE_S", 0.3)
    closed = []

    async def behave(reader, writer):
        while await reader.readuntil(b"\r\n\r\n"):
            await asyncio.sleep(0.02)
            writer.write(OK)
        closed.append(1)

    async with origin(behave) as (client, server):
        await asyncio.gather(*(get(client) for _ in range(40)))
        assert server.connections == 4
        await asyncio.sleep(1.0)
        assert not client._all
        await get(client)
        assert server.connections == 5


async def test_nobody_who_answers_is_an_error_of_the_system():
    async with origin(saying(OK)) as (client, _):
        host, _ = client._address
        silent = HttpOrigin("http", host, 1, host)
        with pytest.raises(OSError, match=r"refused|Connect call failed"):
            await get(silent)
        await silent.aclose()


async def test_a_certificate_that_is_not_trusted_is_refused_and_one_that_is_accepted(monkeypatch):
    with running("--tls") as emulator:
        host, _, port = emulator.url.removeprefix("https://").split("/")[0].partition(":")
        http_origin._tls.cache_clear()
        stranger = HttpOrigin("https", host, int(port), f"{host}:{port}")
        with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
            await get(stranger)
        await stranger.aclose()
        monkeypatch.setenv("SSL_CERT_FILE", str(emulator.certificate))
        http_origin._tls.cache_clear()
        friend = HttpOrigin("https", host, int(port), f"{host}:{port}")
        try:
            answer = await get(friend, "PUT", body=bytes(3 * http_connection.SLICE_BYTES))
            assert answer.status >= 400  # not signed; but it came through
            assert "x-ms-request-id" in answer.headers
        finally:
            await friend.aclose()
            http_origin._tls.cache_clear()
