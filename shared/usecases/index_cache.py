"""Which directories have records in which segments: remembered, because segments never change and every click on a difference asks again."""

from array import array
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

IDS_MAX: Final = 4_000_000
"""Directory ids remembered, of 8 bytes each: of a share in which 100,000 directories change each night, a month."""

Segment = tuple[int, int, int]
"""``(share_id, run_no, batch_no)``."""


class IndexCache:
    """The segments asked for last, up to :data:`IDS_MAX` directories in all."""

    def __init__(self, ids_max: int = IDS_MAX) -> None:
        self._ids_max = ids_max
        self._known: OrderedDict[Segment, array[int]] = OrderedDict()
        self._ids = 0

    def get(self, segment: Segment) -> Iterable[int] | None:
        """The directories in a segment, each once; None if that is not known."""
        found = self._known.get(segment)
        if found is not None:
            self._known.move_to_end(segment)
        return found

    def put(self, segment: Segment, directory_ids: Iterable[int]) -> Iterable[int]:
        """Remember, and return, the directories in a segment."""
        found = array("Q", set(directory_ids))
        if segment not in self._known:
            self._known[segment] = found
            self._ids += len(found)
        while self._ids > self._ids_max:
            _, dropped = self._known.popitem(last=False)
            self._ids -= len(dropped)
        return found
