"""A journal as lines of JSON: as much as one answer may hold, and where the rest is."""

import datetime as dt
import json
from types import SimpleNamespace

from http_api import runs as api
from http_api.models.runs import JournalLinesQuery
from shared.model.run import RunKey
from shared.ports.journal import JournalLine

NOW = dt.datetime(2026, 11, 29, 12, 0, tzinfo=dt.UTC)
RUN = SimpleNamespace(tenant_id="contoso", share_id=1, run_no=7, key=RunKey("contoso", 1, 7))


class LongJournal:
    """As many lines as are asked for, and one more."""

    async def page(self, run, *, after, kind, limit):
        told = [JournalLine(at=NOW, kind=kind or "unreadable", path=f"{n}.txt") for n in range(limit)]
        return told, "" if after else "the rest"


def call(monkeypatch, *, after="", kind=""):
    async def by_number(conn, share_id, run_no):
        return RUN

    async def release():
        return None

    monkeypatch.setattr(api.runs, "by_number", by_number)
    return SimpleNamespace(
        conn=None,
        share=SimpleNamespace(share_id=1),
        number=lambda _: 7,
        after=lambda: after,
        cursor=lambda place: f"cursor of {place}",
        release=release,
        query=JournalLinesQuery(kind=kind),
        app=SimpleNamespace(journal=LongJournal()),
    )


async def test_a_long_journal_comes_in_parts_that_name_the_next(monkeypatch):
    monkeypatch.setattr(api, "LINES_AT_ONCE", 3)
    answer = await api.get_journal_lines(call(monkeypatch, kind="damaged"))
    lines = [json.loads(line) for line in answer.body.splitlines()]
    assert [(line["path"], line["kind"]) for line in lines] == [(f"{n}.txt", "damaged") for n in range(3)]
    where = "/api/tenants/contoso/shares/1/runs/7/journal-lines?after=cursor+of+the+rest&kind=damaged"
    assert answer.headers == {"Link": f'<{where}>; rel="next"'}


async def test_the_last_part_names_none(monkeypatch):
    answer = await api.get_journal_lines(call(monkeypatch, after="the rest"))
    assert answer.headers == {}
