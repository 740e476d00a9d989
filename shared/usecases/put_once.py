"""Store an object whose name an earlier try may have taken."""

from shared.errors import IntegrityError
from shared.ports.vault import Vault


async def put_once(vault: Vault, name: str, data: bytes) -> None:
    """Store ``data`` under ``name``, or find exactly that there.

    :raises IntegrityError: the name is taken by other bytes.
    """
    if not await vault.put(name, data) and await vault.get(name) != data:
        raise IntegrityError(f"{name}: the vault holds other bytes than this run would write")
