"""The durable management API: what ``DurableOrchestrationClient`` and status addresses call.

Status codes are the extension's, because the SDK turns them into exceptions or silence:

======  =====================================================================================
200     done, or a finished instance's status
202     accepted, or the status of an instance that is not finished (with ``Location``, ``Retry-After``)
400     malformed request or unknown orchestrator (``ExceptionMessage`` becomes the exception's text)
404     no such instance
409     an instance of that id is alive
410     the instance is over, so there is nothing to send to
501     entities, which this host does not have
======  =====================================================================================
"""

import json
import logging
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from aiohttp import web
from psycopg_pool import AsyncConnectionPool

from localdev.functions_host import client_binding, events, rewind, status_json, store_instances
from localdev.functions_host.events import Event
from localdev.functions_host.keys import has_key
from localdev.functions_host.orchestrator_worker import begin, missing_orchestrator, new_execution_id
from localdev.functions_host.recording import Recorder
from localdev.functions_host.store_instances import ALIVE, OVER, Filter, Instance, Start
from localdev.functions_host.wake import Bell

log = logging.getLogger(__name__)

#: The extension's page; the SDK ignores the continuation token, so a longer list is silently cut (hazard H).
PAGE = 100

#: Seconds a status client is asked to wait before it looks again.
RETRY_AFTER = "5"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ManagementApi:
    """Start, look up, steer and purge instances of one hub."""

    def __init__(
        self,
        pool: AsyncConnectionPool,
        *,
        hub: str,
        key: str,
        token: str,
        orchestrators: frozenset[str],
        episodes: Bell,
        recorder: Recorder,
    ) -> None:
        self._pool = pool
        self._hub = hub
        self._key = key
        self._token = token
        self._orchestrators = orchestrators
        self._episodes = episodes
        self._recorder = recorder

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Mount both doors: the public one behind the key, the private one behind its token."""
        for base, guard in (
            (client_binding.PUBLIC_PREFIX, self._with_key),
            (f"{client_binding.PRIVATE_PREFIX}/{self._token}", self._recorded),
        ):
            instances = f"{base}/instances"
            one = f"{instances}/{{id}}"
            router.add_post(f"{base}/orchestrators/{{name}}", guard(self.start))
            router.add_post(f"{base}/orchestrators/{{name}}/{{id}}", guard(self.start))
            for path in (instances, f"{instances}/"):
                router.add_get(path, guard(self.list))
                router.add_delete(path, guard(self.purge_many))
            router.add_get(one, guard(self.status))
            router.add_delete(one, guard(self.purge_one))
            router.add_post(f"{one}/raiseEvent/{{event}}", guard(self.raise_event))
            router.add_post(f"{one}/terminate", guard(self.terminate))
            router.add_post(f"{one}/suspend", guard(self.suspend))
            router.add_post(f"{one}/resume", guard(self.resume))
            router.add_post(f"{one}/rewind", guard(self.rewind))
            router.add_post(f"{one}/restart", guard(self.restart))
            router.add_route("*", f"{base}/entities{{tail:.*}}", guard(self.no_entities))

    def _with_key(self, handler: Handler) -> Handler:
        recorded = self._recorded(handler)

        async def guarded(request: web.Request) -> web.StreamResponse:
            if not has_key(request, self._key):
                return _problem(401, "the host key is missing or wrong")
            return await recorded(request)

        return guarded

    def _recorded(self, handler: Handler) -> Handler:
        if not self._recorder.on:
            return handler

        async def recorded(request: web.Request) -> web.StreamResponse:
            answer = await handler(request)
            text = str(getattr(answer, "text", "") or "")
            self._recorder.write(
                "management",
                method=request.method,
                # Both doors without what opens them.
                path=request.path.removeprefix(client_binding.PUBLIC_PREFIX).removeprefix(
                    f"{client_binding.PRIVATE_PREFIX}/{self._token}"
                ),
                query={name: value for name, value in request.query.items() if name != "code"},
                body=await request.text(),
                code=answer.status,
                reply=text.replace(quote(self._key, safe=""), "KEY"),
            )
            return answer

        return recorded

    async def start(self, request: web.Request) -> web.StreamResponse:
        """Start an instance; the body is its input, as JSON text."""
        name = request.match_info["name"]
        if name not in self._orchestrators:
            return _problem(400, missing_orchestrator(name))
        body = await request.text()
        if body and not _is_json(body):
            return _problem(400, "the request body must be JSON")
        instance_id = request.match_info.get("id") or uuid.uuid4().hex
        if reason := _bad_id(instance_id):
            return _problem(400, reason)
        return await self._begin(request, name, instance_id, body or None, version=request.query.get("version"))

    async def _begin(
        self, request: web.Request, name: str, instance_id: str, input_text: str | None, *, version: str | None
    ) -> web.Response:
        order = Start(
            instance_id=instance_id,
            execution_id=new_execution_id(),
            name=name,
            version=version,
            input_text=input_text,
        )
        async with self._pool.connection() as connection, connection.transaction():
            begun = await begin(connection, self._hub, order)
            await store_instances.announce(connection, self._hub, store_instances.EPISODES)
        if not begun:
            return _problem(409, f"An Orchestration instance with the id '{instance_id}' is already running.")
        self._episodes.ring()
        log.info("instance_started", extra={"instance_id": instance_id, "orchestrator": name})
        origin = f"{request.scheme}://{request.host}"
        links = client_binding.management_urls(origin, instance_id, hub=self._hub, key=self._key)
        headers = {"Location": links["statusQueryGetUri"], "Retry-After": RETRY_AFTER}
        return _json(202, links, headers)

    async def status(self, request: web.Request) -> web.StreamResponse:
        """Show one instance."""
        show_history = _flag(request, "showHistory")
        async with self._pool.connection() as connection:
            instance = await store_instances.get(connection, self._hub, request.match_info["id"])
            if instance is None:
                return _not_found(request)
            history = await store_instances.history(connection, self._hub, instance.id) if show_history else None
        shown = status_json.status(
            instance,
            show_input=_flag(request, "showInput", default=True),
            history=history,
            show_history_output=_flag(request, "showHistoryOutput"),
        )
        if instance.alive:
            return _json(202, shown, {"Location": str(request.url), "Retry-After": RETRY_AFTER})
        if instance.status == "Failed" and _flag(request, "returnInternalServerErrorOnFailure"):
            return _json(500, shown)
        return _json(200, shown)

    async def list(self, request: web.Request) -> web.StreamResponse:
        """List instances that match, a page at a time."""
        try:
            where = _filter(request)
            limit = int(request.query.get("top", PAGE))
        except ValueError as error:
            return _problem(400, str(error))
        after = request.headers.get("x-ms-continuation-token") or None
        async with self._pool.connection() as connection:
            found = await store_instances.page(connection, self._hub, where, after=after, limit=limit)
        show_input = _flag(request, "showInput", default=True)
        shown = [
            status_json.status(instance, show_input=show_input, history=None, show_history_output=False)
            for instance in found
        ]
        more = {"x-ms-continuation-token": found[-1].id} if len(found) == limit else {}
        return _json(200, shown, more)

    async def raise_event(self, request: web.Request) -> web.StreamResponse:
        """Send an external event; its body is kept verbatim."""
        body = await request.text()
        if not _is_json(body or "null"):
            return _problem(400, "Only application/json request content is supported")
        event = events.event_raised(events.utc_now(), name=request.match_info["event"], input_text=body or "null")
        return await self._send(request, event)

    async def terminate(self, request: web.Request) -> web.StreamResponse:
        """Ask an instance to stop."""
        return await self._send(request, events.execution_terminated(events.utc_now(), request.query.get("reason")))

    async def suspend(self, request: web.Request) -> web.StreamResponse:
        """Ask an instance to pause."""
        return await self._send(request, events.suspended(events.utc_now(), request.query.get("reason")))

    async def resume(self, request: web.Request) -> web.StreamResponse:
        """Ask an instance to go on."""
        return await self._send(request, events.resumed(events.utc_now(), request.query.get("reason")))

    async def _send(self, request: web.Request, event: Event) -> web.Response:
        async with self._pool.connection() as connection, connection.transaction():
            instance = await store_instances.get(connection, self._hub, request.match_info["id"])
            if instance is None:
                return _not_found(request)
            if not instance.alive:
                return _problem(410, f"instance {instance.id!r} is over: {instance.status}")
            await store_instances.post(connection, self._hub, instance.id, event, execution_id=None)
            await store_instances.announce(connection, self._hub, store_instances.EPISODES)
        self._episodes.ring()
        return _json(202, None)

    async def rewind(self, request: web.Request) -> web.StreamResponse:
        """Run a failed instance again from its failures."""
        instance_id = request.match_info["id"]
        try:
            async with self._pool.connection() as connection, connection.transaction():
                instance = await store_instances.lock(connection, self._hub, instance_id)
                if instance is None:
                    return _not_found(request)
                if instance.status != "Failed":
                    return _problem(410, f"instance {instance_id!r} is {instance.status}, not Failed")
                await rewind.rewind(connection, self._hub, instance, reason=request.query.get("reason", ""))
                await store_instances.announce(connection, self._hub, store_instances.EPISODES)
        except rewind.CannotRewindError as error:  # rolled back
            return _json(400, str(error))
        self._episodes.ring()
        return _json(202, None)

    async def restart(self, request: web.Request) -> web.StreamResponse:
        """Start an instance again with its first input, under a new id unless told otherwise."""
        async with self._pool.connection() as connection:
            instance = await store_instances.get(connection, self._hub, request.match_info["id"])
        if instance is None:
            return _not_found(request)
        if instance.name not in self._orchestrators:
            return _problem(400, missing_orchestrator(instance.name))
        renamed = _flag(request, "restartWithNewInstanceId", default=True)
        instance_id = uuid.uuid4().hex if renamed else instance.id
        return await self._begin(request, instance.name, instance_id, instance.input, version=instance.version)

    async def purge_one(self, request: web.Request) -> web.StreamResponse:
        """Delete an instance that is over."""
        instance_id = request.match_info["id"]
        async with self._pool.connection() as connection, connection.transaction():
            instance: Instance | None = await store_instances.get(connection, self._hub, instance_id)
            if instance is not None and instance.alive:
                return _problem(409, f"instance {instance_id!r} is {instance.status}; hint: terminate it first")
            count = await store_instances.purge(connection, self._hub, Filter(), instance_id=instance_id)
        return _json(200, {"instancesDeleted": count}) if count else _not_found(request)

    async def purge_many(self, request: web.Request) -> web.StreamResponse:
        """Delete instances that are over and match."""
        try:
            where = _filter(request)
        except ValueError as error:
            return _problem(400, str(error))
        if where.created_from is None:
            return _problem(400, "createdTimeFrom is required")
        if where.statuses is not None and (alive := set(where.statuses) - set(OVER)):
            return _problem(400, f"runtimeStatus {sorted(alive)}: only {', '.join(OVER)} can be purged")
        async with self._pool.connection() as connection, connection.transaction():
            count = await store_instances.purge(connection, self._hub, where)
        return _json(200, {"instancesDeleted": count}) if count else _problem(404, "no instance matches")

    async def no_entities(self, _request: web.Request) -> web.StreamResponse:
        """Say that there are none."""
        return _problem(501, "durable entities are not supported by this host")


def _json(status: int, value: Any, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response(value, status=status, headers=headers)


def _problem(status: int, message: str) -> web.Response:
    return _json(status, {"Message": message, "ExceptionMessage": message})


def _not_found(request: web.Request) -> web.Response:
    return _json(404, f"No instance with ID '{request.match_info['id']}' found.")


def _bad_id(instance_id: str) -> str | None:
    if len(instance_id) > 100:
        return f"instance id {instance_id[:20]!r}... is longer than 100 characters"
    if instance_id.startswith("@") or any(letter in "/\\#?" or ord(letter) < 32 for letter in instance_id):
        return rf"instance id {instance_id!r} must not start with @ nor contain / \ # ? or control characters"
    return None


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _flag(request: web.Request, name: str, *, default: bool = False) -> bool:
    value = request.query.get(name)
    return default if value is None else value.lower() == "true"


def _filter(request: web.Request) -> Filter:
    statuses = request.query.get("runtimeStatus")
    names = [name.strip() for name in statuses.split(",") if name.strip()] if statuses else None
    known = (*ALIVE, *OVER, "ContinuedAsNew", "Canceled")
    if names and (unknown := set(names) - set(known)):
        raise ValueError(f"runtimeStatus {sorted(unknown)} is unknown; expected some of {', '.join(known)}")
    return Filter(
        created_from=_moment(request, "createdTimeFrom"),
        created_to=_moment(request, "createdTimeTo"),
        statuses=names,
        prefix=request.query.get("instanceIdPrefix"),
    )


def _moment(request: web.Request, name: str) -> datetime | None:
    text = request.query.get(name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{name} {text!r} must be a time like 2026-01-01T00:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
