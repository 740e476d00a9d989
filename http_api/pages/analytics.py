"""``.../analytics``: what a share holds, how it grows and changes, and what that costs.

What the catalogue knows by index or roll-up is in the page at once. What has to be looked for in the tree, which may have a billion files, is
a section of its own: htmx fetches it when the page is there, a link does without. It has a time limit, and says when it looked at a part.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from http_api.call import Answer, Call
from http_api.guard import require
from http_api.models.analytics import AnalyticsQuery, Effort, Measure, Section
from http_api.pages.months import months_shown, months_up_to
from http_api.pages.places import SHARE, share_url, with_query
from http_api.pages.share_charts import (
    AGE_NAMES,
    SIZE_NAMES,
    cells_of,
    churn_of,
    classes_of,
    endings_of,
    folder_bars,
    growth_of,
)
from http_api.rendering import page, wants_fragment
from http_api.routes import Routes
from shared.db import backup_history, export, file_statistics, folder_changes, folder_sizes, restore_points, usage
from shared.model.access import Action
from shared.model.share import Share
from shared.wiring import App

POINTS_MAX: Final = 1_000
"""Restore points that growth is told of."""
BACKUPS_SHOWN: Final = 30
FOLDERS_SHOWN: Final = 8
CELLS: Final = 40
"""Folders in a treemap; smaller ones are shown together."""

_QUICK_S: Final = 3.0
_LONG_S: Final = 20.0
_WHOLE: Final = {Effort.QUICK: 50_000, Effort.LONG: 4_000_000}
"""Files and directories of which all are looked at: some 5 us each."""
_PAGES: Final = {Effort.QUICK: 1_500, Effort.LONG: 30_000}
"""Pages, of up to 64 files, that a sample of a larger share has."""
_DUPLICATE_BYTES: Final = 64 << 10
"""Smaller files are many and save little."""
_DUPLICATES_SHOWN: Final = 25

_AT_ONCE: Final = asyncio.Semaphore(2)
"""Looks into trees of this process: each holds a connection for seconds, and pages need some, too."""

Sections = Mapping[Section, tuple[str, Callable[[Call[AnalyticsQuery]], Awaitable[dict[str, Any]]]]]


async def analytics_page(call: Call[AnalyticsQuery]) -> Answer:
    """Charts of a share."""
    app, share, query = call.app, call.share, call.query
    # Names of folders are shown beside what they cost.
    require(call.principal, Action.NODES_READ, share.tenant_id, share.share_id)
    here = share_url(share.tenant_id, share.share_id) + "/analytics"
    newest = await restore_points.last(call.conn, share.share_id)
    values: dict[str, Any] = {"here": here, "query": query, "with_query": with_query, "newest": newest}
    if newest is None:
        return page(call, "analytics_nothing.html", tab="analytics")
    whole = query.show is None or not wants_fragment(call.headers)
    if whole:
        values |= await _known(call)
    await call.release()
    if whole and not query.path:
        values["cells"] = await _tops(app, share, query.by)
    fragment = ""
    if query.show is not None:
        fragment, look = _SECTIONS[query.show]
        values[query.show.value] = await look(call)
    return page(call, "analytics.html", tab="analytics", fragment=fragment, **values)


async def _known(call: Call[AnalyticsQuery]) -> dict[str, Any]:
    """What is answered by an index."""
    share_id, month = call.share.share_id, call.now.date().replace(day=1)
    points = await restore_points.of_share(call.conn, share_id, limit=POINTS_MAX)
    backups = await backup_history.last(call.conn, share_id, BACKUPS_SHOWN)
    used = await usage.months_of_share(call.conn, share_id, since=months_up_to(month)[0], until=month)
    return {
        "growth": growth_of(points),
        "churn": churn_of(backups),
        "chart": months_shown(call, month, used),
        "points_max": POINTS_MAX,
    }


async def _tops(app: App, share: Share, by: Measure) -> Any:
    async with app.catalogue_of(share).transaction() as conn:
        found = await folder_sizes.tops(conn, share.share_id, by_files=by is Measure.FILES, shown=CELLS)
    return cells_of(found, "", by)


async def _folders(call: Call[AnalyticsQuery]) -> dict[str, Any]:
    """What is in a directory below the top, as far as there is time to look."""
    share, query = call.share, call.query
    limit_s = _LONG_S if query.effort is Effort.LONG else _QUICK_S
    now = asyncio.get_running_loop().time
    async with _AT_ONCE, call.app.catalogue_of(share).transaction() as conn:
        directory = await export.directory(conn, share.share_id, query.path)
        expected = await folder_sizes.files_of_top(conn, share.share_id, directory)
        until = now() + limit_s
        found = await folder_sizes.below(
            conn,
            share.share_id,
            directory,
            by_files=query.by is Measure.FILES,
            shown=CELLS,
            enough=lambda: now() >= until,
            within_s=limit_s,
        )
    return {"cells": cells_of(found, query.path.strip("/"), query.by), "expected": expected, "limit_s": limit_s}


async def _changes(call: Call[AnalyticsQuery]) -> dict[str, Any]:
    """The top folders in which the backups that are shown found most."""
    async with _AT_ONCE, call.app.catalogue_of(call.share).transaction() as conn:
        shown = churn_of(await backup_history.last(conn, call.share.share_id, BACKUPS_SHOWN)).changes
        found = (
            await folder_changes.most(
                conn,
                call.share.share_id,
                first=shown[0].backup.run_no,
                last=shown[-1].backup.run_no,
                shown=FOLDERS_SHOWN,
                within_s=_QUICK_S,
            )
            if shown
            else []
        )
    return {"found": found, "bars": folder_bars(found or [])}


async def _files(call: Call[AnalyticsQuery]) -> dict[str, Any]:
    """Files by what they are: of all, or of a sample that stands for all."""
    app, share, effort = call.app, call.share, call.query.effort
    limit_s = _LONG_S if effort is Effort.LONG else _QUICK_S
    at = int(call.now.timestamp())
    async with _AT_ONCE:
        async with app.transaction() as owner:
            between = await file_statistics.bounds(owner, share.share_id)
        async with app.catalogue_of(share).transaction() as conn:
            known = await folder_sizes.tops(conn, share.share_id, by_files=False, shown=1)
            every = known.files + known.directories <= _WHOLE[effort]
            found = (
                await file_statistics.of_all(conn, share.share_id, at=at, within_s=limit_s)
                if every
                else await file_statistics.of_some(
                    conn, share.share_id, at=at, between=between, wanted=_PAGES[effort], within_s=limit_s
                )
            )
    if found is None:
        return {"found": None, "limit_s": limit_s}
    return {
        "found": found,
        "every": every,
        "known": known,
        "endings": endings_of(found),
        "ages": classes_of(found.ages, AGE_NAMES),
        "sizes": classes_of(found.sizes, SIZE_NAMES),
    }


async def _duplicates(call: Call[AnalyticsQuery]) -> dict[str, Any]:
    """Files that agree, of the whole share or not at all: both of a pair are in no sample."""
    async with _AT_ONCE, call.app.catalogue_of(call.share).transaction() as conn:
        found = await file_statistics.duplicates(
            conn, call.share.share_id, least=_DUPLICATE_BYTES, most=_DUPLICATES_SHOWN, within_s=_LONG_S
        )
    return {"found": found, "limit_s": _LONG_S, "least": _DUPLICATE_BYTES, "most": _DUPLICATES_SHOWN}


_SECTIONS: Final[Sections] = {
    Section.FOLDERS: ("_analytics_folders.html", _folders),
    Section.CHANGES: ("_analytics_changes.html", _changes),
    Section.FILES: ("_analytics_files.html", _files),
    Section.DUPLICATES: ("_analytics_duplicates.html", _duplicates),
}

routes = Routes("analytics page")
routes.page(SHARE + "/analytics", analytics_page, Action.USAGE_READ)
bp = routes.blueprint
