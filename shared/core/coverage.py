"""What of a share was read again, and when: what its samples and drills prove together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.core import sampling
from shared.model.verified import Verified
from shared.model.verify_order import VerifyLevel

_CLAIMS: Mapping[VerifyLevel, str] = {VerifyLevel.DRILL: "cannot be restored as they were saved"}


@dataclass(frozen=True, slots=True)
class Coverage:
    """The parts of a cycle of samples, or of drills, each as it was read last."""

    level: VerifyLevel
    parts: int
    """After so many everything has been read."""
    read: Mapping[int, Verified]
    """By part, counted from 0."""
    newest: Verified

    @property
    def part(self) -> float:
        """Of everything that is there, 0 to 1."""
        return len(self.read) / self.parts

    @property
    def files(self) -> int:
        """Files that were read."""
        return sum(one.files for one in self.read.values())

    @property
    def bytes(self) -> int:
        """Their sizes."""
        return sum(one.bytes for one in self.read.values())

    @property
    def unreadable(self) -> int:
        """Of those files, the ones that were not what was saved."""
        return sum(one.unreadable for one in self.read.values())

    @property
    def oldest(self) -> Verified:
        """The one that is longest ago: since then all of what was read was read."""
        return min(self.read.values(), key=lambda one: one.run_no)

    @property
    def statement(self) -> str:
        """What that proves, in words; empty if no file was read."""
        return sampling.statement(self.files, self.unreadable, _CLAIMS.get(self.level, "are unreadable"))


def coverage(verified: Sequence[Verified], level: VerifyLevel) -> Coverage | None:
    """Of the verifies of a share, newest first, those of one level; None if there is none.

    Only those that cut the files into as many parts as the newest of them: parts of another number are other files.
    """
    found = [one for one in verified if one.level is level]
    if not found:
        return None
    read: dict[int, Verified] = {}
    for one in found:
        if one.parts == found[0].parts:
            read.setdefault(one.part, one)
    return Coverage(level, found[0].parts, read, found[0])
