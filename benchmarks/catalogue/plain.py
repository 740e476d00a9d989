"""The same tree as one row per node, with the two indexes such a table needs: what the packed layout is measured against."""

from collections.abc import Iterable

from benchmarks.catalogue.database import Database
from benchmarks.report import Results
from shared.db.pages import signed
from shared.model.page import Page

_TABLE = """
    CREATE TABLE plain (
        node_id bigint NOT NULL, parent_id bigint, name text COLLATE "C" NOT NULL, size bigint, mtime bigint, hash bigint
    );
    CREATE UNIQUE INDEX plain_by_id ON plain (node_id);
    CREATE INDEX plain_by_parent ON plain (parent_id, name);
"""


async def measure(db: Database, rows: Iterable[Page]) -> Results:
    """Fill and measure it."""
    files = 0
    async with db.catalogue.transaction() as conn:
        await conn.execute("SET LOCAL statement_timeout = 0")
        await conn.execute(_TABLE)
        async with conn.cursor() as cursor, cursor.copy("COPY plain FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["int8", "int8", "text", "int8", "int8", "int8"])
            for page in rows:
                directory = page.directory_id
                if page.page_no == 0:
                    fingerprint = None if page.fingerprint is None else signed(page.fingerprint)
                    await copy.write_row((directory, page.parent_id, page.name, None, page.mtime, fingerprint))
                for f in page.files:
                    await copy.write_row((directory | f.slot, directory, f.name, f.size_bytes, f.mtime, signed(f.hash)))
                files += len(page.files)
    return {"plain_bytes_per_file": await db.number("SELECT pg_total_relation_size('plain')") / files}
