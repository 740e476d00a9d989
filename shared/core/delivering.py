"""When a delivery that failed is tried again, and when it is given up."""

import datetime as dt
from typing import Final

FIRST_S: Final = 30
MOST_S: Final = 2 * 3600
GIVEN_UP: Final = dt.timedelta(days=1)
"""After its alert: who was away for a day looks at the list of alerts anyway."""


def again_at(attempts: int, created_at: dt.datetime, now: dt.datetime) -> dt.datetime | None:
    """When to try again after so many attempts: 30 s, 1 min, 2 min ... 2 h later; None when a day is over."""
    later = now + dt.timedelta(seconds=min(FIRST_S * 2 ** min(attempts - 1, 20), MOST_S))
    return later if later < created_at + GIVEN_UP else None
