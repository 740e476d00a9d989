"""How a worker is, for whoever starts it again when it hangs: ``/healthz`` and ``/readyz``; and what it has counted, ``/metrics``.

Answered by the event loop that does the work: a loop that stands still answers nothing. Plain HTTP without authentication, for probes and
scrapers of the network it is in; nothing of a tenant's is shown.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from shared.errors import InvalidInput
from shared.formats.exposition import OPENMETRICS, PROMETHEUS, exposition
from shared.wiring import App
from worker.events import log
from worker.serve import Worker

STUCK_S: Final = 3600.0
"""A worker that is so long at one step hangs. Steps end within ten minutes, as Functions wants it, but for one: an index of a tree that was
rebuilt is one statement, which takes longer with hundreds of millions of rows. To end that in the middle would only have somebody begin anew."""


class HealthServer:
    """The routes: ``GET /healthz``, ``GET /readyz`` and ``GET /metrics``."""

    def __init__(self, app: App, worker: Worker) -> None:
        self._app = app
        self._worker = worker

    def routes(self) -> web.Application:
        """As an application of aiohttp."""
        routes = web.Application()
        routes.router.add_get("/healthz", self.alive)
        routes.router.add_get("/readyz", self.ready)
        routes.router.add_get("/metrics", self.metrics)
        return routes

    async def alive(self, request: web.Request) -> web.Response:  # noqa: ARG002
        """200 unless it has been at one step for an hour: working, waiting for work and waiting for the catalogue are all well."""
        quiet_s = self._worker.quiet_s
        return web.json_response({"quiet_s": round(quiet_s, 1)}, status=200 if quiet_s < STUCK_S else 503)

    async def ready(self, request: web.Request) -> web.Response:  # noqa: ARG002
        """200 when it could look for work the last time it did, and was not told to leave."""
        ready = self._worker.is_ready
        return web.json_response({"ready": ready}, status=200 if ready else 503)

    async def metrics(self, request: web.Request) -> web.Response:
        """What this process has counted; what the catalogue says of all is the app's ``/metrics``."""
        openmetrics = "application/openmetrics-text" in request.headers.get("Accept", "")
        text = exposition(self._app.telemetry.measures.families(), openmetrics=openmetrics)
        media = OPENMETRICS if openmetrics else PROMETHEUS
        return web.Response(body=text.encode(), headers={"Content-Type": media, "Cache-Control": "no-store"})


@asynccontextmanager
async def served(app: App, worker: Worker, host: str, port: int | None) -> AsyncIterator[None]:
    """Answer while the block runs; port 0: at any that is free; None: not at all.

    :raises InvalidInput: nobody can listen there.
    """
    if port is None:
        yield
        return
    # A probe's connection is not waited for when the worker leaves.
    runner = web.AppRunner(
        HealthServer(app, worker).routes(), handle_signals=False, access_log=None, shutdown_timeout=1.0
    )
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise InvalidInput(f"cannot answer probes at {host}, port {port}: {error.strerror or error}") from error
        log.info("health_served", extra={"host": host, "port": runner.addresses[0][1]})
        yield
    finally:
        await runner.cleanup()
