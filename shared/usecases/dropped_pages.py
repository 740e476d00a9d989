"""Pages that sweeps have dropped from the catalogue, as the vault lists them: a rebuild is not to bring them back.

Segments that stay may still hold records and notes of such a page. None up to the horizon of the sweep counts; a later one does, because the number of
a page that was merged away is given again. Memory: 12 bytes for each page that was ever dropped.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.formats import ledger
from shared.ports.vault import Vault


@dataclass(frozen=True, slots=True)
class DroppedPages:
    """The pages, ascending, and the highest horizon of each."""

    page_ids: NDArray[np.uint64]
    horizons: NDArray[np.uint32]

    def has(self, page_id: int, run_no: int) -> bool:
        """Whether what ``run_no`` says of a page does not count."""
        if not len(self.page_ids):
            return False
        place = int(np.searchsorted(self.page_ids, np.uint64(page_id)))
        return (
            place < len(self.page_ids) and int(self.page_ids[place]) == page_id and run_no <= int(self.horizons[place])
        )


async def read_dropped(vault: Vault, share_id: int) -> DroppedPages:
    """All that was dropped of a share. Raises ``IntegrityError`` for a list that is damaged."""
    page_ids, horizons = [np.empty(0, dtype=np.uint64)], [np.empty(0, dtype=np.uint32)]
    async for name, _ in vault.names(f"{share_id}/dropped/"):
        horizon, found = ledger.decode_dropped(await vault.get(name))
        page_ids.append(found)
        horizons.append(np.full(len(found), horizon, dtype=np.uint32))
    every, when = np.concatenate(page_ids), np.concatenate(horizons)
    order = np.lexsort((when, every))
    every, when = every[order], when[order]
    last = np.append(every[1:] != every[:-1], True) if len(every) else np.empty(0, dtype=np.bool_)
    return DroppedPages(every[last], when[last])
