"""The catalogue, as deletions and purges need it."""

import datetime as dt
from typing import Protocol

from shared.model.deletion import PurgeOrder, Untold


class Purges(Protocol):
    """The Postgres side of deletions and purges, in whole transactions as :class:`Catalogue`'s."""

    async def untold(self, *, tenant_id: str | None = None, share_id: int | None = None) -> list[Untold]:
        """What the vault is yet to be told of deletions: some of it, or that of a share, or of a tenant and its shares."""
        ...

    async def told(self, what: Untold) -> None:
        """Note that it was told."""
        ...

    async def forget_rows(self, run_id: int, share_id: int, limit: int) -> bool:
        """Delete up to ``limit`` rows of each table that has many of a share that is being purged; whether there may be more."""
        ...

    async def forget_share(self, run_id: int, share_id: int) -> bool:
        """Take a share with all that is left of it out of the catalogue, the purge itself included. Raises ``Conflict`` for any other run."""
        ...

    async def empty_tenants(
        self, tenant_id: str | None = None, limit: int = 100
    ) -> list[tuple[str, str, dt.datetime, PurgeOrder]]:
        """Some tenants that are being purged and have no shares left, or this one if it is: id, name, since when, and who asked."""
        ...

    async def trouble(self, tenant_id: str, told: str) -> None:
        """Note why the purge of a tenant does not come to its end."""
        ...

    async def forget_tenant(self, tenant_id: str) -> None:
        """Take a tenant that has no shares left out of the catalogue. Raises ``Conflict`` for any other."""
        ...
