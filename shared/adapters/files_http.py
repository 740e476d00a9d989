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

from shared.adapters.backoff import Patience
from shared.adapters.credentials import Bearer, Secret
from shared.adapters.metering import Meter
from shared.adapters.signing import NO_QUERY, Query, refuse_plain_http, signer
from shared.adapters.storage_http import NO_HEADERS, Call, Expected, Lane, Pace, Reply, StorageHttp, Traffic
from shared.adapters.system import SystemClock
from shared.errors import InvalidInput
from shared.ports.system import Clock

VERSIONS: Final = ("2026-10-06", "2026-02-06", "2022-11-02")
CREATES_WITH_BODY: Final = "2026-02-06"
PAGES_RANGES: Final = "2026-10-06"
FOLLOWS_RENAMES: Final = "2024-05-04"

LISTED: Final = "Timestamps,ETag,Attributes,PermissionKey"
"""What a listing is to say of each entry beyond its name and size."""

_ESCAPES: Final = {code: f"%{code:02X}" for code in range(128) if quote(chr(code), safe="/") != chr(code)}
"""What :func:`quote` makes of ASCII, at a tenth of its time."""

_NAMELESS: Final = re.compile(r"(?:^|/)\.{0,2}(?:/|$)")


class _Account:
    """What is known of an account, shared by all views of it."""

    def __init__(self, http: StorageHttp) -> None:
        self.http = http
        self.refuses_bodies = False
        self.refuses_nfs_change_times = False


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
        traffic: Traffic | None = None,
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
                traffic=traffic,
            )
        )
        self._meter = meter
        self._lane = Lane(self._count, Patience(retry_budget_s))
        self._owns = True

    def metered(self, meter: Meter, pace: Pace | None = None, until: float | None = None) -> Self:
        """A view of the same account and connections that counts on another meter. Closing it closes nothing.

        :param pace: how fast its requests may be; None: as fast as they come.
        :param until: when to stop trying again, by the event loop's clock; None: each call has its budget.
        """
        view = object.__new__(type(self))
        view._account, view._meter, view._owns = self._account, meter, False
        view._lane = Lane(view._count, Patience(self._lane.patience.budget_s, until), pace)
        return view

    async def send(
        self,
        operation: str,
        method: str,
        path: str,
        query: Query = NO_QUERY,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        expected: Expected | None = None,
    ) -> Reply:
        """Send one request and read its answer, with retries. ``path`` is what :func:`share_path` makes."""
        return await self._account.http.send(
            Call(operation, method, path, query, headers or NO_HEADERS, body), self._lane, expected
        )

    def url(self, path: str, query: Query = NO_QUERY) -> str:
        """The address of ``path``, for a request that names another node."""
        return self._account.http.url(path, query)

    @property
    def creates_with_body(self) -> bool:
        """Whether the service takes a file's content in the request that creates it, as far as is known."""
        return self._account.http.version >= CREATES_WITH_BODY and not self._account.refuses_bodies

    @property
    def pages_ranges(self) -> bool:
        """Whether the service gives a file's ranges page by page."""
        return self._account.http.version >= PAGES_RANGES

    @property
    def follows_renames(self) -> bool:
        """Whether the service can say what changed in a file that was renamed."""
        return self._account.http.version >= FOLLOWS_RENAMES

    def no_bodies(self) -> None:
        """Remember for the account that it does not."""
        self._account.refuses_bodies = True

    @property
    def takes_nfs_change_times(self) -> bool:
        """Whether the service lets change times be set on NFS shares, as far as is known."""
        return not self._account.refuses_nfs_change_times

    def no_nfs_change_times(self) -> None:
        """Remember for the account that it does not."""
        self._account.refuses_nfs_change_times = True

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
        return f"{_share(share_name)}/{path.translate(_ESCAPES) if path.isascii() else quote(path, safe='/')}"
    except UnicodeEncodeError:
        raise InvalidInput(f"path {path!r} is not valid Unicode", field="path") from None


@lru_cache(maxsize=1024)
def _share(share_name: str) -> str:
    return "/" + quote(share_name, safe="")
