"""One host process: what it is made of, how it starts and how it stops.

Start: tables, then presence (so that leases mean something), then workers, then the HTTP door;
the address is known to callers only when everything behind it runs.  Stop is the reverse: no new
work, running activities get a grace, what remains is given back, and presence ends last.
"""

import asyncio
import logging
import os
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web
from psycopg import AsyncConnection, Error
from psycopg_pool import AsyncConnectionPool

from localdev.functions_host import client_binding, schema, store_instances
from localdev.functions_host.activity_worker import ActivityWorker
from localdev.functions_host.host_json import HostJson
from localdev.functions_host.http_triggers import HttpTriggers
from localdev.functions_host.invocation import Invoker
from localdev.functions_host.leases import Presence
from localdev.functions_host.loading import App
from localdev.functions_host.management_api import ManagementApi
from localdev.functions_host.orchestrator_worker import OrchestratorWorker
from localdev.functions_host.wake import Bell

log = logging.getLogger(__name__)

#: Largest request body, the real host's limit.
MAX_BODY_BYTES = 210_000_000

#: Episodes hold a connection each, so this also bounds connections; host.json may ask for less.
MAX_EPISODES = 16

#: How often each host looks for work of dead or silent ones.
TAKE_BACK_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line decides.  ``port`` 0 means any free one."""

    postgres_url: str
    host: str
    port: int
    hub: str
    key: str
    lease_seconds: float
    grace_seconds: float


class Host:
    """A running host; :meth:`start` once, :meth:`stop` once."""

    def __init__(self, app: App, host_json: HostJson, options: Options) -> None:
        self._app = app
        self._settings = host_json
        self._options = options
        self._episodes = Bell()
        self._tasks = Bell()
        self._presence = Presence(options.postgres_url, hub=options.hub, on_notice=self._hear)
        self._pool = AsyncConnectionPool(
            options.postgres_url,
            min_size=1,
            max_size=min(host_json.max_orchestrators, MAX_EPISODES) + 4,
            kwargs={"autocommit": True, "application_name": "functions_host"},
            open=False,
        )
        self._background: list[asyncio.Task[None]] = []
        self._runner: web.AppRunner | None = None
        self.address = ""

    async def start(self) -> None:
        """Serve and work; returns when the address answers.

        :raises AppError: the app's routes or schedules cannot be read.
        """
        options = self._options
        async with await AsyncConnection.connect(options.postgres_url) as connection:
            await schema.create(connection)
        await self._pool.open(wait=True)
        await self._presence.start()

        web_app = web.Application(client_max_size=MAX_BODY_BYTES)
        self._runner = web.AppRunner(web_app, access_log=None)
        site_port = options.port or _free_port(options.host)
        self.address = f"http://{options.host}:{site_port}"
        token = secrets.token_urlsafe(24)
        invoker = Invoker(
            timeout=self._settings.function_timeout,
            directory=str(self._app.directory),
            client_binding=client_binding.binding(self.address, hub=options.hub, key=options.key, token=token),
        )
        self._make_workers(invoker)
        self._make_routes(web_app, invoker, token)
        await self._runner.setup()
        await web.TCPSite(self._runner, options.host, site_port).start()
        self._start_background()
        log.info("host_started", extra={"address": self.address, "hub": options.hub, "owner": self._presence.owner})

    async def stop(self) -> None:
        """Stop in order; running activities get the grace, the rest goes back to the hub."""
        log.info("host_stopping", extra={"running_activities": self._activities.running})
        await asyncio.gather(self._orchestrations.stop(), self._activities.stop(self._options.grace_seconds))
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        if self._runner:
            await self._runner.cleanup()
        await self._presence.stop()
        await self._pool.close()
        log.info("host_stopped")

    def _make_workers(self, invoker: Invoker) -> None:
        options, settings = self._options, self._settings
        self._activities = ActivityWorker(
            self._pool,
            hub=options.hub,
            owner=self._presence.owner,
            activities=self._app.activities,
            invoker=invoker,
            limit=settings.max_activities,
            lease_seconds=options.lease_seconds,
            bell=self._tasks,
            episodes=self._episodes,
        )
        self._orchestrations = OrchestratorWorker(
            self._pool,
            hub=options.hub,
            orchestrators=self._app.orchestrators,
            activities=self._app.activities,
            invoker=invoker,
            limit=min(settings.max_orchestrators, MAX_EPISODES),
            bell=self._episodes,
            tasks=self._tasks,
        )

    def _make_routes(self, web_app: web.Application, invoker: Invoker, token: str) -> None:
        options = self._options
        management = ManagementApi(
            self._pool,
            hub=options.hub,
            key=options.key,
            token=token,
            orchestrators=frozenset(self._app.orchestrators),
            episodes=self._episodes,
        )
        triggers = HttpTriggers(self._app.http, prefix=self._settings.route_prefix, key=options.key, invoker=invoker)
        web_app.router.add_get("/admin/host/status", self._status)
        management.add_to(web_app.router)
        web_app.router.add_route("*", "/{path:.*}", triggers.handle)

    def _start_background(self) -> None:
        for work in (
            self._orchestrations.run_forever(),
            self._activities.claim_forever(),
            self._activities.report_forever(),
            _every(self._options.lease_seconds / 3, self._activities.renew),
            _every(TAKE_BACK_SECONDS, self._activities.take_back),
        ):
            self._background.append(asyncio.create_task(work))

    def _hear(self, kind: str) -> None:
        (self._tasks if kind == store_instances.TASKS else self._episodes).ring()

    async def _status(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {
                "state": "Running",
                "hub": self._options.hub,
                "processId": os.getpid(),
                "owner": self._presence.owner,
                "runningActivities": self._activities.running,
                "functions": {
                    "http": len(self._app.http),
                    "timers": len(self._app.timers),
                    "activities": len(self._app.activities),
                    "orchestrators": len(self._app.orchestrators),
                },
            }
        )


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    """Do ``work`` at once and then every ``seconds``; a database error is told and outlived."""
    while True:
        try:
            await work()
        except Error as error:
            log.warning("background_work_failed", extra={"work": work.__name__, "error": str(error)})
        await asyncio.sleep(seconds)


def _free_port(host: str) -> int:
    import socket

    with socket.create_server((host, 0)) as server:
        return int(server.getsockname()[1])
