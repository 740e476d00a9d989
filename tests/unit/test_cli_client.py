"""Requests of the command line against a server that misbehaves on purpose: a real one, on a port of its own."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cli import client as module
from cli.client import Client
from cli.config import Config
from cli.errors import CONFLICT, DENIED, NOT_FOUND, UNREACHABLE, USAGE, CliError, Refused


class Script:
    """What to answer, one after the other, and what was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []
        self.url = ""


@contextmanager
def serving(*answers) -> Iterator[Script]:
    """Each answer is ``(status, headers, body)``, or None to close the connection."""
    script = Script(*answers)

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            script.asked.append((self.command, self.path, headers, self.rfile.read(length)))
            found = script.answers.pop(0)
            if found is None:
                self.close_connection = True
                return
            status, headers, body = found
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_DELETE = answer

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def waited(monkeypatch):
    """How long it waited before each further try; nobody waits here."""
    seconds = []
    monkeypatch.setattr(module.time, "sleep", seconds.append)
    return seconds


def client(script, key="afb_key"):
    return Client(Config(script.url, key))


BUSY = (503, {"Retry-After": "7", "Content-Type": "application/problem+json"}, {"title": "later", "status": 503})


def test_a_read_is_tried_again_after_what_the_app_asks_for(waited):
    with serving(BUSY, (429, {"Retry-After": "3"}, {}), None, (200, {}, {"a": 1})) as script:
        assert client(script).get("/api/x") == {"a": 1}
    assert waited[:2] == [7.0, 3.0]
    assert 0 < waited[2] <= 30


def test_a_post_is_tried_again_with_the_same_key_so_that_it_happens_once():
    with serving(None, BUSY, (202, {}, {"run_no": 1})) as script:
        assert client(script).post("/api/x", {"b": 2}) == {"run_no": 1}
    keys = {headers["idempotency-key"] for _, _, headers, _ in script.asked}
    assert len(keys) == 1
    assert {body for *_, body in script.asked} == {b'{"b": 2}'}


def test_a_change_is_not_tried_again():
    with serving(BUSY) as script, pytest.raises(Refused) as refused:
        client(script).patch("/api/x", {})
    assert refused.value.code == UNREACHABLE
    assert len(script.asked) == 1


def test_in_the_end_it_is_given_up_as_unreachable(waited):
    with serving(*[BUSY] * 5) as script, pytest.raises(Refused) as refused:
        client(script).get("/api/x")
    assert (refused.value.code, len(script.asked)) == (UNREACHABLE, 5)
    with pytest.raises(CliError, match="cannot be reached") as gone:
        Client(Config("http://127.0.0.1:9", "")).get("/api/x")
    assert gone.value.code == UNREACHABLE


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, USAGE), (401, DENIED), (403, DENIED), (404, NOT_FOUND), (409, CONFLICT), (422, USAGE), (500, 1)],
)
def test_a_problem_has_its_exit_code_and_its_fields(status, code):
    told = {"detail": "no; hint: do it otherwise", "errors": [{"field": "name", "expected": "a name"}]}
    with serving((status, {}, told)) as script, pytest.raises(Refused) as refused:
        client(script).get("/api/x")
    error = refused.value
    assert (error.code, str(error), error.hint) == (code, "no", "do it otherwise")
    assert error.fields == [("name", "a name")]
    assert error.as_json()["exit_code"] == code


def test_an_error_that_is_no_problem_document_is_told_as_well():
    with serving((404, {}, b"<html>")) as script, pytest.raises(Refused, match="Not Found"):
        client(script).get("/api/x")


def test_keys_go_where_they_belong():
    with serving((200, {}, {}), (200, {}, {})) as script:
        client(script, "afb_key").get("/api/x")
        client(script, "").get("/api/x")
    first, second = (headers for _, _, headers, _ in script.asked)
    assert first["authorization"] == "Bearer afb_key"
    assert "authorization" not in second


def test_the_key_does_not_follow_a_redirect_to_another_place():
    with serving((200, {}, b"content")) as elsewhere, serving((303, {"Location": elsewhere.url + "/y"}, {})) as script:
        with client(script).open("/api/x") as answer:
            assert answer.read() == b"content"
        assert script.asked[0][2]["authorization"] == "Bearer afb_key"
        assert "authorization" not in elsewhere.asked[0][2]


def page(names, following):
    return (200, {}, {"things": [{"n": n} for n in names], "more": bool(following), "next": following})


def test_pages_are_joined_and_no_more_are_asked_for_than_wanted():
    with serving(page([1, 2], "a&b"), page([], "c"), page([3], None)) as script:
        assert [thing["n"] for thing in client(script).items("/api/x", "things", kind=None)] == [1, 2, 3]
    assert [path for _, path, _, _ in script.asked] == [
        "/api/x?limit=1000",
        "/api/x?limit=1000&after=a%26b",
        "/api/x?limit=1000&after=c",
    ]
    with serving(page([1, 2], "a")) as script:
        assert [thing["n"] for thing in client(script).items("/api/x", "things", most=2)] == [1, 2]
    assert [path for _, path, _, _ in script.asked] == ["/api/x?limit=2"]


def test_an_answer_that_is_not_json_is_not_the_app():
    with serving((200, {}, b"<html>")) as script, pytest.raises(CliError, match="something else than JSON"):
        client(script).get("/api/x")


def test_what_an_order_sends_one_to_is_fetched_without_the_key_and_the_order():
    with (
        serving((200, {}, b"archive")) as elsewhere,
        serving((303, {"Location": f"{elsewhere.url}/link"}, b"")) as script,
        client(script).open_for("/api/x", {"format": "zip"}) as answer,
    ):
        assert answer.read() == b"archive"
    ((method, path, headers, body),) = elsewhere.asked
    assert (method, path, body) == ("GET", "/link", b"")
    assert "authorization" not in headers
    assert script.asked[0][3] == b'{"format": "zip"}'


def test_who_wants_to_know_whether_there_is_an_answer_now_asks_once(waited):
    with serving(BUSY) as script, pytest.raises(Refused):
        client(script).get_now("/api/x")
    assert (len(script.asked), waited) == (1, [])
