"""A table of the app's own in Azure Tables: opened with its secret, or as this process, and made when somebody first writes."""

import asyncio
from typing import Final

from azure.data.tables.aio import TableClient

from shared.adapters import sdk
from shared.adapters.credentials import Credentials, Secret
from shared.errors import Conflict

_THERE_ALREADY: Final = "TableAlreadyExists"


class OwnTable:
    """``client`` is the table's; :meth:`make` before the first write, :meth:`aclose` at the end."""

    def __init__(
        self, account_url: str, secret: Secret | None, *, table: str, called: str, retry_budget_s: float
    ) -> None:
        """Without a ``secret``: as the identity of this process, which is closed with the table.

        :param called: what messages call it, such as ``the audit``.
        """
        self._identity = Credentials({})
        secret = secret or self._identity.identity()
        self.client = TableClient(account_url, table, credential=sdk.credential(secret, account_url), **sdk.options())
        self._called = called
        self._budget_s = retry_budget_s
        self._exists = False
        self._making = asyncio.Lock()

    async def make(self) -> None:
        """Have the table there; asks once, however many ask at the same time."""
        if self._exists:
            return
        async with self._making:
            if not self._exists:
                try:
                    await sdk.repeated(f"create {self._called}'s table", self.client.create_table, self._budget_s)
                except Conflict as error:
                    if error.code != _THERE_ALREADY:
                        raise
                self._exists = True

    async def aclose(self) -> None:
        """Close all connections."""
        await self.client.close()
        await self._identity.aclose()
