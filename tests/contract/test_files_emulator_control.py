"""The control API: what it answers, what it refuses, and that it is not on the port the clients use."""

import http.client
import json
import re
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.storage.fileshare import ShareServiceClient, generate_account_sas

from tests.support.files_control import ControlRefused
from tests.support.files_emulator import ACCOUNT, KEY, REPOSITORY, running

README = Path(REPOSITORY, "localdev/files_emulator/README.md")


@pytest.fixture(scope="module")
def emulator():
    with running() as found:
        yield found


def refused(emulator, method, path, body=None):
    with pytest.raises(ControlRefused) as caught:
        emulator.control.ask(method, path, body)
    return caught.value.status, caught.value.told


def test_it_documents_its_routes(emulator):
    shown = emulator.control.ask("GET", "/")
    routes = {route for entry in shown["routes"] for route in entry}
    assert {"GET /", "GET /faults", "POST /faults", "DELETE /faults", "GET /counters"} <= routes


def test_an_unknown_route_and_a_wrong_method_are_told_apart(emulator):
    status, told = refused(emulator, "GET", "/nowhere")
    assert (status, told["error"]) == (404, "/nowhere: there is no such route; GET / shows them all")
    status, told = refused(emulator, "PATCH", "/faults")
    assert (status, told["error"]) == (405, "PATCH /faults: here is only DELETE, GET, POST")


def test_a_complaint_names_the_field_and_what_was_expected(emulator):
    status, told = refused(emulator, "POST", "/faults", [{"status": 503}, {"status": 200}])
    assert (status, told["field"]) == (400, "[1].status")
    assert (told["expected"], told["got"]) == ("a whole number from 400 to 599", "200")
    status, told = refused(emulator, "POST", "/faults", {"status": 503, "nonsense": 1})
    assert (status, told["field"]) == (400, "nonsense")
    assert "there are by, code, corrupt" in told["expected"]
    assert emulator.control.rules() == [], "all rules of a request or none"


def test_what_is_not_json_is_refused(emulator):
    connection = http.client.HTTPConnection("127.0.0.1", emulator.control_url.rpartition(":")[2], timeout=10)
    connection.request("POST", "/faults", b"{")
    reply = connection.getresponse()
    assert reply.status == 400
    assert b"expected JSON" in reply.read()
    connection.close()


def test_web_pages_are_kept_out(emulator):
    connection = http.client.HTTPConnection("127.0.0.1", emulator.control_url.rpartition(":")[2], timeout=10)
    connection.request("DELETE", "/faults", headers={"Origin": "https://example.org"})
    assert connection.getresponse().status == 403
    connection.close()


def test_the_account_s_port_has_no_control(emulator):
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=10)
    connection.request("GET", "/-/counters")
    assert connection.getresponse().status == 400
    connection.close()


def test_the_examples_of_the_readme_are_taken(emulator):
    tests = README.read_text().partition("## For tests")[2]
    faults, limits = re.findall(r"```json\n(.*?)```", tests, re.DOTALL)
    rules = emulator.control.ask("POST", "/faults", json.loads(faults))
    assert len(rules) >= 14
    emulator.control.clear()
    for body in re.findall(r"/faults -d '(.*)'", tests):
        emulator.control.ask("POST", "/faults", json.loads(body))
    emulator.control.clear()
    assert emulator.control.ask("PUT", "/limits", json.loads(limits))["iops"] == 200
    for body in re.findall(r"/limits -X PUT -d '(.*)'", tests):
        emulator.control.ask("PUT", "/limits", json.loads(body))
    emulator.control.unlimit()


def test_the_readme_tells_of_every_field_of_a_rule(emulator):
    tests = README.read_text().partition("## For tests")[2]
    _, told = refused(emulator, "POST", "/faults", {"delay_s": 1, "nonsense": 1})
    fields = told["expected"].partition("there are ")[2].split(", ")
    assert len(fields) > 20
    assert [field for field in fields if f"`{field}`" not in tests and f'"{field}"' not in tests] == []


