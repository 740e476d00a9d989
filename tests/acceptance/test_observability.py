"""One real backup, as a collector, a scraper and whoever reads the log see it."""

import json
import secrets
import time
import urllib.error
import urllib.request

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_prometheus

from localdev.launcher.stack import Stack
from shared.model.metric import BY_NAME
from tests.support.api import Api
from tests.support.otlp import collector
from tests.support.share_tree import put, service

TOKEN = "a token of at least thirty-two characters"
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(scope="module")
def seen():
    with collector() as found:
        yield found


@pytest.fixture(scope="module")
def watched(tmp_path_factory, seen):
    """The product, with everything that is told sent to us."""
    settings = {
        "AFB_OTLP_ENDPOINT": seen.url,
        "AFB_OTLP_HEADERS": "x-team=backup",
        "AFB_METRICS_TOKEN": TOKEN,
        "AFB_METRICS_PER_SHARE": "true",
        "AFB_LOG_FORMAT": "json",
    }
    with Stack(tmp_path_factory.mktemp("watched"), durable=False, settings=settings) as stack:
        yield stack


@pytest.fixture(scope="module")
def backed_up(watched):
    """A share with files in several directories, backed up once: its path, its run, and the app."""
    api = Api(watched.host_url, watched.host_key)
    name = f"share-{secrets.token_hex(5)}"
    service(watched.files).create_share(name)
    files = service(watched.files).get_share_client(name)
    for n in range(40):
        put(files, f"d{n % 8}/{n}.txt", b"%d" % n)
    share = api.new_share(watched.files_url, name)
    request = urllib.request.Request(f"{watched.host_url}{share}/backups", data=b"{}", method="POST")
    request.add_header("x-functions-key", watched.host_key)
    request.add_header("traceparent", CALLER)
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 202
    return share, api.finished(f"{share}/runs/1"), api


def scraped(stack, accept="", token=TOKEN):
    request = urllib.request.Request(f"{stack.host_url}/metrics")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    if accept:
        request.add_header("Accept", accept)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def test_a_backup_is_one_trace_from_its_queueing_to_its_end(backed_up, seen):
    share, run, _ = backed_up
    ids = {
        "run_id": run["run_id"],
        "tenant_id": share.split("/")[3],
        "share_id": int(share.split("/")[5]),
        "run_no": 1,
        "run_kind": "backup",
    }
    spans = seen.wait_for(lambda spans: any(span.name == "run.backup" for span in spans))
    (root,) = [span for span in spans if span.name == "run.backup"]
    assert root.parent_id == ""
    assert root.attributes == {**ids, "state": "succeeded", "files": 40, "bytes": run["counters"]["bytes"], "errors": 0}
    trace = {span.span_id: span for span in spans if span.trace_id == root.trace_id}
    below = [span for span in trace.values() if span is not root]
    for span in below:
        assert ids.items() <= span.attributes.items(), span
        assert span.parent_id in trace, span
        assert not span.failed
    names = {span.name: {trace[s.parent_id].name for s in below if s.name == span.name} for span in below}
    assert names["backup.open"] == names["backup.work"] == names["backup.close"] == names["run.start"] == {"run.backup"}
    assert names["claim"] == {"backup.work"}
    assert names["batch"] == {"backup.work"}
    assert names["list"] == names["save"] == {"batch"}
    assert names["commit"] == {"batch"}
    batches = [span for span in below if span.name == "batch"]
    assert {span.attributes["batch_no"] for span in batches} == {
        span.attributes["batch_no"] for span in below if span.name == "commit"
    }
    assert sum(span.attributes["files"] for span in batches) == 40


def test_the_request_that_started_a_run_is_the_callers_and_linked_with_the_run(backed_up, seen):
    spans = seen.wait_for(lambda spans: any(span.name.startswith("POST") and span.links for span in spans))
    (root,) = [span for span in spans if span.name == "run.backup"]
    (request,) = [span for span in spans if span.name.endswith("/backups")]
    _, caller_trace, caller_span, _ = CALLER.split("-")
    assert (request.trace_id, request.parent_id) == (caller_trace, caller_span)
    assert request.links == [(root.trace_id, root.span_id)]
    assert request.attributes["http.response.status_code"] == 202
    (start,) = [span for span in spans if span.name == "run.start"]
    assert start.trace_id == root.trace_id
    assert start.links == [(request.trace_id, request.span_id)]


