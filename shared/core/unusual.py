"""Whether a backup found that unusually much has changed: against the share's own past, and in words that can be checked.

What ransomware, a script gone wrong or a migration does to a share shows in a few numbers of the run that first sees it: files changed, deleted,
renamed, given other endings, and how well their content compresses. Each is compared with the same number in the runs before:

* It must be *much of the share*: shares of files below which nobody is to be woken.
* It must be *much more than ever before*: than :data:`TIMES_MOST` times the most that any of the last :data:`HISTORY` runs had, and than their
  median plus :data:`DEVIATIONS` robust standard deviations (median absolute deviation x 1.4826). A share in which half of the files change
  every Friday has Fridays in its past, and is left alone.
* It must be *many*: below :data:`LEAST` files nothing is unusual.

A young share has no past to compare with; there only what takes most of it away counts. Mean and standard deviation are not used: one
earlier incident would hide all later ones.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

HISTORY: Final = 30
"""Runs that are looked back at."""
ENOUGH: Final = 5
"""Runs before there is a past to compare with."""
LEAST: Final = 50
"""Files."""
TIMES_MOST: Final = 2.0
DEVIATIONS: Final = 8.0
MAD: Final = 1.4826
"""Makes a median absolute deviation comparable with a standard deviation."""
PACKED: Final = 0.97
"""Of what was read, what is written after compression when it does not compress."""
PACKED_BEFORE: Final = 0.85
PACKED_LEAST_BYTES: Final = 64 * 1024 * 1024
"""Below, headers and small files decide how well something compresses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What a backup run came to."""

    run_no: int
    files: int
    """In the restore point."""
    changed: int = 0
    """Files that were there before and have other content, times or names."""
    deleted: int = 0
    renamed: int = 0
    """The part of ``changed`` that has another name in the same directory."""
    new_endings: int = 0
    """The part of ``renamed`` that has another ending."""
    moved_directories: int = 0
    read_bytes: int = 0
    written_bytes: int = 0
    """To the vault."""

    @property
    def packed(self) -> float | None:
        """What is left of what was read after compression; None if it was too little to tell."""
        return self.written_bytes / self.read_bytes if self.read_bytes >= PACKED_LEAST_BYTES else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """One number that is out of the ordinary."""

    name: str
    count: int
    part: float
    """Of the share's files before the run."""
    usual: float
    """The median of the runs before."""
    most: int
    """The most that any of them had."""
    text: str

    def to_wire(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "sign": self.name,
            "count": self.count,
            "part": round(self.part, 4),
            "usual": self.usual,
            "most": self.most,
            "text": self.text,
        }


@dataclass(frozen=True, slots=True)
class _Watched:
    name: str
    number: Callable[[Numbers], int]
    part: float
    """Of the share's files, above which it may be unusual."""
    part_young: float
    """The same while there is no past; above 1: never."""
    verb: str


_WATCHED: Final = (
    _Watched("mass_change", lambda n: n.changed, 0.3, 0.9, "were changed"),
    _Watched("mass_deletion", lambda n: n.deleted, 0.2, 0.5, "were deleted"),
    _Watched("mass_rename", lambda n: n.renamed, 0.1, 0.5, "were renamed"),
    _Watched("new_endings", lambda n: n.new_endings, 0.05, 0.25, "were given another ending"),
)


def signs(now: Numbers, before: Sequence[Numbers]) -> list[Sign]:
    """What is unusual about a run; nothing as a rule.

    :param before: the share's earlier runs that made restore points, newest first; its first run, to which everything is new, may be
        among them. Those in which there was an alert should not be, or they would become what is usual.
    """
    if not before:
        return []
    past = before[:HISTORY]
    whole = max(past[0].files, 1)
    found = [sign for watched in _WATCHED if (sign := _look(watched, now, past, whole)) is not None]
    packed = _packed(now, past, whole)
    return [*found, packed] if packed is not None else found


def _look(watched: _Watched, now: Numbers, past: Sequence[Numbers], whole: int) -> Sign | None:
    count = watched.number(now)
    part = count / whole
    counts = [watched.number(run) for run in past]
    is_young = len(past) < ENOUGH
    if count < LEAST or part < (watched.part_young if is_young else watched.part):
        return None
    usual = statistics.median(counts)
    deviation = MAD * statistics.median([abs(c - usual) for c in counts])
    if count <= max(usual + DEVIATIONS * deviation, TIMES_MOST * max(counts)):
        return None
    compared = f"in the {len(past)} runs before it was {usual:,.0f} as a rule and {max(counts):,} at most"
    if len(past) == 1:
        compared = f"in the run before it was {counts[0]:,}"
    text = f"{count:,} of {whole:,} files ({min(part, 1):.0%}) {watched.verb}; {compared}"
    return Sign(name=watched.name, count=count, part=min(part, 1.0), usual=usual, most=max(counts), text=text)


def _packed(now: Numbers, past: Sequence[Numbers], whole: int) -> Sign | None:
    """Content that used to compress and no longer does, as when it is encrypted; only together with many changes."""
    packed = now.packed
    known = [ratio for run in past if (ratio := run.packed) is not None]
    part = now.changed / whole
    if packed is None or packed < PACKED or len(known) < ENOUGH or now.changed < LEAST or part < 0.05:
        return None
    usual = statistics.median(known)
    if usual > PACKED_BEFORE or max(known) >= PACKED:
        return None
    text = (
        f"what was read of {now.changed:,} changed files does not compress ({packed:.0%} of it was written), as if it were encrypted;"
        f" in the {len(known)} runs before it was {usual:.0%} as a rule and {max(known):.0%} at most"
    )
    return Sign(name="incompressible", count=now.changed, part=min(part, 1.0), usual=round(usual, 4), most=0, text=text)
