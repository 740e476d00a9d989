"""The time slider: restore points about the one that is looked at, in order of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from http_api.call import AnyCall
from shared.db import restore_points
from shared.model.run import RestorePoint

POINTS_SHOWN: Final = 200
"""As many as a slider of a thousand pixels tells apart; the others come when one at its end is chosen."""


@dataclass(frozen=True, slots=True)
class Slider:
    """Some restore points and which of them is looked at."""

    points: Sequence[RestorePoint]
    at: int

    @property
    def current(self) -> RestorePoint:
        """The one that is looked at."""
        return self.points[self.at]

    @property
    def earlier(self) -> RestorePoint | None:
        """The one before it; None of the first."""
        return self.points[self.at - 1] if self.at else None

    @property
    def later(self) -> RestorePoint | None:
        """The one after it; None of the newest."""
        return self.points[self.at + 1] if self.at + 1 < len(self.points) else None


async def slider_at(call: AnyCall, run_no: int) -> Slider:
    """The slider with one restore point chosen. Raises ``NotFound``."""
    share_id = call.share.share_id
    points = await restore_points.around(call.conn, share_id, run_no, POINTS_SHOWN)
    at = next((at for at, point in enumerate(points) if point.run_no == run_no), None)
    if at is None:
        at = points.index(await restore_points.get(call.conn, share_id, run_no))
    return Slider(points, at)
