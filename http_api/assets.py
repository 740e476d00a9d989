"""``/static/...``: what the pages need beside themselves. All of it is here; nothing is loaded from anywhere else.

Pages name a file with a hash of its content in it, so a browser keeps it for good and asks for the next one by its own name. By its plain
name it is had, too, with an ETag.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from http_api.call import Answer, Call
from http_api.conditions import has_it
from http_api.encoding import LEAST_BYTES, gzipped, takes_gzip
from shared.errors import NotFound

_FILES: Final = Path(__file__).resolve().parents[1] / "web_static"
_MEDIA: Final[Mapping[str, str]] = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".woff2": "font/woff2",
}
_PACKED: Final = frozenset({".woff2"})
"""What is compressed already."""
_HASH_DIGITS: Final = 12
_FOR_GOOD: Final = "public, max-age=31536000, immutable"
_ASK_AGAIN: Final = "no-cache"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent."""

    content: bytes
    smaller: bytes | None
    """The same by gzip, if that is smaller."""
    media: str
    digest: str
    hashed_name: str


@cache
def _assets() -> dict[str, Asset]:
    """Every file by its name. Read once: they change with a deployment only."""
    found: dict[str, Asset] = {}
    # Style sheets last: they name others, and must name them as pages do, or a browser fetches a font twice.
    for path in sorted(_FILES.iterdir(), key=lambda path: (path.suffix == ".css", path.name)):
        content = path.read_bytes()
        if path.suffix == ".css":
            for name, asset in found.items():
                content = re.sub(
                    rb"url\(\"?%b\"?\)" % re.escape(name.encode()), b"url(%b)" % asset.hashed_name.encode(), content
                )
        digest = hashlib.sha256(content).hexdigest()[:_HASH_DIGITS]
        found[path.name] = Asset(
            content=content,
            smaller=gzipped(content) if path.suffix not in _PACKED and len(content) > LEAST_BYTES else None,
            media=_MEDIA[path.suffix],
            digest=digest,
            hashed_name=f"{path.stem}.{digest}{path.suffix}",
        )
    return found


@cache
def _by_hash() -> dict[str, Asset]:
    return {asset.hashed_name: asset for asset in _assets().values()}


def asset_url(name: str) -> str:
    """Where pages find a file."""
    return f"/static/{_assets()[name].hashed_name}"


async def static_file(call: Call) -> Answer:
    """Answer with a static file, or 304 if the caller has it."""
    name = call.word("name")
    lasting = _by_hash().get(name)
    asset = lasting or _assets().get(name)
    if asset is None:
        raise NotFound(f"there is no static file {name!r}")
    etag = f'"{asset.digest}"'
    headers = {
        # Weak: by gzip or not, it is the same.
        "ETag": f"W/{etag}",
        "Cache-Control": _FOR_GOOD if lasting else _ASK_AGAIN,
        "Vary": "Accept-Encoding",
    }
    if has_it(call.headers.get("if-none-match", ""), etag):
        return Answer(status=304, headers=headers)
    if asset.smaller is not None and takes_gzip(call.headers):
        return Answer(body=asset.smaller, media=asset.media, headers={**headers, "Content-Encoding": "gzip"})
    return Answer(body=asset.content, media=asset.media, headers=headers)
