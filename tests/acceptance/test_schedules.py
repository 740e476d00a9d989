"""Schedules and alerts through the API, with the timers of the host."""

import datetime as dt
import secrets
import time

import psycopg
import pytest

from tests.support.receivers import hook_in_thread
from tests.support.share_tree import put, service


@pytest.fixture
def share(api, product):
    name = f"share-{secrets.token_hex(5)}"
    service(product.files).create_share(name)
    put(service(product.files).get_share_client(name), "a.txt", b"a")
    return api.new_share(product.files_url, name)


def tenant(share):
    return share.rpartition("/shares/")[0]


def soon(product, schedule_id):
    """Have a schedule come round now: nobody waits for two o'clock."""
    with psycopg.connect(product.postgres_url) as conn:
        conn.execute(
            "UPDATE schedule SET due_at = date_trunc('minute', now()) - interval '1 minute', next_at = now()"
            " WHERE schedule_id = %s",
            [schedule_id],
        )


def when(look, true, seconds=100):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if true(found):
            return found
        time.sleep(0.3)
    raise AssertionError(found)


@pytest.mark.slow
def test_what_is_scheduled_is_started_by_the_timer_and_ends(api, product, share):
    made = {"name": "nightly", "what": "backup", "cron": "* * * * *", "time_zone": "Europe/Berlin"}
    status, problem = api("POST", f"{share}/schedules", made)
    assert (status, problem["errors"][0]["field"]) == (400, "cron")
    status, schedule = api("POST", f"{share}/schedules", made | {"cron": "0 2 * * *"})
    assert status == 201, schedule
    assert len(schedule["upcoming"]) == 5
    assert schedule["upcoming"][0]["starts_at"] == schedule["next_at"]
    soon(product, schedule["schedule_id"])
    (run,) = when(lambda: api("GET", f"{share}/runs")[1]["runs"], bool)
    assert (run["kind"], run["schedule_id"]) == ("backup", schedule["schedule_id"])
    ended = api.finished(f"{share}/runs/{run['run_no']}")
    assert (ended["state"], ended["restore_point"]) == ("succeeded", run["run_no"])
    path = f"{share}/schedules/{schedule['schedule_id']}"
    _, after = api("GET", path)
    assert (after["last_outcome"], after["last_run_no"]) == ("started", run["run_no"])
    assert dt.datetime.fromisoformat(after["next_at"]) > dt.datetime.now(dt.UTC)
    _, page = api("GET", f"{path}/occurrences")
    assert [(one["outcome"], one["run_no"]) for one in page["occurrences"]] == [("started", run["run_no"])]
    assert api("PATCH", path, {"enabled": False})[1]["next_at"] is None
    assert api("DELETE", path)[0] == 204
    assert api("GET", path)[0] == 404


