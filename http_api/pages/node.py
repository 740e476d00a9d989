"""``.../restore-points/{restore_point}/node``: all that was saved of a file or a directory; ``.../go`` leads to what is known by number only."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field

from http_api.call import Answer, AnyCall, Call
from http_api.downloads import PART_BYTES
from http_api.models.base import DIGITS, Query, QueryNumber
from http_api.models.nodes import Node
from http_api.pages.places import POINT, SHARE, point_url, share_url, with_query
from http_api.rendering import page, see, wants_fragment
from http_api.routes import Routes
from shared.core.access_changes import compare
from shared.core.posix_mode import letters, who_may
from shared.core.sddl import Descriptor, parse
from shared.db import restore_points
from shared.errors import NotFound
from shared.model import ticks
from shared.model.access import Action
from shared.model.node import ROOT_ID
from shared.model.objects import permission_name
from shared.usecases.past import Past
from shared.usecases.versions import root_entry, whereabouts

_Path = Annotated[str, Field(max_length=2_048, pattern=r"^[^\x00]*$")]
_KEY: Final = r"^[0-9]{1,20}\*[0-9]{1,20}$"

_TIMES: Final = ("created", "written", "changed", "accessed")


class NodeQuery(Query):
    """Which node."""

    path: _Path = ""


class PlaceQuery(Query):
    """A node by the directory that holds it, and what is wanted of it."""

    node_id: Annotated[int, DIGITS, Field(ge=ROOT_ID, le=2**63 - 1)]
    path: Annotated[_Path, Field(description="From that directory on.")] = ""
    to: Literal["node", "browse", "content", "versions", "restore", "difference"] = "node"
    older: Annotated[QueryNumber | None, Field(alias="from")] = None


class PermissionsQuery(Query):
    """A security descriptor, and one to compare it with."""

    key: Annotated[str, Field(pattern=_KEY)]
    compared_with: Annotated[str | None, Field(pattern=_KEY, description="The older one.")] = None
    directory: bool = True


@dataclass(frozen=True, slots=True)
class Mode:
    """Owner, group and mode of a node of an NFS share."""

    letters: str
    rows: list[tuple[str, str]]


async def node_page(call: Call[NodeQuery]) -> Answer:
    """A file or a directory as a restore point shows it."""
    run_no = call.number("restore_point")
    point = await restore_points.get(call.conn, call.share.share_id, run_no)
    await call.release()
    past = call.app.past(call.share)
    place = await past.resolve(call.query.path, run_no)
    saved = place.saved if place.saved is not None else root_entry((await past.point(run_no)).root)
    node = Node.of(saved)
    large = (node.size or 0) > PART_BYTES and not call.app.settings.downloads_url
    posix = saved.posix
    return page(
        call,
        "node.html",
        tab="browse",
        fragment="_node.html",
        panel=wants_fragment(call.headers),
        point=point,
        path=place.path,
        node=node,
        saved=saved,
        times=[(name.capitalize(), ticks.to_text(getattr(saved.entry, name))) for name in _TIMES],
        too_large=large,
        mode=Mode(letters(posix.mode), who_may(posix.owner, posix.group, posix.mode)) if posix is not None else None,
        descriptor=await _descriptor(past, node.permission),
    )


async def permissions_page(call: Call[PermissionsQuery]) -> Answer:
    """Who may do what; compared with another descriptor, what of it is new."""
    await call.release()
    past, query = call.app.past(call.share), call.query
    after = await _descriptor(past, query.key)
    before = await _descriptor(past, query.compared_with)
    missing = [key for key, found in ((query.key, after), (query.compared_with, before)) if key and found is None]
    if missing:
        raise NotFound(f"share {past.share_id} has saved no permission {missing[0]}", field="key")
    assert after is not None
    return page(
        call,
        "permissions.html",
        tab="browse",
        fragment="_permissions.html",
        descriptor=after,
        changes=compare(before, after) if before is not None else None,
        directory=query.directory,
    )


async def go_page(call: Call[PlaceQuery]) -> Answer:
    """To a page, or the content, of what was below a directory at a restore point, wherever that directory was then."""
    query, run_no = call.query, call.number("restore_point")
    await restore_points.get(call.conn, call.share.share_id, run_no)
    await call.release()
    above = await whereabouts(call.app.past(call.share), query.node_id, run_no)
    path = "/".join(part for part in (above, query.path) if part)
    share, point = share_url(call.share.tenant_id, call.share.share_id), _point_url(call, run_no)
    match query.to:
        case "versions":
            return see(with_query(f"{share}/versions", path=path, restore_point=run_no))
        case "restore":
            return see(with_query(f"{share}/restore", restore_point=run_no, path=path))
        case "difference":
            return see(with_query(f"{share}/difference", **{"from": query.older, "to": run_no, "path": path}))
        case "content":
            return see(with_query(f"/api{point}/content", path=path))
    return see(with_query(f"{point}/{query.to}", path=path))


async def _descriptor(past: Past, key: str | None) -> Descriptor | None:
    """None: there is none, or it could not be saved."""
    if not key:
        return None
    try:
        text = await past.vault.get(permission_name(past.share_id, key))
    except NotFound:
        return None
    return parse(text.decode("utf-8", "replace"))


def _point_url(call: AnyCall, run_no: int) -> str:
    return point_url(call.share.tenant_id, call.share.share_id, run_no)


routes = Routes("node pages")
routes.page(POINT + "/node", node_page, Action.NODES_READ)
routes.page(POINT + "/go", go_page, Action.NODES_READ)
routes.page(SHARE + "/permissions", permissions_page, Action.NODES_READ)
bp = routes.blueprint
