"""Doors to the emulators for tests of adapters, and a server that answers badly on purpose."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from azure.storage.fileshare import ShareClient

from shared.adapters.credentials import AccountKey
from shared.adapters.files_http import FilesHttp
from shared.adapters.files_reader import FilesReader
from shared.adapters.files_writer import FilesWriter
from shared.adapters.metering import Meter
from tests.support.share_tree import service


@dataclass
class Door:
    """One share of the emulator through the code under test (reader, writer) and through the SDK (client)."""

    http: FilesHttp
    share_name: str
    client: ShareClient
    meter: Meter

    def __post_init__(self):
        self.reader = FilesReader(self.http, self.share_name, None)
        self.writer = FilesWriter(self.http, self.share_name)

    def at(self, snapshot: str) -> FilesReader:
        return FilesReader(self.http, self.share_name, snapshot)


@asynccontextmanager
async def door(emulator, protocol: str = "SMB", **options) -> AsyncIterator[Door]:
    """A new share and everything to reach it."""
    name = f"adapters-{secrets.token_hex(6)}"
    meter = Meter()
    with service(emulator) as account, account.get_share_client(name) as client:
        client.create_share(**({"protocols": protocol, "root_squash": "NoRootSquash"} if protocol != "SMB" else {}))
        try:
            async with FilesHttp(emulator.url, AccountKey(emulator.key), meter=meter, **options) as http:
                yield Door(http, name, client, meter)
        finally:
            client.delete_share(delete_snapshots="include")


@dataclass
class BadServer:
    """Answers its n-th request with the n-th of ``answers``, and the last one for ever; keeps what was asked.

    An answer is raw bytes to send and then, if it says so, to hang up; or ``None``, to hang up at once; or a number, to be
    silent for so many seconds.
    """

    answers: list[bytes | float | None]
    requests: list[bytes] = field(default_factory=list)
    url: str = ""
    serving: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.serving.add(asyncio.current_task())
        try:
            await self._answer(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = 0
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                self.requests.append(head + await reader.readexactly(length))
                answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
                if isinstance(answer, int | float):
                    await asyncio.sleep(answer)
                    break
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
                if b"Connection: close" in answer:
                    break


def answer(status: str, body: bytes = b"", *headers: str, length: int | None = None) -> bytes:
    """An HTTP response; with a ``length`` that is not the body's, one that is cut short."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    if length is not None and length != len(body):
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode() + body


FILE_HEADERS = ('ETag: "0x8DAA197C8C72415"', "x-ms-file-attributes: Archive", "x-ms-file-id: 1")


@asynccontextmanager
async def bad_server(*answers: bytes | float | None) -> AsyncIterator[BadServer]:
    """A server on a free loopback port."""
    bad = BadServer(list(answers))
    server = await asyncio.start_server(bad.serve, "127.0.0.1", 0)
    bad.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/devstoreaccount1"
    try:
        yield bad
    finally:
        server.close()
        for task in bad.serving:
            task.cancel()
        await asyncio.gather(*bad.serving, return_exceptions=True)
