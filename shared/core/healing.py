"""What has become of something that a verify found damaged."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from shared.model.verified import Found, Verified
from shared.model.verify import FindingKind
from shared.model.verify_order import VerifyLevel


class Standing(StrEnum):
    """How a finding stands."""

    NOT_FOUND_AGAIN = "not_found_again"
    """A later verify looked at it, and it is as it was saved."""
    NOBODY_NEEDS_IT = "nobody_needs_it"
    """The restore points that it concerned are gone."""
    WAITS = "waits"
    """The next backup saves again what it concerns."""
    SAVED_AGAIN = "saved_again"
    """A backup has done so; restore points of before are as they were."""
    OPEN = "open"
    """Somebody has to see to it."""

    @property
    def is_healed(self) -> bool:
        """Whether nothing is wrong any more."""
        return self in (Standing.NOT_FOUND_AGAIN, Standing.NOBODY_NEEDS_IT)


class Stands(NamedTuple):
    """How a finding stands, and by which run that is known."""

    standing: Standing
    run_no: int | None = None


_SEEN_BY_ALL: Final = frozenset(
    {FindingKind.LOST, FindingKind.SIZE, FindingKind.ROW, FindingKind.HISTORY, FindingKind.POINT}
)
"""What every level but a drill would find again."""
_OF_DRILLS: Final = frozenset({FindingKind.NOT_RESTORED, FindingKind.RESTORED_OTHERWISE})
_SAVED_AGAIN: Final = frozenset({FindingKind.LOST, FindingKind.SIZE, FindingKind.DAMAGED, FindingKind.ROW})
"""What a backup can put right, if it is of the share's newest state."""


def standing(found: Found, verified: Sequence[Verified]) -> Stands:
    """How a finding stands.

    :param verified: the share's later verifies, in any order; none of them has found it, or it would be theirs.
    """
    for one in sorted(verified, key=lambda done: done.run_no):
        if one.run_no > found.by.run_no and _looked_at(one, found):
            return Stands(Standing.NOT_FOUND_AGAIN, one.run_no)
    finding = found.finding
    if finding.points and not found.points_there:
        return Stands(Standing.NOBODY_NEEDS_IT)
    is_permission = finding.object.split("/")[1:2] == ["permission"]
    if finding.current and finding.kind in _SAVED_AGAIN and not is_permission:
        if found.waits:
            return Stands(Standing.WAITS)
        if found.backed_up:
            return Stands(Standing.SAVED_AGAIN)
    return Stands(Standing.OPEN)


def _looked_at(one: Verified, found: Found) -> bool:
    """Whether a verify would have found it again, were it as it was."""
    kind = found.finding.kind
    same_part = (one.parts, one.part) == (found.by.parts, found.by.part)
    if kind in _OF_DRILLS:
        return one.level is VerifyLevel.DRILL and (same_part or one.parts == 1)
    if one.level is VerifyLevel.DRILL:
        return False
    points = found.points_there if found.finding.points else (found.by.oldest, found.by.newest)
    if points and not (one.oldest <= min(points) and max(points) <= one.newest):
        return False
    if one.level is VerifyLevel.FULL or kind in _SEEN_BY_ALL or found.by.level is VerifyLevel.QUICK:
        return True
    return one.level is VerifyLevel.SAMPLE and found.by.level is VerifyLevel.SAMPLE and same_part
