"""Resources that tell how things stand: readiness, overview, usage, connection tests, exports."""

import csv
import io
import secrets

import pytest

from tests.support.api import Api
from tests.support.share_tree import fill, read_tree, service


@pytest.fixture(scope="module")
def made(product):
    """A share that was backed up once, with its path and its client."""
    api = Api(product.host_url, product.host_key)
    name = f"share-{secrets.token_hex(5)}"
    service(product.files).create_share(name)
    files = service(product.files).get_share_client(name)
    fill(files)
    path = api.new_share(product.files_url, name)
    assert api("POST", f"{path}/backups")[0] == 202
    assert api.finished(f"{path}/runs/1")["state"] == "succeeded"
    return path, files


def test_the_app_is_ready_with_everything_named(api):
    status, found = api("GET", "/api/ready")
    assert (status, found["ready"]) == (200, True)
    assert {check["name"] for check in found["checks"]} == {"catalogue", "schema", "vault", "journal"}
    assert all(check["ok"] and not check["hint"] for check in found["checks"])


def test_what_is_away_is_named(api, product):
    product.azurite.stop()
    try:
        status, found = api("GET", "/api/ready")
        assert (status, found["ready"]) == (503, False)
        assert {check["name"] for check in found["checks"] if not check["ok"]} == {"vault", "journal"}
        assert all(check["hint"] for check in found["checks"] if not check["ok"])
        assert api("GET", "/api/health")[0] == 200
    finally:
        product.azurite.start()
    assert api("GET", "/api/ready")[0] == 200


def test_the_overview_tells_how_each_share_stands(api, made):
    path, _ = made
    _, point = api("GET", f"{path}/restore-points/1")
    [line] = [one for one in api.pages("/api/overview", "shares", 50) if path.endswith(f"/{one['share_id']}")]
    assert line["tenant_name"] == "Contoso"
    assert line["restore_point"]["restore_point"] == 1
    assert line["restore_point"]["taken_at"] == point["taken_at"]
    assert 0 <= line["restore_point"]["age_s"] < 3600
    assert line["run"] == {"run_no": 1, "kind": "backup", "state": "succeeded", "error": None}
    assert line["health"]["level"] == "good"
    assert "no objective is set" in line["health"]["reasons"][0]


def test_what_an_installation_would_cost_is_reckoned_for_whoever_asks(api):
    status, found = api("GET", "/api/cost-estimate?files=1000000000&shares=10&mean_bytes=50000.5&changed_files=1000000")
    assert status == 200
    assert found["currency"] == "USD"
    assert found["catalogue"]["memory_gib"] == 64
    assert found["daily"]["requests"]["list"] > 90_000_000
    assert found["daily"]["seconds"] == max(bound["seconds"] for bound in found["daily"]["bounds"])
    assert found["month_total"] == pytest.approx(sum(part["cost"] for part in found["month"]), abs=0.1)
    assert found["assumptions"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "files"),
        ("files=0", "files"),
        ("files=1e9", "files"),
        ("files=5&mean_bytes=nan", "mean_bytes"),
        ("files=5&shares=2&accounts=3", "accounts"),
        ("files=5&changed_files=6", "changed_files"),
        ("files=5&vault_tier=Archive", "vault_tier"),
        ("files=5&width=101", "width"),
        ("files=5&colour=red", "colour"),
    ],
)
def test_an_estimate_of_what_cannot_be_names_the_field(api, query, field):
    status, found = api("GET", f"/api/cost-estimate?{query}")
    assert status == 400, found
    assert [wrong["field"] for wrong in found["errors"]] == [field]


def test_usage_is_what_the_runs_counted(api, made):
    path, files = made
    tenant = path.rpartition("/shares")[0]
    _, run = api("GET", f"{path}/runs/1")
    _, usage = api("GET", f"{tenant}/usage")
    [share] = usage["shares"]
    count = len([node for node in read_tree(files).values() if node.kind == "file"])
    assert share["protected"]["files"] == count
    assert share["restore_points"] == 1
    assert share["vault_bytes"] == share["month"]["vault_bytes"] == run["counters"]["vault_bytes"] > 0
    asked = run["counters"]
    assert share["month"]["runs"] == 1
    assert share["month"]["requests"]["list"] == asked["files_lists"]
    assert share["month"]["requests"]["read"] == asked["files_reads"]
    assert share["month"]["requests"]["vault_write"] == asked["vault_writes"]
    assert share["month"]["cost"]["files_operations"] == pytest.approx(run["cost"]["files_operations"], abs=1e-6)
    assert usage["total"]["shares"] == 1
    assert usage["total"]["month"] == share["month"]
    everybody = api("GET", "/api/usage?limit=1000")[1]
    assert share in everybody["shares"]
    assert everybody["total"]["protected"]["files"] == sum(one["protected"]["files"] for one in everybody["shares"])
    before = api("GET", f"{tenant}/usage?month=2020-02")[1]
    assert (before["month"], before["shares"][0]["month"]["runs"], before["total"]["month"]["runs"]) == (
        "2020-02",
        0,
        0,
    )
    assert api("GET", f"{tenant}/usage?month=2020-13")[1]["errors"][0]["field"] == "month"


def outcomes(found):
    return {check["name"]: check["outcome"] for check in found["checks"]}


def test_a_connection_that_works_is_found_to_and_nothing_stays(api, product, made):
    path, _ = made
    before = [s["snapshot"] for s in service(product.files).list_shares(include_snapshots=True) if s["snapshot"]]
    status, found = api("POST", f"{path}/connection-test")
    assert (status, found["ok"]) == (200, True), found
    assert outcomes(found) == dict.fromkeys(["credential", "share", "list", "permission", "snapshot", "vault"], "ok")
    after = [s["snapshot"] for s in service(product.files).list_shares(include_snapshots=True) if s["snapshot"]]
    assert after == before


def test_a_share_that_is_gone_is_named(api, product, made):
    tenant = made[0].rpartition("/shares")[0]
    body = {"name": "gone", "account_url": product.files_url, "share_name": "nobody-made-it", "credential": "devstore"}
    status, share = api("POST", f"{tenant}/shares", body)
    assert status == 201
    status, found = api("POST", f"{tenant}/shares/{share['share_id']}/connection-test")
    assert (status, found["ok"]) == (200, False)
    assert outcomes(found) == {
        "credential": "ok",
        "share": "failed",
        "list": "skipped",
        "permission": "skipped",
        "snapshot": "skipped",
        "vault": "ok",
    }
    [failed] = [check for check in found["checks"] if check["outcome"] == "failed"]
    assert "create the share" in failed["hint"]


def test_an_export_has_every_node(api, product, made):
    path, files = made
    status, text = api("GET", f"{path}/exports?format=csv")
    assert status == 200
    rows = list(csv.DictReader(io.StringIO(text)))
    names = sorted(row["name"] for row in rows if row["size"] != "")
    assert names == sorted(p.rpartition("/")[2] for p, node in read_tree(files).items() if node.kind == "file")
    below = list(csv.DictReader(io.StringIO(api("GET", f"{path}/exports?format=csv&path=docs/reports")[1])))
    assert 0 < len(below) < len(rows)
    parquet = api.ask("GET", f"{path}/exports")
    assert (parquet.status, parquet.raw[:4]) == (200, b"PAR1")
    assert api("GET", f"{path}/exports?path=nowhere")[0] == 404
    assert api("GET", f"{path}/exports?format=xml")[1]["errors"][0]["field"] == "format"