def test_limits_are_shown_as_they_are_in_force(emulator):
    control = emulator.control
    control.limit(preset="ssd-provisioned-v2", scale=0.5)
    control.limit("one", iops=7)
    control.limit("other", iops=8)
    shown = control.ask("GET", "/limits")
    assert shown["account"]["iops"] == 51_200
    assert {name: limits["iops"] for name, limits in shown["shares"].items()} == {"one": 7, "other": 8}
    assert set(shown["presets"]) >= {"hdd-pay-as-you-go", "ssd-provisioned-v2"}
    control.ask("DELETE", "/shares/one/limits")
    assert control.ask("GET", "/shares/one/limits") is None
    control.unlimit()
    assert control.ask("GET", "/limits")["shares"] == {}


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("PUT", "/log", {}, "size"),
        ("PUT", "/log", {"size": -1}, "size"),
        ("PUT", "/log", [], ""),
        ("PUT", "/log", None, ""),
        ("PUT", "/limits", {"iops": "many"}, "iops"),
        ("PUT", "/limits", {"preset": "fast"}, "preset"),
        ("PUT", "/limits", {"latency": 3}, "latency"),
        ("POST", "/faults", [1], "[0]"),
        ("POST", "/faults", {"id": "a", "every": 0, "status": 503}, "every"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(emulator, method, path, body, field):
    status, told = refused(emulator, method, path, body)
    assert (status, told["field"]) == (400, field)
    assert set(told) == {"error", "field", "expected", "got"}


def test_bad_questions_to_the_log_are_refused(emulator):
    for query in ({"since": "x"}, {"limit": "0"}, {"operation": "("}, {"nonsense": "1"}):
        with pytest.raises(ControlRefused) as caught:
            emulator.control.log(**query)
        assert (caught.value.status, caught.value.told["field"]) == (400, next(iter(query)))


def test_two_rules_cannot_have_one_id(emulator):
    emulator.control.fault(id="of a/kind", status=503)
    assert emulator.control.ask("GET", "/faults/of a%2Fkind")["id"] == "of a/kind"
    emulator.control.clear()
    emulator.control.fault(id="one", status=503)
    status, told = refused(emulator, "POST", "/faults", [{"status": 503}, {"id": "one", "status": 503}])
    assert (status, told["field"], told["got"]) == (400, "id", "'one'")
    assert len(emulator.control.rules()) == 1
    assert refused(emulator, "DELETE", "/faults/two")[0] == 404
    emulator.control.clear()


def test_counters_are_of_everything_and_of_each_share(emulator):
    control, raw = emulator.control, emulator.raw
    control.ask("DELETE", "/counters")
    for share in ("counted-one", "counted-two"):
        raw.create_share(share)
        raw.put(f"{share}/f", b"hello")
    raw.get("counted-one/f")
    raw.get("counted-one/nothing")
    counted = control.counters()
    assert counted["total"]["requests"] == 6
    assert counted["operations"]["file_create"]["bytes_in"] == 10
    assert counted["shares"]["counted-one"]["by_status"] == {"2xx": 3, "4xx": 1}
    assert set(control.counters("counted-two")["operations"]) == {"share_create", "file_create"}
    control.ask("DELETE", "/counters")
    assert control.counters()["total"]["requests"] == 0


def test_the_log_goes_to_a_file_from_the_start(tmp_path):
    file = tmp_path / "requests.jsonl"
    for _ in range(2):
        with running("--log", str(file)) as emulator:
            emulator.raw.send("GET", "nothing", {"restype": "share"})
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(line["operation"], line["status"]) for line in lines] == [("share_get_properties", 404)] * 2


def test_the_control_port_is_the_one_asked_for_and_a_taken_one_is_said():
    with running("--control-port", "0") as emulator:
        taken = emulator.control_url.rpartition(":")[2]
        words = [sys.executable, "-m", "localdev.files_emulator", "--port", "0", "--control-port", taken]
        second = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert second.returncode == 1
    assert second.stderr.startswith("error: [Errno 98]")
    assert taken in second.stderr


def test_control_is_on_loopback_whatever_the_account_is_on():
    with running("--host", "0.0.0.0") as emulator:
        port = int(emulator.control_url.rpartition(":")[2])
        assert emulator.control_url.startswith("http://127.0.0.1:")
        with pytest.raises(OSError):  # noqa: PT011 - refused, in whichever words
            socket.create_connection(("127.0.0.2", port), timeout=5)
        socket.create_connection(("127.0.0.2", emulator.port), timeout=5).close()


def test_a_key_that_was_replaced_is_refused_and_so_is_what_it_signed(emulator):
    given = {"resource_types": "sco", "permission": "rl", "expiry": datetime.now(UTC) + timedelta(hours=1)}
    sas = generate_account_sas(ACCOUNT, KEY, **given)
    emulator.raw.create_share("revoked")

    def ask(credential):
        with ShareServiceClient(emulator.url, credential, retry_total=0) as client:
            client.get_share_client("revoked").get_share_properties()

    credentials = ({"account_name": ACCOUNT, "account_key": KEY}, sas)
    with emulator.control.revoked(KEY):
        for credential in credentials:
            with pytest.raises(ClientAuthenticationError) as caught:
                ask(credential)
            assert (caught.value.status_code, caught.value.error_code) == (403, "AuthenticationFailed")
    for credential in credentials:
        ask(credential)
    status, told = refused(emulator, "PUT", "/account/key", {"key": "no key"})
    assert (status, told["field"]) == (400, "key")
