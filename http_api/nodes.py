"""What a share holds and held: children of a directory, versions of a node, differences, search. All of it reads and changes nothing."""

from http_api.call import AnyCall, Call
from http_api.endpoint import SHARE
from http_api.models.nodes import (
    Case,
    Children,
    ChildrenQuery,
    Difference,
    DifferencePart,
    DifferenceQuery,
    Found,
    FoundEver,
    FoundEverPart,
    FoundNow,
    FoundNowPart,
    Node,
    NodeKind,
    Permission,
    PermissionQuery,
    SearchQuery,
    Stretch,
    Tally,
    Version,
    VersionPart,
    Versions,
    VersionsQuery,
)
from http_api.routes import Routes
from shared.core.name_pattern import NamePattern
from shared.db import restore_points
from shared.errors import InvalidInput, NotFound
from shared.model import ticks
from shared.model.access import Action
from shared.model.node import ROOT_ID, is_directory
from shared.model.objects import permission_name
from shared.model.run import RestorePoint
from shared.usecases.difference import difference
from shared.usecases.past import Past
from shared.usecases.search_names import search_latest, search_versions
from shared.usecases.versions import versions


async def list_children(call: Call[ChildrenQuery]) -> Children:
    """What is in a directory at a restore point, in windows of names."""
    node_id, path = _named(call.query.node_id, call.query.path)
    after = call.after()
    point = await restore_points.get(call.conn, call.share.share_id, call.number("restore_point"))
    await call.release()
    past = call.app.past(call.share)
    if path is not None:
        place = await past.resolve(path, point.run_no)
        if not place.is_directory:
            raise InvalidInput(f"'/{place.path}' is a file; expected a directory", field="path")
        node_id, path = place.node_id, place.path
    elif not is_directory(node_id):
        raise InvalidInput(f"node {node_id} is a file; expected a directory", field="node_id")
    query = call.query
    window = await past.children(node_id, point.run_no, after=after, begin=query.begin, limit=query.limit)
    return Children(
        restore_point=point.run_no,
        node_id=node_id,
        path=path,
        children=[Node.of(saved) for saved in window.entries],
        **call.part(window.following),
    )


async def list_versions(call: Call[VersionsQuery]) -> VersionPart:
    """The versions of a file or a directory, the newest first."""
    node_id, path = _named(call.query.node_id, call.query.path)
    after = call.after()
    point = await _point(call, call.query.restore_point, "restore_point")
    await call.release()
    past = call.app.past(call.share)
    if path is not None:
        node_id = (await past.resolve(path, point.run_no)).node_id
    found, following = await versions(past, node_id, point.run_no, after=after, limit=call.query.limit)
    told = [Version.of(version) for version in found]
    return VersionPart(node_id=node_id, path=path, versions=told, **call.part(following))


async def show_difference(call: Call[DifferenceQuery]) -> DifferencePart:
    """What is different in a directory between two restore points, with counts of all that is below each child."""
    node_id, path = _named(call.query.node_id, call.query.path)
    after = call.after()
    older = await _point(call, call.query.older, "from")
    newer = await _point(call, call.query.newer, "to")
    await call.release()
    past = call.app.past(call.share)
    if path is not None:
        node_id = await _directory_at(past, path, newer.run_no, older.run_no)
    elif not is_directory(node_id):
        raise InvalidInput(f"node {node_id} is a file; expected a directory", field="node_id")
    found = await difference(past, node_id, older.run_no, newer.run_no, after=after, limit=call.query.limit)
    return DifferencePart(
        older=older.run_no,
        newer=newer.run_no,
        node_id=node_id,
        path=path,
        children=[Difference.of(child) for child in found.children],
        here=Tally.of(found.here),
        total=Tally.of(found.total),
        moves_known=found.moves_known,
        unreadable=list(found.unreadable),
        **call.part(found.following),
    )


async def _directory_at(past: Past, path: str, newer: int, older: int) -> int:
    """The directory that either restore point has at a path; the newer one counts."""
    try:
        place = await past.resolve(path, newer)
    except NotFound:
        place = await past.resolve(path, older)
    if not place.is_directory:
        raise InvalidInput(f"'/{place.path}' is a file; expected a directory", field="path")
    return place.node_id


