"""Ways to tell people: webhooks and mail, and the secrets that sign."""

from collections.abc import Mapping
from typing import Protocol

from shared.core.alert_message import Mail


class WebhookSender(Protocol):
    """Posts to addresses that tenants have given, and that are not to be trusted."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Post JSON. Returns when the receiver has taken it: answered with 2xx within some seconds.

        Raises ``Retryable`` if it has not, ``Rejected`` if it will not: the address may not be used, or is gone for good.
        """
        ...


class MailSender(Protocol):
    """Sends mail."""

    async def send(self, mail: Mail) -> None:
        """Hand a message over to a server.

        Raises ``Retryable`` if it could not be, ``Rejected`` if it never can: no server is set up, or it refuses all recipients.
        """
        ...


class Secrets(Protocol):
    """Secrets that webhooks are signed with."""

    def signing_secret(self, name: str) -> str:
        """By the name of the credential. Raises ``InvalidInput`` if there is none, or it is for something else."""
