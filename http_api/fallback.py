"""What is under ``/api`` and no endpoint: 404, or 405 with the methods that there are.

Azure's host takes the first route that matches, in the order of the functions' names and whatever is more specific (azure-functions-host
issue 9876), so this one has the last name, and no two endpoints may match the same address. A test holds both.
"""

import azure.functions as func

from http_api.endpoint import all_endpoints
from http_api.problems import NOT_FOUND, WRONG_METHOD, problem
from http_api.serving import hard

bp = func.Blueprint()

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


async def zzz_no_such_endpoint(req: func.HttpRequest) -> func.HttpResponse:
    """A problem document, as for everything else."""
    path = "/api/" + req.route_params.get("rest", "").strip("/")
    allowed = sorted({endpoint.method for endpoint in all_endpoints() if endpoint.matches(path)})
    if allowed and req.method not in allowed:
        told = f"{req.method} {path}: expected {' or '.join(allowed)}"
        return hard(problem(WRONG_METHOD, told, headers={"Allow": ", ".join(allowed)})).response()
    return hard(
        problem(NOT_FOUND, f"there is nothing at {path}; hint: /api/openapi.json names all there is")
    ).response()


bp.route(route="api/{*rest}", methods=list(METHODS), auth_level=func.AuthLevel.ANONYMOUS)(zzz_no_such_endpoint)
