"""Timer triggers across restarts and side by side."""

import json
import time
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest

from tests.support.functions_host import APPS, running_host


@pytest.fixture
def record(tmp_path) -> Path:
    path = tmp_path / "record.jsonl"
    path.touch()
    return path


def hosts(postgres_url, record):
    environ = {"RECORD": str(record), "YEARLY": "0 0 0 1 1 *"}
    return running_host(APPS / "timers", postgres_url, record.parent, environ=environ)


def runs(record: Path, name: str) -> list[dict]:
    return [run for run in map(json.loads, record.read_text().splitlines()) if run["name"] == name]


def wait_for(record: Path, name: str, count: int, *, seconds: float = 8) -> list[dict]:
    deadline = time.monotonic() + seconds
    while len(found := runs(record, name)) < count:
        assert time.monotonic() < deadline, f"{name}: {found}"
        time.sleep(0.03)
    return found


def test_two_hosts_share_a_timer_one_run_at_a_time(postgres_url, record):
    with hosts(postgres_url, record) as one, hosts(postgres_url, record) as two:
        found = wait_for(record, "each_second", 4)
        assert {one.stop(), two.stop()} == {0}
    spans = sorted((run["begun"], run["at"]) for run in found)
    for (_, ended), (begun, _) in pairwise(spans):
        assert begun > ended
        assert int(begun) > int(ended) or begun - ended > 0.3  # a second each, not twice the same
    assert [run["past_due"] for run in runs(record, "at_start")] == [False, False]  # once per start


def test_a_run_missed_while_no_host_was_up_fires_once_as_past_due(postgres_url, record):
    with hosts(postgres_url, record) as host:
        wait_for(record, "at_start", 1)
        wait_for(record, "each_second", 1)
        host.stop()
    assert runs(record, "watched") == []
    with psycopg.connect(postgres_url) as connection:
        connection.execute("update functions_host.timer set next_due_at = now() - interval '3 days'")
    with hosts(postgres_url, record) as host:
        (run,) = wait_for(record, "watched", 1)
        wait_for(record, "each_second", 3)
        assert host.events("timer_function_failed")[0]["function"] == "watched"
        host.stop()
    assert run["past_due"] is True
    assert len(runs(record, "watched")) == 1
    assert runs(record, "unwatched") == []
    with psycopg.connect(postgres_url) as connection:
        rows = connection.execute("select name, owner from functions_host.timer where next_due_at > now()").fetchall()
    assert ("watched", None) in rows
    assert ("unwatched", None) in rows


def test_a_timer_whose_host_dies_runs_again_elsewhere(postgres_url, record):
    with hosts(postgres_url, record) as first:
        wait_for(record, "each_second", 1)
        with hosts(postgres_url, record) as second, psycopg.connect(postgres_url, autocommit=True) as connection:
            held = "select count(*) from functions_host.timer where name = 'each_second' and owner is not null"
            while connection.execute(held).fetchone() == (0,):
                time.sleep(0.01)
            first.kill()
            begun = time.time()
            while not [run for run in runs(record, "each_second") if run["at"] > begun]:
                assert time.time() < begun + 5
                time.sleep(0.03)
            assert second.stop() == 0
