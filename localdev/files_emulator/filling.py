"""Long work on a share, in steps: each is atomic and durable, and between two of them other requests are answered."""

import asyncio
from collections.abc import Iterator

from localdev.files_emulator.store import Store

Counts = dict[str, int]


async def carry_out(steps: Iterator[Counts], store: Store, told: Counts) -> None:
    """Go through ``steps``; what the latest one counted is in ``told``."""
    while (counts := next_step(steps, store)) is not None:
        told.update(counts)
        await asyncio.sleep(0)


def next_step(steps: Iterator[Counts], store: Store) -> Counts | None:
    """Take one step and make it durable; ``None`` after the last."""
    try:
        counts = next(steps, None)
    except BaseException:
        store.forget()
        raise
    store.commit()
    return counts
