"""Requests to the API: signed, tried again when that is safe and may help, problems raised, pages joined.

What may be sent again: reads; and what starts or makes something, because it carries an ``Idempotency-Key`` by which the app knows that it has
done it. It is when no answer came or the app asks for patience (429, 502, 503, 504), after ``Retry-After`` if it says so.
"""

import json
import random
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from http.client import HTTPException, HTTPMessage
from typing import IO, Any, Final
from urllib.parse import urlencode, urljoin, urlsplit

from cli.config import Config
from cli.errors import UNREACHABLE, CliError, Refused

TIMEOUT_S: Final = 60.0
TRIES: Final = 5
FIRST_WAIT_S: Final = 0.5
WAIT_MAX_S: Final = 30.0
PAGE: Final = 1_000
"""Lines asked for at once, where the API lets one choose."""
STILL_AT_IT: Final = "/problems/still-in-progress"
"""The first request with this key is still being answered."""
_AGAIN: Final = frozenset({429, 502, 503, 504})

Json = dict[str, Any]


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """They are followed here, without the key if they lead elsewhere."""


class Client:
    """One app."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._opener = urllib.request.build_opener(_NoRedirects())

    def get(self, url: str, /, **query: Any) -> Json:
        """The JSON of an answer."""
        return self._json("GET", url, query=query)

    def get_now(self, url: str) -> Json:
        """The same, asked for once: for whoever wants to know whether there is an answer now."""
        return self._json("GET", url, tries=1)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Json:
        """Start or make something, once however often it is sent."""
        return self._json("POST", path, body=body or {}, headers={"Idempotency-Key": uuid.uuid4().hex})  # noqa: TID251

    def patch(self, path: str, body: Mapping[str, Any]) -> Json:
        """Change something."""
        return self._json("PATCH", path, body=body)

    def put(self, path: str, body: Mapping[str, Any]) -> Json:
        """Set something."""
        return self._json("PUT", path, body=body)

    def delete(self, url: str, /, **query: Any) -> Json:
        """Delete something."""
        return self._json("DELETE", url, query=query)

    def items(
        self, url: str, name: str, /, *, most: int | None = None, page: int = PAGE, **query: Any
    ) -> Iterator[Json]:
        """Everything of a list, page after page as it is wanted.

        :param most: not more than that.
        :param page: asked for at once, which is the most that this list gives.
        """
        left = most
        for found in self.pages(url, limit=page if most is None else min(page, most), **query):
            for item in found[name]:
                if left == 0:
                    return
                yield item
                left = None if left is None else left - 1
            if left == 0:
                return

    def pages(self, url: str, /, **query: Any) -> Iterator[Json]:
        """The pages of a list as they are."""
        after: str | None = None
        while True:
            page = self.get(url, **query, after=after)
            yield page
            after = page["next"] if page["more"] else None
            if not after:
                return

    def open(self, url: str, headers: Mapping[str, str] | None = None, /, **query: Any) -> Any:
        """An answer to be read as it comes; close it. Redirects are followed, to another place without the key."""
        return self._send("GET", self._url(url, query), None, dict(headers or {}))

    def open_for(self, path: str, body: Mapping[str, Any]) -> Any:
        """The same, of what a body asks for."""
        return self._send("POST", self._url(path, {}), json.dumps(body).encode(), {"Content-Type": "application/json"})

    def lines(self, path: str) -> Iterator[Json]:
        """An answer of JSON lines."""
        with self.open(path) as answer:
            for line in answer:
                if line.strip():
                    yield json.loads(line)

    def _json(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        tries: int = TRIES,
    ) -> Json:
        data = None if body is None else json.dumps(body).encode()
        told = {
            "Accept": "application/json",
            **({"Content-Type": "application/json"} if data else {}),
            **(headers or {}),
        }
        with self._send(method, self._url(path, query or {}), data, told, tries) as answer:
            text = answer.read()
        try:
            found = json.loads(text) if text else {}
        except ValueError as error:
            raise CliError(
                f"{self.config.url} answered something else than JSON", hint="is this the app's address?"
            ) from error
        return dict(found)

    def _url(self, path: str, query: Mapping[str, Any]) -> str:
        given = {name.rstrip("_"): value for name, value in query.items() if value is not None}
        return self.config.url + path + (f"?{urlencode(given)}" if given else "")

    def _send(self, method: str, url: str, data: bytes | None, headers: dict[str, str], tries: int = TRIES) -> Any:
        repeatable = method == "GET" or "Idempotency-Key" in headers
        for attempt in range(tries):
            last = attempt == tries - 1 or not repeatable
            try:
                return self._once(method, url, data, headers)
            except Refused as problem:
                if last or not (problem.status in _AGAIN or problem.problem.get("type") == STILL_AT_IT):
                    raise
                wait_s = problem.problem.get("retry_after_s")
            except (OSError, HTTPException) as error:
                if last:
                    reason = getattr(error, "reason", error)
                    raise CliError(
                        f"{self.config.url} cannot be reached: {reason}",
                        UNREACHABLE,
                        hint="does the app run, and is the address right?",
                    ) from error
                wait_s = None
            backoff_s = FIRST_WAIT_S * 2**attempt * random.uniform(0.5, 1.0)  # noqa: S311
            time.sleep(min(wait_s if wait_s is not None else backoff_s, WAIT_MAX_S))
        raise AssertionError("the last try returns or raises")

    def _once(self, method: str, url: str, data: bytes | None, headers: dict[str, str]) -> Any:
        own = urlsplit(url)[:2] == urlsplit(self.config.url)[:2]
        request = urllib.request.Request(url, data=data, method=method, headers=headers)  # noqa: S310 - checked in config
        if own and self.config.key:
            request.add_unredirected_header("Authorization", f"Bearer {self.config.key}")
        try:
            return self._opener.open(request, timeout=TIMEOUT_S)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 303 or (error.code in (301, 302, 307, 308) and method == "GET"):
                    kept = {name: value for name, value in headers.items() if name != "Content-Type"}
                    return self._once("GET", urljoin(url, error.headers["Location"]), None, kept)
                raise _refused(error) from None


def _refused(error: urllib.error.HTTPError) -> Refused:
    text = error.read()
    try:
        problem = json.loads(text)
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        problem = {"title": error.reason or f"HTTP {error.code}"}
    wait = error.headers.get("Retry-After", "")
    if wait.isascii() and wait.isdigit():
        problem["retry_after_s"] = float(wait)
    return Refused(error.code, problem)
