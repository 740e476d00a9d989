"""The last twelve months as a chart: what the runs of each cost, and what they took."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from http_api.call import AnyCall
from http_api.models.usage import Month
from http_api.pages.charts import Rect, Scale, columns, scale
from http_api.usage import month_of
from shared.db.usage import Used

SHOWN: Final = 12


@dataclass(frozen=True, slots=True)
class MonthShown:
    """One month, and its column: requests to the share, requests to the vault, and compute, one upon the other."""

    first: dt.date
    month: Month
    parts: Sequence[Rect]

    @property
    def name(self) -> str:
        """As addresses have it."""
        return f"{self.first:%Y-%m}"


@dataclass(frozen=True, slots=True)
class Months:
    """The months up to one, the oldest first."""

    shown: Sequence[MonthShown]
    scale: Scale

    @property
    def any(self) -> bool:
        """Whether there was any run in any of them."""
        return any(one.month.runs for one in self.shown)


def month_before(first: dt.date, months: int = 1) -> dt.date:
    """The first day of the month so many before (negative: after) the one that begins at ``first``."""
    number = first.year * 12 + first.month - 1 - months
    return dt.date(number // 12, number % 12 + 1, 1)


def months_up_to(last: dt.date) -> list[dt.date]:
    """First days of the twelve months that end with the one of ``last``, the oldest first."""
    return [month_before(last, back) for back in range(SHOWN - 1, -1, -1)]


def months_shown(call: AnyCall, last: dt.date, used: Mapping[dt.date, Sequence[Used]]) -> Months:
    """What is drawn of these months; those in which nothing was done are empty."""
    found = [(first, month_of(call, used.get(first, ()))) for first in months_up_to(last)]
    stacks = [(m.cost.files_operations, m.cost.vault_operations, m.cost.compute) for _, m in found]
    across = scale(max(sum(stack) for stack in stacks), whole=False)
    return Months(
        [MonthShown(first, month, parts) for (first, month), parts in zip(found, columns(stacks, across), strict=True)],
        across,
    )
