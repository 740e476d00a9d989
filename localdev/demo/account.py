"""An Azure Files account, by its key, and clients of the SDK for it."""

from dataclasses import dataclass
from typing import Any

from azure.storage.fileshare import ShareClient
from azure.storage.fileshare.aio import ShareClient as AsyncShareClient

# One 503 would stall the SDK's own policy for 15 seconds and more.
_RETRY = {"retry_total": 6, "initial_backoff": 1, "increment_base": 2}
_NAMES = {"allow_trailing_dot": True, "allow_source_trailing_dot": True}
# Asking the environment for a proxy costs a thread's turn per request.
_TRANSPORT = {"use_env_settings": False}
_LARGE_GET_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where an account is and how to get in.  Crosses process boundaries."""

    url: str
    name: str
    key: str

    def share(self, name: str, snapshot: str | None = None) -> ShareClient:
        """Return a client for a share, or for a share snapshot of it; the caller closes it."""
        return ShareClient(self.url, name, snapshot=snapshot, **self._options())

    def async_share(self, name: str, snapshot: str | None = None) -> AsyncShareClient:
        """Return the same for ``async`` code."""
        return AsyncShareClient(self.url, name, snapshot=snapshot, **self._options())

    def _options(self) -> dict[str, Any]:
        credential = {"account_name": self.name, "account_key": self.key}
        return {"credential": credential, "max_chunk_get_size": _LARGE_GET_BYTES, **_RETRY, **_NAMES, **_TRANSPORT}
