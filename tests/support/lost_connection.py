"""A connection that is lost at any statement of a transaction: all of it or nothing, and doing it again ends as if nothing had been."""

from collections.abc import Awaitable, Callable
from contextlib import contextmanager

import psycopg
import pytest

from shared.db import catalogue
from shared.errors import Unavailable
from tests.support.catalogue import Shelf, empty, shelf

Work = Callable[[], Awaitable[object]]

TIMES = (
    "started_at", "finished_at", "requested_at", "claimed_at", "lease_until", "committed_at", "created_at", "expired_at", "deleted_at",
    "paused_at", "changed_at", "seconds", "paused_seconds", "snapshot_mark",
)  # fmt: skip
"""Told by the server's clock, or drawn."""
NUMBERS = ("run_id", "alert_id", "delivery_id", "member_id", "policy_id", "item_no")
"""Of sequences, which go on though a transaction is undone: compared by their order."""
_TABLES = """
    SELECT relname FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'schema_migration'
  ORDER BY 1
"""


class Wire:
    """Cuts the connection before or after its n-th statement; a commit is a statement like the others."""

    def __init__(self, at: int | None = None, *, after: bool = False) -> None:
        self.at, self.after, self.count, self.at_commit = at, after, 0, False

    @property
    def cut(self) -> bool:
        """Whether it was."""
        return self.at is not None and self.count >= self.at

    @contextmanager
    def tied(self, monkeypatch):
        with monkeypatch.context() as patch:
            for owner, name in (
                (psycopg.AsyncCursor, "execute"),
                (psycopg.AsyncCursor, "executemany"),
                (psycopg.AsyncConnection, "commit"),
            ):
                patch.setattr(owner, name, self._through(getattr(owner, name), name))
            yield

    def _through(self, statement, name):
        async def call(of, *args, **kwargs):
            if args and args[0] in ("", b""):  # the pool asking whether a connection is alive
                return await statement(of, *args, **kwargs)
            self.count += 1
            if self.count != self.at:
                return await statement(of, *args, **kwargs)
            self.at_commit = name == "commit"
            if self.after:
                await statement(of, *args, **kwargs)
            await (of if self.at_commit else of.connection).close()
            raise psycopg.OperationalError("the connection is lost")

        return call


async def everything(shelf: Shelf) -> dict[str, list[dict]]:
    """All rows of all tables, without what is never the same twice."""
    names = [name for (name,) in await shelf.rows(_TABLES)]
    each = " UNION ALL ".join(f"SELECT '{name}', to_jsonb(t) - %s::text[] FROM {name} AS t" for name in names)
    found = await shelf.rows(f"{each} ORDER BY 1, 2", *[list(TIMES)] * len(names))
    for number in NUMBERS:
        values = sorted({row[number] for _, row in found if row.get(number) is not None})
        ranks = {value: rank for rank, value in enumerate(values)}
        for _, row in found:
            if row.get(number) is not None:
                row[number] = ranks[row[number]]
    rows: dict[str, list[dict]] = {}
    for name, row in found:
        rows.setdefault(name, []).append(row)
    return {name: sorted(some, key=repr) for name, some in rows.items()}


async def lose_anywhere(
    url: str, monkeypatch, prepare: Callable[[Shelf], Awaitable[Work]], *, changes_again=False
) -> int:
    """Break the transaction that ``prepare`` gives at each of its statements, before it and after it, one after the other; then have it done.

    :param changes_again: done again after it was done it does something more, or is refused.
    :returns: how many statements it has.
    """
    monkeypatch.setattr(catalogue, "TRIES", 1)
    statements, reference = await _whole(url, monkeypatch, prepare)
    for after in (False, True):
        empty(url)
        async with shelf(url, connections=2) as fresh:
            work = await prepare(fresh)
            before = await everything(fresh)
            for at in range(1, statements + 1):
                wire = Wire(at, after=after)
                with wire.tied(monkeypatch), pytest.raises(Unavailable):
                    await work()
                assert wire.count == at, "it goes on without its connection"
                assert wire.at_commit == (at == statements), "more than one transaction"
                if wire.at_commit and after:
                    assert await everything(fresh) == reference, "what was committed is not what it does"
                else:
                    assert await everything(fresh) == before, f"statement {at} left something"
            if after and changes_again:
                break
            await work()
            assert await everything(fresh) == reference, "repeated it ends otherwise"
    return statements


async def _whole(url: str, monkeypatch, prepare) -> tuple[int, dict[str, list[dict]]]:
    """How many statements it has, and what is there when it is done."""
    empty(url)
    async with shelf(url, connections=2) as fresh:
        work = await prepare(fresh)
        before = await everything(fresh)
        wire = Wire()
        with wire.tied(monkeypatch):
            await work()
        reference = await everything(fresh)
        assert reference != before, "this transaction does nothing: nothing was tested"
        return wire.count, reference