async def search(call: Call[SearchQuery]) -> Found:
    """Nodes whose names match a pattern: of the latest tree, or of all that any restore point shows.

    Both stop after some seconds with a cursor: a part may be empty and still have more after it.
    """
    return await found_names(call)


async def found_names(call: Call[SearchQuery], *, hurry: bool = False) -> Found:
    """What a search finds until it is time to answer; in a ``hurry`` that is at once."""
    pattern = NamePattern.parse(call.query.pattern, ignore_case=call.query.case is Case.IGNORE)
    newest = await restore_points.last(call.conn, call.share.share_id)
    await call.release()
    if call.query.versions is Versions.LATEST:
        return Found(await _search_latest(call, pattern, newest, hurry=hurry))
    return Found(await _search_versions(call, pattern))


async def _search_latest(
    call: Call[SearchQuery], pattern: NamePattern, newest: RestorePoint | None, *, hurry: bool
) -> FoundNowPart:
    app, limit = call.app, call.query.limit
    nodes, following = await search_latest(
        app.past(call.share), app.clock, pattern, after=call.after(), limit=limit, hurry=hurry
    )
    found = [
        FoundNow(
            node_id=node.node_id,
            directory_id=node.directory_id,
            path=path,
            name=node.name,
            kind=NodeKind.DIRECTORY if node.size_bytes is None else NodeKind.FILE,
            size=node.size_bytes,
            written=ticks.to_text(ticks.from_unix(node.mtime)),
        )
        for node, path in nodes
    ]
    return FoundNowPart(found=found, restore_point=newest.run_no if newest else None, **call.part(following))


async def _search_versions(call: Call[SearchQuery], pattern: NamePattern) -> FoundEverPart:
    app, limit = call.app, call.query.limit
    answer = await search_versions(app.past(call.share), app.clock, pattern, after=call.after(), limit=limit)
    found = [
        FoundEver.of(
            one.shown.saved,
            directory_id=one.directory_id,
            path=one.path,
            restore_points=Stretch(first=one.shown.first, last=one.shown.last, count=one.shown.restore_points),
        )
        for one in answer.found
    ]
    return FoundEverPart(found=found, unreadable=list(answer.unreadable), **call.part(answer.following))


async def show_permission(call: Call[PermissionQuery]) -> Permission:
    """The security descriptor behind a permission of a node."""
    key, share_id = call.query.key, call.share.share_id
    await call.release()
    try:
        sddl = await call.app.past(call.share).vault.get(permission_name(share_id, key))
    except NotFound as error:
        raise NotFound(f"share {share_id} has saved no permission {key}", field="key") from error
    return Permission(key=key, sddl=sddl.decode())


def _named(node_id: int | None, path: str | None) -> tuple[int, str | None]:
    """Node id or path of the query string; without either, the root."""
    if node_id is not None and path is not None:
        raise InvalidInput("path and node_id are both given; expected one of them", field="path")
    if node_id is None:
        return ROOT_ID, path or ""
    return node_id, None


async def _point(call: AnyCall, number: int | None, name: str) -> RestorePoint:
    """The restore point that a parameter names; without it, the newest."""
    share_id = call.share.share_id
    if number is not None:
        try:
            return await restore_points.get(call.conn, share_id, number)
        except NotFound as error:
            raise NotFound(str(error), field=name) from error
    newest = await restore_points.last(call.conn, share_id)
    if newest is None:
        raise NotFound(f"share {share_id} has no restore point yet", field=name)
    return newest


routes = Routes("nodes")
_POINT = SHARE + "/restore-points/{restore_point:int}"
routes.get(_POINT + "/children", list_children, Action.NODES_READ, {200: Children})
routes.get(SHARE + "/versions", list_versions, Action.NODES_READ, {200: VersionPart})
routes.get(SHARE + "/difference", show_difference, Action.NODES_READ, {200: DifferencePart})
routes.get(SHARE + "/search", search, Action.NODES_READ, {200: Found})
routes.get(SHARE + "/permissions", show_permission, Action.NODES_READ, {200: Permission})
bp = routes.blueprint
