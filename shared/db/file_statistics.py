"""What kinds of files a share has: by ending, age and size, of all of them or of a sample; and which agree.

Nothing of it is kept: it is unpacked from the pages, two to five microseconds a file (a regular expression for the ending would be five
more). Of a large share a sample of its pages stands for all. Postgres knows at which page ids the tree can be cut into equal parts
(``pg_stats``, from its last ANALYZE); from places within each part some neighbouring pages are read by the index, so a page is about as
likely as any other, in a directory of a million files as in a million directories.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, LiteralString

import psycopg

from shared.db.pages import choose_share
from shared.db.pool import Connection

AGES_S: Final = tuple(
    round(days * 86_400) for days in (0, 30, 90, 365.25, 2 * 365.25, 3 * 365.25, 5 * 365.25, 10 * 365.25)
)
"""Where classes of age begin; before the first: times to come."""
SIZES: Final = (1, 4 << 10, 64 << 10, 1 << 20, 16 << 20, 256 << 20, 4 << 30)
"""Where classes of size begin; before the first: empty files."""
ENDINGS_SHOWN: Final = 15
_TOGETHER: Final = 5
"""Neighbouring pages that are read from one place."""

_BOUNDS: Final[LiteralString] = """
    SELECT histogram_bounds::text::bigint[] FROM pg_stats WHERE schemaname = 'public' AND tablename = %s AND attname = 'page_id'
"""
_ENDS: Final[LiteralString] = """
    SELECT (SELECT page_id FROM page WHERE share_id = %(share_id)s ORDER BY page_id LIMIT 1),
           (SELECT page_id FROM page WHERE share_id = %(share_id)s ORDER BY page_id DESC LIMIT 1)
"""
_ALL_PAGES: Final[LiteralString] = "SELECT name, size, mtime FROM files_within(0, 9223372036854775807)"
# No page twice: each place ends where the next begins.
_SOME_PAGES: Final[LiteralString] = """
    SELECT f.name, f.size, f.mtime
      FROM unnest(%(places)s::int8[], %(following)s::int8[]) AS place (at, before)
     CROSS JOIN LATERAL (
               SELECT min(page_id) AS first, max(page_id) AS last
                 FROM (
                          SELECT page_id FROM page
                           WHERE share_id = %(share_id)s AND page_id >= place.at AND page_id < place.before
                           ORDER BY page_id LIMIT %(together)s
                      ) AS p
           ) AS r
     CROSS JOIN LATERAL files_within(r.first, r.last) AS f
     WHERE r.first IS NOT NULL
"""
_CLASSES: Final[LiteralString] = """
    WITH file AS (
        SELECT CASE
                   WHEN strpos(substr(name, 2), '.') > 0 AND length(split_part(name, '.', -1)) <= 16
                   THEN lower(split_part(name, '.', -1) COLLATE "C") ELSE ''
               END AS ending,
               size,
               width_bucket(%(at)s - mtime, %(ages)s::int8[]) AS age, width_bucket(size, %(sizes)s::int8[]) AS class
          FROM ({files}) AS f
    ),
    counted AS (
        SELECT grouping(age, class, ending) AS which, ending, coalesce(age, class) AS class, count(*) AS files, sum(size)::bigint AS bytes
          FROM file GROUP BY GROUPING SETS ((ending), (age), (class), ())
    )
    SELECT which, ending, class, files, bytes
      FROM (SELECT *, row_number() OVER (PARTITION BY which ORDER BY bytes DESC, ending) AS place FROM counted) AS c
     WHERE place <= %(shown)s
"""
_OF_ALL: Final[LiteralString] = _CLASSES.replace("{files}", _ALL_PAGES)
_OF_SOME: Final[LiteralString] = _CLASSES.replace("{files}", _SOME_PAGES)
_DUPLICATES: Final[LiteralString] = """
    SELECT d.size, d.copies, d.wasted_bytes, ARRAY (SELECT node_path(n) FROM unnest(d.some_node_ids[1:3]) AS n)
      FROM duplicate_files(%s, %s) AS d
