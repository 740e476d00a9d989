"""A lean client of a storage service: connections of its own per account and secret, signed calls, retries, our errors.

A call through here costs a twentieth of one through the SDK's clients (which spend their time in policies and model objects), and
the retry policy is ours: busy answers, broken connections, cut bodies and bodies that are not what their MD5 says are tried again
within a time budget; everything else is raised at once. Requests are repeated only as they are, so every call made through here
must be safe to send twice.

A refusal that ends the run (``NoAccess``) from an account that has let us in before is asked for twice more, seconds apart: changes
of network rules, keys and roles reach the service's front ends one after the other, and one front end with a hiccup must not end
a run of days. An account that never let us in is believed at once.
"""

import asyncio
import hashlib
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import format_datetime, parsedate_to_datetime
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol
from urllib.parse import urlsplit

from multidict import CIMultiDictProxy

from shared.adapters import translate
from shared.adapters.backoff import Patience, Retry
from shared.adapters.http_connection import Answer, Look
from shared.adapters.http_origin import HttpOrigin
from shared.adapters.signing import NO_QUERY, Query, Signer
from shared.errors import InvalidInput, NoAccess, NoRight, Retryable, Throttled, Unavailable
from shared.ports.system import Clock

CONNECT_S: Final = 10.0
SILENCE_S: Final = 30.0
"""A connection on which nothing arrives for this long is given up. Non-data operations end after 30 s at the service too."""
MD5_THREAD_BYTES: Final = 256 * 1024
"""MD5 of less than this takes less than half a millisecond: not worth a thread."""
DOUBT_S: Final = (1.0, 3.0)
"""Pauses before a refusal of the whole account is asked for again."""

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


Reply = Answer
"""A successful answer."""

Count = Callable[[Call], None]
"""Called once per request sent, before it is sent."""


class Pace(Protocol):
    """How fast requests may be sent; see :mod:`shared.adapters.pace`."""

    def admit(self, size_bytes: int, *, again: bool) -> Awaitable[None] | None:
        """Charge a request and the bytes it is known to move; what to await before it is sent, or None to send it now.

        With ``again`` it goes before those that were not sent yet.
        """
        ...

    def moved(self, size_bytes: int) -> None:
        """Charge bytes that were not known before."""
        ...

    def throttled(self, retry_after_s: float | None) -> None:
        """The service asked us to slow down."""
        ...


@dataclass(slots=True)
class Lane:
    """What calls that belong together have in common: who counts them, how fast they may be, how long they go on trying."""

    count: Count
    patience: Patience
    pace: Pace | None = None


class Traffic(Protocol):
    """Told what comes of requests; see :class:`shared.adapters.metering.Traffic`."""

    def answered(self, operation: str, status: int) -> None:
        """An answer came; status 0: none did."""
        ...

    def repeated(self, failure: Retryable) -> None:
        """A request is sent again."""
        ...


class Expected(NamedTuple):
    """What the body of an answer must be. Whatever it is not is ``Unavailable``."""

    size_bytes: int
    """An answer that promises another length is not even read."""
    of_bytes: int | None = None
    """The length of the whole file that a range was asked of, when the service says it."""


