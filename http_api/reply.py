"""What goes out: status, bytes and headers, as they are sent and as they are kept to be sent again."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import azure.functions as func


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer in bytes."""

    status: int
    body: bytes = b""
    media: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> func.HttpResponse:
        """As Functions takes it."""
        return func.HttpResponse(
            self.body, status_code=self.status, headers=dict(self.headers), mimetype=self.media or None
        )
