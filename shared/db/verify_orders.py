"""What a verify or a drill is to do, whether somebody asks for it or a schedule: from what its share has by then."""

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


async def order(
    conn: Connection,
    share: Share,
    level: VerifyLevel,
    *,
    restore_point: int | None = None,
    all_points: bool = False,
    over_runs: int | None = None,
    percent: float | None = None,
    files: int | None = None,
    account_url: str | None = None,
    credential: str | None = None,
    scratch: str = "",
) -> VerifyOrder:
    """The order of a verify or a drill; one that is about a part of the files goes on with the part after the last one's.

    :param restore_point: None: the newest.
    :param over_runs: of a sample or a drill, and ``percent`` and ``files`` of a drill: how large its part is.
    :param account_url: of a drill, and its ``credential``: where it makes its scratch share; those of the share unless given.
    :param scratch: of a drill: the end of the name of that share, which nobody can guess.
    :raises NotFound: there is no such restore point, or none yet.
    """
    if restore_point is not None:
        point = await restore_points.get(conn, share.share_id, restore_point)
    else:
        last = await restore_points.last(conn, share.share_id)
        if last is None:
            raise NotFound(f"share {share.share_id} has no restore point yet; hint: back it up first")
        point = last
    parts, part = 1, 0
    if level.has_parts:
        parts = parts_for(level, point.files, over_runs=over_runs, percent=percent, drill_files=files)
        before = await runs.sampled(conn, share.share_id, NEWEST, parts, level)
        part = next_part(parts, before[0].verify if before else None)
    drills = level is VerifyLevel.DRILL
    return VerifyOrder(
        level=level,
        restore_point=point.run_no,
        all_points=all_points,
        parts=parts,
        part=part,
        account_url=(share.account_url if account_url is None else account_url) if drills else "",
        credential=(share.credential if credential is None else credential) if drills else "",
        scratch=scratch if drills else "",
    )


async def verify_order(conn: Connection, share: Share, schedule: Schedule, scratch: str) -> VerifyOrder:
    """The order of a schedule's next verify or drill, of the newest restore point then; raises as :func:`order` does."""
    options = schedule.options
    return await order(
        conn,
        share,
        VerifyLevel.DRILL if schedule.what is What.DRILL else options.level,
        all_points=options.all_points,
        over_runs=options.over_runs,
        files=options.files,
        scratch=scratch,
    )
