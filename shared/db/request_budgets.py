"""What requests everybody has left, as all processes together know it: :mod:`shared.core.rate`.

The table is unlogged and a commit does not wait for the disk: a process's settlement is one trip a second, whatever it was asked.
"""

from collections.abc import Sequence
from typing import Final, LiteralString

from shared.core.rate import Spent
from shared.db.pool import Pool
from shared.db.translate import translation

# What a new row lacks to a full bucket is what was spent, and of one that is there, the same. In the order of subjects, so that no two wait
# for each other crosswise. Debts end at one burst: who asks too much for an hour does not wait for an hour.
_SETTLE: Final[LiteralString] = """
    WITH quick AS (SELECT set_config('synchronous_commit', 'off', true)),
    told AS (
        SELECT t.subject, t.rate, t.burst, t.spent
          FROM quick, unnest(%(subjects)s::text[], %(rates)s::float8[], %(bursts)s::float8[], %(spent)s::float8[])
            AS t (subject, rate, burst, spent)
    )
    INSERT INTO request_budget AS b (subject, rate, burst, tokens, filled_at)
         SELECT subject, rate, burst, burst - spent, clock_timestamp() FROM told ORDER BY subject
    ON CONFLICT ON CONSTRAINT request_budget_pk DO UPDATE
       SET rate = excluded.rate, burst = excluded.burst, filled_at = excluded.filled_at,
           tokens = greatest(
               -excluded.burst,
               least(
                   excluded.burst,
                   b.tokens + excluded.rate * greatest(0, extract(epoch FROM excluded.filled_at - b.filled_at))
               ) - (excluded.burst - excluded.tokens)
           )
 RETURNING subject, tokens
"""
_FORGET: Final[LiteralString] = "DELETE FROM request_budget WHERE filled_at < now() - make_interval(secs => %s)"


class PostgresRequestBook:
    """A :class:`shared.ports.request_book.RequestBook` over an open pool."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def settle(self, told: Sequence[Spent]) -> dict[str, float]:
        """See the port."""
        if not told:
            return {}
        args = {
            "subjects": [one.subject for one in told],
            "rates": [one.allowance.rate for one in told],
            "bursts": [one.allowance.burst for one in told],
            "spent": [one.requests for one in told],
        }
        with translation():
            async with self._pool.connection() as conn:
                rows = await (await conn.execute(_SETTLE, args)).fetchall()
        return {row[0]: float(row[1]) for row in rows}

    async def forget(self, seconds: float) -> None:
        """See the port."""
        with translation():
            async with self._pool.connection() as conn:
                await conn.execute(_FORGET, [seconds])
