"""The restore points of a share as the vault has them."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from shared.errors import IntegrityError, NotFound
from shared.formats import ledger, point
from shared.model.objects import ledger_name, point_name
from shared.model.point import PointRecord
from shared.model.sweep import Ledger
from shared.ports.vault import Vault
from shared.usecases.together import together

READS_AT_ONCE: Final = 32


@dataclass(frozen=True, slots=True)
class VaultPoints:
    """What there is, in order of run numbers."""

    records: Mapping[int, PointRecord]
    damaged: Mapping[int, str]
    """Those that cannot be read, or that others name and the vault does not have, and why."""
    expired: frozenset[int] = frozenset()
    """Those of either that were let go. Their records say still which segments there were."""
    ledger: Ledger | None = None
    """What the last sweep left."""
    ledger_trouble: str = ""
    """Why that of a later sweep cannot be read."""

    @property
    def newest(self) -> PointRecord | None:
        """The newest that can be read and was not let go."""
        there = self.kept
        return self.records[there[-1]] if there else None

    @property
    def kept(self) -> list[int]:
        """Those that can be read and were not let go, in order."""
        return sorted(self.records.keys() - self.expired)

    @property
    def highest(self) -> int:
        """The highest run number that any has, readable or not; 0 if there are none."""
        return max((*self.records, *self.damaged), default=0)

    def up_to(self, run_no: int | None) -> "VaultPoints":
        """Without those after ``run_no``."""
        if run_no is None:
            return self
        return self.only(lambda no: no <= run_no)

    def only(self, chosen: Callable[[int], bool]) -> "VaultPoints":
        """Without those that are not ``chosen``."""
        return replace(
            self,
            records={no: record for no, record in self.records.items() if chosen(no)},
            damaged={no: why for no, why in self.damaged.items() if chosen(no)},
        )

    def chain(self, newest: int) -> list[int]:
        """Numbers of a restore point and of those before it that it knows of, oldest first, unreadable ones included."""
        found = [newest]
        while True:
            record = self.records.get(found[-1])
            if record is not None:
                before = record.previous_run_no
            else:  # which one came before is lost with it
                before = max((no for no in (*self.records, *self.damaged) if no < found[-1]), default=None)
            if before is None:
                return found[::-1]
            found.append(before)


async def numbers_of_points(vault: Vault, share_id: int) -> list[int]:
    """Run numbers of a share's restore points, in order."""
    prefix = f"{share_id}/point/"
    names = [name.removeprefix(prefix) async for name, _ in vault.names(prefix)]
    return sorted(int(name.removesuffix(".fb")) for name in names if name.removesuffix(".fb").isdecimal())


async def read_points(vault: Vault, share_id: int) -> VaultPoints:
    """Read all restore points of a share. Some kilobytes of memory each."""
    gate = asyncio.Semaphore(READS_AT_ONCE)

    async def read(run_no: int) -> PointRecord | str:
        async with gate:
            try:
                found = point.decode(await vault.get(point_name(share_id, run_no)))
            except (IntegrityError, NotFound) as error:
                return str(error)
        if (found.share_id, found.run_no) != (share_id, run_no):
            return f"it says that it is restore point {found.run_no} of share {found.share_id}"
        return found

    there = await numbers_of_points(vault, share_id)
    found = dict(zip(there, await together(read(run_no) for run_no in there), strict=True))
    records = {no: record for no, record in found.items() if isinstance(record, PointRecord)}
    damaged = {no: why for no, why in found.items() if isinstance(why, str)}
    for record in records.values():
        if record.previous_run_no is not None and record.previous_run_no not in found:
            damaged[record.previous_run_no] = "the vault does not have it"
    ledger, trouble = await _last_ledger(vault, share_id)
    expired = frozenset(await expired_numbers(vault, share_id))
    return VaultPoints(records, dict(sorted(damaged.items())), expired, ledger, trouble)


async def newest_ledger(vault: Vault, share_id: int) -> Ledger | None:
    """What the last sweep left, or the last of which that can be read; None if there is none."""
    return (await _last_ledger(vault, share_id))[0]


async def _last_ledger(vault: Vault, share_id: int) -> tuple[Ledger | None, str]:
    """It, and what is wrong with those of later sweeps: by an older one, what was swept since looks lost."""
    prefix = f"{share_id}/ledger/"
    names = [name.removeprefix(prefix).removesuffix(".fb") async for name, _ in vault.names(prefix)]
    trouble = ""
    for run_no in sorted((int(name) for name in names if name.isdecimal()), reverse=True):
        try:
            return ledger.decode(await vault.get(ledger_name(share_id, run_no))), trouble
        except (IntegrityError, NotFound) as error:
            trouble = trouble or f"{ledger_name(share_id, run_no)}: {error}"
    return None, trouble


async def expired_numbers(vault: Vault, share_id: int) -> set[int]:
    """Run numbers of a share's restore points that are gone, as the vault says."""
    prefix = f"{share_id}/point/"
    names = [name.removeprefix(prefix) async for name, _ in vault.names(prefix)]
    numbers = (name.removesuffix(".expired") for name in names if name.endswith(".expired"))
    return {int(number) for number in numbers if number.isdecimal()}
