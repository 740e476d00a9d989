"""Synthetic trees of any size, directory by directory in constant memory, for measuring the catalogue.

Four profiles, each the same on every machine for a seed:

``office``  a company's share: heavy-tailed files per directory (mean 10.4), names of 20.3 characters on average in four
            styles (camera, invoices, words, hexadecimal), log-normal sizes (median 22 KB), times clustered per directory
``photos``  120 pictures per directory, numbered by the camera, 2 to 12 MB
``deep``    2 files per directory, chains of 40 directories
``flat``    one directory that holds everything

Hashes are random: nothing compresses them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_SYLLABLES = (
    "an",
    "be",
    "co",
    "de",
    "ex",
    "fi",
    "ga",
    "ho",
    "in",
    "ju",
    "ka",
    "lo",
    "me",
    "no",
    "or",
    "pa",
    "qu",
    "re",
    "so",
    "ti",
    "un",
    "vo",
    "wi",
    "xe",
    "yo",
    "za",
    "tion",
    "ment",
    "port",
    "ing",
    "al",
    "er",
)
_EXTENSIONS = ("pdf", "docx", "xlsx", "jpg", "png", "txt", "csv", "dwg", "msg", "zip", "pptx", "log", "xml", "json")
_BLOCK = 1024  # directories whose numbers are drawn at once
_FLAT_STEP = 65_536  # files of one directory whose numbers are drawn at once: some 40 MB as rows
_WORDS = 4000
_FIRST_MTIME, _LAST_MTIME = 1_200_000_000, 1_750_000_000
_MTIME_SPREAD_S = 2_000_000

ROOT_NO = 1


@dataclass(frozen=True, slots=True)
class Files:
    """Files of one directory, sorted by code point of name, each name once; the arrays are parallel to ``names``."""

    names: list[str]
    sizes: NDArray[np.int64]
    mtimes: NDArray[np.int64]
    hashes: NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Directory:
    """One directory; ``parent_no`` is 0 for the root, and less than ``number`` for all others."""

    number: int
    parent_no: int
    name: str
    mtime: int
    files: Files
    """All of its files, or the next piece of them."""
    file_count: int
    """Of all pieces."""


def office(files: int, seed: int) -> Iterator[Directory]:
    """Yield about ``files`` files: the tree that the bytes-per-file target refers to."""
    rng = np.random.default_rng(seed)
    words = _words(rng)
    number, made = ROOT_NO, 0
    while made < files:
        counts = office_counts(rng, _BLOCK)
        styles = rng.integers(0, 4, _BLOCK).tolist()
        extensions = rng.integers(0, len(_EXTENSIONS), _BLOCK).tolist()
        bases = rng.integers(_FIRST_MTIME, _LAST_MTIME, _BLOCK)
        parents = rng.random(_BLOCK).tolist()
        for i, count in enumerate(counts.tolist()):
            names = sorted(set(_office_names(rng, words, styles[i], _EXTENSIONS[extensions[i]], count)))
            sizes = np.exp(rng.normal(10, 2.5, len(names))).astype(np.int64)
            mtime = int(bases[i])
            # Each directory hangs below one that came well before it: many subdirectories near the root, few below.
            d = number - ROOT_NO
            low, high = max(0, d // 8 - 50), max(1, d // 2 + 1)
            parent_no = 0 if d == 0 else ROOT_NO + (0 if d == 1 else low + int(parents[i] * (high - low)))
            name = f"{words[d % _WORDS]}{d % 97}" if d else ""
            yield Directory(number, parent_no, name, mtime, _files(rng, names, sizes, mtime), len(names))
            number += 1
            made += len(names)
            if made >= files:
                return


def office_counts(rng: np.random.Generator, directories: int) -> NDArray[np.int64]:
    """How many files so many directories have: a few have thousands, most a handful."""
    return np.minimum(rng.pareto(1.25, directories) * 3.2, 20_000).astype(np.int64)


def _office_names(rng: np.random.Generator, words: list[str], style: int, extension: str, count: int) -> list[str]:
    if style == 0:
        shots = rng.integers(0, 99_999_999, count).tolist()
        return [f"IMG_{20150000 + shot // 10000:08d}_{shot % 1000000:06d}.jpg" for shot in shots]
    if style == 1:
        start = int(rng.integers(0, 99_999))
        return [f"Invoice-{2010 + start % 16}-{number:06d}.pdf" for number in range(start, start + count)]
    if style == 2:
        rows = rng.integers(0, _WORDS, (count, 3)).tolist()
        return [f"{words[a]} {words[b]} {c}.{_EXTENSIONS[c % 14]}" for a, b, c in rows]
    return [f"{number:010x}.{extension}" for number in rng.integers(0, 1 << 40, count).tolist()]


def photos(files: int, seed: int) -> Iterator[Directory]:
    """Yield ``files`` pictures, 120 to a directory, the directories in years below the root."""
    rng = np.random.default_rng(seed)
    yield Directory(ROOT_NO, 0, "", _FIRST_MTIME, _no_files(), 0)
    number, made, year_no, year = ROOT_NO + 1, 0, 0, 0
    while made < files:
        if (number - ROOT_NO) % 400 == 1:
            year_no, year = number, year + 1
            yield Directory(number, ROOT_NO, f"Archive {year:04d}", _FIRST_MTIME, _no_files(), 0)
            number += 1
        count = min(120, files - made)
        mtime = int(rng.integers(_FIRST_MTIME, _LAST_MTIME))
        first = int(rng.integers(0, 9_000_000))
        names = [f"DSC{shot:07d}.jpg" for shot in range(first, first + count)]
        sizes = rng.integers(2_000_000, 12_000_000, count)
        name = f"{number % 366:03d}-{number:06d}"
        yield Directory(number, year_no, name, mtime, _files(rng, names, sizes, mtime, 86_400), count)
        number += 1
        made += count


def deep(files: int, seed: int) -> Iterator[Directory]:
    """Yield ``files`` files, 2 to a directory, in chains of 40 directories below the root."""
    rng = np.random.default_rng(seed)
    words = _words(rng)
    yield Directory(ROOT_NO, 0, "", _FIRST_MTIME, _no_files(), 0)
    number, made = ROOT_NO + 1, 0
    while made < files:
        d = number - ROOT_NO - 1
        parent_no = ROOT_NO if d % 40 == 0 else number - 1
        count = min(2, files - made)
        mtime = int(rng.integers(_FIRST_MTIME, _LAST_MTIME))
        names = sorted(f"{words[w]}-{i}.txt" for i, w in enumerate(rng.integers(0, _WORDS, count).tolist()))
        sizes = np.exp(rng.normal(10, 2.5, count)).astype(np.int64)
        yield Directory(
            number, parent_no, f"{words[d % _WORDS]}{d}", mtime, _files(rng, names, sizes, mtime), len(names)
        )
        number += 1
        made += count


def flat(files: int, seed: int) -> Iterator[Directory]:
    """Yield one directory with ``files`` files, in pieces of the same directory, in name order."""
    rng = np.random.default_rng(seed)
    for start in range(0, files, _FLAT_STEP):
        count = min(_FLAT_STEP, files - start)
        names = [f"scan-{number:010d}.tif" for number in range(start, start + count)]
        sizes = np.exp(rng.normal(10, 2.5, count)).astype(np.int64)
        yield Directory(ROOT_NO, 0, "", _FIRST_MTIME, _files(rng, names, sizes, _FIRST_MTIME), files)


PROFILES: dict[str, Callable[[int, int], Iterator[Directory]]] = {
    "office": office,
    "photos": photos,
    "deep": deep,
    "flat": flat,
}


def _words(rng: np.random.Generator) -> list[str]:
    lengths = rng.integers(2, 4, _WORDS)
    syllables = [_SYLLABLES[s] for s in rng.integers(0, len(_SYLLABLES), int(lengths.sum())).tolist()]
    ends = [0, *np.cumsum(lengths).tolist()]
    return ["".join(syllables[a:b]) for a, b in pairwise(ends)]


def _no_files() -> Files:
    return Files([], np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint64))


def _files(
    rng: np.random.Generator, names: list[str], sizes: NDArray[np.int64], mtime: int, spread_s: int = _MTIME_SPREAD_S
) -> Files:
    count = len(names)
    mtimes = (mtime + np.abs(rng.normal(0, spread_s, count))).astype(np.int64)
    hashes = rng.integers(0, 2**64, count, dtype=np.uint64)
    return Files(names, sizes, mtimes, hashes)
