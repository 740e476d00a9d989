"""End the purge of tenants that have no shares left: the container goes, the audit is told, and last the rows go.

Each step may be repeated, by whoever comes first: the purge of the last share, the request that asked for it, or an upkeep. A crash in between leaves a tenant that is being purged.

The container goes with all that is in it, so it is looked at first. One that has objects of shares which the catalogue does not know stays, and the
tenant says why: their legal holds, too, are nothing that the catalogue knows of.
"""

import logging
from collections.abc import Callable

from shared.errors import BackupError, NotFound
from shared.ports.audit import Audit
from shared.ports.purges import Purges
from shared.ports.vault import Deletion, Vault
from shared.usecases.tombstone import tombstone

log = logging.getLogger(__name__)


async def finish_tenants(
    purges: Purges, vault_of: Callable[[str], Vault], audit: Audit, tenant_id: str | None = None
) -> None:
    """Do it for some, or for this one if it is such a tenant. One whose purge cannot end keeps no other from it."""
    for found_id, name, since, order in await purges.empty_tenants(tenant_id):
        try:
            trouble = await _in_the_way(vault_of(found_id))
            if trouble:
                await purges.trouble(found_id, trouble)
                continue
            await audit.write(tombstone(found_id, None, order, since, {"tenant_name": name}))
            await purges.forget_tenant(found_id)
        except BackupError as error:
            log.warning("tenant_not_purged_yet", extra={"tenant_id": found_id, "error": str(error)})


async def _in_the_way(vault: Vault) -> str:
    """Delete the container; why it is still there, empty if it is gone."""
    try:
        unknown = [folder async for folder in vault.folders("") if folder.isdecimal()]
    except NotFound:
        return ""
    if unknown:
        return (
            f"its container has objects of shares that the catalogue does not know: {', '.join(unknown[:10])}; hint: rebuild them, and"
            " purge them, or delete the container"
        )
    if await vault.remove() is Deletion.REFUSED:
        return "its container may not be deleted: an immutability policy, a legal hold or a lease keeps it; it is tried again"
    return ""
