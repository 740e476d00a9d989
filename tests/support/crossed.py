"""All pairs of two lists as parameters of a test, of which the suite tries a sample."""

from collections.abc import Sequence
from typing import Any

import pytest


def crossed(rows: Sequence[Any], columns: Sequence[Any]) -> list[Any]:
    """Every row with every column: as many as it takes for each to be there once are in the suite, the others in the torture."""
    sample = {(number % len(rows), number % len(columns)) for number in range(max(len(rows), len(columns)))}
    return [
        pytest.param(row, column, marks=() if (at, place) in sample else pytest.mark.torture)
        for at, row in enumerate(rows)
        for place, column in enumerate(columns)
    ]
