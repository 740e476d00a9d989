"""What to do when a share cannot be reached as it must be: the missing role, network rule or share, by its name.

By what the service said first, because that names the cause; else by what was tried.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from shared.errors import BackupError, NoAccess, Retryable, ShareGone


class Step(StrEnum):
    """What a connection test tries, in this order."""

    CREDENTIAL = "credential"
    """The credential has a secret behind it, or is the app's identity."""
    SHARE = "share"
    """The share is there, and its properties may be read."""
    LIST = "list"
    """The root can be listed."""
    PERMISSION = "permission"
    """The security descriptor of the root can be read."""
    SNAPSHOT = "snapshot"
    """A share snapshot can be taken and deleted: it is what a backup reads from."""
    VAULT = "vault"
    """Objects can be written to the tenant's container."""


NEEDED_FOR: Final[Mapping[Step, tuple[Step, ...]]] = {
    Step.SHARE: (Step.CREDENTIAL,),
    Step.LIST: (Step.SHARE,),
    Step.PERMISSION: (Step.LIST,),
    Step.SNAPSHOT: (Step.SHARE,),
}
"""What must have gone well before a step says anything that is not known already."""

_READER: Final = "Storage File Data Privileged Reader"
_SNAPSHOTS: Final = (
    "the role that infra/bicep/source.bicep makes, or another one with fileServices/shares/read, /write and /delete on the account"
    " (Storage Account Contributor has them, and may read the account's keys as well)"
)
_BY_CODE: Final[Mapping[str, str]] = {
    "ShareNotFound": "create the share, or give its name as it is written in the portal",
    "ShareBeingDeleted": "the share is being deleted: undelete it in the portal, if soft delete is on",
    "AccountIsDisabled": "the storage account is disabled, which Azure does when the subscription is: see to that",
    "AuthenticationFailed": "the account key or SAS is wrong or has expired: put the new one into the setting of the credential",
    "AuthorizationFailure": "network rule: add this app's subnet, address or private endpoint to the account's firewall; or shared"
    " keys are disabled for the account: use the managed identity",
    "AuthorizationSourceIPMismatch": "network rule: the SAS does not admit this app's address: make one that does",
    "AuthorizationProtocolMismatch": "the SAS is for https: give the account's address with https",
    "AuthorizationServiceMismatch": "the SAS is for another service: make an account SAS with ss=f",
    "AuthorizationResourceTypeMismatch": "the SAS lacks resource types: make an account SAS with srt=sco",
    "KeyBasedAuthenticationNotPermitted": "shared keys are disabled for the account: leave the credential empty, and give the app's"
    f" identity the role {_READER}",
    "FileOAuthManagementApiRestrictedToSrp": "the account lets identities manage shares through Azure Resource Manager only:"
    " use an account key or an account SAS as credential",
    "ResourceNotFound": "the address is that of another account or service: expected https://<account>.file.core.windows.net",
}
_BY_STEP: Final[Mapping[Step, str]] = {
    Step.CREDENTIAL: "define the setting that the message names, or leave the credential empty for the managed identity",
    Step.SHARE: f"role: for the share's properties and snapshots give the identity {_SNAPSHOTS}; of a SAS, srt=sco and sp=rl",
    Step.LIST: f"role: give the identity {_READER} on the account or the share; of a SAS, sp=rl",
    Step.PERMISSION: f"role: give the identity {_READER} on the account or the share; of a SAS, sp=r",
    Step.SNAPSHOT: f"role: give the identity {_SNAPSHOTS}; a SAS must be an account SAS with srt=sco and sp=rwdlc",
    Step.VAULT: "role: give the app's identity Storage Blob Data Contributor on the vault's account, and let its firewall admit the app",
}
_UNREACHED: Final = (
    "network: the address does not answer. Look at the account's name, its DNS record (private endpoint) and whether outbound"
    " traffic is allowed"
)
_FULL: Final = (
    "the share has 200 share snapshots, which is Azure's limit: delete some, or shorten the retention of Azure Backup"
)
_CODE: Final = re.compile(r"\b[A-Z][a-z]+(?:[A-Z][A-Za-z]*)+\b")


def advise(step: Step, error: BackupError) -> str:
    """What to do about ``error`` at ``step``; never empty."""
    code = str(getattr(error, "code", ""))
    for word in (code, *_CODE.findall(str(error))):
        if word in _BY_CODE:
            return _BY_CODE[word]
    if code == "ShareSnapshotCountExceeded":
        return _FULL
    if isinstance(error, ShareGone):
        return _BY_CODE["ShareNotFound"]
    if isinstance(error, Retryable) or (isinstance(error, NoAccess) and not code and step is not Step.CREDENTIAL):
        return _UNREACHED if step is not Step.VAULT else f"{_UNREACHED}; or {_BY_STEP[step]}"
    return _BY_STEP[step]
