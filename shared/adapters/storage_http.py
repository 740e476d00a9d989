"""A lean client of a storage service: one session of kept connections per account and secret, signed calls, retries, our errors.

A call through here costs a tenth of one through the SDK's clients (which spend their time in policies and model objects), and
the retry policy is ours: busy answers, broken connections and cut bodies are tried again within a time budget; everything
else is raised at once. Requests are repeated only as they are, so every call made through here must be safe to send twice.
"""

from collections.abc import Callable, Mapping, Sequence
from email.utils import format_datetime, parsedate_to_datetime
from types import MappingProxyType
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from multidict import CIMultiDictProxy

from shared.adapters import translate
from shared.adapters.backoff import Retry
from shared.adapters.http1 import Session
from shared.adapters.http1_connection import Answer
from shared.adapters.signing import NO_QUERY, Query, Signer
from shared.errors import InvalidInput, Retryable, Unavailable
from shared.ports import Clock

CONNECTIONS: Final = 128
"""Per session: above what one activity has on its way at once, so that calls queue at the service and not here."""
CONNECT_S: Final = 10.0
SILENCE_S: Final = 30.0
"""A connection on which nothing arrives for this long is given up. Non-data operations end after 30 s at the service too."""
KEEP_ALIVE_S: Final = 30.0
"""Idle connections are closed by us first: the service does it after minutes, load balancers sooner."""

NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class Call(NamedTuple):
    """One request before it is signed. ``path`` is percent-encoded and begins with ``/``, without the account's own path."""

    operation: str
    """What it is counted as."""
    method: str
    path: str
    query: Query = NO_QUERY
    headers: Mapping[str, str] = NO_HEADERS
    body: bytes | bytearray = b""

    def __str__(self) -> str:
        """For error messages: no query, which could hold a SAS."""
        return f"{self.operation} {self.path}"


class Reply(NamedTuple):
    """A successful answer."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes


Count = Callable[[Call], None]
"""Called once per request sent, before it is sent."""


class StorageHttp:
    """Sends calls to one account. Made anywhere; used and closed in one event loop."""

    def __init__(
        self,
        account_url: str,
        signer: Signer,
        *,
        versions: Sequence[str],
        headers: Mapping[str, str],
        clock: Clock,
        retry_budget_s: float,
    ) -> None:
        """``versions`` are values of ``x-ms-version`` in order of preference; one that the service refuses is never sent again.

        :raises InvalidInput: ``account_url`` is not an http or https address.
        """
        parts = urlsplit(account_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise InvalidInput(
                f"account URL {account_url.split('?')[0]!r} is not like https://account.file.core.windows.net",
                field="account_url",
            )
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._base = parts.path.rstrip("/")
        self._signer = signer
        self._versions = list(versions)
        self._headers = {**headers, "x-ms-version": versions[0]}
        self._clock = clock
        self._budget_s = retry_budget_s
        self._session: Session | None = None
        self._date = (0, "")

    @property
    def version(self) -> str:
        """The service version that is spoken now."""
        return self._versions[0]

    async def send(self, call: Call, count: Count, exact_bytes: int | None = None) -> Reply:
        """Send ``call`` and read the whole answer, trying again within the budget.

        With ``exact_bytes``, an answer that promises another length raises ``Unavailable`` before it is read.
        """
        retry = Retry(self._budget_s)
        while True:
            response = await self.open(call, count, retry)
            try:
                if exact_bytes is not None and response.content_length not in (None, exact_bytes):
                    response.close()
                    raise Unavailable(f"{call}: {response.content_length} bytes, expected {exact_bytes}")
                return Reply(response.status, response.headers, await response.read())
            except OSError as error:
                response.close()
                await retry.wait(translate.no_answer(error, str(call)))
            except BaseException:
                response.close()
                raise

    async def open(self, call: Call, count: Count, retry: Retry | None = None) -> Answer:
        """Send ``call`` and return the successful answer with its body unread; the caller reads or closes it."""
        retry = retry or Retry(self._budget_s)
        while True:
            try:
                response = await self._request(call, count, retry)
                if response.status < 300:
                    return response
                refused = await _refused(response)
            except ValueError as error:
                raise InvalidInput(f"{call}: cannot be sent: {error}") from error
            except OSError as error:
                await retry.wait(translate.no_answer(error, str(call)))
                continue
            if self._speaks_older(refused):
                continue
            failure = translate.error_of(refused, str(call))
            if not isinstance(failure, Retryable):
                raise failure
            await retry.wait(failure)

    async def _request(self, call: Call, count: Count, retry: Retry) -> Answer:
        session = self._session or self._open_session()
        path = self._base + call.path
        headers = {"x-ms-date": self._now(), **self._headers, **call.headers}
        query = await self._signer.sign(call.method, path, call.query, headers, len(call.body))
        target = f"{path}?{query}" if query else path
        count(call)
        most_s = max(retry.left_s(), 1.0) if retry.tries else None
        return await session.request(call.method, target, headers, call.body, most_s=most_s)

    def _open_session(self) -> Session:
        self._session = Session(
            self._origin,
            headers={"User-Agent": "azure-files-backup"},
            connections=CONNECTIONS,
            connect_s=min(CONNECT_S, self._budget_s),
            silence_s=min(SILENCE_S, self._budget_s),
            idle_s=KEEP_ALIVE_S,
        )
        return self._session

    def _now(self) -> str:
        """The date header, made once per second."""
        now = self._clock.now()
        second = int(now.timestamp())
        if second != self._date[0]:
            self._date = (second, format_datetime(now, usegmt=True))
        return self._date[1]

    def _speaks_older(self, refused: translate.Refusal) -> bool:
        """Whether the service refused our version and there is an older one to try; from now on that is spoken."""
        if refused.status != 400 or refused.header_name.lower() != "x-ms-version" or len(self._versions) == 1:
            return False
        del self._versions[0]
        self._headers["x-ms-version"] = self._versions[0]
        return True

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()


async def _refused(response: Answer) -> translate.Refusal:
    async with response:
        headers = response.headers
        try:
            body = await response.read()
        except OSError:
            body = b""  # the status and the code's header are enough
        return translate.refusal(response.status, headers.get("x-ms-error-code", ""), body, _retry_after_s(headers))


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    for name, unit_s in (("retry-after-ms", 0.001), ("x-ms-retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(name, "")
        if text.isascii() and text.isdigit():
            return int(text) * unit_s
        if text and name == "retry-after":
            try:
                then = parsedate_to_datetime(text)
                sent = parsedate_to_datetime(headers["date"])
                return max((then - sent).total_seconds(), 0.0)
            except (ValueError, KeyError, TypeError):
                return None  # unreadable: as if it were not there
    return None
