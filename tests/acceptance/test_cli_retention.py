"""``afb`` about what is kept, what is done by itself, and what somebody is told of."""

import secrets

import pytest

from tests.support.afb import Afb
from tests.support.share_tree import put, service


@pytest.fixture
def afb(product, tmp_path):
    return Afb(product, tmp_path)


@pytest.fixture
def share(afb, product):
    """A share with three restore points."""
    name = f"share-{secrets.token_hex(5)}"
    service(product.files).create_share(name)
    files = service(product.files).get_share_client(name)
    tenant = afb.json("tenants", "add", f"Contoso {secrets.token_hex(4)}")["tenant_id"]
    afb("shares", "add", f"{product.files_url}/{name}", "--tenant", tenant, "--name", "f", "--credential", "devstore")
    for n in range(3):
        put(files, f"{n}.txt", b"%d" % n)
        afb("backup", f"{tenant}/f", "--follow")
    return f"{tenant}/f"


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
    afb("points", "unpin", f"{share}@1", "--reason", "it is over")
    afb("points", "hold", f"{share}@1", "--reason", "matter 4711")
    afb("points", "delete", f"{share}@1", "--yes", "--follow", code=6)
    assert numbers(afb, share) == [3, 1]
    afb("points", "release", f"{share}@1", "--reason", "settled")
    afb("points", "delete", f"{share}@1", "--yes", "--follow")
    assert numbers(afb, share) == [3]
    assert "sweep run" in afb("sweep", share, "--follow").stdout
    afb("points", "delete", f"{share}@latest", "--yes", code=2)


def test_a_schedule_is_added_changed_switched_off_and_removed(afb, share):
    made = afb.json("schedules", "add", share, "backup", "30 2 * * *", "--zone", "Europe/Berlin", "--name", "nightly")
    assert (made["what"], made["time_zone"], made["enabled"]) == ("backup", "Europe/Berlin", True)
    number = str(made["schedule_id"])
    assert len(afb.lines("schedules", "preview", share, "0 6 * * sun")) == 5
    assert afb.json("schedules", "set", share, number, "--cron", "0 3 * * *", "--off")["enabled"] is False
    (listed,) = afb.lines("schedules", "list", share)
    assert (listed["cron"], listed["next_at"]) == ("0 3 * * *", None)
    assert afb.lines("schedules", "list", "--tenant", share.split("/")[0]) == [listed]
    assert afb.lines("schedules", "occurrences", share, number) == []
    assert "cron" in afb("schedules", "add", share, "backup", "at night", code=2).stderr
    afb("schedules", "remove", share, number, "--yes")
    assert afb.lines("schedules", "list", share) == []


def test_nothing_is_wrong_with_a_share_that_is_well(afb, share):
    done = afb("alerts", "list", "--tenant", share.split("/")[0])
    assert "nothing is wrong" in done.stderr
    afb("alerts", "ack", "999999", "--tenant", share.split("/")[0], code=4)
