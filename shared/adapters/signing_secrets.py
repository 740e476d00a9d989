"""Secrets that webhooks are signed with: credentials whose names say that they are for this.

A tenant names the credential of its channel. If any name would do, one tenant's webhooks could be signed with another's account key.
"""

import re
from collections.abc import Mapping
from typing import Final

from shared.errors import InvalidInput

PREFIX: Final = "webhook-"
LEAST_CHARS: Final = 16


class SigningSecrets:
    """Implements :class:`shared.ports.senders.Secrets` on the app's settings."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        """``secrets``: by name, as in the settings."""
        self._secrets = {_canonical(name): text for name, text in secrets.items()}

    def signing_secret(self, name: str) -> str:
        """See the port."""
        setting = f"AFB_CREDENTIAL_{_canonical(name)}"
        if not name.lower().startswith(PREFIX):
            raise InvalidInput(
                f"credential {name!r} is not for webhooks; expected a name that begins with {PREFIX}",
                field="credential",
            )
        secret = self._secrets.get(_canonical(name), "")
        if len(secret) < LEAST_CHARS:
            raise InvalidInput(
                f"credential {name!r} is not known here, or shorter than {LEAST_CHARS} characters; hint: define it with the"
                f" setting {setting}",
                field="credential",
            )
        return secret


def _canonical(name: str) -> str:
    return re.sub(r"[^0-9A-Z]", "_", name.upper())
