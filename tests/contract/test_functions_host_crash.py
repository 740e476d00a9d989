"""Hosts that die, stop, freeze and come back: nothing is lost, late results are discarded."""

import os
import signal
import time
from collections import Counter
from pathlib import Path

import psycopg
import pytest

from tests.support.functions_host import APPS, RunningHost, running_host

PATTERNS = APPS / "patterns"


@pytest.fixture
def record(tmp_path) -> Path:
    path = tmp_path / "record"
    path.touch()
    return path


def lines(record: Path) -> list[tuple[int, int]]:
    """(number, process id) of every activity that ran to its end."""
    return [(int(number), int(process)) for number, process in map(str.split, record.read_text().splitlines())]


def wait_for_lines(record: Path, count: int) -> None:
    deadline = time.monotonic() + 10
    while len(lines(record)) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def in_use(postgres_url: str, owner_of: RunningHost) -> int:
    owner = owner_of.get("/admin/host/status").json["owner"]
    with psycopg.connect(postgres_url) as connection:
        (count,) = connection.execute("select count(*) from functions_host.task where owner = %s", (owner,)).fetchone()
    return count


def test_a_killed_host_loses_nothing_and_its_work_is_taken_at_once(postgres_url, tmp_path, record):
    options = ("--lease-seconds", "60")  # the test would time out if anybody waited for the lease
    with (
        running_host(PATTERNS, postgres_url, tmp_path, *options) as victim,
        running_host(PATTERNS, postgres_url, tmp_path, *options) as survivor,
    ):
        instance_id = survivor.start("spread", {"count": 80, "seconds": 0.3, "record": str(record)})
        wait_for_lines(record, 20)
        survivor.until(instance_id, lambda _: in_use(postgres_url, victim) > 0)
        victim.kill()
        status = survivor.finish(instance_id, seconds=20)
        assert status["runtimeStatus"] == "Completed"
        assert status["output"] == list(range(80))
        ran = lines(record)
        assert {number for number, _ in ran} == set(range(80))
        assert {process for _, process in ran} == {victim.process.pid, survivor.process.pid}
        retaken = survivor.events("activity_taken_back")
        assert retaken
        assert {line["losses"] for line in retaken} == {1}


def test_a_restarted_host_takes_over_from_its_dead_self(postgres_url, tmp_path, record):
    options = ("--lease-seconds", "60")
    with running_host(PATTERNS, postgres_url, tmp_path, *options) as first:
        instance_id = first.start("spread", {"count": 40, "seconds": 0.2, "record": str(record)})
        wait_for_lines(record, 16)
        first.kill()
    with running_host(PATTERNS, postgres_url, tmp_path, *options) as second:
        assert second.finish(instance_id, seconds=10)["output"] == list(range(40))
    assert max(Counter(number for number, _ in lines(record)).values()) <= 2


def test_a_host_told_to_stop_finishes_what_it_can_and_gives_back_the_rest(postgres_url, tmp_path, record):
    with (
        running_host(PATTERNS, postgres_url, tmp_path, "--grace-seconds", "20") as leaver,
        running_host(PATTERNS, postgres_url, tmp_path) as stayer,
    ):
        short = stayer.start("spread", {"count": 24, "seconds": 0.4, "record": str(record)})
        stayer.until(short, lambda _: in_use(postgres_url, leaver) > 0)
        begun = time.monotonic()
        assert leaver.stop() == 0
        assert time.monotonic() - begun < 20  # it left when its activities were done, not when the grace was over
        assert stayer.finish(short)["output"] == list(range(24))
        assert max(Counter(number for number, _ in lines(record)).values()) == 1  # the grace was long enough
        assert not stayer.events("activity_taken_back")

    with running_host(PATTERNS, postgres_url, tmp_path, "--grace-seconds", "0.1") as leaver:
        long = leaver.start("spread", {"count": 4, "seconds": 1.5})
        leaver.until(long, lambda _: in_use(postgres_url, leaver) == 4)
        assert leaver.stop() == 0
    with psycopg.connect(postgres_url) as connection:
        rows = connection.execute("select owner, lease_until, losses from functions_host.task").fetchall()
    assert rows == [(None, None, 0)] * 4  # given back, and not held against them
    with running_host(PATTERNS, postgres_url, tmp_path) as next_host:
        assert next_host.finish(long)["output"] == [0, 1, 2, 3]


def test_a_frozen_hosts_lease_runs_out_and_its_late_results_are_discarded(postgres_url, tmp_path, record):
    options = ("--lease-seconds", "1")
    with running_host(PATTERNS, postgres_url, tmp_path, *options) as frozen:
        instance_id = frozen.start("spread", {"count": 3, "seconds": 1.4, "record": str(record)})
        frozen.until(instance_id, lambda _: in_use(postgres_url, frozen) == 3)
        frozen.process.send_signal(signal.SIGSTOP)
        with running_host(PATTERNS, postgres_url, tmp_path, *options) as healthy:
            assert healthy.finish(instance_id)["output"] == [0, 1, 2]
            frozen.process.send_signal(signal.SIGCONT)
            deadline = time.monotonic() + 5
            while len(frozen.events("activity_result_discarded")) < 3:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert len(healthy.status(instance_id)["history"]) == 5  # started, three results, completed
            # A result may be that the function took too long, while its thread has yet to wake up.
            wait_for_lines(record, 6)
        assert frozen.stop() == 0
    assert sorted(number for number, _ in lines(record)) == [0, 0, 1, 1, 2, 2]


def test_losing_every_connection_is_outlived(postgres_url, tmp_path):
    with running_host(PATTERNS, postgres_url, tmp_path) as host:
        assert host.run("fan", [1])["output"] == 2
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'functions_host'"
            )
        deadline = time.monotonic() + 10
        while host.post("/start/sequence?id=after", 3).status != 202:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert host.finish("after")["output"] == [6, 12, None]
        assert host.events("presence_lost")
        assert host.stop() == 0


def test_hubs_in_one_database_do_not_see_each_other(postgres_url, tmp_path):
    with (
        running_host(PATTERNS, postgres_url, tmp_path, "--hub", "HubOne") as one,
        running_host(PATTERNS, postgres_url, tmp_path, "--hub", "HubTwo") as two,
    ):
        one.start("fan", [1], id="same")
        two.start("fan", [2], id="same")
        assert one.finish("same")["output"] == 2
        assert two.finish("same")["output"] == 4


def test_an_idle_host_uses_almost_no_cpu(postgres_url, tmp_path):
    """Counted in wake-ups: the same ones cost 0.09 to 0.22 s in 3 s on one machine, by how fast it was just then."""

    def used(process_id: int) -> float:
        fields = Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def wake_ups(process_id: int) -> int:
        threads = Path(f"/proc/{process_id}/task").glob("*/status")
        lines = [line for thread in threads for line in thread.read_text().splitlines()]
        return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches:"))

    with running_host(PATTERNS, postgres_url, tmp_path) as host:
        host.run("fan", [1])
        host.start("race", 600)  # a waiting timer must not make it busy
        time.sleep(0.5)
        before = used(host.process.pid), wake_ups(host.process.pid)
        time.sleep(3)
        # Each loop looks once a second, which is 42 to 53 in all.
        assert wake_ups(host.process.pid) - before[1] <= 80
        assert used(host.process.pid) - before[0] <= 0.3, "few wake-ups and much work: it spins"
