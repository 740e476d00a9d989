"""What a verify was asked to do."""

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Self


class VerifyLevel(StrEnum):
    """How much a verify proves. Each does what the one before it does."""

    QUICK = "quick"
    """Every manifest is readable, every object is there in its recorded size, the catalogue agrees with the vault."""
    SAMPLE = "sample"
    """And a part of the files is read again and hashed, another part each time."""
    FULL = "full"
    """And every file is, and every other byte of the share's objects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOrder:
    """What a verify run was asked to do."""

    level: VerifyLevel
    restore_point: int
    """``run_no`` of the restore point to verify; with ``all_points``, of the newest."""
    all_points: bool = False
    """It and all restore points before it."""
    parts: int = 1
    """SAMPLE: after so many verifies everything has been read."""
    part: int = 0
    """SAMPLE: which part this one reads."""

    def to_wire(self) -> dict[str, Any]:
        """Plain JSON."""
        return {f.name: getattr(self, f.name) for f in fields(self)} | {"level": self.level.value}

    @classmethod
    def from_wire(cls, wire: dict[str, Any]) -> Self:
        """The opposite of :meth:`to_wire`."""
        return cls(**(wire | {"level": VerifyLevel(wire["level"])}))
