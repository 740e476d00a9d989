"""What a verify or a drill of a schedule is to do, from what its share has by then."""

import math
from dataclasses import replace
from typing import Final

from shared.core.verify_report import next_part
from shared.db import restore_points, runs
from shared.db.pool import Connection
from shared.errors import NotFound
from shared.model.run import RestorePoint
from shared.model.schedule import Schedule, What
from shared.model.share import Share
from shared.model.verify_order import VerifyLevel, VerifyOrder

PARTS: Final = 100
"""Samples after which everything has been read: 1 % each time."""
DRILL_FILES: Final = 1_000
"""Files that a drill restores, about: enough to exclude that 0.7 % cannot be."""
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
        parts = _parts(schedule, point, level)
        before = await runs.sampled(conn, share.share_id, NEWEST, parts, level)
        order = replace(order, parts=parts, part=next_part(parts, before[0].verify if before else None))
    if level is VerifyLevel.DRILL:
        order = replace(order, account_url=share.account_url, credential=share.credential, scratch=scratch)
    return order


def _parts(schedule: Schedule, point: RestorePoint, level: VerifyLevel) -> int:
    """After how many like this one everything has been read."""
    if schedule.options.over_runs is not None:
        return schedule.options.over_runs
    if level is VerifyLevel.SAMPLE:
        return PARTS
    # A power of two, so that a share that grows a little goes on with its cycle instead of beginning another.
    wanted = max(1, math.ceil(point.files / (schedule.options.files or DRILL_FILES)))
    return 1 << (wanted - 1).bit_length()
