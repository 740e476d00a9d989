"""Writes to Azure Files over bare HTTP, signed with the account's key.

For filling a share only: the SDK's clients cost 8 times the CPU per file, and the demo has better uses for its minutes.
Everything that is *compared* is read through the SDK.
"""

import asyncio
import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping
from email.utils import formatdate
from io import BytesIO
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit

import aiohttp
from yarl import URL

from localdev.demo.account import Account

VERSION = "2026-02-06"  # the first in which a file is created with its content in one request
ATTEMPTS = 5

_DIRECT_BYTES = 512 * 1024


class UploadFailed(Exception):
    """The service refused a request; the message says which and why."""


class Uploader:
    """A signed connection to one share.  A context manager."""

    def __init__(self, account: Account, share: str, *, connections: int = 32) -> None:
        self._account = account
        self._secret = b64decode(account.key)
        self._origin = account.url.removesuffix(urlsplit(account.url).path)
        self._base = f"{urlsplit(account.url).path}/{share}"
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections), auto_decompress=False
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()

    def url_of(self, path: str) -> str:
        """Return the full URL of a path, as a rename names its source."""
        return f"{self._origin}{self._base}/{quote(path)}"

    async def put(
        self, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes = b"", method: str = "PUT"
    ) -> None:
        """Send a request and return when the service has done it.

        Sent again when the service is busy or the connection breaks; every request sent here may be repeated.

        :raises UploadFailed: the service says no.
        """
        assert self._session is not None
        raw_path = f"{self._base}/{quote(path)}" if path else self._base
        text = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
        url = URL(f"{self._origin}{raw_path}{'?' + text if text else ''}", encoded=True)
        for attempt in range(ATTEMPTS):
            signed = self._signed(method, raw_path, query, headers, len(body))
            # aiohttp writes large bytes in one go, and warns of it; small ones are cheaper that way.
            data = BytesIO(body) if len(body) > _DIRECT_BYTES else body or None
            try:
                async with self._session.request(method, url, headers=signed, data=data) as answer:
                    if answer.status < 300:
                        await answer.read()
                        return
                    problem = f"{method} {path}?{text}: {answer.status} {(await answer.text())[:400]}"
                    if answer.status < 500:
                        raise UploadFailed(problem)
            except aiohttp.ClientConnectionError as error:
                problem = f"{method} {path}?{text}: {error}"
            await asyncio.sleep(0.1 * 4**attempt)
        raise UploadFailed(problem)

    def _signed(
        self, method: str, raw_path: str, query: Mapping[str, str], headers: Mapping[str, str], body_bytes: int
    ) -> dict[str, str]:
        sent = {
            **headers,
            "x-ms-date": formatdate(usegmt=True),
            "x-ms-version": VERSION,
            "x-ms-allow-trailing-dot": "true",
            "Content-Type": "application/octet-stream",
        }
        lines = [method, "", "", str(body_bytes or ""), "", "application/octet-stream", "", "", "", "", "", ""]
        lower = sorted((name.lower(), value) for name, value in sent.items())
        lines += [f"{name}:{value}" for name, value in lower if name.startswith("x-ms-")]
        lines.append(f"/{self._account.name}{raw_path}")
        lines += [f"{name}:{query[name]}" for name in sorted(query)]
        digest = hmac.digest(self._secret, "\n".join(lines).encode(), "sha256")
        sent["Authorization"] = f"SharedKey {self._account.name}:{b64encode(digest).decode()}"
        return sent
