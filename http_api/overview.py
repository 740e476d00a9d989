"""``/`` and ``/api/overview``: all shares at a glance. ``/static/...``: what the pages need."""

import datetime as dt
import hashlib
import mimetypes
from functools import cache
from pathlib import Path
from typing import Final

from http_api.call import Answer, Call
from http_api.conditions import has_it
from http_api.models.base import Paged
from http_api.models.overview import NewestPoint, NewestRun, OverviewPart, ShareAtAGlance
from http_api.rendering import page
from http_api.routes import Routes
from http_api.seen import seen_by
from shared.db import overview
from shared.errors import NotFound
from shared.model.access import Action
from shared.model.run import RunKind, RunState

SHARES_SHOWN: Final = 1_000
_STATIC: Final = Path(__file__).resolve().parents[1] / "web_static"


async def show_overview(call: Call) -> Answer:
    """Render every share with its newest restore point and its newest run."""
    found = await overview.lines(call.conn, SHARES_SHOWN, seen_by(call.principal))
    return page("overview.html", lines=found, shown=SHARES_SHOWN)


async def get_overview(call: Call[Paged]) -> OverviewPart:
    """The shares that one may see, each with its newest restore point and its newest run."""
    place = call.place(str, str, str)
    after = (place[0], place[1], place[2]) if place else None
    found = await overview.lines(call.conn, call.query.limit + 1, seen_by(call.principal), after)
    shown = found[: call.query.limit]
    return OverviewPart(
        shares=[_at_a_glance(line, call.now) for line in shown],
        **call.part_after(found, shown, lambda line: (line.tenant_name, line.tenant_id, line.share_name)),
    )


def _at_a_glance(line: overview.ShareLine, now: dt.datetime) -> ShareAtAGlance:
    point = run = None
    if line.point is not None and line.taken_at is not None:
        point = NewestPoint(
            restore_point=line.point,
            taken_at=line.taken_at,
            files=line.files or 0,
            bytes=line.bytes or 0,
            age_s=max(0, round((now - line.taken_at).total_seconds())),
        )
    if line.run_no is not None and line.kind is not None and line.state is not None:
        run = NewestRun(run_no=line.run_no, kind=RunKind(line.kind), state=RunState(line.state), error=line.error)
    return ShareAtAGlance(
        tenant_id=line.tenant_id,
        tenant_name=line.tenant_name,
        share_id=line.share_id,
        share_name=line.share_name,
        restore_point=point,
        run=run,
    )


@cache
def _static_files() -> dict[str, tuple[bytes, str, str]]:
    """Every static file by name: content, type, ETag. Read once: they change with a deployment only."""
    found = {}
    for path in sorted(_STATIC.iterdir()):
        content = path.read_bytes()
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        found[path.name] = (content, kind, f'"{hashlib.sha256(content).hexdigest()[:16]}"')
    return found


async def static_file(call: Call) -> Answer:
    """Answer with a static file, or 304 if the caller has it."""
    name = call.word("name")
    if name not in _static_files():
        raise NotFound(f"there is no static file {name!r}")
    content, kind, etag = _static_files()[name]
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if has_it(call.headers.get("if-none-match", ""), etag):
        return Answer(status=304, headers=headers)
    return Answer(body=content, media=kind, headers=headers)


routes = Routes("overview")
routes.get("/api/overview", get_overview, Action.OVERVIEW_READ, {200: OverviewPart})
# An empty route would become the function's name; a parameter that can only be empty is the way to say "/".
routes.get("/", show_overview, Action.OVERVIEW_READ, {200: "text/html"}, shown=False, route="{nothing:maxlength(0)?}")
routes.get("/static/{name}", static_file, None, {200: "*/*", 304: None}, transaction=False, shown=False)
bp = routes.blueprint
