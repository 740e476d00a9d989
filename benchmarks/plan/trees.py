"""Directories as the office profile has them, a thousand to a row, with what changes in a day.

A row is what a batch lists. A million directories are drawn once; a run of a billion goes through them again and again, so that its sums are those
of the sample.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.catalogue.trees import office_counts
from shared.core.cost import BATCH_DIRECTORIES
from shared.core.sizing import CHURN_SHAPE, LIST_ENTRIES

ROWS: Final = 1_024
MEAN: Final = 10.9
"""Files to a directory of the office profile."""

Numbers = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """By row, each of :data:`BATCH_DIRECTORIES` directories."""

    files: Numbers
    lists: Numbers
    changed: Numbers
    """Files, in a day."""
    touched: Numbers
    """Directories in which they are."""


@cache
def rows(files_per_directory: float, changed_part: float, seed: int) -> Rows:
    """Draw the rows. ``changed_part`` of all files change in a day, at a rate of each directory's own."""
    rng = np.random.default_rng(seed)
    counts = office_counts(rng, ROWS * BATCH_DIRECTORIES).astype(np.float64)
    # The sample has the mean that was asked for, whatever the seed, so that as many files are as many directories in every run.
    counts = np.floor(counts * files_per_directory / counts.mean() + rng.random(len(counts)))
    rates = rng.gamma(CHURN_SHAPE, changed_part / CHURN_SHAPE, len(counts))
    changed = np.minimum(rng.poisson(counts * rates), counts)
    lists = np.maximum(1, np.ceil(counts / LIST_ENTRIES))
    return Rows(*(_by_row(one) for one in (counts, lists, changed, (changed > 0).astype(np.float64))))


def _by_row(directories: Numbers) -> Numbers:
    total: Numbers = directories.reshape(ROWS, BATCH_DIRECTORIES).sum(axis=1)
    return total
