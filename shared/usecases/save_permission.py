"""Put one security descriptor in the vault."""

from shared.errors import NoRight
from shared.model.objects import permission_name
from shared.usecases.patience import NODE_TROUBLE, patiently
from shared.usecases.scope import RunScope


async def save_permission(scope: RunScope, key: str) -> str:
    """Store the SDDL behind ``key``; returns why it could not be read, or ``""``.

    A name that is taken holds the same descriptor: the service derives keys from content.
    """
    reader = scope.reader
    assert reader is not None
    try:
        sddl = await patiently(lambda: reader.permission(key))
    except (*NODE_TROUBLE, NoRight) as error:  # some SAS read everything but permissions: the content is worth a run
        return str(error)
    await scope.vault.put(permission_name(scope.share.share_id, key), sddl.encode())
    return ""
