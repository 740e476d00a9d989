"""``.../browse`` and ``.../restore-points/{restore_point}/browse``: the tree at any restore point."""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from pydantic import Field

from http_api import downloads
from http_api.call import Answer, AnyCall, Call
from http_api.fields import Fields
from http_api.models.base import Query, QueryNumber
from http_api.models.downloads import ArchiveQuery, NewArchive
from http_api.models.nodes import Children, ChildrenQuery, Node
from http_api.pages.asking import asking
from http_api.pages.places import POINT, SHARE, point_url, with_query
from http_api.pages.slider import Slider, slider_at
from http_api.rendering import page, see
from http_api.routes import Routes
from shared.db import restore_points
from shared.errors import InvalidInput, NotFound
from shared.model.access import Action
from shared.usecases.past import Past, Window
from shared.usecases.versions import whereabouts

ROWS: Final = 40
"""Rows of a page, and of each part that follows as somebody goes down: more than a screen."""


class GoQuery(Query):
    """Where a page of the newest restore point, or of one that was chosen without JavaScript, leads."""

    restore_point: QueryNumber | None = None
    path: Annotated[str, Field(max_length=2_048, pattern=r"^[^\x00]*$")] = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """A directory that a restore point does not show."""

    path: str
    name: str
    above: str
    """The nearest directory above it that the restore point shows."""


async def browse_newest(call: Call[GoQuery]) -> Answer:
    """To a restore point, the newest unless one is named; or what to do while there is none."""
    run_no = call.query.restore_point
    if run_no is None:
        newest = await restore_points.last(call.conn, call.share.share_id)
        if newest is None:
            return page(call, "browse_nothing.html", tab="browse")
        run_no = newest.run_no
    return see(with_query(f"{_point_url(call, run_no)}/browse", path=call.query.path))


async def browse_page(call: Call[ChildrenQuery]) -> Answer:
    """What is in a directory at a restore point, in windows of names."""
    query, run_no = call.query, call.number("restore_point")
    slider = await slider_at(call, run_no)
    after = call.after()
    await call.release()
    past = call.app.past(call.share)
    if query.node_id is not None:
        path = await whereabouts(past, query.node_id, run_no)
        return see(with_query(f"{_point_url(call, run_no)}/browse", path=f"{path}/{query.path or ''}".strip("/")))
    try:
        place = await past.resolve(query.path or "", run_no)
        if not place.is_directory:
            return see(with_query(f"{_point_url(call, run_no)}/node", path=place.path))
        begin, window = await _window(past, place.node_id, run_no, query, after)
    except (NotFound, InvalidInput) as error:
        if error.field not in ("path", "node_id"):
            raise
        return _browse(call, slider, missing=await _missing(past, query.path or "", run_no), begin=query.begin)
    asked = query.model_copy(update={"begin": begin, "path": place.path or None})
    part = Children(
        restore_point=run_no,
        node_id=place.node_id,
        path=place.path,
        children=[Node.of(saved) for saved in window.entries],
        **asking(call, query=asked, path=POINT + "/browse").part(window.following),
    )
    return _browse(call, slider, part=part, begin=begin)


def _browse(call: Call[ChildrenQuery], slider: Slider, **values: Any) -> Answer:
    fragment = "_browse_rows.html" if call.query.after else "_browse.html"
    values = {"part": None, "missing": None, "typed": call.query.begin, "after": call.query.after, **values}
    return page(call, "browse.html", tab="browse", fragment=fragment, slider=slider, **values)


async def _window(past: Past, directory_id: int, run_no: int, query: ChildrenQuery, after: str) -> tuple[str, Window]:
    """Rows from where it was asked for. People do not type capitals: if no name begins as typed, one may that differs in them."""
    limit = query.limit if "limit" in query.model_fields_set else ROWS
    first = await past.children(directory_id, run_no, after=after, begin=query.begin, limit=limit)
    if not query.begin or after:
        return query.begin, first
    if not _begins(first, query.begin):
        for spelled in {query.begin.lower(), query.begin.upper(), query.begin.capitalize()} - {query.begin}:
            other = await past.children(directory_id, run_no, begin=spelled, limit=limit)
            if _begins(other, spelled):
                return spelled, other
    return query.begin, first


def _begins(window: Window, begin: str) -> bool:
    return bool(window.entries) and window.entries[0].entry.name.startswith(begin)


async def _missing(past: Past, path: str, run_no: int) -> Missing:
    names = [name for name in path.split("/") if name]
    above = names[:-1]
    while above:
        try:
            if (place := await past.resolve("/".join(above), run_no)).is_directory:
                return Missing("/".join(names), names[-1], place.path)
        except (NotFound, InvalidInput):
            pass
        above.pop()
    return Missing("/".join(names), names[-1] if names else "", "")


async def archive_page(call: Call[ArchiveQuery]) -> Answer:
    """A directory with all below it as an archive; what is too large for that is told on a page."""
    return await downloads.get_archive(call)


async def archive_selected(call: Call[ChildrenQuery, NewArchive]) -> Answer:
    """What was ticked, as an archive."""
    answer = await downloads.post_archive(asking(call, body=call.body))
    if answer.location:
        # Not by a redirection: a page's form may go nowhere but to this app.
        return replace(page(call, "download_ready.html", tab="browse", url=answer.location), status=200)
    return replace(answer, status=200)


def _selected(fields: Fields) -> dict[str, Any]:
    paths = fields.chosen("path")
    if not paths:
        raise InvalidInput("nothing is selected; hint: tick the entries that are to be in the archive", field="path")
    return {"format": fields.text("format") or "zip", "selection": {"paths": paths}}


def _point_url(call: AnyCall, run_no: int) -> str:
    return point_url(call.share.tenant_id, call.share.share_id, run_no)


routes = Routes("browse pages")
routes.page(SHARE + "/browse", browse_newest, Action.NODES_READ)
_browse_page = routes.page(POINT + "/browse", browse_page, Action.NODES_READ)
routes.page(POINT + "/archive", archive_page, Action.CONTENT_READ)
routes.form(POINT + "/archive", archive_selected, Action.CONTENT_READ, _browse_page, fields=_selected)
bp = routes.blueprint
