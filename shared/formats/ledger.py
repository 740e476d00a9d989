"""What a sweep leaves behind in the vault: the ledger of the segments that stay, and lists of pages that nobody needs any more.

::

    ledger  = sealed (envelope.py) FlatBuffer "AFBW", version 1, of schema/fbs/ledger.fbs
    dropped = sealed (envelope.py) FlatBuffer "AFBG", version 1, of schema/fbs/dropped.fbs
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shared.formats import envelope, flat, stretches
from shared.formats._generated.vault.Dropped import Dropped
from shared.formats._generated.vault.Ledger import Ledger as Table
from shared.model.sweep import Ledger

MAGIC: Final = b"AFBW"
DROPPED_MAGIC: Final = b"AFBG"
VERSION: Final = 1


def encode(ledger: Ledger) -> bytes:
    """Return the bytes of ``ledger``."""
    if len(ledger.segments) > stretches.SEGMENTS_MAX:
        raise ValueError(f"more than {stretches.SEGMENTS_MAX} segments")
    fields = [
        flat.u32(ledger.run_no),
        flat.u32(ledger.horizon),
        flat.vector("I", stretches.ranges(ledger.segments)),
    ]
    return envelope.seal(MAGIC, VERSION, flat.table(MAGIC, fields))


def decode(data: bytes) -> Ledger:
    """Return the ledger whose bytes are exactly ``data``.

    :raises IntegrityError: not a ledger, damaged, cut short, or of an unknown version.
    """
    buffer = envelope.unseal(MAGIC, VERSION, data, "ledger")
    with envelope.reading("ledger"):
        table = Table.GetRootAs(buffer)
        segments = stretches.segments(flat.numbers(table.SegmentsAsNumpy()))
        return Ledger(run_no=table.RunNo(), horizon=table.Horizon(), segments=segments)


def encode_dropped(run_no: int, horizon: int, page_ids: Sequence[int]) -> bytes:
    """Return the bytes of a list of pages."""
    fields = [flat.u32(run_no), flat.u32(horizon), flat.vector("Q", sorted(page_ids))]
    return envelope.seal(DROPPED_MAGIC, VERSION, flat.table(DROPPED_MAGIC, fields))


def decode_dropped(data: bytes) -> tuple[int, NDArray[np.uint64]]:
    """Return horizon and pages, ascending.

    :raises IntegrityError: as :func:`decode`.
    """
    buffer = envelope.unseal(DROPPED_MAGIC, VERSION, data, "list of dropped pages")
    with envelope.reading("list of dropped pages"):
        table = Dropped.GetRootAs(buffer)
        found: Any = table.PageIdsAsNumpy()
        return table.Horizon(), np.array([] if isinstance(found, int) else found, dtype=np.uint64)
