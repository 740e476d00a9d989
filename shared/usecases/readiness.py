"""Try what the app needs, and say of each what was found: one that is not there does not keep the others from being tried."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from shared.errors import BackupError
from shared.ports.system import Clock

PATIENCE_S: Final = 10.0
"""How long one may take. Adapters go on asking for longer than whoever wants to know waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """Something to be tried."""

    name: str
    attempt: Callable[[], Awaitable[str]]
    """Answers with what it found; raises one of our errors."""
    hint: str
    """What to do when it fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came of it."""

    name: str
    ok: bool
    detail: str
    hint: str
    seconds: float


async def readiness(probes: Sequence[Probe], clock: Clock) -> list[Finding]:
    """Try all side by side, and tell them in their order."""
    return list(await asyncio.gather(*(_tried(probe, clock) for probe in probes)))


async def _tried(probe: Probe, clock: Clock) -> Finding:
    begin = clock.monotonic()
    ok, hint = False, probe.hint
    try:
        async with asyncio.timeout(PATIENCE_S):
            detail = await probe.attempt()
        ok, hint = True, ""
    except TimeoutError:
        detail = f"no answer within {PATIENCE_S:g} s"
    except BackupError as error:
        detail = str(error)
    return Finding(name=probe.name, ok=ok, detail=detail, hint=hint, seconds=round(clock.monotonic() - begin, 3))
