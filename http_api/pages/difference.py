"""``.../difference``: what is different between two restore points, directory by directory."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from http_api import nodes
from http_api.call import Answer, Call
from http_api.models.base import After, Limit, Query, QueryNumber
from http_api.models.nodes import Difference, DifferenceQuery
from http_api.pages.asking import asking
from http_api.pages.places import SHARE
from http_api.pages.slider import slider_at
from http_api.pages.what_changed import Fact, facts
from http_api.rendering import page
from http_api.routes import Routes
from shared.db import restore_points
from shared.errors import NotFound
from shared.model.access import Action


class ComparedQuery(Query):
    """Between what, and of which directory."""

    older: Annotated[QueryNumber | None, Field(alias="from", description="The one before `to` unless given.")] = None
    newer: Annotated[QueryNumber | None, Field(alias="to", description="The newest unless given.")] = None
    path: Annotated[str, Field(max_length=2_048, pattern=r"^[^\x00]*$")] = ""
    limit: Limit = 100
    after: After = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A child of the directory, and what is different of it."""

    child: Difference
    facts: list[Fact]


async def difference_page(call: Call[ComparedQuery]) -> Answer:
    """What is different in a directory between two restore points, with counts of all that is below each child."""
    query, share = call.query, call.share
    numbers = [number for number in (query.older, query.newer) if number is not None]
    newer = max(numbers) if query.newer is not None else None
    if newer is None:
        newest = await restore_points.last(call.conn, share.share_id)
        newer = newest.run_no if newest is not None else None
    if newer is None:
        return page(call, "browse_nothing.html", tab="browse")
    slider = await slider_at(call, newer)
    older = min(numbers) if numbers and min(numbers) < newer else None
    if older is None and slider.earlier is not None:
        older = slider.earlier.run_no
    values: dict[str, Any] = {
        "slider": slider,
        "older": older,
        "newer": newer,
        "path": query.path,
        "part": None,
        "told": [],
        "missing": False,
        "beyond": None,
    }
    if older is None:
        return page(call, "difference.html", tab="browse", **values)
    if older not in {point.run_no for point in slider.points}:
        values["beyond"] = await restore_points.get(call.conn, share.share_id, older)
    asked = DifferenceQuery.model_validate(
        {"from": older, "to": newer, "path": query.path or None, "limit": query.limit, "after": query.after}
    )
    try:
        part = await nodes.show_difference(asking(call, query=asked, path=SHARE + "/difference"))
    except NotFound as error:
        if error.field not in ("path", "node_id"):
            raise
        return page(call, "difference.html", tab="browse", **{**values, "missing": True})
    values |= {
        "part": part,
        "path": part.path or "",
        "told": [Told(one, facts(one.before, one.after)) for one in part.children if not one.unchanged],
    }
    return page(
        call, "difference.html", tab="browse", fragment="_difference_rows.html" if query.after else "", **values
    )


routes = Routes("difference page")
routes.page(SHARE + "/difference", difference_page, Action.NODES_READ)
bp = routes.blueprint
