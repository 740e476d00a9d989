"""``.../versions``: the versions of a file or a directory, and what changed from one to the next."""

import datetime as dt
from dataclasses import dataclass
from itertools import pairwise

from http_api.call import Answer, Call
from http_api.models.nodes import Version, VersionsQuery
from http_api.pages.asking import asking
from http_api.pages.places import SHARE, share_url, with_query
from http_api.pages.what_changed import Fact, facts
from http_api.rendering import page, see
from http_api.routes import Routes
from shared.db import restore_points
from shared.errors import NotFound
from shared.model.access import Action
from shared.model.node import is_directory
from shared.usecases.versions import versions, whereabouts


@dataclass(frozen=True, slots=True)
class Told:
    """A version and what is new in it."""

    version: Version
    facts: list[Fact]
    permission: str | None
    permission_before: str | None
    """Keys of both security descriptors, where they differ."""
    older: int | None
    """The last restore point that shows the version before."""
    first_at: dt.datetime | None
    last_at: dt.datetime | None


async def versions_page(call: Call[VersionsQuery]) -> Answer:
    """The versions of a node, the newest first."""
    query, share = call.query, call.share
    after = call.after()
    if query.restore_point is None:
        point = await restore_points.last(call.conn, share.share_id)
        if point is None:
            raise NotFound(
                "this share has no restore point yet; hint: the first backup makes one", field="restore_point"
            )
    else:
        point = await restore_points.get(call.conn, share.share_id, query.restore_point)
    await call.release()
    past = call.app.past(share)
    if query.node_id is not None:
        path = await whereabouts(past, query.node_id, point.run_no)
        return see(
            with_query(f"{share_url(share.tenant_id, share.share_id)}/versions", path=path, restore_point=point.run_no)
        )
    place = await past.resolve(query.path or "", point.run_no)
    asked = query.model_copy(update={"path": place.path or None, "restore_point": point.run_no})
    found, following = await versions(past, place.node_id, point.run_no, after=after, limit=query.limit)
    # What the last of them changed is told against the one after it, which is not shown yet.
    beyond = (await versions(past, place.node_id, point.run_no, after=following, limit=1))[0] if following else []
    shown = [Version.of(version) for version in [*found, *beyond]]
    numbers = {number for one in shown for number in (one.restore_points.first, one.restore_points.last)}
    async with call.app.as_tenants((share.tenant_id,)) as conn:
        taken = await restore_points.taken_at(conn, share.share_id, sorted(numbers))
    told = [_told(newer, older, taken) for newer, older in pairwise([*shown, None]) if newer is not None]
    return page(
        call,
        "versions.html",
        tab="browse",
        fragment="_versions_rows.html",
        point=point,
        path=place.path,
        directory=is_directory(place.node_id),
        told=told[: len(found)],
        next=asking(call, query=asked, path=SHARE + "/versions").part(following)["next"],
    )


def _told(newer: Version, older: Version | None, taken: dict[int, dt.datetime]) -> Told:
    before, after = older.node if older is not None else None, newer.node
    keys = (before.permission, after.permission) if before is not None and after is not None else (None, None)
    stretch = newer.restore_points
    return Told(
        version=newer,
        facts=facts(before, after),
        permission=keys[1] if keys[0] != keys[1] else None,
        permission_before=keys[0] if keys[0] != keys[1] else None,
        older=older.restore_points.last if older is not None else None,
        first_at=taken.get(stretch.first),
        last_at=taken.get(stretch.last),
    )


routes = Routes("version pages")
routes.page(SHARE + "/versions", versions_page, Action.NODES_READ)
bp = routes.blueprint
