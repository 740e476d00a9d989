"""The geometry of small line charts: rates over time as the paths of an inline SVG. Pure; words and numbers stand beside it, as HTML.

A chart is drawn in a box of :data:`WIDTH` x :data:`HEIGHT` that is stretched to whatever room there is, so nothing in it but the paths.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

WIDTH: Final = 600
HEIGHT: Final = 60
ROOM: Final = 2
"""Above the highest and below the lowest point, for the width of the line."""


class Curve(NamedTuple):
    """Two paths: the line, and what is below it."""

    line: str
    area: str


def curve(values: Sequence[float]) -> Curve:
    """The curve of at least one value that is not negative: each is a step as wide as all others, the highest fills the height."""
    top = max(values) or 1.0
    step = WIDTH / len(values)
    points: list[str] = []
    before: float | None = None
    for index, value in enumerate(values):
        y = HEIGHT - ROOM - value / top * (HEIGHT - 2 * ROOM)
        if before is None:
            points.append(f"M0 {y:.1f}")
        elif y != before:
            points.append(f"V{y:.1f}")
        points.append(f"H{(index + 1) * step:.1f}")
        before = y
    line = "".join(points)
    return Curve(line, f"{line}V{HEIGHT}H0Z")
