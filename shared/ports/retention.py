"""The catalogue, as pins, holds and prunes need it."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.model.retention import Dated, Decision, KeepEvent, RetentionPolicy, Said, SaidPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiredPoint:
    """A restore point that is gone."""

    run_no: int
    taken_at: dt.datetime
    expired_at: dt.datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class UntoldPolicy:
    """A share of whose policy the vault does not know yet."""

    tenant_id: str
    share_id: int
    said: SaidPolicy


class Retentions(Protocol):
    """The Postgres side of what is kept and what is let go, in whole transactions as :class:`Catalogue`'s."""

    async def retention(self, share_id: int) -> tuple[list[Dated], RetentionPolicy | None]:
        """All restore points of a share with what was said about them and what works with them; and its policy."""
        ...

    async def expire(self, run_id: int, share_id: int, decisions: Sequence[Decision], by: str) -> list[Decision]:
        """Let go of the restore points that are not to be kept; returns what came of them.

        In one transaction, in which pins, legal holds and who works with a restore point are looked at once more: they win. So does being the
        newest. One that is gone already is left out.
        """
        ...

    async def unmarked(self, share_id: int, limit: int) -> list[ExpiredPoint]:
        """Some restore points that are gone and of which the vault does not know it yet."""
        ...

    async def marked(self, share_id: int, run_nos: Sequence[int]) -> None:
        """Note that it does."""
        ...

    async def expired(self, share_id: int) -> list[ExpiredPoint]:
        """All restore points of a share that are gone, oldest first."""
        ...

    async def next_event(self, share_id: int, run_no: int) -> tuple[Said, int]:
        """What was said about a restore point, and the number of what is said next. Raises ``NotFound``."""
        ...

    async def keep(self, share_id: int, event: KeepEvent) -> Said:
        """Record what the vault has, and what follows from it. Once; again it changes nothing. Raises ``NotFound``: it is gone meanwhile."""
        ...

    async def untold_policies(self, limit: int, share_id: int | None = None) -> list[UntoldPolicy]:
        """Some shares of whose policy the vault does not know yet, or this one, with the policy that they have now."""
        ...

    async def policy_told(self, share_id: int, number: int) -> None:
        """Note that it does, up to this number."""
        ...
