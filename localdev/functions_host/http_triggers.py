"""Serve the app's HTTP triggers: find the route, check the key, call, translate the answer.

A function that raises gives the client a bare 500; what happened is in the log, under the same
invocation.  Requests and responses pass through the SDK's own types, built as the real worker
builds them: repeated headers and query parameters arrive joined by commas.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import azure.functions as func
from aiohttp import web
from azure.functions.http import HttpRequest
from multidict import CIMultiDict, MultiMapping

from localdev.functions_host.host_json import AppError
from localdev.functions_host.invocation import FunctionTimeoutError, Invoker
from localdev.functions_host.keys import has_key
from localdev.functions_host.loading import HttpFunction
from localdev.functions_host.routing import (
    Found,
    Route,
    RouteError,
    Table,
    WrongMethod,
    compile_template,
    path_segments,
)

log = logging.getLogger(__name__)


class HttpTriggers:
    """The app's routes, callable."""

    def __init__(self, functions: Iterable[HttpFunction], *, prefix: str, key: str, invoker: Invoker) -> None:
        """Compile all routes.

        :raises AppError: a route template cannot be read; names the function.
        """
        self._key = key
        self._invoker = invoker
        self._table = Table([_route(function, prefix) for function in functions])

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        found = self._table.find(request.method, path_segments(request.raw_path))
        if found is None:
            return web.Response(status=404)
        if isinstance(found, WrongMethod):
            return web.Response(status=405, headers={"Allow": ", ".join(sorted(found.allowed))})
        target = found.target
        if target.auth_level != "ANONYMOUS" and not has_key(request, self._key):
            return web.Response(status=401)
        body = await request.read()
        return await self._call(request, found, body)

    async def _call(self, request: web.Request, found: Found[HttpFunction], body: bytes) -> web.Response:
        function = found.target.function
        try:
            trigger = HttpRequest(
                method=request.method,
                url=f"{request.scheme}://{request.host}{request.raw_path}",
                headers=_joined(request.headers),
                params=_joined(request.query),
                route_params=found.parameters,
                body_type="bytes",
                body=body,
            )
            return _response(await self._invoker.invoke(function, trigger))
        except FunctionTimeoutError as error:
            log.error("http_function_timed_out", extra={"function": function.name, "error": str(error)})
        except Exception:
            log.exception("http_function_failed", extra={"function": function.name})
        return web.Response(status=500)


def _route(function: HttpFunction, prefix: str) -> Route[HttpFunction]:
    text = f"{prefix}/{function.route.strip('/')}".strip("/")
    try:
        return Route(compile_template(text), function.methods, function)
    except RouteError as error:
        raise AppError(f"function {function.function.name!r}: {error}") from error


def _joined(values: MultiMapping[str]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name in values:
        joined[name] = ",".join(values.getall(name))
    return joined


def _response(returned: object) -> web.Response:
    """Translate what the function returned: an ``HttpResponse``, text, or nothing (204)."""
    if returned is None:
        return web.Response(status=204)
    if isinstance(returned, str):
        return web.Response(text=returned)
    if not isinstance(returned, func.HttpResponse):
        raise TypeError(f"an HTTP function must return HttpResponse or str, not {type(returned).__name__}")
    answer: Any = returned
    headers = CIMultiDict(_single(answer.headers))
    for cookie in answer.headers.get_all("Set-Cookie"):
        headers.add("Set-Cookie", cookie)
    if "Content-Type" not in headers:
        text = str(answer.mimetype).startswith("text/")
        headers["Content-Type"] = f"{answer.mimetype}; charset={answer.charset}" if text else str(answer.mimetype)
    return web.Response(status=answer.status_code, headers=headers, body=answer.get_body())


def _single(headers: Mapping[str, str]) -> dict[str, str]:
    """Keep the last of each header, as the worker does; cookies, the one exception, are added by the caller.

    Lengths are for the server to say.
    """
    skipped = ("set-cookie", "content-length", "transfer-encoding")
    return {name: value for name, value in headers.items() if name.lower() not in skipped}
