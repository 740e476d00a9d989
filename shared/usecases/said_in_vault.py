"""What the vault knows of pins, legal holds, policies and restore points that were let go: for a catalogue that is made of it."""

import asyncio
import datetime as dt
from collections.abc import Iterable
from typing import Final

from shared.core.retention import said_in_all
from shared.errors import IntegrityError, NotFound
from shared.formats import keep_event, policy_event
from shared.model.objects import expired_name, policy_name
from shared.model.retention import Expired, Hold, KeepEvent, Said, SaidPolicy
from shared.ports.vault import Vault
from shared.usecases.together import together

READS_AT_ONCE: Final = 16


async def read_said(vault: Vault, share_id: int) -> dict[int, tuple[Said, int]]:
    """By restore point, what counts of what was said about it, and the number of what is said next.

    Where something that was said cannot be read, it may have been a legal hold: the restore point is under one until somebody releases it.
    """
    gate = asyncio.Semaphore(READS_AT_ONCE)

    async def read(name: str) -> tuple[str, KeepEvent | None]:
        async with gate:
            try:
                return name, keep_event.decode(await vault.get(name))
            except (IntegrityError, NotFound):
                return name, None

    prefix = f"{share_id}/keep/"
    names = [name async for name, _ in vault.names(prefix)]
    events: dict[int, list[KeepEvent]] = {}
    unreadable: dict[int, str] = {}
    highest: dict[int, int] = {}
    for name, event in await together(read(name) for name in names):
        point, _, number = name.removeprefix(prefix).removesuffix(".json").partition("/")
        if not point.isdecimal() or not number.isdecimal():
            continue
        run_no = int(point)
        highest[run_no] = max(highest.get(run_no, 0), int(number))
        if event is None or (event.run_no, event.event_no) != (run_no, int(number)):
            unreadable[run_no] = name
        else:
            events.setdefault(run_no, []).append(event)
    found: dict[int, tuple[Said, int]] = {}
    for run_no, last in highest.items():
        said = said_in_all(events.get(run_no, []))
        if run_no in unreadable and said.hold is None:
            hold = Hold(
                by="rebuild",
                reason=f"{unreadable[run_no]} cannot be read, and may be a legal hold",
                at=dt.datetime.fromtimestamp(0, dt.UTC),
            )
            said = Said(pin=said.pin, hold=hold)
        found[run_no] = said, last + 1
    return found


async def read_policy(vault: Vault, share_id: int) -> SaidPolicy | None:
    """The policy that a share has; None if it never had one. One that cannot be read is none: nothing is pruned until it is given one."""
    prefix = f"{share_id}/policy/"
    numbers = [name.removeprefix(prefix).removesuffix(".json") async for name, _ in vault.names(prefix)]
    newest = max((int(number) for number in numbers if number.isdecimal()), default=None)
    if newest is None:
        return None
    try:
        said = policy_event.decode(await vault.get(policy_name(share_id, newest)))
    except (IntegrityError, NotFound):
        said = SaidPolicy(number=newest)
    return said if said.number == newest else SaidPolicy(number=newest)


async def read_expired(vault: Vault, share_id: int, run_nos: Iterable[int], now: dt.datetime) -> dict[int, Expired]:
    """Of restore points that are gone, what the vault says of that. Of one that it says nothing readable of: let go now."""
    gate = asyncio.Semaphore(READS_AT_ONCE)

    async def read(run_no: int) -> Expired:
        async with gate:
            try:
                return keep_event.decode_expired(await vault.get(expired_name(share_id, run_no)))
            except (IntegrityError, NotFound) as error:
                return Expired(run_no=run_no, by="", reason=f"not known any more: {error}", at=now)

    return {one.run_no: one for one in await together(read(run_no) for run_no in sorted(run_nos))}
