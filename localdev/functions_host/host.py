"""One host process: what it is made of, how it starts and how it stops.

Start: tables, then presence (so that leases mean something), then workers, then the HTTP door;
the address is known to callers only when everything behind it runs.  Stop is the reverse: no new
work, running activities get a grace, what remains is given back, and presence ends last.
"""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from psycopg import AsyncConnection, Error

from localdev.functions_host import client_binding, pools, schema, store_instances
from localdev.functions_host.activity_worker import ActivityWorker
from localdev.functions_host.host_json import HostJson
from localdev.functions_host.http_triggers import HttpTriggers
from localdev.functions_host.invocation import Invoker
from localdev.functions_host.leases import Presence
from localdev.functions_host.loading import App
from localdev.functions_host.management_api import ManagementApi
from localdev.functions_host.orchestrator_worker import OrchestratorWorker
from localdev.functions_host.recording import Recorder
from localdev.functions_host.timer_triggers import TimerTriggers
from localdev.functions_host.wake import Bell

log = logging.getLogger(__name__)

#: Largest request body, the real host's limit.
MAX_BODY_BYTES = 210_000_000

#: Episodes hold a connection each, so this also bounds connections; host.json may ask for less.
MAX_EPISODES = 16

#: Time for HTTP requests that are still open when everything else has stopped.
SHUTDOWN_SECONDS = 1.0

#: How often each host looks for work of dead or silent ones.
TAKE_BACK_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line decides.  ``port`` 0 means any free one; ``record`` is where to write down what happens."""

    postgres_url: str
    host: str
    port: int
    hub: str
    key: str
    lease_seconds: float
    grace_seconds: float
    record: Path | None = None


class Host:
    """A running host; :meth:`start` once, :meth:`stop` once."""

    def __init__(self, app: App, host_json: HostJson, options: Options) -> None:
        """Put everything together; nothing is opened yet.

        :raises AppError: the app's routes or schedules cannot be read.
        """
        self._app = app
        self._options = options
        self._port = options.port or _free_port(options.host)
        self.address = f"http://{options.host}:{self._port}"
        self._episodes, self._tasks = Bell(), Bell()
        self._recorder = Recorder(options.record)
        self._presence = Presence(options.postgres_url, hub=options.hub, on_notice=self._hear)
        self._pool = pools.durable(options.postgres_url, size=min(host_json.max_orchestrators, MAX_EPISODES) + 4)
        self._relaxed = pools.relaxed(options.postgres_url)
        token = secrets.token_urlsafe(24)
        self._invoker = Invoker(
            timeout=host_json.function_timeout,
            directory=str(app.directory),
            client_binding=client_binding.binding(self.address, hub=options.hub, key=options.key, token=token),
        )
        self._make_workers(host_json)
        self._runner = web.AppRunner(
            self._make_web_app(host_json.route_prefix, token), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS
        )
        self._background: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Serve and work; returns when the address answers."""
        async with await AsyncConnection.connect(self._options.postgres_url) as connection:
            await schema.create(connection)
        await asyncio.gather(self._pool.open(wait=True), self._relaxed.open(wait=True))
        await self._presence.start()
        await self._runner.setup()
        await web.TCPSite(self._runner, self._options.host, self._port).start()
        self._start_background()
        log.info(
            "host_started",
            extra={"address": self.address, "hub": self._options.hub, "owner": self._presence.owner},
        )

    async def watch(self) -> None:
        """Wait for a worker to break.

        Workers outlive database errors; whatever else ends one is a defect, and a host that looks
        healthy without a worker is worse than none.

        :raises Exception: what broke it.
        """
        await asyncio.gather(*self._background)

    async def stop(self) -> None:
        """Stop in order; running activities get the grace, the rest goes back to the hub."""
        log.info("host_stopping", extra={"running_activities": self._activities.running})
        grace = self._options.grace_seconds
        await asyncio.gather(self._orchestrations.stop(), self._activities.stop(grace), self._timers.stop(grace))
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._timers.release()
        await self._runner.cleanup()
        await self._presence.stop()
        await asyncio.gather(self._pool.close(), self._relaxed.close())
        self._recorder.close()
        log.info("host_stopped")

    def _make_workers(self, host_json: HostJson) -> None:
        options = self._options
        self._activities = ActivityWorker(
            self._relaxed,
            hub=options.hub,
            presence=self._presence,
            activities=self._app.activities,
            invoker=self._invoker,
            limit=host_json.max_activities,
            lease_seconds=options.lease_seconds,
            bell=self._tasks,
            episodes=self._episodes,
            recorder=self._recorder,
        )
        self._orchestrations = OrchestratorWorker(
            self._pool,
            hub=options.hub,
            orchestrators=self._app.orchestrators,
            activities=self._app.activities,
            invoker=self._invoker,
            limit=min(host_json.max_orchestrators, MAX_EPISODES),
            bell=self._episodes,
            tasks=self._tasks,
            recorder=self._recorder,
        )
        self._timers = TimerTriggers(
            self._app.timers,
            self._pool,
            hub=options.hub,
            presence=self._presence,
            lease_seconds=options.lease_seconds,
            invoker=self._invoker,
            recorder=self._recorder,
        )

    def _make_web_app(self, route_prefix: str, token: str) -> web.Application:
        options = self._options
        management = ManagementApi(
            self._pool,
            hub=options.hub,
            key=options.key,
            token=token,
            orchestrators=frozenset(self._app.orchestrators),
            episodes=self._episodes,
            recorder=self._recorder,
        )
        triggers = HttpTriggers(self._app.http, prefix=route_prefix, key=options.key, invoker=self._invoker)
        web_app = web.Application(client_max_size=MAX_BODY_BYTES)
        web_app.router.add_get("/admin/host/status", self._status)
        management.add_to(web_app.router)
        web_app.router.add_route("*", "/{path:.*}", triggers.handle)
        return web_app

    def _start_background(self) -> None:
        for work in (
            self._presence.listen_forever(),
            self._orchestrations.run_forever(),
            self._activities.claim_forever(),
            self._activities.report_forever(),
            self._timers.run_forever(),
            _every(self._options.lease_seconds / 3, self._renew),
            _every(TAKE_BACK_SECONDS, self._take_back),
        ):
            self._background.append(asyncio.create_task(work))

    async def _renew(self) -> None:
        await self._activities.renew()
        await self._timers.renew()

    async def _take_back(self) -> None:
        await self._activities.take_back()
        await self._timers.take_back()

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
                "abandonedThreads": self._invoker.abandoned_threads,
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
    with socket.create_server((host, 0)) as server:
        return int(server.getsockname()[1])