"""


@dataclass(frozen=True, slots=True)
class Group:
    """Files that have something in common."""

    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """Files by what they are. All three are of the same files."""

    looked_at: Group
    endings: dict[str, Group]
    """Those with the most bytes, the most first; '' for names without one."""
    ages: Sequence[Group]
    """By the classes of :data:`AGES_S`, one more than those."""
    sizes: Sequence[Group]
    """By the classes of :data:`SIZES`, one more than those."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Files that agree in size and hash."""

    size: int
    copies: int
    wasted_bytes: int
    paths: Sequence[str]
    """Of some of them."""


async def bounds(conn: Connection, share_id: int) -> list[int]:
    """Page ids that cut the tree into equal parts; nothing if it was never analysed. As the owner: nobody else sees statistics of trees."""
    row = await (await conn.execute(_BOUNDS, [f"page_{share_id}"])).fetchone()
    return list(row[0]) if row is not None and row[0] else []


def places(between: Sequence[int], wanted: int, seed: int) -> list[int]:
    """About ``wanted`` page ids, as many in each part, anywhere within it; in order, none twice. The same for the same ``seed``."""
    chosen = random.Random(seed)  # noqa: S311 - a sample, and the same one for the same share
    parts = list(pairwise(between))
    each = max(1, wanted // max(1, len(parts)))
    return sorted({chosen.randint(low, max(low, high - 1)) for low, high in parts for _ in range(each)})


async def of_all(conn: Connection, share_id: int, *, at: int, within_s: float) -> Statistics | None:
    """Of every file; None if that takes longer than ``within_s``.

    :param at: Unix seconds that ages are counted from.
    """
    await choose_share(conn, share_id)
    return await _statistics(conn, _OF_ALL, {"at": at}, within_s)


async def of_some(
    conn: Connection, share_id: int, *, at: int, between: Sequence[int], wanted: int, within_s: float
) -> Statistics | None:
    """Of the files on about ``wanted`` pages; None if that takes longer than ``within_s``.

    :param between: :func:`bounds`.
    """
    await choose_share(conn, share_id)
    if len(between) < 2:
        row = await (await conn.execute(_ENDS, {"share_id": share_id})).fetchone()
        assert row is not None
        between = [row[0] or 0, (row[1] or 0) + 1]
    chosen = places(between, max(1, wanted // _TOGETHER), share_id)
    args = {
        "at": at,
        "share_id": share_id,
        "places": chosen,
        "following": [*chosen[1:], (1 << 63) - 1],
        "together": _TOGETHER,
    }
    return await _statistics(conn, _OF_SOME, args, within_s)


async def duplicates(
    conn: Connection, share_id: int, *, least: int, most: int, within_s: float
) -> list[Duplicate] | None:
    """Files of ``least`` bytes and more that agree, what would be saved most first; None if that takes longer than ``within_s``."""
    await choose_share(conn, share_id)
    await _limit(conn, within_s)
    try:
        rows = await (await conn.execute(_DUPLICATES, [least, most])).fetchall()
    except psycopg.errors.QueryCanceled:
        return None
    return [Duplicate(row[0], row[1], row[2], [path for path in row[3] if path is not None]) for row in rows]


async def _statistics(
    conn: Connection, text: LiteralString, args: dict[str, object], within_s: float
) -> Statistics | None:
    await _limit(conn, within_s)
    args = {**args, "ages": list(AGES_S), "sizes": list(SIZES), "shown": ENDINGS_SHOWN}
    try:
        rows = await (await conn.execute(text, args)).fetchall()
    except psycopg.errors.QueryCanceled:
        return None
    nothing = Group(0, 0)
    endings: dict[str, Group] = {}
    ages, sizes, looked_at = [nothing] * (len(AGES_S) + 1), [nothing] * (len(SIZES) + 1), nothing
    for which, ending, number, files, size in rows:
        group = Group(files, size or 0)
        match which:  # a bit for each of age, class and ending that was not grouped by
            case 0b110:
                endings[ending] = group
            case 0b011:
                ages[number] = group
            case 0b101:
                sizes[number] = group
            case _:
                looked_at = group
    ordered = sorted(endings.items(), key=lambda one: (-one[1].bytes, one[0]))
    return Statistics(looked_at, dict(ordered), ages, sizes)


async def _limit(conn: Connection, within_s: float) -> None:
    await conn.execute("SELECT set_config('statement_timeout', %s, true)", [f"{max(1, round(within_s * 1000))}ms"])
