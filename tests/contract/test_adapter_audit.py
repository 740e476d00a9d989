"""TableAudit keeps the promises of Audit, against Azurite."""

import asyncio
import datetime as dt
import secrets
from dataclasses import replace

import pytest
from azure.data.tables.aio import TableClient

from shared.adapters.audit_table import TableAudit
from shared.errors import InvalidInput
from shared.model.audit import AuditEntry, Outcome

AT = dt.datetime(2026, 5, 4, 3, 2, 1, 123456, dt.UTC)


def entry(number: int, *, at: dt.datetime | None = None, tenant_id: str | None = "contoso", **fields) -> AuditEntry:
    given = {
        "audit_id": f"{number:032x}",
        "at": at or AT + dt.timedelta(seconds=number),
        "tenant_id": tenant_id,
        "share_id": 7,
        "actor_kind": "key",
        "actor_id": "0123456789ab",
        "actor_name": "CI",
        "action": "runs.start",
        "method": "POST",
        "path": "/api/tenants/contoso/shares/7/backups",
        "source": "203.0.113.9",
        "outcome": Outcome.DONE,
        "status": 202,
    }
    return AuditEntry(**(given | fields))


def intended(of: AuditEntry) -> AuditEntry:
    return replace(of, outcome=Outcome.INTENDED, status=0)


@pytest.fixture
async def audit(azurite):
    audit = TableAudit.from_connection_string(azurite.connection_string, table=f"audit{secrets.token_hex(6)}")
    yield audit
    await audit.aclose()


async def everything(audit, tenant_id="contoso", *, limit=100, **wanted):
    found, after = [], ""
    for _ in range(1_000):
        some, after = await audit.page(tenant_id, after=after, limit=limit, **wanted)
        assert len(some) <= limit
        found += some
        if not after:
            return found
    raise AssertionError("there is no end")


async def test_nothing_was_written_yet(audit):
    assert await audit.page("contoso") == ([], "")


async def test_what_was_written_comes_back_as_it_was(audit):
    one = entry(
        1,
        at=AT.astimezone(dt.timezone(dt.timedelta(hours=2))),
        actor_name="Ädä 😀\x01",
        path="/api/tenants/contoso/shares/7/restore-points/3/content",
        details={"query": "path=Ordner/Füße\n", "body": '{"a": "json:x"}'},
    )
    await audit.write(one)
    assert await everything(audit) == [one]


async def test_a_request_is_one_entry_that_says_what_became_of_it(audit):
    done, unknown, refused = entry(1), intended(entry(2)), entry(3, outcome=Outcome.REFUSED, status=403)
    for one in (intended(done), done, unknown, refused):
        await audit.write(one)
    assert await everything(audit) == [refused, unknown, done]
    for limit in (1, 2):
        assert await everything(audit, limit=limit) == [refused, unknown, done]


async def test_the_newest_come_first_over_months_and_pages(audit):
    entries = [entry(n, at=AT - dt.timedelta(days=17 * n)) for n in range(24)]
    for one in entries:
        await audit.write(intended(one))
        await audit.write(one)
    assert await everything(audit) == entries
    assert await everything(audit, limit=5) == entries


async def test_tenants_and_the_platform_are_apart(audit):
    mine, neighbours, platforms = entry(1), entry(2, tenant_id="contoso-2"), entry(3, tenant_id=None, share_id=None)
    for one in (mine, neighbours, platforms):
        await audit.write(one)
    assert await everything(audit) == [mine]
    assert await everything(audit, "contoso-2") == [neighbours]
    assert await everything(audit, "cont") == []
    assert await everything(audit, None) == [platforms]


async def test_who_did_what_when_can_be_asked_for(audit):
    entries = [
        entry(
            n,
            at=AT - dt.timedelta(days=10 * n),
            actor_id="abc" if n % 2 else "o'def",
            action="runs.start" if n % 3 else "keys.change",
        )
        for n in range(12)
    ]
    for one in entries:
        await audit.write(intended(one))
        await audit.write(one)
    assert await everything(audit, actor_id="o'def", limit=2) == [e for e in entries if e.actor_id == "o'def"]
    assert await everything(audit, action="keys.change") == [e for e in entries if e.action == "keys.change"]
    for first, last in [(2, 5), (0, 11), (3, 3)]:
        since, until = entries[last].at, entries[first].at
        assert await everything(audit, since=since, limit=3) == entries[: last + 1]
        assert await everything(audit, until=until, limit=3) == entries[first + 1 :]
        assert await everything(audit, since=since, until=until) == entries[first + 1 : last + 1]


async def test_a_line_that_is_there_is_never_changed(audit):
    one = entry(1)
    await audit.write(one)
    await audit.write(one)
    await audit.write(replace(one, actor_name="somebody else"))  # the same line, as a try whose answer was lost
    assert await everything(audit) == [one]


async def test_much_that_is_not_wanted_is_gone_through_in_pieces(audit, monkeypatch):
    monkeypatch.setattr("shared.adapters.audit_table.PAGES_READ", 2)
    wanted = entry(0, action="keys.change")
    for one in [wanted, *(entry(n) for n in range(1, 60))]:
        await audit.write(one)
    assert await everything(audit, action="keys.change", limit=1) == [wanted]
    assert [e.audit_id for e in await everything(audit, limit=3)] == [f"{n:032x}" for n in range(59, -1, -1)]


@pytest.mark.parametrize("after", ["x", "../../", "000000", "contoso_797394/", "797394/x", "797394/' or 1 eq 1"])
async def test_a_cursor_that_nobody_gave_is_refused(audit, after):
    with pytest.raises(InvalidInput, match=r"after is .* expected the cursor of an earlier answer"):
        await audit.page("contoso", after=after)


async def test_many_first_writers_make_one_table(azurite):
    table = f"audit{secrets.token_hex(6)}"
    audits = [TableAudit.from_connection_string(azurite.connection_string, table=table) for _ in range(5)]
    await asyncio.gather(*(audit.write(entry(n)) for n, audit in enumerate(audits)))
    assert len(await everything(audits[0])) == 5
    for audit in audits:
        await audit.aclose()


async def test_rows_of_one_request_lie_side_by_side(audit, azurite):
    """So that a reader needs no memory for what it has seen."""
    for n in range(3):
        await audit.write(intended(entry(n)))
    for n in range(3):
        await audit.write(entry(n))
    async with TableClient.from_connection_string(azurite.connection_string, audit._table.table_name) as table:
        keys = [row["RowKey"] async for row in table.list_entities()]
    assert [key[17:49] for key in keys[::2]] == [key[17:49] for key in keys[1::2]]
