"""``afb`` about what is kept, what is done by itself, who is told, and what can be had without a restore."""

import csv
import secrets
import tarfile

import pytest

from tests.support.afb import Afb
from tests.support.share_tree import put, service


@pytest.fixture
def afb(product, tmp_path):
    return Afb(product, tmp_path)


@pytest.fixture
def files(product):
    name = f"share-{secrets.token_hex(5)}"
    service(product.files).create_share(name)
    return service(product.files).get_share_client(name)


@pytest.fixture
def new(afb, product, files):
    """A share that was never backed up."""
    url = f"{product.files_url}/{files.share_name}"
    tenant = afb.json("tenants", "add", f"Contoso {secrets.token_hex(4)}")["tenant_id"]
    afb("shares", "add", url, "--tenant", tenant, "--name", "f", "--credential", "devstore")
    return f"{tenant}/f"


@pytest.fixture
def share(afb, files, new):
    """A share with three restore points."""
    for n in range(3):
        put(files, f"{n}.txt", b"%d" % n)
        afb("backup", new, "--follow")
    return new


def numbers(afb, share):
    return [point["restore_point"] for point in afb.lines("points", "list", share)]


def test_a_policy_lets_restore_points_go_but_not_what_is_pinned_or_held(afb, share):
    tenant = ["--tenant", share.split("/")[0]]
    assert afb.json("policies", "add", "short", "keep_last=1", *tenant)["rules"]["keep_last"] == 1
    assert [policy["name"] for policy in afb.lines("policies", "list", *tenant)] == ["short"]
    assert "daily" in afb("policies", "add", "x", "daily=many", *tenant, code=2).stderr
    told = afb("policies", "preview", share, "keep_last=2")
    assert "2 kept, 1 go" in told.stderr
    afb("points", "pin", f"{share}@1", "--reason", "the audit of 2026")
    asked = afb("policies", "apply", share, "short", code=1)
    assert "GOES" in asked.stdout
    assert "next prune: 20" in afb("policies", "apply", share, "short", "--yes").stderr
    by_itself = {one["what"]: one for one in afb.lines("schedules", "list", share)}
    assert {what: one["name"] for what, one in by_itself.items()} == {"prune": "prune", "sweep": "sweep"}
    afb("schedules", "set", share, str(by_itself["sweep"]["schedule_id"]), "--off")
    assert "next sweep: not by itself" in afb("policies", "show", share).stderr
    afb("schedules", "add", share, "sweep", "0 3 1 * *", "--name", "monthly", "--margin", "30")
    assert {p["restore_point"]: p["keep"] for p in afb.lines("policies", "show", share)} == {3: True, 2: False, 1: True}
    afb("prune", share, "--yes", "--follow")
    assert numbers(afb, share) == [3, 1]
    (gone,) = afb.lines("points", "expired", share)
    assert (gone["restore_point"], gone["reason"] != "") == (2, True)
    shown = afb.json("points", "show", f"{share}@1")
    assert (shown["files"], shown["pin"]["reason"], shown["hold"]) == (1, "the audit of 2026", None)
    afb("points", "unpin", f"{share}@1", "--reason", "it is over")
    afb("points", "hold", f"{share}@1", "--reason", "matter 4711")
    afb("points", "delete", f"{share}@1", "--yes", "--follow", code=6)
    assert numbers(afb, share) == [3, 1]
    afb("points", "release", f"{share}@1", "--reason", "settled")
    afb("points", "delete", f"{share}@1", "--yes", "--follow")
    assert numbers(afb, share) == [3]
    assert "sweep run" in afb("sweep", share, "--follow").stdout
    afb("points", "delete", f"{share}@latest", "--yes", code=2)


def test_a_schedule_is_added_changed_switched_off_and_removed(afb, new):
    made = afb.json("schedules", "add", new, "backup", "30 2 * * *", "--zone", "Europe/Berlin", "--name", "nightly")
    assert (made["what"], made["time_zone"], made["enabled"]) == ("backup", "Europe/Berlin", True)
    number = str(made["schedule_id"])
    assert len(afb.lines("schedules", "preview", new, "0 6 * * sun")) == 5
    assert afb.json("schedules", "set", new, number, "--cron", "0 3 * * *", "--off")["enabled"] is False
    (listed,) = afb.lines("schedules", "list", new)
    assert (listed["cron"], listed["next_at"]) == ("0 3 * * *", None)
    assert afb.lines("schedules", "list", "--tenant", new.split("/")[0]) == [listed]
    assert afb.json("schedules", "show", new, number)["enabled"] is False
    assert afb.lines("schedules", "occurrences", new, number) == []
    assert "cron" in afb("schedules", "add", new, "backup", "at night", code=2).stderr
    afb("schedules", "remove", new, number, "--yes")
    assert afb.lines("schedules", "list", new) == []


