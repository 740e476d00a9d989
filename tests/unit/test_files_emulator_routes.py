"""Routes of the control API: long work lets clients through, and mistakes are told in JSON."""

import asyncio
import json

import pytest

from localdev.files_emulator.routes import Refused
from localdev.files_emulator.server import Emulator


class Extended(Emulator):
    """An emulator with routes of its own."""

    def __init__(self):
        super().__init__()
        self.began, self.goes_on, self.ended = asyncio.Event(), asyncio.Event(), []

    def _routes(self):
        routes = super()._routes()
        routes.add("POST", "/shares/{name}/work", self._work, "works until it may end")
        routes.add("GET", "/broken", self._broken, "fails")
        routes.add("GET", "/unwilling", self._unwilling, "refuses")
        return routes

    async def _work(self, ask):
        self.began.set()
        try:
            await self.goes_on.wait()
        finally:
            self.ended.append(ask.params["name"])
        return {"name": ask.params["name"], "query": ask.query, "body": ask.body}

    async def _broken(self, _ask):
        raise KeyError("oh")

    async def _unwilling(self, _ask):
        raise Refused(409, "not now")


@pytest.fixture
async def emulator():
    found = Extended()
    await found.start()
    yield found
    await found.stop()


async def ask(port, method, path, body=b""):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"%s %s HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s" % (method.encode(), path.encode(), len(body), body))
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, content = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), content


async def test_clients_and_other_routes_are_served_while_one_works(emulator):
    working = asyncio.create_task(ask(emulator.control_port, "POST", "/shares/a%20b/work?x=1%2B", b'{"y": [2]}'))
    await emulator.began.wait()
    assert (await ask(emulator.port, "GET", "/devstoreaccount1/share"))[0] == 403
    assert (await ask(emulator.control_port, "GET", "/faults"))[0] == 200
    assert not working.done()
    emulator.goes_on.set()
    status, content = await working
    assert (status, json.loads(content)) == (200, {"name": "a b", "query": {"x": "1+"}, "body": {"y": [2]}})


async def test_what_still_works_when_the_emulator_stops_is_stopped():
    emulator = Extended()
    await emulator.start()
    working = asyncio.create_task(ask(emulator.control_port, "POST", "/shares/one/work"))
    await emulator.began.wait()
    await emulator.stop()
    await asyncio.sleep(0)
    with pytest.raises((IndexError, ConnectionError)):
        await working
    assert emulator.ended == ["one"]


async def test_a_mistake_in_a_handler_is_told_and_logged(emulator, caplog):
    status, content = await ask(emulator.control_port, "GET", "/broken")
    assert (status, json.loads(content)) == (500, {"error": "internal error: KeyError('oh')"})
    assert "GET /broken failed" in caplog.text
    status, content = await ask(emulator.control_port, "GET", "/unwilling")
    assert (status, json.loads(content)) == (409, {"error": "not now"})


async def test_a_body_may_be_too_long(emulator):
    status, content = await ask(emulator.control_port, "POST", "/faults", b" " * (5 * 1024 * 1024))
    assert (status, json.loads(content)) == (413, {"error": "the body is too long"})
