"""The demo's API client: it follows runs to their end, and says what went wrong in the API's own words."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from localdev.demo import api
from localdev.demo.api import Api, ApiError, ProtectedShare

RUN = {
    "run_no": 4,
    "kind": "backup",
    "active": True,
    "seconds": 0.5,
    "counters": {"files": 0},
    "errors": 0,
    "error": None,
}


@pytest.fixture
def answers(monkeypatch):
    """What the server will answer, in order, by method and path; and what it was sent."""
    monkeypatch.setattr(api, "POLL_S", 0.001)
    return {}


@pytest.fixture
def client(answers):
    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answers.setdefault("sent", []).append((self.path, self.headers["x-functions-key"], body))
            status, value = answers[f"{self.command} {self.path}"].pop(0)
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = answer

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Api(f"http://127.0.0.1:{server.server_port}/", "a key")
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_share_is_made_below_its_tenant(client, answers):
    answers["POST /api/tenants"] = [(201, {"tenant_id": "t1"})]
    answers["POST /api/tenants/t1/shares"] = [(201, {"share_id": 7})]
    share = client.create_share(
        client.create_tenant("T"), name="S", account_url="http://a", share_name="s", credential="c"
    )
    assert share.path == "/api/tenants/t1/shares/7"
    assert {key for _, key, _ in answers["sent"]} == {"a key"}


def test_a_run_is_followed_until_it_is_no_longer_active(client, answers):
    answers["POST /s/backups"] = [(202, RUN)]
    done = RUN | {"active": False, "state": "succeeded", "counters": {"files": 9}}
    answers["GET /s/runs/4"] = [(200, RUN), (200, RUN | {"counters": {"files": 5}}), (200, done)]
    seen = []
    run = ProtectedShare(client, "/s").backup(lambda run: seen.append(run.counters["files"]))
    assert seen == [0, 5, 9]
    assert (run.number, run.seconds, run.counters) == (4, 0.5, {"files": 9})


def test_a_restore_names_its_point_and_target(client, answers):
    answers["POST /s/restores"] = [(202, RUN | {"active": False, "state": "succeeded", "kind": "restore"})]
    ProtectedShare(client, "/s").restore(3, "new", lambda run: None)
    assert json.loads(answers["sent"][0][2]) == {"restore_point": 3, "target": {"share_name": "new"}}


def test_a_run_that_saved_less_than_everything_is_an_error_with_its_journal(client, answers):
    state = {"active": False, "state": "completed_with_errors", "errors": 1}
    answers["POST /s/backups"] = [(202, RUN | state)]
    line = {"kind": "unreadable", "path": "a/b", "reason": "the service said no"}
    answers["GET /s/runs/4/journal"] = [(200, {"lines": [line], "more": False})]
    with pytest.raises(ApiError) as error:
        ProtectedShare(client, "/s").backup(lambda run: None)
    assert str(error.value) == "backup 4 completed_with_errors with 1 errors\n  unreadable a/b: the service said no"


def test_a_problem_is_an_error_in_its_own_words(client, answers):
    answers["POST /api/tenants"] = [(400, {"detail": "name: is required"})]
    with pytest.raises(ApiError, match=r"POST /api/tenants answered 400: .*name: is required"):
        client.create_tenant("")


def test_no_answer_is_an_error():
    with pytest.raises(ApiError, match="POST /api/tenants"):
        Api("http://127.0.0.1:9", "").create_tenant("x")