def test_nothing_is_wrong_with_a_share_that_is_well(afb, new):
    done = afb("alerts", "list", "--tenant", new.split("/")[0])
    assert "nothing is wrong" in done.stderr
    afb("alerts", "ack", "999999", "--tenant", new.split("/")[0], code=4)


def test_windows_are_set_as_they_are_typed_and_taken_away(afb, new):
    told = afb(
        "shares", "windows", new, "mon-fri 20:00-6:00", "sat,sun 0:00-24:00", "--zone", "Europe/Berlin", "--pause"
    )
    assert "mon-fri 20:00-06:00; sat,sun 00:00-24:00" in told.stdout
    settings = afb.json("shares", "windows", new)["settings"]
    assert settings["windows"][1] == {"days": ["sat", "sun"], "begin": "00:00", "end": "24:00"}
    assert (settings["time_zone"], settings["pause_outside_windows"]) == ("Europe/Berlin", True)
    afb("shares", "pace", new, "08:00-18:00 requests_per_s=50")
    assert "08:00-18:00 requests_per_s=50 bytes_per_s=none" in afb("shares", "pace", new).stdout
    assert "settings.windows" in afb("shares", "windows", new, "25:00-26:00", code=2).stderr
    afb("shares", "windows", new, "none", "--no-pause")
    settings = afb.json("shares", "pace", new, "none")["settings"]
    assert (settings["windows"], settings["pace_windows"], settings["pause_outside_windows"]) == ([], [], False)


def test_a_channel_is_added_tried_changed_and_removed(afb, new):
    tenant = ["--tenant", new.split("/")[0]]
    address = "http://127.0.0.1:9/hook"
    made = afb.json("channels", "add", "on call", "--webhook", address, "--on", "damage", *tenant)
    assert (made["kind"], made["url"], made["conditions"]) == ("webhook", address, ["damage"])
    tested = afb.json("channels", "test", "on call", *tenant)
    (delivery,) = afb.lines("channels", "deliveries", "On Call", *tenant)
    assert (delivery["delivery_id"], delivery["event"]) == (tested["delivery_id"], "test")
    assert afb.json("channels", "retry", str(made["channel_id"]), *tenant)["deliveries"] == 0
    changed = afb.json("channels", "set", "on call", "--everything", "--disable", *tenant)
    assert (changed["conditions"], changed["enabled"], changed["url"]) == ([], False, address)
    assert afb.lines("channels", "list", *tenant) == [changed]
    assert "mail server" in afb("channels", "add", "team", "--mail", "team@example.com", *tenant, code=2).stderr
    assert "--webhook URL or --mail" in afb("channels", "add", "nobody", *tenant, code=2).stderr
    assert "there is no channel" in afb("channels", "show", "nobody", *tenant, code=4).stderr
    afb("channels", "remove", "on call", "--yes", *tenant)
    assert afb.lines("channels", "list", *tenant) == []


def test_limits_of_a_tenant_are_set_and_lifted(afb, new):
    tenant = new.split("/")[0]
    assert afb.json("tenants", "limits", tenant)["runs_at_once"] is None
    assert afb.json("tenants", "limits", tenant, "--runs-at-once", "4")["runs_at_once"] == 4
    assert "runs_at_once" in afb("tenants", "limits", tenant, "--runs-at-once", "0", code=2).stderr
    assert "no limit of its own" in afb("tenants", "limits", tenant, "--runs-at-once", "none").stdout


def test_the_tree_a_selection_and_a_permission_are_had_without_a_restore(afb, share, tmp_path):
    afb("export", share, "tree.csv", "--format", "csv")
    with (tmp_path / "tree.csv").open(newline="") as file:
        assert {row["name"] for row in csv.DictReader(file)} == {"", "0.txt", "1.txt", "2.txt"}
    afb("export", share, "tree.csv", "--format", "csv", code=1)
    afb("export", f"{share}:/nothing", code=4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tree.csv"]
    afb(
        "get",
        f"{share}:/0.txt",
        "some.tar",
        "--archive",
        "tar",
        "--path",
        "2.txt",
        "--path",
        "1.txt",
        "--exclude",
        "1.*",
    )
    with tarfile.open(tmp_path / "some.tar") as archive:
        assert sorted(archive.getnames()) == ["0.txt", "2.txt"]
    assert "say --archive" in afb("get", f"{share}:/0.txt", "--ext", ".txt", code=2).stderr
    assert afb("permission", f"{share}:/0.txt").stdout.startswith("O:")
    assert [run["kind"] for run in afb.lines("runs", "list", share, "--kind", "backup", "--state", "succeeded")] == [
        "backup"
    ] * 3
    assert afb.lines("runs", "list", share, "--state", "failed") == []


def test_an_app_that_has_what_it_needs_says_so(afb):
    assert {check["name"] for check in afb.json("health")["checks"]} == {"catalogue", "schema", "vault", "journal"}
    assert "failed" not in afb("health").stdout
    assert "# TYPE" in afb("metrics").stdout
    assert "cannot be reached" in afb("health", code=7, AFB_URL="http://127.0.0.1:9").stderr
