"""Which directories changed between two runs, from the indexes of the segments that were written in between.

One small read per segment, whatever the size of the share: no directory that did not change costs anything.
"""

from collections.abc import Iterable
from typing import Final

from shared.errors import IntegrityError, NotFound
from shared.formats import segment
from shared.model.objects import segment_name
from shared.usecases.past import Past
from shared.usecases.together import together

TAIL_BYTES: Final = 32 * 1024
"""Read of a segment at first: an index takes some 6 bytes for each of the usual thousands of records."""
AT_ONCE: Final = 16
RUN_NO_MAX: Final = (1 << 31) - 1
"""No run has a higher number: up to now."""


async def changed_directories(past: Past, after_run_no: int, up_to_run_no: int, *, limit: int) -> set[int] | None:
    """Directories with a record of a run in ``(after, up_to]``; None when there are more than ``limit``.

    :raises IntegrityError: a segment is damaged or lost.
    """
    found: set[int] = set()
    segments = await past.catalogue.segments(past.share_id, after_run_no, up_to_run_no)
    for start in range(0, len(segments), AT_ONCE):
        for some in await together(_directories_in(past, *one) for one in segments[start : start + AT_ONCE]):
            found.update(some)
        if len(found) > limit:
            return None
    return found


async def _directories_in(past: Past, run_no: int, batch_no: int, size_bytes: int) -> Iterable[int]:
    known = past.indexes.get((past.share_id, run_no, batch_no))
    if known is not None:
        return known
    name = segment_name(past.share_id, run_no, batch_no)
    begin = max(0, size_bytes - TAIL_BYTES)
    try:
        tail = await past.vault.get(name, begin, size_bytes - begin)
        needed = segment.index_bytes(tail)
        if needed > len(tail):
            tail = await past.vault.get(name, size_bytes - needed, needed)
    except NotFound as error:
        raise IntegrityError(f"what the vault should have is not there: {error}") from error
    directory_ids = (entry.directory_id for entry in segment.read_index(tail).records)
    return past.indexes.put((past.share_id, run_no, batch_no), directory_ids)
