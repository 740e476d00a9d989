"""Geometry of the charts: numbers to places in a box of 100 by 100, which the templates draw as SVG. Pure.

A box is stretched to whatever room there is, so nothing here is a pixel; texts stand beside it in HTML, at their own size. Everything is
rounded to two digits: a hundredth of a per cent is less than a pixel, and pages stay small.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, log2, log10
from typing import Final, TypeVar

T = TypeVar("T")

BOX: Final = 100.0
_MARKS: Final = 4
"""About so many lines across a chart: more are noise at its height."""


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle in the box; ``y`` counts down from the top."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Scale:
    """What the height of a chart stands for: from 0 to its last mark."""

    marks: Sequence[float]
    """Evenly apart, the first is 0."""

    @property
    def top(self) -> float:
        """The value at the top of the box."""
        return self.marks[-1]

    def height(self, value: float) -> float:
        """Of a value, in the box."""
        return _rounded(value / self.top * BOX)


@dataclass(frozen=True, slots=True)
class Curve:
    """A line through values over time, and the area below it."""

    line: str
    """For ``points`` of a polyline."""
    area: str
    """For ``points`` of a polygon."""


def scale(largest: float, *, binary: bool = False, whole: bool = True) -> Scale:
    """Marks up to ``largest`` or a little above, at 1, 2 or 5 times a power of ten; of bytes (``binary``) at powers of two.

    :param whole: of things that are counted: no mark is between two of them.
    """
    if largest <= 0:
        return Scale((0, 1))
    least = largest / _MARKS
    if binary:
        step = 2.0 ** ceil(log2(least))
    else:
        power = 10.0 ** floor(log10(least))
        # A hair above is still that step: 0.3 is not 3 times 0.1 to a computer.
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * 0.999_999)
    if whole:
        step = max(1.0, step)
    # Of the product, not the sum of steps, which gathers what each is wrong by.
    return Scale(tuple(step * number for number in range(ceil(largest / step * 0.999_999) + 1)))


def curve(places: Sequence[float], values: Sequence[float], on: Scale) -> Curve:
    """A line through ``values``, which are where ``places`` (in order: times, for example) says, over the whole width."""
    first, length = places[0], (places[-1] - places[0]) or 1
    found = [
        (_rounded((at - first) / length * BOX), _rounded(BOX - on.height(value)))
        for at, value in _pairs(places, values)
    ]
    if len(found) == 1:
        found = [(0.0, found[0][1]), (BOX, found[0][1])]
    line = " ".join(f"{x:g},{y:g}" for x, y in found)
    return Curve(line, f"{found[0][0]:g},{BOX:g} {line} {found[-1][0]:g},{BOX:g}")


def columns(stacks: Sequence[Sequence[float]], on: Scale) -> list[list[Rect]]:
    """For each of ``stacks`` a column, of one rectangle for each of its values, the first at the bottom."""
    room = BOX / max(1, len(stacks))
    return [list(_column(stack, on, number * room, room)) for number, stack in enumerate(stacks)]


def _column(stack: Sequence[float], on: Scale, at: float, room: float) -> Iterator[Rect]:
    gap = room * 0.15
    y = BOX
    for value in stack:
        height = on.height(value)
        y -= height
        yield Rect(_rounded(at + gap), _rounded(y), _rounded(room - 2 * gap), height)


def treemap(weights: Sequence[float], *, aspect: float = 2.0) -> list[Rect]:
    """Rectangles that fill the box, with areas as ``weights``, each as square as it goes: Bruls, Huizing and van Wijk, *Squarified Treemaps*.

    :param weights: above 0, the largest first.
    :param aspect: how many times as wide as high the box will be shown.
    """
    if any(weight <= 0 for weight in weights):
        raise ValueError("a treemap of a weight that is not above 0")
    whole = sum(weights)
    areas = [weight / whole * aspect for weight in weights]
    x, y, width, height = 0.0, 0.0, aspect, 1.0
    found: list[Rect] = []
    at = 0
    while at < len(areas):
        short = min(width, height)
        count = 1
        while at + count < len(areas) and _worst(areas[at : at + count + 1], short) <= _worst(
            areas[at : at + count], short
        ):
            count += 1
        row = areas[at : at + count]
        at += count
        thick = sum(row) / short
        along = y if width >= height else x
        for area in row:
            length = area / thick
            found.append(Rect(x, along, thick, length) if width >= height else Rect(along, y, length, thick))
            along += length
        if width >= height:
            x, width = x + thick, width - thick
        else:
            y, height = y + thick, height - thick
    across = BOX / aspect
    return [
        _between(rect.x * across, rect.y * BOX, (rect.x + rect.width) * across, (rect.y + rect.height) * BOX)
        for rect in found
    ]


def _worst(row: Sequence[float], short: float) -> float:
    """How far from square the worst of a row is: the longer side by the shorter."""
    whole, square = sum(row), short * short
    return max(square * max(row) / (whole * whole), whole * whole / (square * min(row)))


def _between(left: float, top: float, right: float, bottom: float) -> Rect:
    """Edges are rounded, not lengths: so neighbours still touch. Beside something 10^15 times as large the last ones would stick out by a tenth."""
    x, y = _edge(left), _edge(top)
    return Rect(x, y, _rounded(_edge(right) - x), _rounded(_edge(bottom) - y))


def _edge(place: float) -> float:
    return min(BOX, _rounded(place))


def thinned(values: Sequence[T], most: int) -> list[T]:
    """Up to ``most`` (at least 2) of them, evenly, the first and the last included."""
    if len(values) <= most:
        return list(values)
    return [values[round(number * (len(values) - 1) / (most - 1))] for number in range(most)]


def part(value: float, largest: float, *, least: float = 0.5) -> float:
    """How long a bar is, in per cent of the longest; at least a sliver of what is something."""
    return 0.0 if largest <= 0 or value <= 0 else max(least, _rounded(value / largest * BOX))


def _pairs(places: Sequence[float], values: Sequence[float]) -> Iterator[tuple[float, float]]:
    return zip(places, values, strict=True)


def _rounded(value: float) -> float:
    return round(value, 2) + 0.0
