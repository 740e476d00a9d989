"""``GET /metrics`` and ``/api/metrics``: what is measured, as text for Prometheus and whoever else scrapes; and a timer that sends the catalogue's part as OTLP.

What the catalogue says is the same whichever instance answers. What instances count themselves has the label ``process``, so that
a scraper that meets another instance each time sees several series that grow and not one that jumps.
"""

import hmac
import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

import azure.functions as func

from http_api.call import Answer, Call
from http_api.routes import Routes
from shared import wiring
from shared.errors import BackupError, Denied
from shared.formats.exposition import OPENMETRICS, PROMETHEUS, exposition
from shared.model.access import Action
from shared.model.metric import Family

logger = logging.getLogger(__name__)
_BEARER: Final = "bearer "


def _check_token(call: Call) -> None:
    """Let in whoever has the metrics token.

    :raises Denied: nobody else.
    """
    given, expected = call.headers.get("authorization", ""), call.app.settings.metrics_token
    token = given[len(_BEARER) :].strip() if given.lower().startswith(_BEARER) else ""
    if not expected or not hmac.compare_digest(token.encode(), expected.encode()):
        raise Denied(
            "metrics are for whoever has the metrics token; hint: set AFB_METRICS_TOKEN, and send it as 'Authorization: Bearer ...'"
        )


async def scrape_metrics(call: Call) -> Answer:
    """The same as `/api/metrics`, for scrapers: with the metrics token, and at the path where they look for it."""
    _check_token(call)
    return await get_metrics(call)


async def get_metrics(call: Call) -> Answer:
    """What is measured, as OpenMetrics if that is accepted, else as Prometheus' older text. For roles on the whole platform."""
    app = call.app
    openmetrics = "application/openmetrics-text" in call.headers.get("accept", "")
    async with app.transaction() as conn:
        families = await app.metrics.families(conn, call.now)
    own = _of_process(app.telemetry.measures.families(), app.process)
    text = exposition([*families, *own], openmetrics=openmetrics)
    media = OPENMETRICS if openmetrics else PROMETHEUS
    # As a header, because hosts put a charset behind a media type that is text.
    return Answer(body=text.encode(), headers={"Content-Type": media, "Cache-Control": "no-store"})


def _of_process(families: Iterable[Family], process: str) -> Iterator[Family]:
    for metric, samples in families:
        yield (
            replace(metric, labels=(*metric.labels, "process")),
            [sample._replace(labels=(*sample.labels, process)) for sample in samples],
        )


async def push_metrics(timer: func.TimerRequest) -> None:  # noqa: ARG001
    """Send the catalogue's metrics, if they are to be sent: a timer fires in one instance at a time."""
    app = await wiring.app()
    if not app.telemetry.pushes:
        return
    try:
        async with app.transaction() as conn:
            families = await app.metrics.families(conn, app.clock.now())
        await app.telemetry.push_catalogue(families)
    except BackupError:  # the next minute
        logger.exception("metrics_not_sent")


routes = Routes("metrics")
_TEXT: Final = "text/plain"
routes.get("/api/metrics", get_metrics, Action.METRICS_READ, {200: _TEXT}, transaction=False)
# Nobody has to be known to the host: scrapers have a token of their own.
routes.get("/metrics", scrape_metrics, None, {200: _TEXT}, refuses={403}, transaction=False, shown=False)
bp = routes.blueprint
bp.timer_trigger(arg_name="timer", schedule="30 * * * * *")(push_metrics)
