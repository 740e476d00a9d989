"""The control API's routes: which handler answers a request, JSON in and JSON out.

A handler is a coroutine function; during long work it hands the event loop back (``await asyncio.sleep(0)``), since the
emulator's clients are served by the same one. It returns what is to be sent as JSON, or ``None`` for 204, and raises
``Unexpected`` (400) or ``Refused`` for what it will not do::

    routes = Routes("what this is")
    routes.add("POST", "/shares/{name}/mutate", mutate, "change a share; {percent, seed}")

    async def mutate(ask: Ask) -> Json:
        fields = Fields(ask.body)
        percent = fields.number("percent", 1.0, high=100)
        fields.done()
        ...
        return {"changed": changed}
"""

import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from localdev.files_emulator.fields import Unexpected
from localdev.files_emulator.messages import Effect, Reply, Request

Json = Mapping[str, object] | Sequence[object] | None

_log = logging.getLogger(__name__)


class Refused(Exception):
    """A request was understood and cannot be carried out: ``status`` 4xx, and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class Ask:
    """A request: ``params`` of the path, ``query`` (both decoded), and ``body``, ``None`` if there is none."""

    params: dict[str, str]
    query: dict[str, str]
    body: object


Handler = Callable[[Ask], Awaitable[Json]]


@dataclass(frozen=True, slots=True)
class _Route:
    method: str
    pattern: str
    matching: re.Pattern[str]
    handler: Handler
    does: str


class Routes:
    """A table of routes; ``GET /`` shows it."""

    def __init__(self, about: str) -> None:
        self._about = about
        self._routes: list[_Route] = []
        self.add("GET", "/", self._document, "this")

    def add(self, method: str, pattern: str, handler: Handler, does: str) -> None:
        """Add a route; ``{name}`` in the pattern matches one component of the path, ``does`` documents it."""
        parts = re.split(r"\{(\w+)\}", pattern)
        matching = "".join(re.escape(part) if n % 2 == 0 else f"(?P<{part}>[^/]+)" for n, part in enumerate(parts))
        self._routes.append(_Route(method, pattern, re.compile(matching), handler, does))

    def handle(self, request: Request) -> Reply:
        """Answer a request, as ``http1`` wants it: a reply that is awaited. Never raises."""
        return Reply(0, effect=Effect(later=self._answer(request)))

    async def _answer(self, request: Request) -> Reply:
        try:
            if "origin" in request.headers:
                raise Refused(403, "not for web pages: what one asks for could be anybody's")
            route, params = self._find(request)
            reply = _reply(await route.handler(Ask(params, _query(request), _body(request))))
        except Unexpected as error:
            told = {"error": str(error), "field": error.field, "expected": error.expected, "got": error.got}
            reply = _reply(told, 400)
        except Refused as error:
            reply = _reply({"error": str(error)}, error.status)
        except Exception as error:
            _log.exception("control API: %s %s failed", request.method, request.path)
            reply = _reply({"error": f"internal error: {error!r}"}, 500)
        return reply

    def _find(self, request: Request) -> tuple[_Route, dict[str, str]]:
        path = request.path.rstrip("/") or "/"
        here = [(route, match) for route in self._routes if (match := route.matching.fullmatch(path))]
        for route, match in here:
            if route.method == request.method:
                return route, {name: unquote(value) for name, value in match.groupdict().items()}
        if here:
            methods = ", ".join(sorted({route.method for route, _ in here}))
            raise Refused(405, f"{request.method} {path}: here is only {methods}")
        raise Refused(404, f"{path}: there is no such route; GET / shows them all")

    async def _document(self, _ask: Ask) -> Json:
        routes = sorted(self._routes, key=lambda route: (route.pattern, route.method))
        return {"about": self._about, "routes": [{f"{r.method} {r.pattern}": r.does} for r in routes]}


def _reply(value: Json, status: int = 200) -> Reply:
    if value is None:
        return Reply(204)
    body = json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n"
    return Reply(status, [("Content-Type", "application/json")], body)


def _query(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.query_text, keep_blank_values=True))


def _body(request: Request) -> object:
    if request.body_dropped:
        raise Refused(413, "the body is too long")
    if not request.body:
        return None
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise Unexpected("", f"JSON ({error})", request.body[:80].decode("latin-1")) from None