class Damaged(Exception):
    """An answer's body is not what the service sent."""


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
        traffic: Traffic | None = None,
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
        self._address = (parts.scheme, parts.hostname, parts.port, parts.netloc)
        self._base = parts.path.rstrip("/")
        self._signer = signer
        self._versions = list(versions)
        self._headers = {**headers, "x-ms-version": versions[0]}
        self._clock = clock
        self._budget_s = retry_budget_s
        self._traffic = traffic
        self._origin: HttpOrigin | None = None
        self._let_in = False
        self._date = (0, "")

    def url(self, path: str, query: Query = NO_QUERY) -> str:
        """The address of ``path``, for a request that names another node. With the SAS, if that is the secret."""
        scheme, _, _, place = self._address
        asked = "&".join(filter(None, (query.text, self._signer.text)))
        return f"{scheme}://{place}{self._base}{path}" + (f"?{asked}" if asked else "")

    @property
    def version(self) -> str:
        """The service version that is spoken now."""
        return self._versions[0]

    async def send(self, call: Call, lane: Lane, expected: Expected | None = None) -> Reply:
        """Send ``call`` and read the whole answer, trying again within the budget.

        The answer to a range that was asked for with its MD5 is compared with it. One of another length than ``expected`` raises
        ``Unavailable`` at once, before it is read if its headers say so.
        """
        retry = Retry(lane.patience)
        while True:
            try:
                answer = await self._request(call, lane, retry, expected)
                if self._traffic is not None:
                    self._traffic.answered(call.operation, answer.status)
                if answer.status < 300:
                    self._let_in = True
                    lane.patience.answered()
                    if answer.status == 206 and "Content-MD5" in answer.headers:
                        await _compare_md5(answer.body, answer.headers["Content-MD5"])
                    if expected is None and lane.pace is not None:
                        lane.pace.moved(len(answer.body))
                    return answer
            except ValueError as error:
                raise InvalidInput(f"{call}: cannot be sent: {error}") from error
            except OSError as error:
                if self._traffic is not None:
                    self._traffic.answered(call.operation, 0)
                await self._wait(retry, translate.no_answer(error, str(call)))
            except Damaged as error:
                await self._wait(retry, Unavailable(f"{call}: {error}"))
            else:
                await self._refused(answer, call, lane, retry)

    async def _wait(self, retry: Retry, failure: Retryable) -> None:
        """Wait before the next try. Raises ``failure`` when there is to be none."""
        await retry.wait(failure)
        if self._traffic is not None:
            self._traffic.repeated(failure)

    async def _refused(self, answer: Answer, call: Call, lane: Lane, retry: Retry) -> None:
        """Return when ``call`` is to be tried again after it was refused, raise what is final."""
        refused = _refusal(answer)
        if self._speaks_older(refused):
            return
        failure = translate.error_of(refused, str(call))
        if isinstance(failure, Throttled) and lane.pace is not None:
            lane.pace.throttled(failure.retry_after_s)
        if isinstance(failure, Retryable):
            await self._wait(retry, failure)
            return
        lane.patience.answered()
        if not isinstance(failure, NoAccess) or isinstance(failure, NoRight):
            raise failure
        if not self._let_in or retry.doubts == len(DOUBT_S):
            self._let_in = False  # let the other calls fail at once
            raise failure
        await asyncio.sleep(DOUBT_S[retry.doubts])
        retry.doubts += 1

    async def _request(self, call: Call, lane: Lane, retry: Retry, expected: Expected | None) -> Answer:
        if lane.pace is not None:  # before signing: a signature is good for 15 minutes, and a turn may be later
            known_bytes = expected.size_bytes if expected is not None else 0
            turn = lane.pace.admit(len(call.body) + known_bytes, again=retry.tries > 0)
            if turn is not None:
                before = self._clock.monotonic()
                await turn
                retry.postpone(self._clock.monotonic() - before)
        path = self._base + call.path
        headers = {"x-ms-date": self._now(), **self._headers, **call.headers}
        query = await self._signer.sign(call.method, path, call.query, headers, len(call.body))
        lane.count(call)
        if self._origin is None:
            self._origin = HttpOrigin(*self._address)
        left_s = max(retry.left_s(), 1.0) if retry.tries else self._budget_s
        return await self._origin.request(
            call.method,
            f"{path}?{query}" if query else path,
            headers,
            call.body,
            connect_s=min(CONNECT_S, left_s),
            silence_s=min(SILENCE_S, left_s),
            look=_comparing(call, expected) if expected is not None else None,
        )

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
        if self._origin is not None:
            origin, self._origin = self._origin, None
            await origin.aclose()


def _comparing(call: Call, expected: Expected) -> Look:
    """What raises ``Unavailable`` if an answer's headers promise something else than ``expected``."""

    def look(status: int, headers: CIMultiDictProxy[str]) -> None:
        if status >= 300:
            return
        length, of = headers.get("Content-Length", ""), expected.of_bytes
        if length.isdecimal() and int(length) != expected.size_bytes:
            raise Unavailable(f"{call}: {length} bytes, expected {expected.size_bytes}")
        if of is not None and status == 206:
            said = headers.get("Content-Range", "").rpartition("/")[2]
            if said.isdecimal() and int(said) != of:
                raise Unavailable(f"{call}: {said} bytes, expected {of}")

    return look


async def _compare_md5(body: bytes, said: str) -> None:
    """Raise ``Damaged`` if the bytes are not those that the service computed ``said`` of."""
    digest = await md5(body)
    if digest != said:
        raise Damaged(f"what arrived has the MD5 {digest}, what the service sent has {said}")


async def md5(body: bytes) -> str:
    """MD5 as a header carries it: proof against accidents on the way, and nothing else."""
    return await asyncio.to_thread(_md5, body) if len(body) > MD5_THREAD_BYTES else _md5(body)


def _md5(body: bytes) -> str:
    return b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def _refusal(answer: Answer) -> translate.Refusal:
    headers = answer.headers
    return translate.refusal(answer.status, headers.get("x-ms-error-code", ""), answer.body, _retry_after_s(headers))


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
