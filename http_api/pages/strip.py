"""Restore points on a line of time, those that stay and those that go: geometry of an SVG; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from http_api.models.retention import Decided

WIDTH: Final = 1_000
"""Of the drawing; marks closer than :data:`STEP` are one."""
STEP: Final = 3
_TOP, _BOTTOM = 4, 26
_LOW: Final = 12
"""Where the marks of what goes begin: they are shorter, so that colour is not all that tells."""


@dataclass(frozen=True, slots=True)
class Strip:
    """Two paths, each a stroke for each restore point, and whose times the ends are."""

    staying: str
    going: str
    oldest: Decided
    newest: Decided


def strip(points: Sequence[Decided]) -> Strip | None:
    """None: there is nothing to see, of fewer than two restore points.

    :param points: the newest first.
    """
    if len(points) < 2:
        return None
    oldest, newest = points[-1], points[0]
    begin = oldest.taken_at.timestamp()
    length = max(1.0, newest.taken_at.timestamp() - begin)
    places: dict[bool, set[int]] = {True: set(), False: set()}
    for point in points:
        at = (point.taken_at.timestamp() - begin) / length * (WIDTH - 2 * STEP)
        places[point.keep].add(STEP + round(at / STEP) * STEP)
    staying = "".join(f"M{x} {_TOP}V{_BOTTOM}" for x in sorted(places[True]))
    going = "".join(f"M{x} {_LOW}V{_BOTTOM}" for x in sorted(places[False] - places[True]))
    return Strip(staying, going, oldest, newest)
