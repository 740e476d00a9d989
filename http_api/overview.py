"""``/``: all shares at a glance. ``/static/...``: what its pages need."""

import hashlib
import mimetypes
from functools import cache
from pathlib import Path
from typing import Final

import azure.functions as func

from http_api.problems import answered
from http_api.rendering import page
from shared import wiring
from shared.db import overview
from shared.errors import NotFound

bp = func.Blueprint()

SHARES_SHOWN: Final = 1_000
_STATIC: Final = Path(__file__).resolve().parents[1] / "web_static"


@answered
async def show_overview(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001
    """Render every share with its newest restore point and its newest run."""
    async with (await wiring.app()).transaction() as conn:
        found = await overview.lines(conn, SHARES_SHOWN)
    return page("overview.html", lines=found, shown=SHARES_SHOWN)


@cache
def _static_files() -> dict[str, tuple[bytes, str, str]]:
    """Every static file by name: content, type, ETag. Read once: they change with a deployment only."""
    found = {}
    for path in sorted(_STATIC.iterdir()):
        content = path.read_bytes()
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        found[path.name] = (content, kind, f'"{hashlib.sha256(content).hexdigest()[:16]}"')
    return found


@answered
async def static_file(req: func.HttpRequest) -> func.HttpResponse:
    """Answer with a static file, or 304 if the caller has it."""
    name = req.route_params["name"]
    if name not in _static_files():
        raise NotFound(f"there is no static file {name!r}")
    content, kind, etag = _static_files()[name]
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if req.headers.get("If-None-Match") == etag:
        return func.HttpResponse(status_code=304, headers=headers)
    return func.HttpResponse(content, mimetype=kind, headers=headers)


# An empty route would become the function's name; a parameter that can only be empty is the way to say "/".
bp.route(route="{nothing:maxlength(0)?}", methods=["GET"])(show_overview)
bp.route(route="static/{name}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)(static_file)
