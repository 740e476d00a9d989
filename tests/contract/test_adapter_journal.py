"""TableJournal keeps the promises of Journal, against Azurite."""

import asyncio
import datetime as dt
import secrets
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape

import pytest
from azure.data.tables import TableClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shared.adapters.credentials import AccountKey
from shared.adapters.journal_table import TEXT_CHARACTERS, TableJournal
from shared.errors import InvalidInput, NoAccess, Throttled
from shared.model.run import RunKey
from shared.ports.journal import JournalLine
from tests.support.storage import answer, bad_server

AT = dt.datetime(2026, 5, 4, 3, 2, 1, 123456, dt.UTC)


def key(run_no):
    return RunKey("contoso", 7, run_no)


def line(path="a/b", **fields):
    return JournalLine(at=AT, kind="unreadable", path=path, **fields)


async def read(journal, run_id):
    return [line async for line in journal.read(key(run_id))]


@pytest.fixture
async def journal(azurite):
    table = f"journal{secrets.token_hex(6)}"
    async with TableJournal.from_connection_string(azurite.connection_string, table=table) as journal:
        yield journal


async def test_nothing_was_written_yet(journal):
    assert await read(journal, 1) == []
    await journal.write(key(1), 1, [])
    assert await read(journal, 1) == []


async def test_lines_come_back_as_they_were_oldest_batch_first(journal):
    full = JournalLine(
        at=AT.astimezone(dt.timezone(dt.timedelta(hours=2))),
        kind="stale",
        path="Ordner/Füße 😀\n\t\\x",
        node_id=2**62 + 1,
        reason="409 SharingViolation: 'x'",
        hint="close it",
        details={"code": "SharingViolation", "who": "ä\x01"},
    )
    await journal.write(key(7), 10, [line("third"), line("fourth")])
    await journal.write(key(7), 9, [full, line("second")])
    await journal.write(key(8), 1, [line("another run")])
    found = await read(journal, 7)
    assert found[0] == full
    assert [item.path for item in found[1:]] == ["second", "third", "fourth"]
    assert found[0].at.utcoffset() == dt.timedelta(0)


async def test_a_batch_written_again_tells_once_also_when_it_has_less_to_tell(journal):
    await journal.write(key(1), 1, [line(f"old{number}") for number in range(250)])
    await journal.write(key(1), 2, [line("next")])
    await journal.write(key(1), 1, [line(f"new{number}") for number in range(130)])
    assert [item.path for item in await read(journal, 1)] == [*(f"new{number}" for number in range(130)), "next"]


async def test_more_lines_than_a_page_or_a_transaction_takes(journal):
    lines = [line(f"d/{number}", node_id=number) for number in range(2_345)]
    await journal.write(key(1), 1, lines)
    assert await read(journal, 1) == lines


async def pages(journal, run_id, **asked):
    """Every page of a journal, by its cursors."""
    found, after = [], ""
    while True:
        lines, after = await journal.page(key(run_id), after=after, **asked)
        found.append(lines)
        if not after:
            return found


async def test_a_journal_is_read_page_by_page_from_a_cursor(journal):
    assert await journal.page(key(1)) == ([], "")
    lines = [line(f"d/{number}") for number in range(23)]
    await journal.write(key(1), 1, lines[:9])
    await journal.write(key(1), 2, lines[9:])
    assert await pages(journal, 1, limit=10) == [lines[:10], lines[10:20], lines[20:]]
    assert await pages(journal, 1, limit=23) == [lines], "no cursor that leads to nothing"
    assert await pages(journal, 1) == [lines]


async def test_a_page_leaves_out_what_an_earlier_attempt_wrote_wherever_it_begins(journal):
    await journal.write(key(1), 1, [line(f"old{number}") for number in range(9)])
    await journal.write(key(1), 2, [line("next")])
    await journal.write(key(1), 1, [line(f"new{number}") for number in range(5)])
    for limit in range(1, 8):
        found = [item.path for lines in await pages(journal, 1, limit=limit) for item in lines]
        assert found == [*(f"new{number}" for number in range(5)), "next"], limit


