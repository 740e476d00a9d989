"""A tree that makes a large table, of which Azure knows nothing."""

from benchmarks.catalogue.loading import rows
from benchmarks.catalogue.trees import PROFILES
from shared.db import pages
from shared.db.loading import load

FILES = 480_000
"""Some 40 MiB as CSV: more than an answer of the app, or what sockets take, holds."""
COPIES = 8


async def fill(conn, share_id):
    """Give a share such a tree."""
    await pages.create_partition(conn, share_id)
    await conn.execute(pages.partition_sql("TRUNCATE {page}", share_id))  # its root
    await load(conn, share_id, rows(PROFILES["photos"](FILES // COPIES, 7)))
    # Made once, and hung below the root seven times more: other numbers of directories, the same pages.
    await conn.execute(
        f"INSERT INTO page_{share_id}"
        " SELECT page_id + (k << 40), coalesce(parent_id + (k << 40), 16777216),"
        f"        file_id, {share_id}, name, names, packed"
        f"   FROM page_{share_id} CROSS JOIN generate_series(1::bigint, {COPIES - 1}) AS k"
    )
