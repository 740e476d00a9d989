"""What a verify or a drill of a schedule is to do, from what its share has by then."""

from dataclasses import replace
from typing import Final

from shared.core.verify_report import next_part, parts_for
from shared.db import restore_points, runs
from shared.db.pool import Connection
from shared.errors import NotFound
from shared.model.schedule import Schedule, What
from shared.model.share import Share
from shared.model.verify_order import VerifyLevel, VerifyOrder

NEWEST: Final = 2**31 - 1
"""A ``run_no`` that no run has reached."""


async def verify_order(conn: Connection, share: Share, schedule: Schedule, scratch: str) -> VerifyOrder:
    """The order of a schedule's next verify or drill.

    :param scratch: the end of the name of a drill's scratch share, which nobody can guess.
    :raises NotFound: the share has no restore point yet.
    """
    point = await restore_points.last(conn, share.share_id)
    if point is None:
        raise NotFound(f"share {share.share_id} has no restore point yet; hint: back it up first")
    options = schedule.options
    level = VerifyLevel.DRILL if schedule.what is What.DRILL else options.level
    order = VerifyOrder(level=level, restore_point=point.run_no, all_points=options.all_points)
    if level.has_parts:
        parts = parts_for(level, point.files, over_runs=options.over_runs, drill_files=options.files)
        before = await runs.sampled(conn, share.share_id, NEWEST, parts, level)
        order = replace(order, parts=parts, part=next_part(parts, before[0].verify if before else None))
    if level is VerifyLevel.DRILL:
        order = replace(order, account_url=share.account_url, credential=share.credential, scratch=scratch)
    return order
