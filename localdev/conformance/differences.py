"""Where two things seen are not the same, and how that is told.  Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from typing import Any

from localdev.conformance.seen import text

#: Of a value in a line of the report; the JSON beside it has all of it.
SHOWN = 300


@dataclass(frozen=True, slots=True)
class Difference:
    """One place.  A side that has nothing there is ``None``."""

    where: str
    ours: str | None
    theirs: str | None

    def lines(self, ours: str, theirs: str) -> list[str]:
        """Tell it to people; the parameters are what the sides are called."""
        wide = max(len(ours), len(theirs))
        sides = ((ours, self.ours), (theirs, self.theirs))
        return [self.where, *(f"  {side:<{wide}}  {_short(value)}" for side, value in sides)]

    def to_wire(self) -> dict[str, str | None]:
        """Plain JSON."""
        return asdict(self)


def compare(ours: Any, theirs: Any, where: str = "") -> list[Difference]:
    """Every place in which two JSON values differ, each named by its path.

    Lists are aligned first, so that one event too many is one difference and not one for each that follows.
    """
    if text(ours) == text(theirs):  # not ==, by which 1 is True
        return []
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        found: list[Difference] = []
        for name in dict.fromkeys((*ours, *theirs)):
            place = f"{where}.{name}" if where else name
            if name in ours and name in theirs:
                found += compare(ours[name], theirs[name], place)
            else:
                found.append(Difference(place, _maybe(ours, name), _maybe(theirs, name)))
        return found
    if isinstance(ours, list) and isinstance(theirs, list):
        return _lists(ours, theirs, where)
    return [Difference(where or "(all of it)", text(ours), text(theirs))]


def _lists(ours: Sequence[Any], theirs: Sequence[Any], where: str) -> list[Difference]:
    left, right = [text(value) for value in ours], [text(value) for value in theirs]
    found: list[Difference] = []
    for kind, i, i_end, j, j_end in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        pairs = min(i_end - i, j_end - j)
        for step in range(pairs):
            found += compare(ours[i + step], theirs[j + step], f"{where}[{i + step}]")
        found += [Difference(f"{where}[{at}]", left[at], None) for at in range(i + pairs, i_end)]
        found += [Difference(f"{where}[{at}]", None, right[at]) for at in range(j + pairs, j_end)]
    return found


def _maybe(values: Mapping[str, Any], name: str) -> str | None:
    return text(values[name]) if name in values else None


def _short(value: str | None) -> str:
    if value is None:
        return "(nothing)"
    return value if len(value) <= SHOWN else f"{value[:SHOWN]}... ({len(value)} characters)"
