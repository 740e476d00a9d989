"""A share's past over HTTP: children, versions, differences and search of a share that was changed in every way, and every wrong question."""

import secrets
from urllib.parse import urlencode

import pytest

from tests.support.api import Api
from tests.support.share_tree import SDDL, change, fill, service


@pytest.fixture(scope="module")
def share(product):
    api = Api(product.host_url, product.host_key)
    name = f"share-{secrets.token_hex(5)}"
    service(product.files).create_share(name)
    files = service(product.files).get_share_client(name)
    path = api.new_share(product.files_url, name)
    for run_no, work in ((1, fill), (2, change)):
        work(files)
        assert api("POST", f"{path}/backups")[0] == 202
        assert api.finished(f"{path}/runs/{run_no}")["state"] == "succeeded"
    return path


@pytest.fixture
def ask(api, share):
    def asked(what, status=200, **query):
        found, body = api("GET", f"{share}/{what}?{urlencode(query)}")
        assert found == status, body
        return body

    return asked


def names(body):
    return [child["name"] for child in body["children"]]


def test_children_are_those_of_the_restore_point(ask):
    root = ask("restore-points/1/children")
    assert (root["path"], root["node_id"], root["more"]) == ("", 1 << 24, False)
    assert names(root) == ["deep", "docs", "empty directory", "empty.bin", "media", "readme.txt"]
    assert names(ask("restore-points/2/children")) == ["docs", "empty.bin", "media"]
    [docs] = [child for child in root["children"] if child["name"] == "docs"]
    assert (docs["kind"], docs["size"], docs["metadata"]) == ("directory", None, {"Owner": "finance", "colour": "red"})
    by_id = ask("restore-points/1/children", node_id=docs["node_id"])
    by_path = ask("restore-points/1/children", path="/DOCS")
    assert by_id["children"] == by_path["children"]
    assert by_path["path"] == "docs"
    [readme] = [child for child in root["children"] if child["name"] == "readme.txt"]
    assert (readme["size"], readme["content_type"], readme["state"], readme["saved_run"]) == (
        6,
        "text/plain",
        "saved",
        1,
    )


def test_windows_of_children_follow_one_another(ask):
    seen, after = [], ""
    while True:
        body = ask("restore-points/1/children", path="docs/reports", limit=5, after=after)
        seen += names(body)
        assert len(body["children"]) <= 5
        if not body["more"]:
            break
        after = body["next"]
    assert seen == ["locked.bin", *(f"report {n:02d}.csv" for n in range(12))]
    begun = ask("restore-points/1/children", path="docs/reports", begin="report 1", limit=1)
    assert names(begun) == ["report 10.csv"]
    following = ask("restore-points/1/children", path="docs/reports", begin="report 1", after=begun["next"])
    assert names(following) == ["report 11.csv"]


def test_versions_say_what_changed_and_which_restore_points_show_it(ask):
    def told(**query):
        found = ask("versions", **query)["versions"]
        return [(v["restore_points"]["first"], v["restore_points"]["last"], v["changes"]) for v in found]

    assert told(path="docs/reports/report 03.csv") == [
        (2, 2, ["replaced", "content", "times"]),
        (1, 1, ["created"]),
    ]
    assert told(path="docs/reports/report 04.csv") == [(1, 2, ["created"])]
    assert told(path="docs/reports/report 05.csv", restore_point=1) == [(2, 2, ["deleted"]), (1, 1, ["created"])]
    assert told(path="docs/reports/report 07.csv") == [(2, 2, ["permission", "headers"]), (1, 1, ["created"])]
    assert told(path="media/song.wav") == [(2, 2, ["metadata"]), (1, 1, ["created"])]
    moved = ask("versions", path="docs/deeper")["versions"]
    assert [v["node"]["name"] for v in moved] == ["deeper", "deep"]
    assert {"moved", "name"} <= set(moved[0]["changes"])
    assert moved[1]["directory_id"] == 1 << 24
    first = ask("versions", path="media/song.wav", limit=1)
    assert (first["more"], len(first["versions"])) == (True, 1)
    rest = ask("versions", path="media/song.wav", limit=1, after=first["next"])
    assert [v["restore_points"]["first"] for v in rest["versions"]] == [1]


def test_a_permission_that_was_is_told_in_full(ask):
    newer, older = ask("versions", path="docs/reports/report 07.csv")["versions"]
    told = [ask("permissions", key=version["node"]["permission"])["sddl"] for version in (newer, older)]
    assert SDDL.format(n=1003) in told[0]
    assert SDDL.format(n=1003) not in told[1]


