"""Pace: what all processes together may ask of a share."""

from typing import Protocol

from shared.core.pace import Part, Report


class PaceBook(Protocol):
    """Where processes that work on the same Azure share agree how fast each may be. ``subject`` names the Azure share."""

    async def look(self, subject: str) -> bool:
        """Whether anything limits the share, by its settings or because it throttled somebody; changes nothing."""
        ...

    async def settle(self, subject: str, worker: str, report: Report) -> Part | None:
        """Report what ``worker`` did and get its next part (:func:`shared.core.pace.settle`); None when nothing limits the share.

        The times in the answer are of no clock but the book's. Doing it twice counts what was reported twice.
        """
        ...
