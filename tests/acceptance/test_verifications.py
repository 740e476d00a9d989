"""Verifies as a program meets them: started over HTTP, driven by Durable, their findings in the journal."""

import secrets

import pytest
from azure.storage.blob import ContainerClient

from tests.support.share_tree import service


@pytest.fixture
def share(api, product):
    """A share with a restore point."""
    name = f"share-{secrets.token_hex(5)}"
    client = service(product.files).create_share(name)
    for number in range(20):
        content = b"%d" % number
        client.get_file_client(f"f{number}.txt").create_file(len(content), data=content)
    share = api.new_share(product.files_url, name)
    api("POST", f"{share}/backups")
    api.finished(f"{share}/runs/1")
    return share


def test_each_level_runs_and_reports(api, share):
    bodies = [
        {},
        {"level": "full", "restore_point": "all"},
        {"level": "sample", "over_runs": 2},
        {"level": "sample", "over_runs": 2},
        {"level": "quick", "restore_point": 1},
    ]
    reports = []
    for number, body in enumerate(bodies, 2):
        status, run = api("POST", f"{share}/verifications", body)
        assert (status, run["kind"], run["run_no"]) == (202, "verify", number)
        run = api.finished(f"{share}/runs/{number}")
        assert (run["state"], run["errors"], run["error"]) == ("succeeded", 0, None)
        assert run["progress"]["part"] == 1.0
        assert run["report"]["checked"]["files"] == 20
        reports.append(run["report"])
    assert [r["read"]["files"] for r in reports[:2]] == [0, 20]
    assert [r["sample"]["parts_read"] for r in reports[2:4]] == [1, 2]
    assert reports[3]["sample"]["files_read"] == 20
    assert api("GET", f"{share}/runs/3")[1]["order"]["level"] == "full"


def test_damage_is_in_the_journal(api, share, product):
    tenant, share_id = share.split("/")[-3], share.split("/")[-1]
    with ContainerClient.from_connection_string(product.azurite.connection_string, tenant) as container:
        (bundle,) = [blob.name for blob in container.list_blobs(name_starts_with=f"{share_id}/bundle/")]
        container.delete_blob(bundle)
    api("POST", f"{share}/verifications", {})
    run = api.finished(f"{share}/runs/2")
    assert (run["state"], run["errors"], run["report"]["damaged_objects"]) == ("completed_with_errors", 1, 1)
    (line,) = api("GET", f"{share}/runs/2/journal?kind=object_lost")[1]["lines"]
    assert line["details"]["object"] == bundle
    assert line["details"]["files"] == "20"
    assert line["details"]["restore_points"] == "1"
    assert "the next backup saves it again" in line["hint"]
    api("POST", f"{share}/backups")
    assert api.finished(f"{share}/runs/3")["counters"]["changed_files"] == 20


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"level": "thorough"}, "level"),
        ({"restore_point": "first"}, "restore_point"),
        ({"restore_point": 0}, "restore_point"),
        ({"level": "sample", "over_runs": 0}, "over_runs"),
        ({"level": "full", "over_runs": 10}, "over_runs"),
        ({"depth": 1}, "depth"),
    ],
)
def test_bad_input_names_the_field(api, share, body, field):
    status, answer = api("POST", f"{share}/verifications", body)
    assert status == 400
    assert any(error["field"].split(".")[0] == field for error in answer["errors"]), answer
    assert len(api("GET", f"{share}/runs")[1]["runs"]) == 1


def test_what_is_not_there_cannot_be_verified(api, product):
    name = f"share-{secrets.token_hex(5)}"
    service(product.files).create_share(name)
    share = api.new_share(product.files_url, name)
    status, answer = api("POST", f"{share}/verifications", {})
    assert (status, "no restore point yet" in answer["detail"]) == (404, True)
    assert api("POST", f"{share}/verifications", {"restore_point": 5})[0] == 404


def scratch_shares(product):
    return [one.name for one in service(product.files).list_shares(name_starts_with="afb-drill-")]


def test_a_drill_restores_compares_and_cleans_up(api, share, product):
    for number, body in enumerate([{}, {"percent": 50}, {"over_runs": 2}, {"files": 6}, {"files": 6}], 2):
        status, run = api("POST", f"{share}/verifications", {"level": "drill"} | body)
        assert (status, run["kind"], run["run_no"]) == (202, "verify", number)
        run = api.finished(f"{share}/runs/{number}")
        assert (run["state"], run["errors"], run["error"]) == ("succeeded", 0, None)
        assert run["progress"]["part"] == 1.0
        told = run["report"]
        assert told["restored"]["files"] == told["compared"]["files"] > 0
        assert told["scratch_share"]["removed"] is True
        assert (run["order"]["parts"], told["sample"]["parts_read"]) == [(1, 1), (2, 1), (2, 2), (4, 1), (4, 2)][
            number - 2
        ]
    assert scratch_shares(product) == []


@pytest.mark.torture  # a minute of tries
def test_a_drill_in_an_account_that_does_not_answer_can_be_cancelled_and_says_what_may_be_left(api, share):
    target = {"account_url": "http://127.0.0.1:9/nothing", "credential": "devstore"}
    status, run = api("POST", f"{share}/verifications", {"level": "drill", "target": target})
    assert status == 202
    assert run["order"]["account_url"] == target["account_url"]
    api("POST", f"{share}/runs/{run['run_no']}/cancel")
    ended = api.finished(f"{share}/runs/{run['run_no']}")
    assert (ended["state"], ended["report"]["scratch_share"]["removed"]) == ("cancelled", False)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"level": "drill", "restore_point": "all"}, "restore_point"),
        ({"level": "drill", "files": 0}, "files"),
        ({"level": "drill", "percent": 0}, "percent"),
        ({"level": "drill", "percent": 101}, "percent"),
        ({"level": "drill", "percent": 10, "files": 5}, "percent"),
        ({"level": "drill", "over_runs": 10, "files": 5}, "over_runs"),
        ({"level": "sample", "files": 5}, "files"),
        ({"level": "quick", "percent": 5}, "percent"),
        ({"level": "full", "target": {}}, "target"),
        ({"level": "drill", "target": {"account_url": "not a url"}}, "target"),
        ({"level": "drill", "target": {"share_name": "finance"}}, "target"),
        ({"level": "drill", "target": {"credential": "nobody"}}, "credential"),
    ],
)
def test_bad_input_to_a_drill_names_the_field(api, share, body, field):
    status, answer = api("POST", f"{share}/verifications", body)
    assert status == 400
    assert any(error["field"].split(".")[0] == field for error in answer["errors"]), answer
    assert len(api("GET", f"{share}/runs")[1]["runs"]) == 1
