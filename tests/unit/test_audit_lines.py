"""The audit as lines of JSON: as many as fit one answer, and how to go on."""

import datetime as dt
import json
from types import SimpleNamespace

import pytest

from http_api.call import Call, list_name
from http_api.pages import audit as pages
from http_api.pages.audit import AuditPageQuery, audit_lines
from shared.model.access import Principal, PrincipalKind
from shared.model.audit import AuditEntry, Outcome

NOW = dt.datetime(2026, 11, 29, 12, 0, tzinfo=dt.UTC)


class FewAtATime:
    """An audit of so many entries; a place in it is the number of the next."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.asked: list[dict] = []

    async def page(self, tenant_id, *, after, limit, **chosen):
        self.asked.append({"tenant_id": tenant_id, **chosen})
        first = int(after or 0)
        last = min(self.count, first + limit)
        return [entry(number) for number in range(first, last)], str(last) if last < self.count else ""


def entry(number: int) -> AuditEntry:
    return AuditEntry(
        audit_id=f"{number:032x}", at=NOW, tenant_id="acme", share_id=None, actor_kind="key", actor_id="k", actor_name="n",
        action="runs.start", method="POST", path="/", source="", outcome=Outcome.DONE, status=202,
    )  # fmt: skip


async def lines_of(audit: FewAtATime, **query: str) -> tuple[list[dict], str]:
    asked = AuditPageQuery.model_validate(query)
    call = Call(
        app=SimpleNamespace(audit=audit),
        principal=Principal(kind=PrincipalKind.LOCAL, id="1", name="Ann", grants=frozenset()),
        now=NOW,
        query=asked,
        body=None,
        route={"tenant_id": "acme"},
        headers={},
        list_name=list_name("/lines", {"tenant_id": "acme"}, asked),
    )
    answer = await audit_lines(call)
    return [json.loads(line) for line in answer.body.splitlines()], answer.headers["Content-Disposition"]


@pytest.mark.parametrize("count", [0, 1, 7, 8, 30])
async def test_all_that_fits_is_in_the_file_once_and_in_order(monkeypatch, count):
    monkeypatch.setattr(pages, "_PART", 4)
    monkeypatch.setattr(pages, "_PARTS_MAX", 8)
    found, name = await lines_of(FewAtATime(count))
    assert [int(one["audit_id"], 16) for one in found] == list(range(count))
    assert 'filename="audit-acme-2026-11-29.jsonl"' in name


async def test_what_does_not_fit_is_told_by_the_last_line_and_by_that_the_rest_is_had(monkeypatch):
    monkeypatch.setattr(pages, "_PART", 4)
    monkeypatch.setattr(pages, "_PARTS_MAX", 2)
    audit = FewAtATime(11)
    found, _ = await lines_of(audit)
    assert len(found) == 9
    assert found[-1]["more"] is True
    rest, _ = await lines_of(audit, after=found[-1]["next"])
    assert [int(one["audit_id"], 16) for one in found[:-1] + rest] == list(range(11))


async def test_days_of_the_form_are_whole_days_in_utc_and_empty_fields_ask_for_nothing():
    audit = FewAtATime(1)
    await lines_of(audit, since="2026-11-01", until="2026-11-30", action="", actor="")
    await lines_of(audit, since="", until="2026-11-30T10:00:00Z", action="runs.start")
    first, second = audit.asked
    assert (first["since"], first["until"]) == (
        dt.datetime(2026, 11, 1, tzinfo=dt.UTC),
        dt.datetime(2026, 12, 1, tzinfo=dt.UTC),
    )
    assert (first["action"], first["actor_id"]) == ("", "")
    assert (second["since"], second["until"]) == (None, dt.datetime(2026, 11, 30, 10, 0, tzinfo=dt.UTC))
    assert second["action"] == "runs.start"