@pytest.mark.slow
def test_a_failure_is_told_to_a_webhook(api, product, share):
    service(product.files).delete_share(api("GET", share)[1]["share_name"])
    with hook_in_thread() as receiver:
        status, channel = api(
            "POST", f"{tenant(share)}/channels", {"name": "ops", "kind": "webhook", "url": receiver.url}
        )
        assert status == 201, channel
        assert api("POST", f"{tenant(share)}/channels/{channel['channel_id']}/test")[0] == 202
        assert api("POST", f"{share}/backups")[0] == 202
        assert api.finished(f"{share}/runs/1")["state"] == "failed"
        told = when(receiver.told, lambda told: len(told) == 2, seconds=150)
    assert {one["event"] for one in told} == {"test", "opened"}
    (opened,) = [one for one in told if one["event"] == "opened"]
    assert opened["alert"]["condition"] == "run_failed"
    _, page = api("GET", f"{share}/alerts?open=true")
    (alert,) = page["alerts"]
    _, seen = api("POST", f"{tenant(share)}/alerts/{alert['alert_id']}/acknowledge")
    assert seen["acknowledged_by"]
    assert api("POST", f"{tenant(share)}/alerts/{alert['alert_id']}/close")[1]["open"] is False
    _, page = api("GET", f"{tenant(share)}/channels/{channel['channel_id']}/deliveries?state=sent")
    assert len(page["deliveries"]) == 2


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("schedules", {"name": "n", "what": "backup", "cron": "0 2 * *"}, "cron"),
        ("schedules", {"name": "n", "what": "backup", "cron": "0 2 * * *", "time_zone": "Nowhere"}, "time_zone"),
        ("schedules", {"name": "n", "what": "restore", "cron": "0 2 * * *"}, "what"),
        ("schedules", {"name": "n", "what": "backup", "cron": "0 2 * * *", "options": {"files": 3}}, "options.files"),
        (
            "schedules",
            {"name": "n", "what": "prune", "cron": "0 2 * * *", "options": {"margin_days": 3}},
            "options.margin_days",
        ),
        (
            "schedules",
            {"name": "n", "what": "sweep", "cron": "0 2 * * *", "options": {"margin_days": 0}},
            "options.margin_days",
        ),
        ("schedules", {"name": "n", "what": "backup", "cron": "0 2 * * *", "spread_s": 90_000}, "spread_s"),
        ("channels", {"name": "n", "kind": "webhook", "url": "http://example.com"}, "url"),
        (
            "channels",
            {"name": "n", "kind": "webhook", "url": "https://example.com", "credential": "devstore"},
            "credential",
        ),
        (
            "channels",
            {"name": "n", "kind": "webhook", "url": "https://example.com", "credential": "webhook-x"},
            "credential",
        ),
        ("channels", {"name": "n", "kind": "email", "recipients": ["a@example.com"]}, "kind"),
        ("channels", {"name": "n", "kind": "email", "recipients": ["a@b.c\nBcc: x@y.z"]}, "recipients"),
    ],
)
def test_what_cannot_be_is_refused_with_the_field_named(api, share, path, body, field):
    of = share if path == "schedules" else tenant(share)
    status, problem = api("POST", f"{of}/{path}", body)
    assert status == 400, problem
    assert problem["errors"][0]["field"] == field
    assert api("GET", f"{of}/{path}")[1][path] == []


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"time_zone": "Nowhere"}, "settings.time_zone"),
        ({"windows": [{"begin": "25:00", "end": "06:00"}]}, "settings.windows"),
        ({"windows": [{"days": ["caturday"], "begin": "00:00", "end": "06:00"}]}, "settings.windows"),
        (
            {"pace_windows": [{"begin": "00:00", "end": "06:00", "requests_per_s": 1}]},
            "settings.pace_windows.0.requests_per_s",
        ),
        ({"objective_s": 5}, "settings.objective_s"),
    ],
)
def test_settings_that_cannot_be_are_refused_too(api, share, settings, field):
    before = api("GET", share)[1]
    status, problem = api("PATCH", share, {"settings": settings})
    assert status == 400, problem
    assert problem["errors"][0]["field"] == field
    assert api("GET", share)[1] == before


def test_windows_are_settings_like_others(api, share):
    given = {
        "time_zone": "Europe/Berlin",
        "windows": [{"days": ["sat", "sun"], "begin": "22:00", "end": "06:00"}],
        "pace_windows": [{"begin": "08:00", "end": "18:00", "requests_per_s": 100}],
        "objective_s": 86_400,
    }
    status, changed = api("PATCH", share, {"settings": given})
    assert status == 200, changed
    settings = api("GET", share)[1]["settings"]
    assert settings["windows"] == given["windows"]
    assert settings["pace_windows"][0]["requests_per_s"] == 100
    assert settings["bundle_target_bytes"] > 0


def test_limits_of_a_tenant_make_runs_wait_for_their_turn(api, product, share):
    status, limits = api("PUT", f"{tenant(share)}/limits", {"runs_at_once": 1})
    assert (status, limits["runs_at_once"]) == (200, 1)
    with psycopg.connect(product.postgres_url) as conn:
        conn.execute(
            "INSERT INTO run (tenant_id, share_id, run_no, kind, subject, state, admitted_at, driver)"
            " VALUES (%s, %s, 900, 'scan', 'nothing', 'running', now(), 'workers')",
            [tenant(share).rpartition("/")[2], int(share.rpartition("/")[2])],
        )
    assert api("POST", f"{share}/backups")[0] == 202
    _, run = api("GET", f"{share}/runs/1")
    assert (run["state"], run["workers"]) == ("queued", 0)
    assert "its tenant has 1 runs at work of 1" in run["waits_for"]
    with psycopg.connect(product.postgres_url) as conn:
        conn.execute("UPDATE run SET state = 'cancelled', finished_at = now() WHERE subject = 'nothing'")
    assert api.finished(f"{share}/runs/1", seconds=60)["state"] == "succeeded"
