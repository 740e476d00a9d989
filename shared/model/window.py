"""Times of day: when scheduled runs may be at work, and how fast."""

from dataclasses import dataclass
from typing import Any, Final, Self

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""In the order of ``date.weekday()``."""
DAY_MINUTES: Final = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A part of each of some days, as the clock in the share's time zone shows it."""

    days: tuple[str, ...] = DAYS
    """Of :data:`DAYS`; those on which it begins."""
    begin: str = "00:00"
    """``HH:MM``."""
    end: str = "24:00"
    """``HH:MM``, itself not part of it; not later than ``begin``: on the following day."""

    def to_wire(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"days": list(self.days), "begin": self.begin, "end": self.end}

    @classmethod
    def from_wire(cls, wire: dict[str, Any]) -> Self:
        """The opposite of :meth:`to_wire`."""
        return cls(days=tuple(wire["days"]), begin=wire["begin"], end=wire["end"])


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceWindow(Window):
    """Limits of the pace that hold at such times, in place of those that hold else."""

    requests_per_s: float | None = None
    bytes_per_s: float | None = None

    def to_wire(self) -> dict[str, Any]:
        """Plain JSON."""
        rates = {"requests_per_s": self.requests_per_s, "bytes_per_s": self.bytes_per_s}
        return {"days": list(self.days), "begin": self.begin, "end": self.end} | rates

    @classmethod
    def from_wire(cls, wire: dict[str, Any]) -> Self:
        """The opposite of :meth:`to_wire`."""
        rates = {"requests_per_s": wire.get("requests_per_s"), "bytes_per_s": wire.get("bytes_per_s")}
        return cls(days=tuple(wire["days"]), begin=wire["begin"], end=wire["end"], **rates)
