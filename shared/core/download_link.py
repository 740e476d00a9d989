"""A link by which something may be downloaded for a while by whoever has it: what, until when, and a signature.

::

    link    = payload "." signature                base64url, without padding
    payload = deflated JSON

The API makes one for a caller who may, and the download server, which knows nothing of callers, serves it. Nothing in it is secret.
"""

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import json
import zlib
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

from shared.errors import Denied, InvalidInput
from shared.model.restore import Selection

LIFE: Final = dt.timedelta(hours=1)
"""In which a download must begin; it may then take as long as it takes."""
LENGTH_MAX: Final = 6_000
"""Servers and what is in front of them take some 8 KB for the first line of a request."""
_PAYLOAD_MAX: Final = 4_000_000


class Form(StrEnum):
    """What is handed out."""

    ZIP = "zip"
    TAR = "tar"
    FILE = "file"
    """One file as it is: the one path of the selection."""
    CSV = "csv"
    """The latest tree, or what is below the one path of the selection, as a table."""
    PARQUET = "parquet"
    """The same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadLink:
    """What a link is for."""

    tenant_id: str
    share_id: int
    run_no: int
    """The restore point; 0 for a table."""
    form: Form
    selection: Selection
    until: dt.datetime


def sign(link: DownloadLink, key: str) -> str:
    """The link as text. :raises InvalidInput: its selection is too long."""
    wire = {
        **asdict(link),
        "form": link.form.value,
        "selection": link.selection.to_wire(),
        "until": link.until.timestamp(),
    }
    payload = _text(zlib.compress(json.dumps(wire).encode(), 9))
    if len(payload) > LENGTH_MAX:
        raise InvalidInput(
            f"selection makes a link of {len(payload)} characters; expected at most {LENGTH_MAX}. hint: name directories"
            " instead of the files in them",
            field="selection",
        )
    return f"{payload}.{_text(_signature(payload, key))}"


def verify(text: str, key: str, now: dt.datetime) -> DownloadLink:
    """The link behind ``text``. :raises Denied: not one of ours, or too old."""
    payload, _, signature = text.partition(".")
    try:
        given = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    except (binascii.Error, ValueError):
        given = b""
    if not payload.isascii() or not hmac.compare_digest(given, _signature(payload, key)):
        raise Denied("this link was not made here, or was changed; hint: ask the API for a new one")
    packed = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    wire = json.loads(zlib.decompressobj().decompress(packed, _PAYLOAD_MAX))
    until = dt.datetime.fromtimestamp(wire.pop("until"), dt.UTC)
    if now > until:
        raise Denied(f"this link was good until {until:%Y-%m-%d %H:%M} UTC; hint: ask the API for a new one")
    wire["form"], wire["selection"] = Form(wire["form"]), Selection.from_wire(wire["selection"])
    return DownloadLink(until=until, **wire)


def _signature(payload: str, key: str) -> bytes:
    return hmac.digest(key.encode(), b"azure-files-backup download " + payload.encode(), hashlib.sha256)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
