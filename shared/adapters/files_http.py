"""Calls to Azure Files: the conventions that every request of the service shares.

Versions: 2026-10-06 is what the current SDK speaks. A service that refuses it is spoken to in 2026-02-06, the first that creates a
file with its content, and else in 2022-11-02, the first that keeps trailing dots and takes tokens on files.
``x-ms-allow-trailing-dot`` goes with every request: without it the service drops trailing dots, and two files become one.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Self
from urllib.parse import quote

from shared.adapters.credentials import Bearer, Secret
from shared.adapters.http1_connection import Answer
from shared.adapters.metering import Meter
from shared.adapters.signing import NO_QUERY, Query, refuse_plain_http, signer
from shared.adapters.storage_http import NO_HEADERS, Call, Reply, StorageHttp
from shared.adapters.system import SystemClock
from shared.errors import InvalidInput
from shared.ports import Clock

VERSIONS: Final = ("2026-10-06", "2026-02-06", "2022-11-02")
CREATES_WITH_BODY: Final = "2026-02-06"

_NAMELESS: Final = re.compile(r"(?:^|/)\.{0,2}(?:/|$)")


class _Account:
    """What is known of an account, shared by all views of it."""

    def __init__(self, http: StorageHttp) -> None:
        self.http = http
        self.refuses_bodies = False


class FilesHttp:
    """Sends requests to one account's Azure Files service and counts them on a meter."""

    def __init__(
        self,
        account_url: str,
        secret: Secret,
        *,
        meter: Meter,
        retry_budget_s: float = 60.0,
        version: str = VERSIONS[0],
        clock: Clock | None = None,
    ) -> None:
        """:raises InvalidInput: ``account_url`` is no address, or not https for a token."""
        refuse_plain_http(secret, account_url)
        clock = clock or SystemClock()
        headers = {"x-ms-allow-trailing-dot": "true"}
        if isinstance(secret, Bearer):
            headers["x-ms-file-request-intent"] = "backup"
        self._account = _Account(
            StorageHttp(
                account_url,
                signer(secret, account_url, clock),
                versions=[version, *(older for older in VERSIONS if older < version)],
                headers=headers,
                clock=clock,
                retry_budget_s=retry_budget_s,
            )
        )
        self._meter = meter
        self._owns = True

    def metered(self, meter: Meter) -> Self:
        """A view of the same account and connections that counts on another meter. Closing it closes nothing."""
        view = object.__new__(type(self))
        view._account, view._meter, view._owns = self._account, meter, False
        return view

    async def send(
        self,
        operation: str,
        method: str,
        path: str,
        query: Query = NO_QUERY,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        exact_bytes: int | None = None,
    ) -> Reply:
        """Send one request and read its answer, with retries. ``path`` is what :func:`share_path` makes."""
        return await self._account.http.send(
            Call(operation, method, path, query, headers or NO_HEADERS, body), self._count, exact_bytes
        )

    async def open(self, operation: str, path: str, query: Query, headers: Mapping[str, str] | None = None) -> Answer:
        """Send one GET, with retries up to the answer's headers; the caller reads or closes the body."""
        return await self._account.http.open(Call(operation, "GET", path, query, headers or NO_HEADERS), self._count)

    @property
    def creates_with_body(self) -> bool:
        """Whether the service takes a file's content in the request that creates it, as far as is known."""
        return self._account.http.version >= CREATES_WITH_BODY and not self._account.refuses_bodies

    def no_bodies(self) -> None:
        """Remember for the account that it does not."""
        self._account.refuses_bodies = True

    def _count(self, call: Call) -> None:
        self._meter.files_request(call.operation)

    async def aclose(self) -> None:
        """Close all connections, unless this is a view."""
        if self._owns:
            await self._account.http.aclose()

    async def __aenter__(self) -> Self:
        """Itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.aclose()


def share_path(share_name: str, path: str = "") -> str:
    """URL path of a node: percent-encoded UTF-8, each component once, so that any name the service allows gets there.

    :raises InvalidInput: a component is empty, ``.`` or ``..``, which would name another node.
    """
    if not path:
        return _share(share_name)
    if _NAMELESS.search(path):
        raise InvalidInput(f"path {path!r} has an empty, '.' or '..' component", field="path")
    try:
        return f"{_share(share_name)}/{quote(path, safe='/')}"
    except UnicodeEncodeError:
        raise InvalidInput(f"path {path!r} is not valid Unicode", field="path") from None


@lru_cache(maxsize=1024)
def _share(share_name: str) -> str:
    return "/" + quote(share_name, safe="")
