"""``.../search``: names in a share, now or at any time."""

from typing import Annotated, Any, Final

from pydantic import Field

from http_api import nodes
from http_api.call import Answer, Call
from http_api.models.base import After, Limit, Query
from http_api.models.nodes import Case, FoundEverPart, FoundNowPart, SearchQuery, Versions
from http_api.pages.asking import asking
from http_api.pages.places import SHARE, with_query
from http_api.rendering import page
from http_api.routes import Routes
from shared.db import restore_points
from shared.errors import InvalidInput
from shared.model.access import Action

_OURS: Final = frozenset("*?[")


class SoughtQuery(Query):
    """What is looked for. Without anything there is the form alone."""

    pattern: Annotated[str, Field(max_length=253, pattern=r"^[^\x00]*$")] = ""
    versions: Versions = Versions.LATEST
    case: Case = Case.IGNORE
    limit: Limit = 50
    after: After = ""
    nothing_yet: bool = False
    """Whether nothing was found in the parts before."""


async def search_page(call: Call[SoughtQuery]) -> Answer:
    """Nodes whose names match; plain words are looked for anywhere in a name."""
    query = call.query
    typed = query.pattern.strip()
    newest = await restore_points.last(call.conn, call.share.share_id)
    values: dict[str, Any] = {
        "query": query,
        "typed": typed,
        "newest": newest,
        "found": None,
        "wrong": "",
        "sought": "",
        "further": "",
    }
    fragment = "_search_rows.html" if query.after and not query.nothing_yet else "_search.html"
    if not typed or newest is None:
        return page(call, "search.html", tab="browse", fragment=fragment, **values)
    sought = typed if _OURS & set(typed) else f"*{typed}*"
    asked = SearchQuery(pattern=sought, versions=query.versions, case=query.case, limit=query.limit, after=query.after)
    try:
        found = (await nodes.found_names(asking(call, query=asked, path=SHARE + "/search"), hurry=True)).root
    except InvalidInput as error:
        if error.field != "pattern":
            raise
        return page(call, "search.html", tab="browse", fragment=fragment, **{**values, "wrong": str(error)})
    told = {**values, "found": found, "sought": sought, "further": _further(query, found)}
    return page(call, "search.html", tab="browse", fragment=fragment, **told)


def _further(query: SoughtQuery, found: FoundNowPart | FoundEverPart) -> str:
    """Where the search goes on, as an address below the page's: a long search asks for many of them. Empty if that was all."""
    if not found.next:
        return ""
    damaged = isinstance(found, FoundEverPart) and bool(found.unreadable)
    nothing_yet = not found.found and not damaged and (query.nothing_yet or not query.after)
    asked = query.model_copy(update={"after": found.next, "nothing_yet": nothing_yet})
    return with_query("", **asked.model_dump(mode="json", exclude_defaults=True))


routes = Routes("search page")
routes.page(SHARE + "/search", search_page, Action.NODES_READ)
bp = routes.blueprint
