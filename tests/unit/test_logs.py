"""Log lines: one event each, with the ids of what is being done."""

import asyncio
import io
import json
import logging

import pytest

from shared import logs
from shared.logs import JsonLines, TextLines
from shared.telemetry import tagged, tags


@pytest.fixture
def lines():
    """A logger of its own, and what it wrote."""
    factory = logging.getLogRecordFactory()
    logs.give_ids()
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    log = logging.Logger("a.logger")  # not to be found by others
    log.addHandler(handler)

    def with_formatter(formatter):
        handler.setFormatter(formatter)
        return log, written

    yield with_formatter
    logging.setLogRecordFactory(factory)


def test_a_line_is_json_with_time_level_event_ids_and_what_was_passed(lines):
    log, written = lines(JsonLines())
    with tagged(run_id=7, tenant_id="contoso"), tagged(batch_no=3):
        log.info("worked", extra={"left": 12})
    log.warning("alone")
    first, second = map(json.loads, written.getvalue().splitlines())
    assert first.pop("time").endswith("+00:00")
    assert first == {
        "level": "INFO",
        "logger": "a.logger",
        "event": "worked",
        "run_id": 7,
        "tenant_id": "contoso",
        "batch_no": 3,
        "left": 12,
    }
    assert second.keys() == {"time", "level", "logger", "event"}


def test_what_a_call_says_itself_goes_before_what_is_being_done(lines):
    log, written = lines(JsonLines())
    with tagged(run_id=7):
        log.info("another", extra={"run_id": 8})
    assert json.loads(written.getvalue())["run_id"] == 8


def test_an_exception_stays_on_its_line(lines):
    log, written = lines(JsonLines())
    try:
        raise ValueError("line one\nline two")
    except ValueError:
        log.exception("broke")
    (line,) = written.getvalue().splitlines()
    assert "line two" in json.loads(line)["exception"]


def test_for_people_the_same_stands_behind_the_event(lines):
    log, written = lines(TextLines())
    with tagged(run_id=7):
        log.info("worked", extra={"left": 12})
    assert written.getvalue().rstrip().endswith("INFO    worked  run_id=7 left=12")


def test_ids_are_given_once_however_often_it_is_asked_for(lines):
    log, written = lines(JsonLines())
    logs.give_ids()
    logs.give_ids()
    with tagged(run_id=7):
        log.info("worked")
    assert json.loads(written.getvalue())["run_id"] == 7


async def test_tasks_are_told_of_with_what_they_were_started_for():
    async def one(run_id):
        with tagged(run_id=run_id):
            return await asyncio.create_task(below())

    async def below():
        await asyncio.sleep(0)
        return tags()["run_id"]

    assert await asyncio.gather(*(one(n) for n in range(5))) == list(range(5))
    assert "run_id" not in tags()
