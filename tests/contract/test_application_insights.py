"""Spans and metrics sent to Application Insights directly, by Microsoft's exporter, as its ingestion service receives them."""

import gzip
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from shared.adapters.system import SystemClock
from shared.adapters.telemetry import make_telemetry
from shared.model import metric as m
from shared.model.metric import Sample
from shared.settings import Settings
from shared.telemetry import ids_of, tagged
from tests.unit.test_telemetry import RUN


@contextmanager
def ingestion():
    """Takes what is tracked; yields the connection string and the envelopes that came."""
    came = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            envelopes = json.loads(body)
            if self.path.endswith("/track"):
                came.extend(envelopes)
            answer = json.dumps(
                {"itemsReceived": len(envelopes), "itemsAccepted": len(envelopes), "errors": []}
            ).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    key = "00000000-0000-0000-0000-000000000000"
    try:
        yield f"InstrumentationKey={key};IngestionEndpoint=http://127.0.0.1:{server.server_port}/", came
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


async def test_a_run_and_what_was_counted_arrive(monkeypatch):
    monkeypatch.setenv("APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL", "true")  # or it would tell Microsoft of itself
    monkeypatch.setenv("APPLICATIONINSIGHTS_SDKSTATS_DISABLED", "true")
    with ingestion() as (connection, came):
        settings = Settings(postgres_url="postgresql://nowhere", application_insights=connection)
        telemetry = make_telemetry(settings, "process", SystemClock())
        with tagged(**ids_of(RUN)), telemetry.span("backup.work", of=RUN):
            pass
        telemetry.run_ended(RUN)
        telemetry.count(m.BATCHES, "backup")
        telemetry.observe(m.API_SECONDS, 0.2, "GET", "/x", "200")
        await telemetry.push_catalogue([(m.RUNS_ENDED, [Sample(("backup", "succeeded"), 12)])])
        await telemetry.aclose()
    spans = [e["data"]["baseData"] for e in came if e["data"]["baseType"] in ("RemoteDependencyData", "RequestData")]
    assert {span["name"] for span in spans} == {"backup.work", "run.backup"}
    assert all(span["properties"]["run_id"] == "7" for span in spans)
    operations = {e["tags"]["ai.operation.id"] for e in came if e["data"]["baseType"] != "MetricData"}
    assert operations == {f"{telemetry.run_context(RUN).trace_id:032x}"}
    values = {}
    for envelope in came:
        if envelope["data"]["baseType"] == "MetricData":
            for point in envelope["data"]["baseData"]["metrics"]:
                values[point["name"]] = point
    assert values["afb_batches"]["value"] == 1
    assert values["afb_runs_ended"]["value"] == 12
    assert (values["afb_api_request_seconds"]["count"], values["afb_api_request_seconds"]["value"]) == (1, 0.2)