def test_no_path_and_no_content_is_told(backed_up, seen):
    told = json.dumps([[span.name, span.attributes] for span in seen.spans])
    assert ".txt" not in told
    assert all(headers["x-team"] == "backup" for headers in seen.headers)


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text; version=1.0.0"])
def test_what_is_scraped_is_what_the_catalogue_holds(backed_up, watched, accept):
    share, run, _ = backed_up
    deadline = time.monotonic() + 40  # a run counts when it is some seconds old, and answers are kept for some
    while True:
        kind, text = scraped(watched, accept)
        families = {f.name: f for f in (parse_openmetrics if accept else parse_prometheus)(text)}
        ended = families.get("afb_runs_ended")
        if ended is not None or time.monotonic() > deadline:
            break
        time.sleep(1)
    assert kind.startswith("application/openmetrics-text; version=1.0.0" if accept else "text/plain; version=0.0.4")
    assert families.keys() <= BY_NAME.keys()
    values = {(s.name, *sorted(s.labels.items())): s.value for family in families.values() for s in family.samples}
    assert values["afb_runs_ended_total", ("kind", "backup"), ("state", "succeeded")] == 1
    assert values["afb_run_files_total", ("kind", "backup")] == run["counters"]["files"] == 40
    assert values["afb_saved_bytes_total",] == run["counters"]["changed_bytes"]
    assert values["afb_vault_written_bytes_total",] == run["counters"]["vault_bytes"]
    assert values["afb_run_requests_total", ("class", "list"), ("service", "files")] == run["counters"]["files_lists"]
    assert values["afb_protected_files",] == 40
    key = [("share", "files"), ("share_id", share.split("/")[5]), ("tenant_id", share.split("/")[3])]
    assert values["afb_share_files", *key] == 40
    # What the process itself counted: requests that the run has counted as well, and those of the API.
    answers = [s for s in families["afb_storage_answers"].samples if s.labels["service"] == "files"]
    assert sum(s.value for s in answers if s.labels["operation"] == "list") >= run["counters"]["files_lists"]
    routes = {s.labels["route"] for s in families["afb_api_request_seconds"].samples}
    assert "/api/tenants/{tenant_id}/shares/{share_id}/backups" in {r.replace(":int", "") for r in routes}


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1]])
def test_metrics_are_for_whoever_has_the_token(watched, backed_up, token):
    with pytest.raises(urllib.error.HTTPError) as refused:
        scraped(watched, token=token)
    with refused.value as error:
        assert error.code in (401, 403)
        assert b"AFB_METRICS_TOKEN" in error.read()


def test_log_lines_are_json_and_carry_the_ids_of_what_was_done(backed_up, watched, seen):
    share, _, _ = backed_up
    lines = [json.loads(line) for line in watched.host.log.read_text().splitlines() if line.startswith("{")]
    assert lines
    assert all({"time", "level", "event"} <= line.keys() for line in lines)
    of_run = [line for line in lines if line["event"] == "run_step"]
    assert {line["step"] for line in of_run} == {"open", "work", "close"}
    traces = {span.trace_id for span in seen.spans if span.name == "run.backup"}
    for line in of_run:
        assert line["tenant_id"] == share.split("/")[3]
        assert (line["share_id"], line["run_no"]) == (int(share.split("/")[5]), 1)
        assert line["trace_id"] in traces


def test_platform_roles_may_read_metrics_and_tenants_keys_may_not(backed_up, watched):
    share, _, api = backed_up
    status, text = api("GET", "/api/metrics")
    assert (status, "afb_shares 1" in text) == (200, True)
    body = {"name": "one", "role": "tenant_admin"}
    status, made = api("POST", f"/api/tenants/{share.split('/')[3]}/keys", body)
    assert status == 201
    request = urllib.request.Request(f"{watched.host_url}/api/metrics")
    request.add_header("Authorization", f"Bearer {made['key']}")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    with refused.value as error:
        assert error.code == 403
