"""User metadata: x-ms-meta-* headers in the case they were sent in."""

import re

from localdev.files_emulator.errors import ServiceError
from localdev.files_emulator.messages import Request
from localdev.files_emulator.tree import Metadata

PREFIX = "x-ms-meta-"
MAX_BYTES = 8 * 1024  # names and values together; the Blob rule, believed to hold for Files

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def metadata_of(request: Request) -> Metadata:
    """Return the metadata a request carries.

    The header ``x-ms-meta`` without a name, which one SDK sends by mistake, is not metadata.

    :raises ServiceError: a name is empty, not an identifier or there twice (case does not tell names apart), a value
        could not be put into XML, or it is all too much.
    """
    found: list[tuple[str, str]] = []
    seen: set[str] = set()
    total = 0
    for name, value in request.raw_headers:
        lower = name.lower()
        if not lower.startswith(PREFIX):
            continue
        if lower == PREFIX:
            raise ServiceError("EmptyMetadataKey")
        if not _IDENTIFIER.fullmatch(name[len(PREFIX) :]) or lower in seen or any(c < " " and c != "\t" for c in value):
            raise ServiceError("InvalidMetadata")
        seen.add(lower)
        total += len(name) - len(PREFIX) + len(value)
        found.append((name[len(PREFIX) :], value))
    if total > MAX_BYTES:
        raise ServiceError("MetadataTooLarge")
    return tuple(found)


def headers_of(metadata: Metadata) -> list[tuple[str, str]]:
    """Return the response headers that carry ``metadata``."""
    return [(PREFIX + name, value) for name, value in metadata]
