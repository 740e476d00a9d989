"""The control API: what it answers, what it refuses, and that it is not on the port the clients use."""

import http.client

import pytest

from tests.support.files_control import ControlRefused
from tests.support.files_emulator import running


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


def test_the_account_s_port_has_no_control(emulator):
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=10)
    connection.request("GET", "/-/counters")
    assert connection.getresponse().status == 400
    connection.close()
