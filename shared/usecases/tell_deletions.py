"""Tell the vault of shares and tenants that were deleted, brought back, or are being purged; and read what it was told.

The catalogue decides, and the vault is told after it: at once by whoever decided, else by the next upkeep. A crash in between leaves a vault that does
not know. A catalogue that is made of it meanwhile has the share as it was before; of a purge the vault knows before anything is deleted.
"""

import asyncio
import datetime as dt
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from shared.errors import IntegrityError, NotFound
from shared.formats import deletion_event
from shared.model.deletion import NOT_DELETED, Deletion, DeletionEvent, DeletionKind, SaidOfDeletion
from shared.model.objects import deletion_event_name, deletion_folder
from shared.ports.purges import Purges
from shared.ports.vault import Vault
from shared.usecases.together import together

READS_AT_ONCE: Final = 16


async def tell_deletions(
    purges: Purges, vault_of: Callable[[str], Vault], *, tenant_id: str | None = None, share_id: int | None = None
) -> None:
    """Tell of a share, of a tenant and its shares, or of some of all of them."""
    for what in await purges.untold(tenant_id=tenant_id, share_id=share_id):
        name = deletion_event_name(what.share_id, what.event.event_no)
        with suppress(
            NotFound
        ):  # the tenant has no container: there is nothing of which anybody could make a catalogue
            await vault_of(what.tenant_id).put(name, deletion_event.encode(what.event))
        await purges.told(what)


async def read_deletion(vault: Vault, share_id: int | None) -> SaidOfDeletion:
    """What the vault says of a share, or (None) of the tenant whose it is.

    Where the last that was said cannot be read the share counts as deleted: it is there, can be restored and brought back, and nothing is done to
    it. Where anything says that it is being purged, it is.
    """
    gate = asyncio.Semaphore(READS_AT_ONCE)

    async def read(number: int) -> DeletionEvent | IntegrityError:
        async with gate:
            try:
                return deletion_event.decode(await vault.get(deletion_event_name(share_id, number)))
            except IntegrityError as error:
                return error

    folder = deletion_folder(share_id)
    names = [name.removeprefix(folder).removesuffix(".json") async for name, _ in vault.names(folder)]
    numbers = sorted(int(name) for name in names if name.isdecimal())
    if not numbers:
        return NOT_DELETED
    events = await together(read(number) for number in numbers)
    readable = [event for event in events if isinstance(event, DeletionEvent)]
    purging = next((event for event in readable if event.kind is DeletionKind.PURGING), None)
    last = events[-1]
    if purging is not None:
        deletion = _deletion(purging, purging_at=purging.at)
        return SaidOfDeletion(deletion=deletion, event_no=numbers[-1], about=purging.about)
    if isinstance(last, IntegrityError):
        epoch = dt.datetime.fromtimestamp(0, dt.UTC)
        told = f"{deletion_event_name(share_id, numbers[-1])} cannot be read, and may say so"
        return SaidOfDeletion(
            deletion=Deletion(at=epoch, by="rebuild", reason=told, purge_after=epoch), event_no=numbers[-1]
        )
    deletion_of = _deletion(last) if last.kind is DeletionKind.DELETED else None
    return SaidOfDeletion(deletion=deletion_of, event_no=numbers[-1], about=last.about)


def _deletion(event: DeletionEvent, purging_at: dt.datetime | None = None) -> Deletion:
    return Deletion(
        at=event.at,
        by=event.by,
        reason=event.reason,
        purge_after=event.purge_after or event.at,
        purging_at=purging_at,
    )
