"""Try everything that a backup of a share needs, and say of each whether it works and if not what is missing.

Nothing stays: the share snapshot that is taken is deleted again, and what is written to the vault is never committed, so the service
forgets it. A crash between the two leaves a share snapshot with the share's mark, which the next backup deletes when it opens.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.core.connection_advice import NEEDED_FOR, Step, advise
from shared.errors import BackupError
from shared.ports.share_admin import ShareAdmin
from shared.ports.share_reader import ShareReader
from shared.ports.system import Clock
from shared.ports.vault import Vault

PATIENCE_S: Final = 20.0
"""For one step. What does not answer within this is not going to, and somebody waits for us."""


class Outcome(StrEnum):
    """How a step ended."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Something that it needs has failed, or there is no such thing on this share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What came of a step."""

    name: Step
    outcome: Outcome
    detail: str
    hint: str
    """What to do; empty unless it failed."""
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What is tried. The first three are made when they are needed: a credential that is not there is one of the findings."""

    credential: Callable[[], str]
    """What it is, in words. Raises ``InvalidInput``."""
    admin: Callable[[], ShareAdmin]
    reader: Callable[[], ShareReader]
    vault: Vault
    snapshot_tag: str
    """Marks the share snapshot as one of ours, which a later run may delete."""


async def connection_test(parts: Parts, clock: Clock) -> list[Check]:
    """Try all steps, in order."""
    test = _Test(parts)
    steps: dict[Step, Callable[[], Awaitable[str | None]]] = {
        Step.CREDENTIAL: test.credential,
        Step.SHARE: test.share,
        Step.LIST: test.list_root,
        Step.PERMISSION: test.permission,
        Step.SNAPSHOT: test.snapshot,
        Step.VAULT: test.vault,
    }
    done: dict[Step, Check] = {}
    for step, attempt in steps.items():
        missing = [needed for needed in NEEDED_FOR.get(step, ()) if done[needed].outcome is not Outcome.OK]
        if missing:
            detail = f"not tried, because {missing[0]} did not work"
            done[step] = Check(name=step, outcome=Outcome.SKIPPED, detail=detail, hint="", seconds=0.0)
        else:
            done[step] = await _tried(step, attempt, clock)
    return list(done.values())


async def _tried(step: Step, attempt: Callable[[], Awaitable[str | None]], clock: Clock) -> Check:
    begin = clock.monotonic()
    outcome, hint = Outcome.OK, ""
    try:
        async with asyncio.timeout(PATIENCE_S):
            found = await attempt()
        if found is None:
            outcome, found = Outcome.SKIPPED, "there is no such thing on an NFS share"
    except TimeoutError:
        outcome, found = Outcome.FAILED, f"no answer within {PATIENCE_S:g} s"
        hint = "the service is very busy, or something on the way holds our requests back: look at its metrics and at the firewall"
    except BackupError as error:
        outcome, found, hint = Outcome.FAILED, str(error), advise(step, error)
    return Check(name=step, outcome=outcome, detail=found, hint=hint, seconds=round(clock.monotonic() - begin, 3))


class _Test:
    """The steps. Each says what it found; None if there is nothing to be found."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._is_nfs = False

    async def credential(self) -> str:
        return self._parts.credential()

    async def share(self) -> str:
        found = await self._parts.admin().properties()
        self._is_nfs = "NFS" in found.get("protocols", "")
        told = [f"{name} {found[name]}" for name in ("protocols", "access_tier", "quota_gib") if name in found]
        return ", ".join(told)

    async def list_root(self) -> str:
        page = await self._parts.reader().list_page("")
        return f"one page of {len(page)} bytes"

    async def permission(self) -> str | None:
        if self._is_nfs:
            return None
        root = await self._parts.reader().directory_properties("")
        sddl = await self._parts.reader().permission(root.permission_key)
        return f"a security descriptor of {len(sddl)} characters"

    async def snapshot(self) -> str:
        admin = self._parts.admin()
        taken = await admin.take_snapshot(self._parts.snapshot_tag, is_new=True)
        await admin.delete_snapshot(taken)
        return "one was taken and deleted again"

    async def vault(self) -> str:
        await self._parts.vault.prepare()
        await self._parts.vault.try_write()
        return "objects can be written"
