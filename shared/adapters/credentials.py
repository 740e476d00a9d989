"""From the name of a credential to the secret behind it.

The catalogue knows names only. A name is looked up in the settings (``AFB_CREDENTIAL_<NAME>``: an account key, or a SAS); no
name, or ``managed-identity``, is the identity the process runs as. Secrets are never shown by ``repr``.
"""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shared.errors import InvalidInput

MANAGED_IDENTITY: Final = "managed-identity"
SETTING_PREFIX: Final = "AFB_CREDENTIAL_"


@dataclass(frozen=True, slots=True)
class AccountKey:
    """One of the two keys of a storage account, base64."""

    key: str = field(repr=False)
    account: str = ""
    """Name of the account; empty: as the account's URL says."""


@dataclass(frozen=True, slots=True)
class Sas:
    """A shared access signature: query parameters without the question mark."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bearer:
    """An identity that gets tokens; ``credential`` is any of azure-identity's asynchronous ones. Its maker closes it."""

    credential: Any = field(repr=False)


Secret = AccountKey | Sas | Bearer
KIND_OF_SECRET: Final[Mapping[type, str]] = {
    AccountKey: "an account key",
    Sas: "a shared access signature",
    Bearer: "the app's managed identity",
}
"""For people."""


class Credentials:
    """Resolves names of credentials; owns the process's identity."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        """``secrets`` maps names to account keys or SAS tokens.

        Names compare without case, and anything but letters and digits compares as ``_``: environment variables hold nothing else.
        """
        self._secrets = {_canonical(name): text for name, text in secrets.items()}
        self._identity: Bearer | None = None

    def resolve(self, name: str) -> Secret:
        """The secret behind ``name``.

        :raises InvalidInput: the settings do not define it, or what they say is neither a key nor a SAS.
        """
        if name in ("", MANAGED_IDENTITY):
            return self.identity()
        setting = SETTING_PREFIX + _canonical(name)
        text = self._secrets.get(_canonical(name), "").strip()
        if not text:
            raise InvalidInput(
                f"credential {name!r} is not known here; hint: define it with the setting {setting}"
                " (an account key, or a SAS token such as sv=...&sig=...), or leave the credential empty for managed identity",
                field="credential",
            )
        return secret_of(text, setting)

    def identity(self) -> Bearer:
        """The identity this process runs as; one for all, because it caches tokens."""
        if self._identity is None:
            from azure.identity.aio import DefaultAzureCredential  # with MSAL: a part of every cold start otherwise

            self._identity = Bearer(DefaultAzureCredential())
        return self._identity

    async def aclose(self) -> None:
        """Close the identity's connections."""
        if self._identity is not None:
            identity, self._identity = self._identity, None
            await identity.credential.close()


def secret_of(text: str, setting: str) -> AccountKey | Sas:
    """Tell an account key from a SAS.

    :raises InvalidInput: it is neither; the message names ``setting`` and does not show the value.
    """
    token = text.removeprefix("?")
    if re.search(r"(?:^|&)sig=", token):
        return Sas(token)
    try:
        if b64decode(text, validate=True):
            return AccountKey(text)
    except (Base64Error, ValueError):
        pass
    raise InvalidInput(
        f"setting {setting} is neither an account key (base64) nor a SAS token (sv=...&sig=...)", field=setting
    )


def _canonical(name: str) -> str:
    return re.sub(r"[^0-9A-Z]", "_", name.upper())
