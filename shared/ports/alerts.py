"""Alerts: what somebody is to be told, and what is still to be delivered."""

import datetime as dt
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from shared.core.alerts import Late
from shared.core.unusual import Numbers
from shared.model.alert import Alert, Condition, Delivery, Parcel, Sighting
from shared.model.run import Run
from shared.model.share import ShareSettings


class Judging(Protocol):
    """Runs that ended and are judged now; when the transaction ends in which all of this happens, they have been."""

    runs: Sequence[Run]
    """The first that ended first."""

    async def settings(self, share_id: int) -> ShareSettings:
        """A share's settings as they are now."""
        ...

    async def history(self, share_id: int, run_no: int) -> list[Numbers]:
        """What the backup run came to and those before it that made restore points, newest first.

        Left out is what was unusual, and what came after it as long as nobody has explained it: that shows what it left.
        """
        ...

    async def see(self, tenant_id: str, share_id: int, sighting: Sighting, now: dt.datetime) -> Alert:
        """Open an alert and have it told to whom it concerns, or note that it was seen again."""
        ...

    async def over(
        self, share_id: int, condition: Condition, about: str, now: dt.datetime, *, if_acknowledged: bool = False
    ) -> None:
        """Close the alert, if it is open, and have it told; ``if_acknowledged``: only if somebody has seen it."""
        ...

    async def late(self, now: dt.datetime, limit: int) -> list[Late]:
        """Some shares whose newest restore point is older than their objective, and of which that was not noted within the hour."""
        ...

    async def in_time(self, now: dt.datetime) -> list[int]:
        """Shares with an open alert about that, of which it is not so any more."""
        ...


class Alerts(Protocol):
    """What is to be judged, and what is to be told to whom."""

    def judging(self, limit: int) -> AbstractAsyncContextManager[Judging]:
        """Take some runs that have ended. What is done with them is committed, and they are judged, when the block ends well."""
        ...

    async def unpinned(self, limit: int) -> list[Alert]:
        """Some alerts about unusual changes whose clean restore point is yet to be pinned."""
        ...

    async def pinned(self, alert_id: int, sighting: Sighting) -> None:
        """It is, or is gone: write what the alert tells now, unless it tells of another restore point meanwhile."""
        ...

    async def claim(self, now: dt.datetime, until: dt.datetime, limit: int) -> list[Parcel]:
        """Take some deliveries that are due; unless it is said how they went, others take them from ``until`` on."""
        ...

    async def sent(self, delivery_ids: Sequence[int], now: dt.datetime) -> None:
        """They were made."""
        ...

    async def failed(self, tried: Sequence[Delivery], error: str, now: dt.datetime, *, for_good: bool) -> None:
        """They could not be made: they are tried again later, for a day, or given up at once."""
        ...

    async def tidy(self, now: dt.datetime, *, sent_for: dt.timedelta, rest_for: dt.timedelta) -> None:
        """Forget deliveries that ended longer ago than ``sent_for``, and alerts and occurrences than ``rest_for``."""
        ...
