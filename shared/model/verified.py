"""Verifies that have ended, as far as what they prove goes, and findings as they stand now."""

import datetime as dt
from dataclasses import dataclass

from shared.model.verify import Finding
from shared.model.verify_order import VerifyLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A verify that has done all that it was to do."""

    run_no: int
    level: VerifyLevel
    began_at: dt.datetime
    ended_at: dt.datetime
    oldest: int
    """The oldest restore point that it verified."""
    newest: int
    parts: int = 1
    part: int = 0
    files: int = 0
    """Files of which every byte was looked at."""
    bytes: int = 0
    unreadable: int = 0
    """Of those, the ones that were not what was saved."""
    damaged: int = 0
    """Objects, rows and nodes with which something was wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A finding, and what has happened since."""

    finding: Finding
    by: Verified
    """The last verify that found it."""
    points_there: tuple[int, ...]
    """Those of the restore points concerned that there are still."""
    waits: bool
    """The next backup is to save again what it concerns."""
    backed_up: bool
    """There was a backup since."""