def test_a_difference_counts_what_is_below_each_child(ask):
    body = ask("difference", **{"from": 1})
    assert (body["to"], body["moves_known"], body["unreadable"], body["more"]) == (2, True, [], False)
    children = {child["name"]: child for child in body["children"]}
    assert set(children) == {"deep", "docs", "empty directory", "media", "readme.txt"}
    assert children["deep"]["changes"] == ["moved"]
    assert children["empty directory"]["changes"] == ["deleted"]
    assert children["docs"]["below"]["changed_files"] == 2
    total = body["total"]
    assert (total["added_files"], total["deleted_files"], total["moved_files"]) == (1, 1, 1)
    assert (total["added_directories"], total["deleted_directories"], total["moved_directories"]) == (1, 1, 1)
    assert total["changed_files"] == 3
    reports = {c["name"]: c for c in ask("difference", **{"from": 1, "path": "docs"})["children"]}["reports"]
    assert (reports["below"]["changed_files"], reports["below"]["deleted_files"]) == (2, 1)
    deeper = ask("difference", **{"from": 1, "path": "docs/deeper"})
    assert [(c["name"], c["unchanged"]) for c in deeper["children"]] == [("level0", True)]


def test_search_finds_names_now_and_then(ask):
    now = ask("search", pattern="*.TXT")
    assert now["restore_point"] == 2
    assert {"docs/readme-moved.txt", "docs/new/added.txt"} <= {one["path"] for one in now["found"]}
    assert ask("search", pattern="*.TXT", case="match")["found"] == []
    ever = ask("search", pattern="re*", versions="all")
    shown = {
        (one["path"], one["restore_points"]["first"], one["restore_points"]["last"]): one["size"]
        for one in ever["found"]
    }
    assert shown["readme.txt", 1, 1] == 6
    assert shown["docs/readme-moved.txt", 2, 2] == 6
    assert ("docs/reports/report 05.csv", 1, 1) in shown
    assert ("docs/reports/report 04.csv", 1, 2) in shown
    seen, after = 0, ""
    while True:
        part = ask("search", pattern="re*", versions="all", limit=2, after=after)
        seen += len(part["found"])
        if not (after := part["next"] or ""):
            break
    assert seen == len(ever["found"])


@pytest.mark.parametrize(
    ("what", "query", "status", "field"),
    [
        ("restore-points/9/children", {}, 404, "restore_point"),
        ("restore-points/1/children", {"path": "docs/nothing"}, 404, "path"),
        ("restore-points/1/children", {"path": "readme.txt"}, 400, "path"),
        ("restore-points/1/children", {"path": "readme.txt/x"}, 400, "path"),
        ("restore-points/1/children", {"path": "docs", "node_id": 1 << 24}, 400, "path"),
        ("restore-points/1/children", {"node_id": "x"}, 400, "node_id"),
        ("restore-points/1/children", {"node_id": (1 << 24) + 1}, 400, "node_id"),
        ("restore-points/1/children", {"node_id": 999 << 24}, 404, "node_id"),
        ("restore-points/1/children", {"node_id": 1 << 63}, 400, "node_id"),
        ("restore-points/1/children", {"after": "zzz"}, 400, "after"),
        ("restore-points/1/children", {"after": "7/readme.txt"}, 400, "after"),
        ("restore-points/1/children", {"limit": 0}, 400, "limit"),
        ("versions", {"path": "nothing"}, 404, "path"),
        ("versions", {"node_id": (1 << 24) + 999}, 404, "node_id"),
        ("versions", {"node_id": 999 << 24}, 404, "node_id"),
        ("versions", {"restore_point": 9}, 404, "restore_point"),
        ("versions", {"after": "x"}, 400, "after"),
        ("difference", {}, 400, "from"),
        ("difference", {"from": 2, "to": 1}, 400, "from"),
        ("difference", {"from": 1, "to": 1}, 400, "from"),
        ("difference", {"from": 1, "to": 9}, 404, "to"),
        ("difference", {"from": 9, "to": 2}, 404, "from"),
        ("difference", {"from": 1, "path": "nothing"}, 404, "path"),
        ("difference", {"from": 1, "path": "empty.bin"}, 400, "path"),
        ("difference", {"from": 1, "after": "x"}, 400, "after"),
        ("difference", {"from": 1, "node_id": 999 << 24}, 404, "node_id"),
        ("permissions", {}, 400, "key"),
        ("permissions", {"key": "../1"}, 400, "key"),
        ("permissions", {"key": "1*2"}, 404, "key"),
        ("search", {}, 400, "pattern"),
        ("search", {"pattern": "a/b"}, 400, "pattern"),
        ("search", {"pattern": "[z-a]"}, 400, "pattern"),
        ("search", {"pattern": "x", "versions": "some"}, 400, "versions"),
        ("search", {"pattern": "x", "case": "upper"}, 400, "case"),
        ("search", {"pattern": "x", "after": "y"}, 400, "after"),
        ("search", {"pattern": "x", "versions": "all", "after": "1.2"}, 400, "after"),
    ],
)
def test_a_wrong_question_is_told_which_part_of_it_is_wrong(ask, what, query, status, field):
    problem = ask(what, status, **query)
    assert [error["field"] for error in problem["errors"]] == [field], problem
    assert problem["detail"]
