"""What all pieces of a verify need to know, asked for once per process and run."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

import xxhash

from shared.errors import IntegrityError, NotFound
from shared.model.objects import permission_name
from shared.model.run import RestorePoint
from shared.model.verify import FindingKind
from shared.model.verify_order import VerifyLevel, VerifyOrder
from shared.usecases.scope import RunScope
from shared.usecases.together import together
from shared.usecases.vault_inventory import ABSENT, VaultInventory, take_inventory

PERMISSIONS_AT_ONCE: Final = 16
FOR_EVER: Final = 1 << 31
"""A run that comes after all others."""


@dataclass(slots=True)
class VerifyState:
    """What a verify looks at, and what it has found of what many files share."""

    order: VerifyOrder
    points: list[RestorePoint]
    """All of the share that are not newer than the order's, oldest first: what a finding can concern."""
    inventory: VaultInventory
    bad_permissions: dict[str, tuple[FindingKind, str]] = field(default_factory=dict)
    """Security descriptors by key that are lost or damaged, and what is wrong."""
    checksums: dict[str, int] = field(default_factory=dict)
    """Of descriptors that nobody had noted one of."""

    @property
    def selected(self) -> list[int]:
        """Restore points that are verified, oldest first."""
        return [p.run_no for p in self.points] if self.order.all_points else [self.order.restore_point]

    def between(self, first: int, before: int) -> set[int]:
        """Restore points from run ``first`` on that come before run ``before``, verified or not."""
        return {p.run_no for p in self.points if first <= p.run_no < before}


class VerifyStates:
    """Those of a process, so that its activities on a run share one. Of the last few runs only."""

    MOST: Final = 2

    def __init__(self) -> None:
        self._made: dict[tuple[int, int], asyncio.Task[VerifyState]] = {}

    async def of(self, scope: RunScope) -> VerifyState:
        """The state of a run in its present epoch, made when it is first asked for."""
        key = scope.run.run_id, scope.run.epoch
        task = self._made.pop(key, None)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = asyncio.create_task(_look(scope))
        self._made[key] = task
        for old in list(self._made)[: -self.MOST]:
            del self._made[old]
        return await asyncio.shield(task)

    async def aclose(self) -> None:
        """Stop what is being looked up."""
        for task in self._made.values():
            task.cancel()
        await asyncio.gather(*self._made.values(), return_exceptions=True)
        self._made.clear()


async def _look(scope: RunScope) -> VerifyState:
    """Look at the vault after the catalogue: what that refers to is there by then."""
    order, share_id = scope.run.verify, scope.share.share_id
    assert order is not None
    points = [p for p in await scope.verifies.verify_points(share_id) if p.run_no <= order.restore_point]
    known = await scope.verifies.permission_checksums(share_id)
    state = VerifyState(order, points, await take_inventory(scope.vault, share_id))
    sizes = state.inventory.sizes([permission_name(share_id, key) for key in known])
    for key, size_bytes in zip(known, sizes, strict=True):
        if size_bytes == ABSENT:
            state.bad_permissions[key] = FindingKind.LOST, "it is not in the vault"
    if order.level is not VerifyLevel.QUICK:
        await _read_permissions(scope, state, known)
    return state


async def _read_permissions(scope: RunScope, state: VerifyState, known: dict[str, int | None]) -> None:
    gate = asyncio.Semaphore(PERMISSIONS_AT_ONCE)

    async def read(key: str, checksum: int | None) -> None:
        name = permission_name(scope.share.share_id, key)
        try:
            async with gate:
                data = await scope.vault.get(name)
        except NotFound:
            state.bad_permissions[key] = FindingKind.LOST, "it is not in the vault"
            return
        except IntegrityError as error:
            state.bad_permissions[key] = FindingKind.DAMAGED, str(error)
            return
        found = xxhash.xxh3_64_intdigest(data)
        if checksum is None:
            # The first to look at one that a program from before saved: it can only see whether it is a descriptor at all.
            if _is_descriptor(data):
                state.checksums[key] = found
            else:
                state.bad_permissions[key] = FindingKind.DAMAGED, "it is not a security descriptor"
        elif found != checksum:
            told = f"its checksum is {found:016x}, and was {checksum:016x} when it was saved"
            state.bad_permissions[key] = FindingKind.DAMAGED, told

    await together(read(key, checksum) for key, checksum in known.items() if key not in state.bad_permissions)


def _is_descriptor(data: bytes) -> bool:
    return data[:2] in (b"O:", b"G:", b"D:", b"S:") and data.isascii()
