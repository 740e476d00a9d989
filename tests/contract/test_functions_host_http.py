"""HTTP triggers: what a caller may send, and what it gets back."""

import json
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.functions_host import APPS, KEY, ROOT, RunningHost, command, running_host


@pytest.fixture(scope="module")
def app(tmp_path_factory) -> Path:
    """The app with local settings, which no repository holds."""
    app = shutil.copytree(APPS / "web", tmp_path_factory.mktemp("app") / "web")
    settings = {"IsEncrypted": False, "Values": {"FROM_FILE": "file", "FROM_BOTH": "file"}}
    (app / "local.settings.json").write_text(json.dumps(settings))
    return app


@pytest.fixture(scope="module")
def host(app, postgres_url_module, tmp_path_factory):
    environ = {"FROM_BOTH": "environment"}
    with running_host(app, postgres_url_module, tmp_path_factory.mktemp("host"), environ=environ) as host:
        yield host


def test_a_request_arrives_whole(host: RunningHost):
    answer = host.call(
        "PUT", "/api/echo/a%20b/c/d%2Fe?x=1&x=2&y=%C3%A9&code=z", b"\x00body", {"X-Thing": "one", "Content-Type": "a/b"}
    )
    assert answer.json == {
        "method": "PUT",
        "url": f"{host.url}/api/echo/a%20b/c/d%2Fe?x=1&x=2&y=%C3%A9&code=z",
        "params": {"x": "1,2", "y": "é", "code": "z"},
        "route": {"first": "a b", "rest": "c/d%2Fe"},
        "header": "one",
        "body": "\x00body",
    }


def test_the_most_specific_route_wins(host: RunningHost):
    assert host.get("/api/items/new").text == "literal"
    assert host.get("/api/items/17").text == "item 17"
    assert host.get("/api/items/seventeen").text == "named seventeen"
    assert host.get("/API/Items/NEW").text == "literal"


def test_a_known_path_with_the_wrong_method_is_405_and_says_what_is_allowed(host: RunningHost):
    assert host.call("DELETE", "/api/items/17").status == 204
    answer = host.call("PATCH", "/api/items/17")
    assert answer.status == 405
    assert answer.headers["Allow"] == "DELETE, GET, HEAD"
    assert host.call("DELETE", "/api/items/new").status == 405


def test_an_unknown_path_is_404(host: RunningHost):
    for path in ("/", "/api", "/api/items", "/api/items/1/2", "/items/1", "/api/echo"):
        assert host.get(path).status == 404, path


def test_an_optional_parameter_may_be_missing(host: RunningHost):
    assert host.get("/api/pages").text == "page none"
    assert host.get("/api/pages/3").text == "page 3"
    assert host.get("/api/pages/three").status == 404


def test_a_function_without_a_route_is_reached_by_its_name_and_may_return_nothing(host: RunningHost):
    assert host.get("/api/named_after_the_function").status == 204


def test_head_gets_headers_only(host: RunningHost):
    answer = host.call("HEAD", "/api/items/x")
    assert answer.status == 200
    assert answer.headers["Content-Length"] == "7"
    assert answer.body == b""


def test_responses_keep_status_headers_cookies_types_and_bytes(host: RunningHost):
    teapot = host.get("/api/shapes/teapot")
    assert (teapot.status, teapot.text) == (418, "short")
    assert teapot.headers["X-Answer"] == "42"
    assert teapot.headers["Content-Type"] == "a/b"
    assert teapot.headers.get_all("Set-Cookie") == ["a=1; Path=/", "b=2"]
    assert host.get("/api/shapes/bytes").body == b"\x00\xff"
    assert host.get("/api/shapes/bytes").headers["Content-Type"] == "application/octet-stream"
    latin = host.get("/api/shapes/latin")
    assert latin.headers["Content-Type"] == "text/html; charset=latin-1"
    assert latin.body == "café".encode("latin-1")
    assert host.get("/api/items/17").headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("kind", ["raise", "exit", "number", "hang"])
def test_a_broken_function_is_500_without_details_and_the_host_lives_on(host: RunningHost, kind):
    answer = host.get(f"/api/shapes/{kind}")
    assert (answer.status, answer.body) == (500, b"")
    assert host.get("/api/items/new").status == 200
    assert any(line["function"] == "shapes" for line in host.events("http_function_failed"))


def test_malformed_json_raises_a_value_error_in_the_function(host: RunningHost):
    assert host.call("POST", "/api/shapes/json", b'{"a": 1}').json == {"a": 1}
    assert host.call("POST", "/api/shapes/json", b"{").status == 500
    assert "HTTP request does not contain valid JSON data" in host.log.read_text()


def test_a_synchronous_function_that_hangs_gives_its_place_to_others(host: RunningHost):
    assert host.get("/api/hang").status == 500
    assert host.get("/admin/host/status").json["abandonedThreads"] == 1
    assert "was exceeded by function: Functions.hang" in host.log.read_text()


def test_synchronous_functions_run_side_by_side_off_the_loop(host: RunningHost):
    begun = time.monotonic()
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda _: host.get("/api/thread").json, range(8)))
    assert answers == [False] * 8
    assert time.monotonic() - begun < 8 * 0.3 / 2


def test_the_context_names_the_function(host: RunningHost, app):
    context = host.get("/api/shapes/context").json
    assert context["name"] == "shapes"
    assert context["dir"] == str(app)
    assert context["id"] != host.get("/api/shapes/context").json["id"]


def test_local_settings_fill_the_environment_but_do_not_override_it(host: RunningHost):
    assert host.get("/api/shapes/settings").json == {"FROM_FILE": "file", "FROM_BOTH": "environment"}


@pytest.mark.parametrize("level", ["function", "admin"])
def test_a_locked_function_opens_with_the_key_in_header_or_query(host: RunningHost, level):
    path = f"/api/locked/{level}"
    assert host.get(path).status == 401
    assert host.get(f"{path}?code=wrong").status == 401
    assert host.get(path, **{"x-functions-key": "wrong"}).status == 401
    assert host.get(path, **{"x-functions-key": KEY}).text == "open"
    assert host.get(f"{path}?code={KEY.replace(' ', '%20')}").text == "open"


def test_an_app_that_cannot_run_is_refused_in_a_sentence(tmp_path, postgres_url_module):
    (tmp_path / "function_app.py").write_text(
        "import azure.functions as f\na = f.FunctionApp()\n@a.route(route='{x:odd}')\ndef r(req): pass"
    )
    ended = subprocess.run(
        command(tmp_path, postgres_url_module), cwd=ROOT, capture_output=True, text=True, timeout=20, check=False
    )
    assert ended.returncode == 2
    assert "function 'r': route 'api/{x:odd}': unknown constraint 'odd'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_host_serves_loopback_only(tmp_path, postgres_url_module):
    ended = subprocess.run(
        [*command(APPS / "web", postgres_url_module), "--host", "0.0.0.0"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.returncode == 2
    assert "loopback addresses only" in ended.stderr
