"""What is under ``/api`` and no endpoint: 404, or 405 with the methods that there are. What is under ``/tenants`` and no page: a page that says so.

Azure's host takes the first route that matches, in the order of the functions' names and whatever is more specific (azure-functions-host
issue 9876), so this one has the last name, and no two endpoints may match the same address. A test holds both.
"""

from urllib.parse import urlsplit

import azure.functions as func

from http_api.endpoint import all_endpoints
from http_api.problems import NOT_FOUND, WRONG_METHOD, problem, told
from http_api.rendering import problem_page
from http_api.serving import hard
from shared import wiring

bp = func.Blueprint()

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


async def zzz_no_such_endpoint(req: func.HttpRequest) -> func.HttpResponse:
    """A problem document, as for everything else."""
    path = "/api/" + req.route_params.get("rest", "").strip("/")
    allowed = sorted({endpoint.method for endpoint in all_endpoints() if endpoint.matches(path)})
    if allowed and req.method not in allowed:
        expected = f"{req.method} {path}: expected {' or '.join(allowed)}"
        return hard(problem(WRONG_METHOD, expected, headers={"Allow": ", ".join(allowed)})).response()
    return hard(
        problem(NOT_FOUND, f"there is nothing at {path}; hint: /api/openapi.json names all there is")
    ).response()


async def zzz_no_such_page(req: func.HttpRequest) -> func.HttpResponse:
    """The same for people."""
    missing = told(
        NOT_FOUND, f"there is no page at {urlsplit(req.url).path}; hint: the overview leads to all there are"
    )
    asked = {name.lower(): value for name, value in req.headers.items()}
    return hard(problem_page(missing, asked, await wiring.app())).response()


bp.route(route="tenants/{*rest}", methods=list(METHODS), auth_level=func.AuthLevel.ANONYMOUS)(zzz_no_such_page)
bp.route(route="api/{*rest}", methods=list(METHODS), auth_level=func.AuthLevel.ANONYMOUS)(zzz_no_such_endpoint)
