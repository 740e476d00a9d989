"""ETags and the conditions of requests (RFC 9110, 13). An ETag is a hash of the model that is answered, so it needs no column."""

import hashlib
from typing import Final

from pydantic import BaseModel

from http_api.problems import CHANGED, Refusal

_HEX: Final = 32


def tag_of(content: bytes) -> str:
    """The strong ETag of bytes."""
    return f'"{hashlib.blake2b(content, digest_size=_HEX // 2).hexdigest()}"'


def etag_of(shown: BaseModel) -> str:
    """The strong ETag of what is answered."""
    return tag_of(shown.model_dump_json(by_alias=True).encode("utf-8"))


def has_it(if_none_match: str, etag: str) -> bool:
    """Whether whoever asks has this state already."""
    return etag in [tag.removeprefix("W/") for tag in _tags(if_none_match)] or if_none_match.strip() == "*"


def check_match(if_match: str, shown: BaseModel) -> None:
    """:raises Refusal: the present state is none of those that a change was asked of."""
    etag = etag_of(shown)
    if if_match.strip() != "*" and etag not in _tags(if_match):
        raise Refusal(
            CHANGED,
            f"If-Match is {if_match[:200]!r}, and the present state has the ETag {etag}; hint: read it again, and change that",
            headers={"ETag": etag},
        )


def _tags(header: str) -> list[str]:
    return [tag.strip() for tag in header.split(",")]
