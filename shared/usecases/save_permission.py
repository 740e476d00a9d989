"""Put one security descriptor in the vault."""

from dataclasses import dataclass

import xxhash

from shared.errors import NoRight
from shared.model.objects import permission_name
from shared.usecases.patience import NODE_TROUBLE, patiently
from shared.usecases.scope import RunScope


@dataclass(frozen=True, slots=True)
class SavedPermission:
    """How it went."""

    error: str = ""
    """Why it could not be read; empty when it is in the vault."""
    checksum: int = 0
    """XXH3-64 of the object: nothing in it says whether it is as it was saved, so the catalogue does."""


async def save_permission(scope: RunScope, key: str) -> SavedPermission:
    """Store the SDDL behind ``key``.

    A name that is taken holds the same descriptor: the service derives keys from content.
    """
    reader = scope.reader
    assert reader is not None
    try:
        sddl = await patiently(lambda: reader.permission(key))
    except (*NODE_TROUBLE, NoRight) as error:  # some SAS read everything but permissions: the content is worth a run
        return SavedPermission(error=str(error))
    data = sddl.encode()
    await scope.vault.put(permission_name(scope.share.share_id, key), data)
    return SavedPermission(checksum=xxhash.xxh3_64_intdigest(data))
