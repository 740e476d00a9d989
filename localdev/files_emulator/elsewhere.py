"""The source of a copy that this emulator does not serve itself, read over HTTP.

Reading blocks, so it is done in a thread, one piece after the other: the account goes on answering in between, and a
slow source costs nobody else anything. A source that is silent for ``TIMEOUT_S``, or takes longer than
``PIECE_TIMEOUT_S`` over one piece, has failed. Whom an https source has to convince is OpenSSL's business
(``SSL_CERT_FILE``).
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import TypeVar
from urllib.parse import quote, urlsplit

from localdev.files_emulator.errors import CODES, ServiceError

TIMEOUT_S = 20.0
PIECE_TIMEOUT_S = 120.0
PIECE_BYTES = 4 * 1024 * 1024

_T = TypeVar("_T")
_threads = ThreadPoolExecutor(32, "copy-source")  # started as needed
_FAILURES = (OSError, HTTPException, ValueError)
_UNREACHABLE = (
    "Could not verify the copy source within the specified time. Examine the HTTP status code and message for more"
    " information about the failure."
)


class SourceBroken(Exception):
    """A source ended before its time, or fell silent."""


class Elsewhere:
    """A source that answered; ``headers`` in lower case, ``size`` in bytes what it is going to send."""

    def __init__(self, connection: socket.socket, response: HTTPResponse) -> None:
        self._connection = connection
        self._response = response
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        length = self.headers.get("content-length", "")
        self.size = int(length) if length.isascii() and length.isdigit() else -1

    async def read(self, limit: int) -> bytes:
        """Return the next bytes, as many as ``limit`` but at the end.

        :raises SourceBroken: it fell silent or ended too early.
        """
        try:
            async with asyncio.timeout(PIECE_TIMEOUT_S):
                return await _in_thread(lambda: self._response.read(limit))
        except _FAILURES as error:
            raise SourceBroken(str(error) or type(error).__name__) from None

    def close(self) -> None:
        """Leave the rest of it unread; a read under way ends, and with it the thread that waits for it."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)


async def open_source(url: str, *, part: tuple[int, int] | None = None, authorization: str = "") -> Elsewhere:
    """Ask for a source, or for its bytes ``[start, end)``.

    :raises ServiceError: CannotVerifyCopySource with the status it answered, or 400 if it did not.
    """
    headers = {"Accept-Encoding": "identity"}
    if part is not None:
        headers["Range"] = f"bytes={part[0]}-{part[1] - 1}"
    if authorization:
        headers["Authorization"] = authorization
    try:
        source = await _in_thread(lambda: _open(url, headers))
    except _FAILURES as error:
        raise ServiceError(
            "CannotVerifyCopySource", status=400, message=_UNREACHABLE, Reason=str(error) or type(error).__name__
        ) from None
    if source.status not in (200, 206) or source.size < 0:
        source.close()
        raise _refused(source)
    return source


async def _in_thread(work: Callable[[], _T]) -> _T:
    return await asyncio.get_running_loop().run_in_executor(_threads, work)


def _open(url: str, headers: dict[str, str]) -> Elsewhere:
    split = urlsplit(url)
    host = split.hostname or ""
    connection: HTTPConnection = (
        HTTPSConnection(host, split.port, timeout=TIMEOUT_S, context=ssl.create_default_context())
        if split.scheme == "https"
        else HTTPConnection(host, split.port, timeout=TIMEOUT_S)
    )
    path = quote(split.path.encode("latin-1", "replace"), safe="/%:@!$&'()*+,;=~") or "/"
    query = quote(split.query.encode("latin-1", "replace"), safe="/%:@!$&'()*+,;=~?")
    try:
        connection.connect()
        opened: socket.socket = connection.sock
        connection.request("GET", f"{path}?{query}" if query else path, headers=headers)
        return Elsewhere(opened, connection.getresponse())
    except BaseException:
        connection.close()
        raise


def _refused(source: Elsewhere) -> ServiceError:
    if source.status == 416:
        return ServiceError("InvalidRange")
    status = source.status if source.status >= 400 else 400
    code = source.headers.get("x-ms-error-code", "")
    details = {"CopySourceStatusCode": str(source.status)}
    message = "" if status == 404 else _UNREACHABLE
    if code in CODES:
        details |= {"CopySourceErrorCode": code, "CopySourceErrorMessage": CODES[code][1]}
        message = CODES[code][1]
    error = ServiceError("CannotVerifyCopySource", status=status, message=message)
    error.details |= details
    return error
