"""What a share holds and held: children of a directory, versions of a node, differences, search. All of it reads and changes nothing."""

import dataclasses
import re
from typing import Any, Final

import azure.functions as func

from http_api import answers
from http_api.problems import answered
from http_api.requested import number_in, requested_share
from shared import wiring
from shared.core.name_pattern import NamePattern
from shared.db import restore_points
from shared.db.pool import Connection
from shared.errors import InvalidInput, NotFound
from shared.model import ticks
from shared.model.content import ContentKind
from shared.model.entry import Attributes
from shared.model.manifest import SavedEntry
from shared.model.node import ROOT_ID, is_directory
from shared.model.objects import permission_name
from shared.model.run import RestorePoint
from shared.usecases.difference import Difference, difference
from shared.usecases.past import Past
from shared.usecases.search_names import search_latest, search_versions
from shared.usecases.versions import Version, versions

bp = func.Blueprint()

_RUN_NO_MAX: Final = 2**31 - 1
_NODE_ID_MAX: Final = 2**63 - 1
_LIMIT_MAX: Final = 1_000
_PERMISSION_KEY: Final = re.compile(r"[0-9]{1,20}\*[0-9]{1,20}")


@answered
async def list_children(req: func.HttpRequest) -> func.HttpResponse:
    """What is in a directory at a restore point, in windows of names."""
    limit = number_in(req, "limit", default=200, least=1, most=_LIMIT_MAX)
    node_id, path = _named(req)
    app = await wiring.app()
    async with app.transaction() as conn:
        share = await requested_share(conn, req)
        point = await restore_points.get(conn, share.share_id, int(req.route_params["restore_point"]))
    past = app.past(share)
    if path is not None:
        place = await past.resolve(path, point.run_no)
        if not place.is_directory:
            raise InvalidInput(f"'/{place.path}' is a file; expected a directory", field="path")
        node_id, path = place.node_id, place.path
    elif not is_directory(node_id):
        raise InvalidInput(f"node {node_id} is a file; expected a directory", field="node_id")
    window = await past.children(node_id, point.run_no, after=req.params.get("after", ""), limit=limit)
    return answers.answer(
        {
            "restore_point": point.run_no,
            "node_id": node_id,
            "path": path,
            "children": [_entry(saved) for saved in window.entries],
            **_more(window.following),
        }
    )


@answered
async def list_versions(req: func.HttpRequest) -> func.HttpResponse:
    """The versions of a file or a directory, newest first."""
    limit = number_in(req, "limit", default=50, least=1, most=200)
    after = req.params.get("after", "")
    node_id, path = _named(req)
    app = await wiring.app()
    async with app.transaction() as conn:
        share = await requested_share(conn, req)
        point = await _point(conn, share.share_id, req, "restore_point")
    past = app.past(share)
    if path is not None:
        node_id = (await past.resolve(path, point.run_no)).node_id
    found, following = await versions(past, node_id, point.run_no, after=after, limit=limit)
    told = [_version(version) for version in found]
    return answers.answer({"node_id": node_id, "path": path, "versions": told, **_more(following)})


