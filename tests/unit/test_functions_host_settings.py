"""host.json, local.settings.json and function_app.py as the host reads them."""

import json
import sys
from datetime import timedelta

import pytest

from localdev.functions_host.host_json import AppError, apply_local_settings, read_host_json, resolve_settings
from localdev.functions_host.loading import load_app


@pytest.fixture(autouse=True)
def imports(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "function_app", raising=False)
    yield
    sys.modules.pop("function_app", None)


def host_json(tmp_path, document):
    (tmp_path / "host.json").write_text(json.dumps(document))
    return read_host_json(tmp_path)


def test_settings_are_read_and_defaults_are_the_real_hosts(tmp_path):
    defaults = read_host_json(tmp_path)
    assert (defaults.route_prefix, defaults.function_timeout, defaults.hub) == (
        "api",
        timedelta(minutes=30),
        "TestHubName",
    )
    durable = {"hubName": "Hub", "maxConcurrentActivityFunctions": 4, "maxConcurrentOrchestratorFunctions": 2}
    settings = host_json(
        tmp_path,
        {"functionTimeout": "00:10:00", "extensions": {"http": {"routePrefix": ""}, "durableTask": durable}},
    )
    assert settings.route_prefix == ""
    assert settings.function_timeout == timedelta(minutes=10)
    assert (settings.hub, settings.max_activities, settings.max_orchestrators) == ("Hub", 4, 2)
    assert host_json(tmp_path, {"functionTimeout": "-1"}).function_timeout is None


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"functionTimeout": "soon"}, "functionTimeout 'soon' must be a time"),
        ({"functionTimeout": "00:00:00"}, "functionTimeout"),
        ({"extensions": {"durableTask": {"hubName": "a-b"}}}, "hubName 'a-b' must be"),
        ({"extensions": {"durableTask": {"maxConcurrentActivityFunctions": 0}}}, "must be a positive number"),
        ({"extensions": []}, "durableTask|extensions"),
        ([], "expected an object"),
    ],
)
def test_a_bad_value_is_named(tmp_path, document, reason):
    with pytest.raises(AppError, match=reason):
        host_json(tmp_path, document or [])


def test_local_settings_do_not_override_the_environment(tmp_path):
    (tmp_path / "local.settings.json").write_text(json.dumps({"Values": {"A": "file", "B": 1}}))
    environ = {"A": "set"}
    apply_local_settings(tmp_path, environ)
    assert environ == {"A": "set", "B": "1"}


def test_settings_in_percent_signs_are_resolved_or_missed_by_name():
    assert resolve_settings("%WHEN%", {"WHEN": "0 * * * *"}) == "0 * * * *"
    with pytest.raises(AppError, match="'WHEN' is not set"):
        resolve_settings("%WHEN%", {})


HEAD = "import azure.functions as func, azure.durable_functions as df\napp = df.DFApp()\n"


def load(tmp_path, source):
    (tmp_path / "function_app.py").write_text(HEAD + source)
    return load_app(tmp_path, hub="Hub", environ={})


def test_functions_are_sorted_by_trigger_and_named_as_callers_name_them(tmp_path):
    app = load(
        tmp_path,
        "bp = df.Blueprint()\n"
        "@app.route(route='x', methods=['GET'])\n@app.durable_client_input(client_name='c')\nasync def h(req, c): pass\n"
        "@app.activity_trigger(input_name='p', activity='other')\ndef act(p): pass\n"
        "@bp.orchestration_trigger(context_name='context')\ndef orc(context): yield\n"
        "@bp.timer_trigger(arg_name='t', schedule='0 * * * * *')\nasync def tim(t, context): pass\n"
        "app.register_functions(bp)\n",
    )
    (http,), (timer,) = app.http, app.timers
    assert (http.route, http.methods, http.auth_level) == ("x", frozenset({"GET"}), "FUNCTION")
    assert (http.function.parameter, http.function.clients, http.function.is_async) == ("req", ("c",), True)
    assert set(app.activities) == {"other"}
    assert set(app.orchestrators) == {"orc"}
    assert not app.orchestrators["orc"].wants_context  # its context is the trigger
    assert (timer.use_monitor, timer.run_on_startup, timer.function.wants_context) == (True, False, True)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("del app", "expected exactly one function app at module level, found 0"),
        ("other = func.FunctionApp()", "found 2"),
        (
            "@app.queue_trigger(arg_name='m', queue_name='q', connection='c')\ndef q(m): pass",
            "'queueTrigger' is not supp",
        ),
        ("@app.entity_trigger(context_name='c')\ndef e(c): pass", "'entityTrigger' is not supported"),
        (
            "@app.route()\n@app.queue_output(arg_name='o', queue_name='q', connection='c')\ndef q(req, o): pass",
            "function 'q': binding 'queue' is not supported",
        ),
        (
            "@app.route()\n@app.durable_client_input(client_name='c', task_hub='Other')\nasync def h(req, c): pass",
            "asks for task hub 'Other', but this host serves 'Hub'",
        ),
        (
            "@app.route()\ndef h(req): pass\n@app.function_name('h')\n@app.route(route='y')\ndef g(req): pass",
            "unique function name",
        ),
    ],
)
def test_an_app_this_host_cannot_run_is_refused_in_a_sentence(tmp_path, source, reason):
    with pytest.raises(AppError, match=reason):
        load(tmp_path, source)


def test_a_directory_without_an_app_is_refused(tmp_path):
    with pytest.raises(AppError, match="hint: --app names the directory"):
        load_app(tmp_path, hub="Hub", environ={})
