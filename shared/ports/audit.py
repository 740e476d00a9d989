"""The audit: who did what."""

import datetime as dt
from typing import Protocol

from shared.model.audit import AuditEntry


class Audit(Protocol):
    """What people and programs did through the API. Lines are added and never changed; nothing here deletes any."""

    async def write(self, entry: AuditEntry) -> None:
        """Add a line: one about what is intended, and one about what became of it. Writing the same line again changes nothing."""
        ...

    async def page(
        self,
        tenant_id: str | None,
        *,
        after: str = "",
        limit: int = 100,
        actor_id: str = "",
        action: str = "",
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
    ) -> tuple[list[AuditEntry], str]:
        """Up to ``limit`` requests about a tenant, or about the platform, the newest first, and the cursor to go on from; "" at the end.

        One line for each request: what became of it, if that was written. May come back with fewer, or none, and a cursor, when it has
        looked at much and found little. ``since`` is included, ``until`` is not.

        :raises InvalidInput: ``after`` is not what an earlier call gave.
        """
        ...
