"""The vault: objects of a tenant, each written once."""

import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as a listing shows it."""

    name: str
    size_bytes: int
    written_at: dt.datetime
    """Aware, by the service's clock."""
    etag: str
    """No two objects ever have the same, be they of one name."""


class Deletion(StrEnum):
    """What came of the wish to delete an object."""

    GONE = "gone"
    """It is not there any more, whoever did it."""
    CHANGED = "changed"
    """Another object has its name now, and stays."""
    REFUSED = "refused"
    """An immutability policy, a legal hold, a lease or somebody's snapshot of it keeps it; later it may go."""


class Vault(Protocol):
    """Immutable objects of one tenant by name.

    Every implementation promises: an object is visible whole or not at all; after ``put`` returns, any process sees it;
    ``put`` never replaces.
    """

    async def put(self, name: str, data: bytes | bytearray) -> bool:
        """Store ``data``; False if the name was taken (nothing was written)."""
        ...

    async def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """Exactly ``length`` bytes at ``offset`` (None: to the end). Raises ``NotFound``; ``IntegrityError`` if shorter."""
        ...

    def names(self, prefix: str) -> AsyncIterator[tuple[str, int]]:
        """Names and sizes of the objects below ``prefix``, in order."""
        ...

    def listed(self, prefix: str) -> AsyncIterator[StoredObject]:
        """The objects below ``prefix``, in order of name, with all that a listing says of them."""
        ...

    async def delete(self, name: str, etag: str) -> Deletion:
        """Delete the object that has this ETag. Doing it twice, or much later than it was asked for, deletes no other one.

        Raises ``NoAccess`` where the identity may not delete at all.
        """
        ...

    async def kept_until(self, name: str) -> dt.datetime | None:
        """Until when an immutability policy of its own keeps an object; None if that is not known, or there is none."""
        ...

    def folders(self, prefix: str) -> AsyncIterator[str]:
        """What is between ``prefix`` and the next ``/`` in the names of objects, each once, in order."""
        ...

    async def remove(self) -> Deletion:
        """Delete the tenant's container with all that is in it; one that is gone is fine. REFUSED: a policy, a hold or a lease keeps it."""
        ...

    async def prepare(self) -> None:
        """Make the tenant's container; one that is already there is fine."""
        ...

    async def try_write(self) -> None:
        """Find out whether objects can be written, and leave nothing that anybody could see."""
        ...


class Vaults(Protocol):
    """The vaults of all tenants."""

    def tenants(self) -> AsyncIterator[str]:
        """Ids of the tenants that have one. Raises ``NoAccess`` if the identity may not list them."""
        ...

    def of(self, tenant_id: str) -> Vault:
        """The vault of one tenant."""
        ...