@answered
async def show_difference(req: func.HttpRequest) -> func.HttpResponse:
    """What is different in a directory between two restore points, with counts of all that is below each child."""
    limit = number_in(req, "limit", default=100, least=1, most=_LIMIT_MAX)
    node_id, path = _named(req)
    if not req.params.get("from"):
        raise InvalidInput("from is missing; expected the number of the older restore point", field="from")
    app = await wiring.app()
    async with app.transaction() as conn:
        share = await requested_share(conn, req)
        older = await _point(conn, share.share_id, req, "from")
        newer = await _point(conn, share.share_id, req, "to")
    past = app.past(share)
    if path is not None:
        node_id = await _directory_at(past, path, newer.run_no, older.run_no)
    elif not is_directory(node_id):
        raise InvalidInput(f"node {node_id} is a file; expected a directory", field="node_id")
    found = await difference(past, node_id, older.run_no, newer.run_no, after=req.params.get("after", ""), limit=limit)
    return answers.answer(
        {
            "from": older.run_no,
            "to": newer.run_no,
            "node_id": node_id,
            "path": path,
            "children": [_difference(child) for child in found.children],
            "here": dataclasses.asdict(found.here),
            "total": dataclasses.asdict(found.total),
            "moves_known": found.moves_known,
            "unreadable": found.unreadable,
            **_more(found.following),
        }
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


@answered
async def search(req: func.HttpRequest) -> func.HttpResponse:
    """Nodes whose names match a pattern: of the latest tree, or of all that any restore point shows."""
    limit = number_in(req, "limit", default=100, least=1, most=_LIMIT_MAX)
    which = _one_of(req, "versions", "latest", "all")
    case = _one_of(req, "case", "ignore", "match")
    pattern = NamePattern.parse(req.params.get("pattern", ""), ignore_case=case == "ignore")
    after = req.params.get("after", "")
    app = await wiring.app()
    async with app.transaction() as conn:
        share = await requested_share(conn, req)
        newest = await restore_points.last(conn, share.share_id)
    past = app.past(share)
    if which == "latest":
        nodes, following = await search_latest(past, app.clock, pattern, after=after, limit=limit)
        found: list[dict[str, Any]] = [
            {
                "node_id": node.node_id,
                "directory_id": node.directory_id,
                "path": path,
                "name": node.name,
                "kind": "directory" if node.size_bytes is None else "file",
                "size": node.size_bytes,
                "written": ticks.to_text(ticks.from_unix(node.mtime)),
            }
            for node, path in nodes
        ]
        shown = {"restore_point": newest.run_no if newest is not None else None}
        return answers.answer({"found": found, **shown, **_more(following)})
    answer = await search_versions(past, app.clock, pattern, after=after, limit=limit)
    found = [
        {
            **_entry(one.shown.saved),
            "directory_id": one.directory_id,
            "path": one.path,
            **_stretch(one.shown.first, one.shown.last, one.shown.restore_points),
        }
        for one in answer.found
    ]
    return answers.answer({"found": found, "unreadable": answer.unreadable, **_more(answer.following)})


@answered
async def show_permission(req: func.HttpRequest) -> func.HttpResponse:
    """The security descriptor behind a permission of a node."""
    key = req.params.get("key", "")
    if not _PERMISSION_KEY.fullmatch(key):
        raise InvalidInput(
            f"key is {key!r}; expected what a node has as permission, two numbers with * between", field="key"
        )
    app = await wiring.app()
    async with app.transaction() as conn:
        share = await requested_share(conn, req)
    try:
        sddl = await app.past(share).vault.get(permission_name(share.share_id, key))
    except NotFound as error:
        raise NotFound(f"share {share.share_id} has saved no permission {key}", field="key") from error
    return answers.answer({"key": key, "sddl": sddl.decode()})


def _named(req: func.HttpRequest) -> tuple[int, str | None]:
    """Node id or path of the query string; without either, the root."""
    node_id, path = req.params.get("node_id", ""), req.params.get("path")
    if node_id and path is not None:
        raise InvalidInput("path and node_id are both given; expected one of them", field="path")
    if not node_id:
        return ROOT_ID, path if path is not None else ""
    digits = node_id.isascii() and node_id.isdigit() and len(node_id) <= 19
    if not digits or not ROOT_ID <= int(node_id) <= _NODE_ID_MAX:
        raise InvalidInput(f"node_id is {node_id!r}; expected a whole number from {ROOT_ID} on", field="node_id")
    return int(node_id), None


async def _point(conn: Connection, share_id: int, req: func.HttpRequest, name: str) -> RestorePoint:
    """The restore point that a parameter names; without it, the newest."""
    number = number_in(req, name, default=0, least=1, most=_RUN_NO_MAX)
    if number:
        try:
            return await restore_points.get(conn, share_id, number)
        except NotFound as error:
            raise NotFound(str(error), field=name) from error
    newest = await restore_points.last(conn, share_id)
    if newest is None:
        raise NotFound(f"share {share_id} has no restore point yet", field=name)
    return newest


def _one_of(req: func.HttpRequest, name: str, default: str, other: str) -> str:
    value = req.params.get(name, "") or default
    if value not in (default, other):
        raise InvalidInput(f"{name} is {value!r}; expected {default} or {other}", field=name)
    return value


def _more(following: str) -> dict[str, Any]:
    return {"more": bool(following), "next": following or None}


def _entry(saved: SavedEntry) -> dict[str, Any]:
    """A node as saved. Times have all their digits."""
    entry, posix = saved.entry, saved.posix
    link = posix.link_text if posix is not None else ""
    return {
        "node_id": saved.node_id,
        "name": entry.name,
        "kind": "directory" if entry.is_directory else "symbolic_link" if link else "file",
        "size": None if entry.is_directory else entry.size_bytes,
        "created": ticks.to_text(entry.created),
        "written": ticks.to_text(entry.written),
        "changed": ticks.to_text(entry.changed),
        "attributes": [flag.name for flag in Attributes(entry.attributes)] if posix is None else None,
        "permission": entry.permission_key or None,
        "posix": {"owner": posix.owner, "group": posix.group, "mode": f"{posix.mode:04o}"} if posix else None,
        "links_to": link or None,
        "metadata": dict(saved.metadata),
        "content_type": saved.headers.content_type or None,
        "digest": saved.digest.hex() or None,
        "quickxor": saved.quickxor.hex() or None,
        "saved_run": saved.saved_run,
        "state": "unreadable" if saved.content.kind is ContentKind.UNSAVED else "stale" if saved.stale else "saved",
    }


def _version(version: Version) -> dict[str, Any]:
    return {
        **_stretch(version.first, version.last, version.restore_points),
        "changes": version.changes,
        "directory_id": version.directory_id,
        "node": _entry(version.saved) if version.saved is not None else None,
    }


def _stretch(first: int, last: int, count: int) -> dict[str, Any]:
    return {"restore_points": {"first": first, "last": last, "count": count}}


def _difference(child: Difference) -> dict[str, Any]:
    shown = child.shown
    return {
        "node_id": shown.node_id,
        "name": shown.entry.name,
        "kind": "directory" if shown.entry.is_directory else "file",
        "unchanged": not child.changes,
        "changes": child.changes,
        "before": _entry(child.before) if child.before is not None else None,
        "after": _entry(child.after) if child.after is not None else None,
        "below": dataclasses.asdict(child.below) if child.below is not None else None,
        "complete": child.complete,
    }


_SHARE = "api/tenants/{tenant_id}/shares/{share_id:int}"
bp.route(route=_SHARE + "/restore-points/{restore_point:int}/children", methods=["GET"])(list_children)
bp.route(route=_SHARE + "/versions", methods=["GET"])(list_versions)
bp.route(route=_SHARE + "/difference", methods=["GET"])(show_difference)
bp.route(route=_SHARE + "/search", methods=["GET"])(search)
bp.route(route=_SHARE + "/permissions", methods=["GET"])(show_permission)
