"""What every client of Azure's SDK is made with here: no retries of its own, no logging of requests, our secrets.

The SDK waits 15 s and more after a single 503; its retries are switched off and :func:`repeated` puts ours around each call. Its
logging policy writes every request with headers at INFO, which the Functions host shows; it gets a logger that is silent.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential

from shared.adapters.backoff import Retry
from shared.adapters.credentials import AccountKey, Bearer, Sas, Secret
from shared.adapters.signing import SasSigner, account_of, refuse_plain_http
from shared.adapters.storage_http import CONNECT_S, SILENCE_S
from shared.adapters.translate import translated
from shared.errors import Retryable

T = TypeVar("T")

_QUIET: Final = logging.getLogger(__name__)
_QUIET.setLevel(logging.WARNING)


def options() -> dict[str, Any]:
    """Keyword arguments for any client."""
    return {
        "retry_total": 0,
        "logger": _QUIET,
        "connection_timeout": CONNECT_S,
        "read_timeout": SILENCE_S,
    }


def credential(secret: Secret, account_url: str) -> Any:
    """``secret`` as the SDK's clients take it."""
    refuse_plain_http(secret, account_url)
    match secret:
        case AccountKey():
            return AzureNamedKeyCredential(secret.account or account_of(account_url), secret.key)
        case Sas():
            return AzureSasCredential(SasSigner(secret).text)
        case Bearer():
            return secret.credential


async def repeated(what: str, attempt: Callable[[], Awaitable[T]], budget_s: float) -> T:
    """Await what ``attempt`` makes, again while it fails in a way that may pass; it must be safe to do twice."""
    retry = Retry(budget_s)
    while True:
        try:
            with translated(what):
                return await attempt()
        except Retryable as failure:
            await retry.wait(failure)
