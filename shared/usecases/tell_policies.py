"""Tell the vault which policies shares have, where that has changed.

Order: the catalogue says it counts, then the vault is told, an object for each share and change; then that it was. A crash in between leaves a share of which
the vault knows the policy of before, until the next look a minute later. (The other way round a catalogue made of the vault could have a share
pruned by a policy that was never given to it.) Who tells the same twice writes the same object.
"""

from collections.abc import Callable
from typing import Final

from shared.errors import BackupError
from shared.formats import policy_event
from shared.model.objects import policy_name
from shared.ports.retention import Retentions, UntoldPolicy
from shared.ports.vault import Vault
from shared.usecases.together import together

AT_ONCE: Final = 16
AT_MOST: Final = 1_000
"""Shares in one go: a policy of a thousand shares that is changed is told in some seconds. The rest is for the next look."""


async def tell_policies(retentions: Retentions, vault_of: Callable[[str], Vault], share_id: int | None = None) -> int:
    """Tell of some shares whose policy the vault does not know, or of this one; how many were told.

    :raises BackupError: of some it could not be told; of all others it was.
    """
    untold = await retentions.untold_policies(AT_MOST, share_id)
    failed: list[BackupError] = []

    async def tell(one: UntoldPolicy) -> None:
        try:
            await vault_of(one.tenant_id).put(policy_name(one.share_id, one.said.number), policy_event.encode(one.said))
            await retentions.policy_told(one.share_id, one.said.number)
        except BackupError as error:
            failed.append(error)

    for start in range(0, len(untold), AT_ONCE):
        await together(tell(one) for one in untold[start : start + AT_ONCE])
    if failed:
        raise failed[0]
    return len(untold)
