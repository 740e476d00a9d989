"""Batches that a slow pace can finish in time.

A batch is committed whole, and Azure Functions ends an activity after ten minutes. At ten requests a second a batch of 20,000 changed
files would take half an hour, and be begun again and again. So where the pace is slow, everything that is done in one go is
made smaller: to what takes about :data:`GO_S`.
"""

from dataclasses import replace
from math import inf
from typing import Final

from shared.core.pace import Rates
from shared.usecases.scope import Limits

GO_S: Final = 60.0
"""Much less than ten minutes, because a part may shrink while it is used, when other workers come."""
LEAST: Final = 100
"""Entries; smaller batches would spend their requests on listing again what they did not finish."""


def within_pace(limits: Limits, pace: Rates) -> Limits:
    """``limits`` such that what is done in one go takes about a minute at ``pace``."""
    if pace.unlimited:
        return limits
    entries = int(min(max(pace.requests * GO_S, LEAST), 1e9)) if pace.requests < inf else 10**9
    content = int(max(pace.bytes * GO_S, 1)) if pace.bytes < inf else 10**15
    return replace(
        limits,
        batch_directories=min(limits.batch_directories, entries),
        batch_files=min(limits.batch_files, entries),
        batch_bytes=min(limits.batch_bytes, content),
        # A wave is compared and saved whole; most of its directories have a few files that changed, if any.
        wave_directories=max(min(limits.wave_directories, entries // 100), 1),
        wide_entries=min(limits.wide_entries, entries),
        piece_entries=min(limits.piece_entries, entries),
        piece_bytes=min(limits.piece_bytes, content),
    )
