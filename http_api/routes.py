"""How an endpoint is written down.

::

    routes = Routes("runs")
    routes.get(SHARE + "/runs", list_runs, Action.RUNS_READ, {200: RunPage})
    routes.post(SHARE + "/backups", start_backup, Action.RUNS_START, {202: Run}, refuses={409}, starts=True)
    bp = routes.blueprint

The handler's annotation says query and body: ``call: Call[RunsQuery, NewRun]``.
"""

from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Any, Final, TypedDict, Unpack

import azure.durable_functions as df
import azure.functions as func
from pydantic import BaseModel

from http_api.call import Answer
from http_api.endpoint import Content, Current, Endpoint, declare, models_of
from http_api.fields import Fields, no_fields
from http_api.serving import serve
from shared.model.access import Action

AUTH_LEVEL: Final = func.AuthLevel.ANONYMOUS
"""What the host asks of callers: nothing. Function keys are the app's, not people's; who somebody is and may do is :mod:`http_api.identity`'s."""

_HTML: Final[Mapping[int, Content]] = {200: "text/html"}

AnyHandler = Callable[[Any], Awaitable[BaseModel | Answer]]


class Changing(TypedDict, total=False):
    """What can be said of an endpoint that changes something that is there."""

    current: Current | None
    """Gives what it is, for ``If-Match``."""
    refuses: AbstractSet[int]
    loads: bool
    purging: bool


class Routes:
    """Endpoints of one tag, on a blueprint of their own."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.blueprint = df.Blueprint()

    def get(
        self,
        path: str,
        handler: AnyHandler,
        action: Action | None,
        answers: Mapping[int, Content],
        *,
        refuses: AbstractSet[int] = frozenset(),
        etag: bool = False,
        transaction: bool = True,
        loads: bool = True,
        purging: bool = False,
        shown: bool = True,
        route: str = "",
    ) -> Endpoint:
        """An endpoint that changes nothing."""
        return self._add(
            "GET", path, handler, action, answers, refuses=refuses, etag=etag, transaction=transaction, loads=loads,
            purging=purging, shown=shown, route=route,
        )  # fmt: skip

    def post(
        self,
        path: str,
        handler: AnyHandler,
        action: Action,
        answers: Mapping[int, Content],
        *,
        plan: Action | None = None,
        refuses: AbstractSet[int] = frozenset(),
        starts: bool = False,
        idempotent: bool = True,
        etag: bool = False,
        transaction: bool = True,
        loads: bool = True,
        purging: bool = False,
        changes: bool = True,
    ) -> Endpoint:
        """An endpoint that makes or starts something. ``idempotent=False`` if its answer must not be kept, or it makes nothing.

        ``plan``: what one must be allowed to do for a dry run of it. ``changes=False`` if it does nothing but answer, and so is not audited.
        """
        return self._add(
            "POST", path, handler, action, answers, refuses=refuses, starts=starts, idempotent=idempotent, etag=etag,
            transaction=transaction, loads=loads, purging=purging, plan=plan, changes=changes,
        )  # fmt: skip

    def page(
        self,
        path: str,
        handler: AnyHandler,
        action: Action | None,
        *,
        transaction: bool = True,
        loads: bool = True,
        purging: bool = False,
        route: str = "",
    ) -> Endpoint:
        """A page, or a fragment of one, for people. What goes wrong is a page, too."""
        return self._add(
            "GET", path, handler, action, _HTML, transaction=transaction, loads=loads, purging=purging, route=route,
            shown=False, page=True,
        )  # fmt: skip

    def form(
        self,
        path: str,
        handler: AnyHandler,
        action: Action,
        again: Endpoint,
        *,
        fields: Callable[[Fields], dict[str, Any]] = no_fields,
        plan: Action | None = None,
        starts: bool = False,
        transaction: bool = True,
        loads: bool = True,
        purging: bool = False,
        changes: bool = True,
    ) -> Endpoint:
        """What the form of a page does; its handler ends with :func:`http_api.rendering.see`, so that a reload does not do it again.

        :param again: the page that has the form. Its path has the same parameters.
        :param fields: how what was typed becomes the body that the handler names.
        """
        return self._add(
            "POST", path, handler, action, {303: None}, plan=plan, starts=starts, transaction=transaction, loads=loads,
            purging=purging, changes=changes, shown=False, page=True, fields=fields, again=again,
        )  # fmt: skip

    def put(
        self, path: str, handler: AnyHandler, action: Action, answers: Mapping[int, Content], **how: Unpack[Changing]
    ) -> Endpoint:
        """An endpoint that makes something be as its body says; asking twice is asking once."""
        return self._change("PUT", path, handler, action, answers, **how)

    def patch(
        self, path: str, handler: AnyHandler, action: Action, answers: Mapping[int, Content], **how: Unpack[Changing]
    ) -> Endpoint:
        """An endpoint that changes some fields."""
        return self._change("PATCH", path, handler, action, answers, **how)

    def delete(
        self,
        path: str,
        handler: AnyHandler,
        action: Action,
        answers: Mapping[int, Content],
        *,
        starts: bool = False,
        **how: Unpack[Changing],
    ) -> Endpoint:
        """An endpoint that removes something."""
        return self._change("DELETE", path, handler, action, answers, starts=starts, answers_state=False, **how)

    def _change(
        self,
        method: str,
        path: str,
        handler: AnyHandler,
        action: Action,
        answers: Mapping[int, Content],
        *,
        starts: bool = False,
        answers_state: bool = True,
        **how: Unpack[Changing],
    ) -> Endpoint:
        """``answers_state``: what it answers is the state that ``current`` gives, and so has its ETag."""
        etag = answers_state and how.get("current") is not None
        return self._add(method, path, handler, action, answers, etag=etag, starts=starts, **how)

    def _add(
        self,
        method: str,
        path: str,
        handler: AnyHandler,
        action: Action | None,
        answers: Mapping[int, Content],
        *,
        refuses: AbstractSet[int] = frozenset(),
        **others: Any,
    ) -> Endpoint:
        query, body = models_of(handler)
        endpoint = declare(
            Endpoint(
                method=method,
                path=path,
                handler=handler,
                action=action,
                tag=self.tag,
                answers=answers,
                refuses=frozenset(refuses),
                query=query,
                body=body,
                **others,
            )
        )
        register = self.blueprint.route(
            route=endpoint.route or path.strip("/"), methods=[method], auth_level=AUTH_LEVEL
        )
        function = _function(endpoint)
        register(self.blueprint.durable_client_input(client_name="client")(function) if endpoint.starts else function)
        return endpoint


def _function(endpoint: Endpoint) -> Callable[..., Awaitable[func.HttpResponse]]:
    """What Functions calls: it gives bindings by name, and knows a function by its name."""
    answer = partial(serve, endpoint)

    async def plain(req: func.HttpRequest) -> func.HttpResponse:
        return await answer(req)

    async def with_client(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
        return await answer(req, client)

    function = with_client if endpoint.starts else plain
    function.__name__ = function.__qualname__ = endpoint.name
    function.__doc__ = endpoint.description
    return function
