"""A Postgres of our own with a migrated catalogue, one tenant and one share, gone at the end."""

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from localdev.services import ports
from localdev.services.postgres import DURABLE, Postgres
from shared.db import pages, runs, shares, tenants
from shared.db.catalogue import PostgresCatalogue
from shared.db.migrate import migrate
from shared.db.pool import make_pool
from shared.model.run import Run, RunKind

#: As on a small server. Autovacuum has its usual thresholds but looks every second: the time between two backups is a
#: night there and no time at all here.
SETTINGS = {**DURABLE, "shared_buffers": "1GB", "max_wal_size": "4GB", "autovacuum_naptime": "1s", "jit": "off"}


@dataclass(frozen=True, slots=True)
class Database:
    """``run`` is a backup in progress."""

    url: str
    catalogue: PostgresCatalogue
    share_id: int
    run: Run

    async def number(self, query: str, *args: object) -> float:
        """Return the one number that ``query`` gives."""
        async with self.catalogue.transaction() as conn:
            await conn.execute("SET LOCAL statement_timeout = 0")
            row = await (await conn.execute(query.encode(), args)).fetchone()
            return float(row[0] or 0) if row else 0.0


@asynccontextmanager
async def database(directory: Path | None) -> AsyncIterator[Database]:
    """Start Postgres with its data below ``directory`` (a temporary one if ``None``); stop it and delete the data."""
    with tempfile.TemporaryDirectory(prefix="catalogue-benchmark-", dir=directory) as data:
        os.chmod(data, 0o755)  # Postgres may run as another user
        server = Postgres(Path(data) / "data", port=ports.choose(), log=Path(data) / "postgres.log", settings=SETTINGS)
        server.start()
        try:
            url = server.create_database("catalogue")
            await migrate(url)
            async with make_pool(url, statement_timeout_s=600) as pool:
                catalogue = PostgresCatalogue(pool)
                async with catalogue.transaction() as conn:
                    await tenants.create(conn, "bench", "Benchmark")
                    share = await shares.create(
                        conn,
                        "bench",
                        name="Files",
                        account_url="https://bench.file.core.windows.net",
                        share_name="files",
                        credential="managed",
                    )
                    run = await runs.create(conn, "bench", share.share_id, RunKind.BACKUP, None)
                await catalogue.start_run(run.run_id)
                async with catalogue.transaction() as conn:
                    await conn.execute(
                        pages.partition_sql("TRUNCATE {page}", share.share_id)
                    )  # the root comes with the tree
                yield Database(url, catalogue, share.share_id, run)
        finally:
            server.stop()
