"""How large the catalogue is: the one question the demo asks the database and not the API."""

import psycopg

INCLUDES = "heap, indexes and TOAST of every partition of the page table"

_SIZE = """
    SELECT coalesce(sum(pg_total_relation_size(partition.relid)), 0)
    FROM pg_partition_tree('page') AS partition
    WHERE partition.isleaf
"""


def catalogue_bytes(postgres_url: str) -> int:
    """Return the size on disk of all that is kept per directory and file."""
    with psycopg.connect(postgres_url) as connection:
        row = connection.execute(_SIZE).fetchone()
    assert row is not None
    return int(row[0])
