"""Where the bytes are."""

from benchmarks.catalogue.database import Database
from benchmarks.report import Results

COLUMNS = ("page_id", "parent_id", "file_id", "share_id", "name", "names", "packed")
INDEXES = ("by_id", "by_parent_group", "by_file_group", "by_name")
ROLLUPS = ("rollup", "rollup_change")

_TOAST = "SELECT pg_total_relation_size(reltoastrelid) FROM pg_class WHERE oid = '{table}'::regclass"


async def total_bytes(db: Database) -> float:
    """Return the size of everything that grows with the share: its partition and its roll-ups, with indexes, TOAST and maps."""
    return await db.number(f"SELECT pg_total_relation_size('page_{db.share_id}')") + await _rollups(db)


async def _rollups(db: Database) -> float:
    return sum([await db.number(f"SELECT pg_total_relation_size('{table}')") for table in ROLLUPS])


async def by_kind(db: Database) -> Results:
    """Return the bytes of the table itself, of its TOAST table with index, and of its indexes."""
    table = f"page_{db.share_id}"
    return {
        "heap": await db.number(f"SELECT pg_relation_size('{table}')"),
        "toast": await db.number(_TOAST.format(table=table)),
        "indexes": await db.number(f"SELECT pg_indexes_size('{table}')"),
        "rollups": await _rollups(db),
    }


async def by_part(db: Database, files: int) -> Results:
    """Return bytes per file of each column as stored, of each index, and of what is neither (headers, page ends)."""
    table = f"page_{db.share_id}"
    results: Results = {"bytes_per_file": await total_bytes(db) / files}
    for column in COLUMNS:
        results[f"bytes_{column}"] = await db.number(f"SELECT sum(pg_column_size({column})) FROM {table}") / files
    for index in INDEXES:
        results[f"bytes_{index}"] = await db.number(f"SELECT pg_relation_size('{table}_{index}')") / files
    results["bytes_toast"] = await db.number(_TOAST.format(table=table)) / files  # holds part of the columns' bytes
    results["bytes_rollups"] = await _rollups(db) / files
    parts = sum(results[f"bytes_{part}"] for part in (*COLUMNS, *INDEXES, "rollups"))
    results["bytes_overhead"] = results["bytes_per_file"] - parts
    return results