async def test_a_page_of_one_kind_has_no_others_and_no_left_overs(journal):
    def of(kind, path):
        return JournalLine(at=AT, kind=kind, path=path)

    await journal.write(key(1), 1, [of("stale", "a"), of("damaged", "b"), of("stale", "c"), of("damaged", "gone")])
    await journal.write(key(1), 1, [of("stale", "a"), of("damaged", "b"), of("stale", "c")])
    await journal.write(key(1), 2, [of("damaged", "d")])
    for limit in (1, 2, 10):
        found = [item.path for lines in await pages(journal, 1, limit=limit, kind="damaged") for item in lines]
        assert found == ["b", "d"], limit
    assert await journal.page(key(1), kind="it's") == ([], "")


@pytest.mark.parametrize("cursor", ["x", "!", "AAAA", "MDAwMDAwMDEtMDAwMDAwIG9yIHRydWU", "ä"])
async def test_a_cursor_that_no_answer_gave_is_refused_by_name(journal, cursor):
    with pytest.raises(InvalidInput, match=r"after is .*; expected the cursor of an earlier answer") as refused:
        await journal.page(key(1), after=cursor)
    assert refused.value.field == "after"


async def test_lines_too_long_for_a_row_are_cut_and_a_hundred_long_ones_fit(journal):
    long = "\x01😀" * 10_000
    await journal.write(
        key(1), 1, [line(long, reason=long, hint=long, details={"a": "b", "long": long}) for _ in range(100)]
    )
    found = await read(journal, 1)
    assert len(found) == 100
    assert found[0].path == long[: TEXT_CHARACTERS - 3] + "..."
    assert found[0].details == {"a": "b", "...": "1 more"}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(
        st.text(max_size=50) | st.text(st.sampled_from("\x00\x01\x0b\r\x7f\x85\ud800\udfff\ufffe\uffff'\"\\&<json:")),
        min_size=1,
        max_size=8,
    )
)
@example(texts=["\ud800\udfff"])
def test_any_text_is_carried(azurite, texts):
    async def scenario():
        async with TableJournal.from_connection_string(azurite.connection_string, table="journalanytext") as journal:
            run_id = secrets.randbits(62)
            lines = [line(text, reason=text, hint=text, details={"text": text}) for text in texts]
            await journal.write(key(run_id), 1, lines)
            # Two surrogates that make a pair are the one character they stand for; a lone one stays what it is.
            meant = [text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") for text in texts]
            assert await read(journal, run_id) == [
                line(text, reason=text, hint=text, details={"text": text}) for text in meant
            ]

    asyncio.run(scenario())


async def test_what_is_stored_could_be_said_in_xml_which_the_service_also_speaks(azurite):
    table = f"journal{secrets.token_hex(6)}"
    async with TableJournal.from_connection_string(azurite.connection_string, table=table) as journal:
        await journal.write(key(1), 1, [line("a\x01b\ufffe", reason="\r\x85", hint="\ud800", details={"\x02": "\x03"})])
    with TableClient.from_connection_string(azurite.connection_string, table) as client:
        (row,) = client.list_entities()
    for value in row.values():
        if isinstance(value, str):
            assert ET.fromstring(f"<a>{escape(value)}</a>").text == value or not value


async def test_a_wrong_key_is_denied(azurite):
    wrong = azurite.connection_string.replace("Eby8", "AAAA")
    async with TableJournal.from_connection_string(wrong) as journal:
        with pytest.raises(NoAccess):
            await journal.write(key(1), 1, [line()])


async def test_trouble_is_tried_again_in_fractions_of_a_second_and_then_raised():
    async with (
        bad_server(answer("503 Busy")) as server,
        TableJournal(server.url, AccountKey("QUJD"), retry_budget_s=1.0) as journal,
    ):
        async with asyncio.timeout(5):
            with pytest.raises(Throttled):
                await journal.write(key(1), 1, [line()])
    assert len(server.requests) >= 2


async def test_a_journal_is_forgotten_part_by_part_and_no_other(journal):
    await journal.write(key(1), 1, [line(str(n)) for n in range(1_150)])
    await journal.write(key(2), 1, [line("another run's")])
    assert await journal.forget(key(1), 1_000) is True
    assert len([one async for one in journal.read(RunKey("contoso", 7, 1))]) <= 150
    assert await journal.forget(key(1), 1_000) is False
    assert await read(journal, 1) == []
    assert await journal.forget(key(1), 1_000) is False
    assert [one.path for one in await read(journal, 2)] == ["another run's"]


async def test_where_nobody_has_written_there_is_nothing_to_forget(journal):
    assert await journal.forget(key(1), 10) is False
