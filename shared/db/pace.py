"""How fast Azure shares may be asked: the rows of :mod:`shared.core.pace`, and a book over a pool.

Settlements of one share come one after the other: each locks the share's row first, and then reads the time and the parts. The
tables are unlogged and a commit does not wait for the disk, so a settlement is five short trips and no write that anyone waits for.
"""

from typing import Any, Final, LiteralString

from shared.core.pace import Brake, Part, Rates, Report, settle
from shared.core.windows import pace_of_all
from shared.db.pool import Connection, Pool
from shared.db.translate import translation
from shared.model.share import ShareSettings

_LOOK: Final[LiteralString] = "SELECT EXISTS (SELECT FROM pace WHERE subject = %s)"
_ADD: Final[LiteralString] = "INSERT INTO pace (subject) VALUES (%s) ON CONFLICT DO NOTHING"
_LOCK: Final[LiteralString] = """
    SELECT top, factor, lowered_at, began_at, peak, set_config('synchronous_commit', 'off', true)
      FROM pace WHERE subject = %s FOR UPDATE
"""
# Of shares that limit it now or then, as values: the time of day decides (shared/core/windows.py).
_CONFIGURED: Final[LiteralString] = """
    SELECT clock_timestamp(),
           array(
               SELECT settings FROM share
                WHERE lower(rtrim(account_url, '/')) || '/' || share_name = %s
                  AND (settings->>'requests_per_s' IS NOT NULL OR settings->>'bytes_per_s' IS NOT NULL
                       OR jsonb_array_length(coalesce(settings->'pace_windows', '[]')) > 0)
           )
"""
_PARTS: Final[LiteralString] = """
    SELECT worker, requests, bytes, used_requests, used_bytes, wants_requests, wants_bytes, ends_at
      FROM pace_part WHERE subject = %s
"""
_WRITE: Final[LiteralString] = """
    WITH gone AS (
        DELETE FROM pace_part WHERE subject = %(subject)s AND worker <> %(worker)s AND ends_at < %(now)s - 60
    ), mine AS (
        INSERT INTO pace_part
        VALUES (%(subject)s, %(worker)s, %(requests)s, %(bytes)s, %(used_requests)s, %(used_bytes)s,
                %(wants_requests)s, %(wants_bytes)s, %(ends_at)s)
        ON CONFLICT (subject, worker) DO UPDATE
           SET requests = excluded.requests, bytes = excluded.bytes,
               used_requests = excluded.used_requests, used_bytes = excluded.used_bytes,
               wants_requests = excluded.wants_requests, wants_bytes = excluded.wants_bytes,
               ends_at = excluded.ends_at
    )
    UPDATE pace
       SET top = %(top)s, factor = %(factor)s, lowered_at = %(lowered_at)s, began_at = %(began_at)s, peak = %(peak)s
     WHERE subject = %(subject)s
"""
_FORGET: Final[LiteralString] = "DELETE FROM pace WHERE subject = %s"


async def is_limited(conn: Connection, subject: str) -> bool:
    """Whether the settings of a share limit the Azure share now, or somebody who was throttled does."""
    row = await (await conn.execute(_LOOK, [subject])).fetchone()
    assert row is not None
    return bool(row[0]) or not (await _configured(conn, subject))[1].unlimited


async def _configured(conn: Connection, subject: str) -> tuple[float, Rates]:
    """The time, and what the settings of all shares that are the Azure share allow at this time of day."""
    row = await (await conn.execute(_CONFIGURED, [subject])).fetchone()
    assert row is not None
    now, settings = row
    return now.timestamp(), pace_of_all(map(ShareSettings.from_wire, settings), now)


async def settled(conn: Connection, subject: str, worker: str, report: Report) -> Part | None:
    """Take in a report and give the next part; None when nothing limits the share any more."""
    brake = await _locked(conn, subject)
    now, configured = await _configured(conn, subject)
    parts = {
        name: Part(rates=Rates(*rest[0:2]), used=Rates(*rest[2:4]), wants=Rates(*rest[4:6]), until=rest[6])
        for name, *rest in await (await conn.execute(_PARTS, [subject])).fetchall()
    }
    brake, part = settle(brake, configured, parts, worker, report, now)
    if part is None:
        await conn.execute(_FORGET, [subject])
        return None
    await conn.execute(
        _WRITE,
        {
            "subject": subject,
            "worker": worker,
            "now": now,
            "requests": part.rates.requests,
            "bytes": part.rates.bytes,
            "used_requests": part.used.requests,
            "used_bytes": part.used.bytes,
            "wants_requests": part.wants.requests,
            "wants_bytes": part.wants.bytes,
            "ends_at": part.until,
            "top": brake.top if brake else None,
            "factor": brake.factor if brake else None,
            "lowered_at": brake.lowered_at if brake else None,
            "began_at": brake.began_at if brake else None,
            "peak": brake.peak if brake else None,
        },
    )
    return part


async def _locked(conn: Connection, subject: str) -> Brake | None:
    """Lock the share's row, which is made if there is none; the brake in it."""
    row: tuple[Any, ...] | None = None
    while row is None:  # somebody may forget the row between the two statements
        row = await (await conn.execute(_LOCK, [subject])).fetchone()
        if row is None:
            await conn.execute(_ADD, [subject])
    if row[0] is None:
        return None
    return Brake(top=row[0], factor=row[1], lowered_at=row[2], began_at=row[3], peak=row[4])


class PostgresPaceBook:
    """A :class:`shared.ports.pace.PaceBook` over an open pool."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def look(self, subject: str) -> bool:
        """See the port."""
        with translation():
            async with self._pool.connection() as conn:
                return await is_limited(conn, subject)

    async def settle(self, subject: str, worker: str, report: Report) -> Part | None:
        """See the port."""
        with translation():
            async with self._pool.connection() as conn:
                return await settled(conn, subject, worker, report)
