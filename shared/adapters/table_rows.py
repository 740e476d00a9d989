"""What rows of Azure Tables are made of here: text that every protocol of the service can carry, and pages of answers.

Text is stored as it is, or, when it holds a character that XML (in which the service also speaks) cannot carry or begins with
``json:``, as ``json:`` and a JSON string. Longer text than a row can take is cut, which ``...`` at its end shows.
"""

import json
import re
from collections.abc import AsyncIterator
from typing import Any, Final

TEXT_CHARACTERS: Final = 2_500
"""Of a property. A path has at most 2,048; the service takes 32 Ki UTF-16 units, and escaping makes twelve of an emoji."""

_ESCAPED: Final = "json:"
_NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\r\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

Row = dict[str, Any]


def stored(text: str) -> str:
    """As a property keeps it."""
    if len(text) > TEXT_CHARACTERS:
        text = text[: TEXT_CHARACTERS - 3] + "..."
    if text.startswith(_ESCAPED) or _NOT_XML.search(text):
        return _ESCAPED + json.dumps(text)
    return text


def read(value: object) -> str:
    """The opposite of :func:`stored`; empty for a property that is missing."""
    text = str(value or "")
    return str(json.loads(text.removeprefix(_ESCAPED))) if text.startswith(_ESCAPED) else text


async def page_of(pages: AsyncIterator[Any]) -> tuple[list[Row], Any]:
    """The first page of a query's answer, and the token of the next."""
    rows: list[Row] = []
    async for page in pages:
        rows = [dict(row) async for row in page]
        break
    return rows, getattr(pages, "continuation_token", None)
