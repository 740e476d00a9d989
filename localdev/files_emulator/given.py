"""What a request gives a file: its bytes, its size, its content headers."""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import md5

from localdev.files_emulator import crc64, structured
from localdev.files_emulator.errors import ServiceError, bad_header
from localdev.files_emulator.messages import Request
from localdev.files_emulator.ranges import MAX_WRITE_BYTES
from localdev.files_emulator.tree import DEFAULT_CONTENT_TYPE, ContentHeaders

MAX_FILE_BYTES = 4 * 1024**4

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_SAS_OVERRIDES = {
    "Cache-Control": "rscc",
    "Content-Disposition": "rscd",
    "Content-Encoding": "rsce",
    "Content-Language": "rscl",
    "Content-Type": "rsct",
}


@dataclass(frozen=True, slots=True)
class Body:
    """What a request writes, and the headers with which its answer says that it was checked."""

    data: bytes
    told: tuple[tuple[str, str], ...] = ()


def checked_body(request: Request) -> Body:
    """Return what a request's body carries, held against the checksums that came with it.

    :raises ServiceError: it is longer than one write may be, or is not what a checksum says.
    """
    headers, data = request.headers, request.body
    told: list[tuple[str, str]] = []
    if not request.body_dropped and structured.is_asked(headers):
        data = structured.unwrapped(headers, data)
        told.append((structured.HEADER, headers[structured.HEADER]))
    if request.body_dropped or len(data) > MAX_WRITE_BYTES:
        raise ServiceError("RequestBodyTooLarge", MaxLimit=str(MAX_WRITE_BYTES))
    if "x-ms-content-crc64" in headers:
        crc64.check("x-ms-content-crc64", headers["x-ms-content-crc64"], data)
        told.append(("x-ms-content-crc64", headers["x-ms-content-crc64"]))
    sent = headers.get("content-md5", "")
    if sent:
        _check_md5("Content-MD5", sent)
        digest = b64encode(md5(request.body, usedforsecurity=False).digest()).decode()
        if digest != sent:
            raise ServiceError("Md5Mismatch", UserSpecifiedMd5=sent, ServerCalculatedMd5=digest)
        told.append(("Content-MD5", digest))
    return Body(data, tuple(told))


def asked_size(headers: Mapping[str, str]) -> int | None:
    """Return the file size a request names, ``None`` if it does not."""
    text = headers.get("x-ms-content-length")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise bad_header("x-ms-content-length", text)
    if int(text) > MAX_FILE_BYTES:
        raise ServiceError("OutOfRangeInput", HeaderName="x-ms-content-length")
    return int(text)


def first_content_headers(headers: Mapping[str, str]) -> ContentHeaders:
    """Return the content headers of a new file: as recorded, the type of the request's body stands in for its own."""
    return content_headers(headers, content_text(headers, "content-type") or DEFAULT_CONTENT_TYPE)


def content_headers(headers: Mapping[str, str], default_type: str = "") -> ContentHeaders:
    """Return the content headers a request sets; those it does not mention are cleared, and so is the type."""
    digest = headers.get("x-ms-content-md5", "")
    if digest:
        _check_md5("x-ms-content-md5", digest)
    return ContentHeaders(
        content_text(headers, "x-ms-content-type") or default_type,
        content_text(headers, "x-ms-content-encoding"),
        content_text(headers, "x-ms-content-language"),
        content_text(headers, "x-ms-cache-control"),
        content_text(headers, "x-ms-content-disposition"),
        digest,
    )


def content_text(headers: Mapping[str, str], name: str) -> str:
    """Return what a request sets a content header to, empty if it does not.

    :raises ServiceError: it has control characters, with which no client would take it back.
    """
    text = headers.get(name)
    if not text:
        return ""
    if _CONTROL.search(text):
        raise bad_header(name, text)
    return text


def _check_md5(name: str, text: str) -> None:
    try:
        valid = len(b64decode(text, validate=True)) == 16
    except (Base64Error, ValueError):
        valid = False
    if not valid:
        raise ServiceError("InvalidMd5", HeaderName=name)


def overridden(headers: list[tuple[str, str]], query: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return ``headers`` with those replaced that a service SAS prescribes."""
    wanted = {
        name: query[parameter]
        for name, parameter in _SAS_OVERRIDES.items()
        if query.get(parameter) and query[parameter].isprintable()
    }
    return [*((name, value) for name, value in headers if name not in wanted), *wanted.items()]
