"""Pause, resume, cancel and the journal as a program meets them."""

import secrets
import time

import pytest

from tests.support.files_control import ControlClient
from tests.support.share_tree import service

FILES = 150


@pytest.fixture
def share(api, product):
    """A share of nothing yet."""
    name = f"share-{secrets.token_hex(5)}"
    service(product.files).create_share(name)
    return api.new_share(product.files_url, name)


@pytest.fixture
def slow(api, product, share):
    """The share with files that, 32 at a time, take ten seconds."""
    client = service(product.files).get_share_client(api("GET", share)[1]["share_name"])
    for number in range(3):
        client.create_directory(f"d{number}")
    for number in range(FILES):
        content = b"%d" % number
        client.get_file_client(f"d{number % 3}/f{number}.txt").create_file(len(content), data=content)
    with ControlClient(product.files.control_url).faults({"operation": "file_download", "delay_s": 2.0, "count": 0}):
        yield


def when(api, path, true, seconds=15):
    """The run as soon as ``true`` is true of it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        status, run = api("GET", path)
        assert status == 200, run
        if true(run):
            return run
        time.sleep(0.1)
    raise AssertionError(run)


def events(api, path):
    status, page = api("GET", f"{path}/journal?kind=event")
    assert status == 200, page
    return [line["details"]["event"] for line in page["lines"]]


def test_a_run_is_paused_resumed_and_finished(api, share, slow):
    api("POST", f"{share}/backups")
    path = f"{share}/runs/1"
    at_work = when(api, path, lambda run: run["workers"])
    assert (at_work["waits_for"], at_work["eta_s"], at_work["driver"]) == ("", None, "durable")
    status, paused = api("POST", f"{path}/pause")
    assert (status, paused["state"], paused["active"]) == (202, "paused", True)
    asked = time.monotonic()
    stopped = when(api, path, lambda run: run["workers"] == 0)
    assert time.monotonic() - asked < 6
    assert stopped["waits_for"] == "somebody to resume or cancel it"
    assert stopped["counters"]["changed_files"] < FILES
    assert api("POST", f"{path}/pause")[0] == 202, "it is paused already"
    status, problem = api("POST", f"{share}/backups")
    assert (status, "it is paused: resume or cancel it" in problem["detail"]) == (409, True)

    status, resumed = api("POST", f"{path}/resume")
    assert (status, resumed["state"]) == (202, "queued")
    done = api.finished(path)
    assert (done["state"], done["counters"]["changed_files"]) == ("succeeded", FILES)
    assert done["progress"]["files"]["done"] == FILES
    assert events(api, path) == ["opened", "share_snapshot", "paused", "resumed", "committed"]
    for action in ("pause", "resume", "cancel"):
        status, problem = api("POST", f"{path}/{action}")
        assert status == 409
        assert "has ended: succeeded" in problem["detail"]
        assert "start a new run" in problem["detail"]


def test_a_run_is_cancelled_and_the_next_one_may_begin(api, share, slow):
    api("POST", f"{share}/backups")
    path = f"{share}/runs/1"
    when(api, path, lambda run: run["workers"])
    status, run = api("POST", f"{path}/cancel")
    assert (status, run["state"]) == (202, "cancelling")
    ended = api.finished(path, seconds=20)
    assert (ended["state"], ended["restore_point"], ended["error"]) == ("cancelled", None, None)
    assert events(api, path) == ["opened", "share_snapshot", "cancel", "cancelled"]
    assert api("POST", f"{path}/cancel")[0] == 202, "it is cancelled already"
    assert api("POST", f"{path}/resume")[0] == 409
    assert api("GET", f"{share}/restore-points")[1]["restore_points"] == []
    assert api("POST", f"{share}/backups")[0] == 202
    assert api("POST", f"{share}/runs/2/pause")[0] == 202
    assert api("POST", f"{share}/runs/2/cancel")[0] == 202
    assert api.finished(f"{share}/runs/2", seconds=20)["state"] == "cancelled"


def test_a_journal_is_read_page_by_page_and_what_is_wrong_with_a_question_is_named(api, share):
    api("POST", f"{share}/backups")
    api.finished(f"{share}/runs/1")
    found, after = [], ""
    for _ in range(9):
        status, page = api("GET", f"{share}/runs/1/journal?limit=2{after}")
        assert status == 200
        assert len(page["lines"]) <= 2
        found += [line["details"]["event"] for line in page["lines"]]
        if not page["more"]:
            assert page["next"] is None
            break
        after = f"&after={page['next']}"
    assert found == ["opened", "share_snapshot", "committed"]
    for query in ("limit=0", "limit=1001", "limit=x", "after=abc", "kind=A'b"):
        status, problem = api("GET", f"{share}/runs/1/journal?{query}")
        assert (status, [e["field"] for e in problem["errors"]]) == (400, [query.partition("=")[0]]), problem


def test_there_is_nothing_to_choose_when_a_run_is_paused(api, share):
    api("POST", f"{share}/backups")
    status, problem = api("POST", f"{share}/runs/1/pause", {"for": "an hour"})
    assert (status, problem["errors"][0]["field"]) == (400, "for")
    assert api("POST", f"{share}/runs/9/pause")[0] == 404
    api.finished(f"{share}/runs/1")
