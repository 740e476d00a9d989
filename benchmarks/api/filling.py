"""Rows of a catalogue that many tenants have used for long: made by SQL, without a share or a vault behind them."""

from dataclasses import dataclass
from typing import Final, LiteralString

from psycopg import AsyncConnection


@dataclass(frozen=True, slots=True)
class Sizes:
    """``days`` of daily backups of ``shares`` shares of each tenant."""

    tenants: int
    shares: int
    days: int


_TENANTS: Final[LiteralString] = """
    INSERT INTO tenant (tenant_id, name)
    SELECT %(name)s || '-' || lpad(n::text, 4, '0'), initcap(%(name)s) || ' ' || n FROM generate_series(1, %(tenants)s) AS n
"""
_SHARES: Final[LiteralString] = """
    INSERT INTO share (tenant_id, name, account_url, share_name, credential, next_run_no)
    SELECT tenant_id, 'Share ' || lpad(n::text, 3, '0'), 'https://' || replace(tenant_id, '-', '') || '.file.core.windows.net',
           'share-' || n, '', %(days)s + 1
      FROM tenant, generate_series(1, %(shares)s) AS n
     WHERE starts_with(tenant_id, %(name)s || '-')
  ORDER BY tenant_id, n
"""
# The trigger on this table adds up what they took, as it does when runs end one by one.
_RUNS: Final[LiteralString] = """
    INSERT INTO run (
        tenant_id, share_id, run_no, kind, state, subject, requested_at, started_at, finished_at, seeded, judged, final_counters
    )
    SELECT tenant_id, share_id, day, 'backup', CASE WHEN day %% 50 = 0 THEN 'completed_with_errors' ELSE 'succeeded' END,
           account_url || '/' || share_name, at, at + interval '5 s', at + interval '20 min', true, true,
           jsonb_build_object(
               'directories', 30000, 'files', 300000, 'bytes', 400000000000, 'changed_directories', 300, 'changed_files', 2000,
               'changed_bytes', 3000000000, 'errors', CASE WHEN day %% 50 = 0 THEN 3 ELSE 0 END, 'files_requests', 33000,
               'files_lists', 30000, 'files_reads', 2300, 'vault_writes', 60, 'vault_reads', 400, 'vault_bytes', 2500000000
           )
      FROM share, generate_series(1, %(days)s) AS day,
           LATERAL (SELECT now() - (%(days)s - day) * interval '1 day' - interval '1 h' AS at) AS t
     WHERE starts_with(tenant_id, %(name)s || '-')
"""
_POINTS: Final[LiteralString] = """
    INSERT INTO restore_point (share_id, run_no, taken_at, committed_at, directories, files, bytes, errors)
    SELECT share_id, run_no, started_at, finished_at, 30000, 300000, 400000000000, 0 FROM run
     WHERE starts_with(tenant_id, %(name)s || '-')
"""


async def fill(postgres_url: str, sizes: Sizes, name: str = "tenant") -> int:
    """Write the rows of tenants ``name-0001`` and so on; how many restore points they have."""
    args = {"tenants": sizes.tenants, "shares": sizes.shares, "days": sizes.days, "name": name}
    async with await AsyncConnection.connect(postgres_url, autocommit=True) as conn:
        for statement in (_TENANTS, _SHARES, _RUNS):
            await conn.execute(statement, args)
        written = (await conn.execute(_POINTS, args)).rowcount
        # Runs that end one by one leave no more behind in a row of usage than the next one clears away; one statement leaves everything.
        await conn.execute("VACUUM FULL usage_month")
        await conn.execute("VACUUM FULL share_total")
        await conn.execute("VACUUM ANALYZE")
    return written
