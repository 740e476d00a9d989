"""Tokens of the process's identity, for one service."""

import asyncio
from typing import Final

from azure.core.exceptions import AzureError

from shared.adapters import translate
from shared.adapters.credentials import Bearer
from shared.ports.system import Clock

STORAGE: Final = "https://storage.azure.com/.default"
"""What a token for any storage service is asked for."""
POSTGRES: Final = "https://ossrdbms-aad.database.windows.net/.default"
"""The same for Azure Database for PostgreSQL, which takes the token as a password."""
MARGIN_S: Final = 300
"""A token is not used in its last five minutes: clocks differ, and what it was sent for takes time."""


class Tokens:
    """An identity's token for a service, asked for once per its life, however many ask at once."""

    def __init__(self, bearer: Bearer, scope: str, clock: Clock) -> None:
        self._bearer = bearer
        self._scope = scope
        self._clock = clock
        self._asking = asyncio.Lock()
        self._token = ""
        self._ends = 0.0

    async def token(self) -> str:
        """One that is good for some minutes.

        :raises NoAccess: there is no identity here, or it gets no token for this service.
        :raises Retryable: whoever gives tokens did not answer.
        """
        if self._clock.now().timestamp() > self._ends:
            async with self._asking:
                if self._clock.now().timestamp() > self._ends:
                    await self._ask()
        return self._token

    async def _ask(self) -> None:
        try:
            given = await self._bearer.credential.get_token(self._scope)
        except AzureError as error:
            service = self._scope.removesuffix("/.default")
            raise translate.sdk(error, f"get a token for {service} as the identity of this process") from error
        self._token, self._ends = given.token, given.expires_on - MARGIN_S
