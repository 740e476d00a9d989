"""How connections to the catalogue sign in: as the URL says, or with a password that is good for a while.

A server that knows identities only (Azure's with Entra ID) takes a token in place of a password. It looks at it when a connection is
opened, and leaves open ones alone when their token ends. So the source of passwords is asked for every new connection, and the pool
closes old ones by itself.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final, Self

import psycopg
from psycopg.conninfo import conninfo_to_dict

from shared.errors import BackupError

Password = Callable[[], Awaitable[str]]
"""Gives the password of the moment, soon: whoever implements it keeps it as long as it is good. Raises our errors."""

_REFUSED: Final = re.compile(r'authentication failed|access token|role ".*" does not exist', re.IGNORECASE)
"""What servers say to a token that they do not take, or to a user that they do not know; Azure's say more in the same line."""


class SignIn:
    """Tells connections their password, and remembers why the last one was not opened."""

    def __init__(self, password: Password | None = None) -> None:
        """Without a ``password`` connections sign in as their URL says."""
        self._password = password
        self.problem = ""
        """Empty if the last connection was opened. No secret is in it."""

    async def arguments(self) -> dict[str, Any]:
        """What the driver is to be given beside the URL."""
        return {} if self._password is None else {"password": await self._password()}

    def explained(self, error: psycopg.OperationalError, user: str) -> psycopg.OperationalError:
        """The same with a hint if it was the token or the user that was refused."""
        said = str(error).strip()
        if self._password is None or not _REFUSED.search(said):
            return error
        name = user.replace("'", "''")
        return type(error)(
            f"{said}; hint: the user of the URL has to be a role of this process's identity: the name of the managed identity, or of an Entra"
            f" group that it is in. Who is Entra administrator of the server makes it, in the database postgres:"
            f" SELECT * FROM pgaadauth_create_principal('{name}', false, false)"
        )


class CatalogueConnection(psycopg.AsyncConnection[tuple[Any, ...]]):
    """A connection that is opened with the password of the moment."""

    @classmethod
    async def connect(  # type: ignore[override]  # the rest is theirs, passed on as it is
        cls, conninfo: str = "", *, sign_in: SignIn | None = None, **kwargs: Any
    ) -> Self:
        """As the driver's.

        :raises BackupError: there is no password to be had.
        """
        sign_in = sign_in or SignIn()
        try:
            conn = await super().connect(conninfo, **kwargs, **await sign_in.arguments())
        except psycopg.OperationalError as error:
            explained = sign_in.explained(error, str(conninfo_to_dict(conninfo).get("user") or ""))
            sign_in.problem = str(explained).strip()
            raise explained from error
        except BackupError as error:
            sign_in.problem = str(error)
            raise
        sign_in.problem = ""
        return conn
