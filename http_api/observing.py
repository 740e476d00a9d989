"""Every request told of: a span below the caller's, a duration by route and status, and ids for the log lines of whatever it does."""

from collections.abc import Awaitable, Callable

import azure.functions as func

from shared import wiring
from shared.model.metric import API_SECONDS
from shared.ports.telemetry import Attribute
from shared.telemetry import tagged


async def observed(
    method: str, route: str, req: func.HttpRequest, answer: Callable[[], Awaitable[func.HttpResponse]]
) -> func.HttpResponse:
    """Await ``answer``, which does not raise.

    :param route: the template, so that there are as many series as routes and not as many as paths.
    """
    try:
        app = await wiring.app()
    except Exception:  # the answer says what is wrong
        return await answer()
    ids: dict[str, Attribute] = {
        name: value for name in ("tenant_id", "share_id") if (value := req.route_params.get(name, ""))
    }
    began_at = app.clock.monotonic()
    caller = req.headers.get("traceparent", "")
    with tagged(**ids), app.telemetry.span(f"{method} {route}", caller=caller) as span:
        response = await answer()
        told: dict[str, Attribute] = {"http.request.method": method, "http.route": route}
        span.set(**told, **{"http.response.status_code": response.status_code})
    app.telemetry.observe(API_SECONDS, app.clock.monotonic() - began_at, method, route, str(response.status_code))
    return response
