"""The distinct texts of a FlatBuffer: others refer to them by number.

::

    text_bytes = the texts in UTF-8, one after another
    text_ends  = where each ends

Text 0 is the empty one and not in the list; text k is the k-th.
"""

from itertools import pairwise

from shared.formats import flat


class Texts:
    """Collects texts while a buffer is written."""

    def __init__(self) -> None:
        self._numbers = {"": 0}

    def number(self, text: str) -> int:
        """Return the number of ``text``, the same each time."""
        return self._numbers.setdefault(text, len(self._numbers))

    def pairs(self, named: tuple[tuple[str, str], ...]) -> list[int]:
        """Return two numbers for each name and value."""
        return [self.number(text) for pair in named for text in pair]

    def fields(self) -> tuple[flat.Field, flat.Field]:
        """Return ``text_bytes`` and ``text_ends``."""
        encoded = [text.encode() for text in self._numbers]
        ends: list[int] = []
        end = 0
        for text in encoded[1:]:
            end += len(text)
            ends.append(end)
        return flat.octets(b"".join(encoded)), flat.vector("I", ends)


def read(text_bytes: bytes, text_ends: list[int]) -> list[str]:
    """Return the texts by number.

    :raises ValueError: the ends do not ascend to the last byte.
    """
    ends = [0, *text_ends]
    if ends[-1] != len(text_bytes) or sorted(ends) != ends:
        raise ValueError(f"texts end at {ends[-1]} of {len(text_bytes)} bytes")
    return ["", *[text_bytes[start:end].decode() for start, end in pairwise(ends)]]


def paired(texts: list[str], numbers: list[int]) -> tuple[tuple[str, str], ...]:
    """Return names and values from the numbers that :meth:`Texts.pairs` gave."""
    return tuple((texts[name], texts[value]) for name, value in zip(numbers[::2], numbers[1::2], strict=True))
