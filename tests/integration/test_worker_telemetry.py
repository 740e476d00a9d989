"""What a worker process tells, of whom nobody can scrape anything: spans and metrics as OTLP, and log lines."""

import pytest

from shared.model.retention import PruneOrder
from shared.model.run import Driver, RunState
from shared.model.sweep import SweepOrder
from tests.support.otlp import attributes_of, collector
from tests.support.share_tree import put
from tests.support.workers import workers
from tests.support.world import world


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        for n in range(12):
            put(found.client(), f"d{n % 3}/{n}.txt", b"%d" % n)
        yield found


async def test_a_worker_sends_what_it_did_before_it_leaves(files):
    run = await files.queue_backup(Driver.WORKERS)
    with collector() as seen, workers(files) as processes:
        worker = await processes.start("--run", str(run.run_id), "--name", "w1", AFB_OTLP_ENDPOINT=seen.url)
        assert await worker.left() == 0, worker.events()
        lines = [line for line in worker.events() if line["event"] == "run_step"]
    run = await files.reload(run)
    assert run.state is RunState.SUCCEEDED
    (root,) = [span for span in seen.spans if span.name == "run.backup"]
    assert root.attributes["files"] == run.counters.files == 12
    steps = {span.name: span for span in seen.spans if span.parent_id == root.span_id}
    assert {"backup.open", "backup.work", "backup.close"} <= steps.keys()
    assert all(span.attributes["worker"] == "w1" for span in steps.values())
    assert {line["step"] for line in lines} == {"open", "work", "close"}
    for line in lines:
        assert (line["run_id"], line["share_id"], line["run_no"]) == (run.run_id, run.share_id, run.run_no)
        assert (line["tenant_id"], line["trace_id"]) == (run.tenant_id, root.trace_id)
    found = {metric.name: (resource, metric) for resource, metric in seen.metrics}
    resource, committed = found["afb_batches"]
    assert resource["service.name"] == "azure-files-backup"
    batches = [span for span in seen.spans if span.name == "batch"]
    assert sum(point.as_int for point in committed.sum.data_points) == len(batches) >= 1
    answers = found["afb_storage_answers"][1].sum.data_points
    lists = [point.as_int for point in answers if attributes_of(point.attributes)["operation"] == "list"]
    assert sum(lists) == 4, "one for each directory"


async def test_prunes_and_sweeps_are_told_of_like_all_else(files):
    await files.backup()
    for n in range(12):
        put(files.client(), f"d{n % 3}/{n}.txt", b"changed")
    await files.backup()
    prune = await files.queue_retention(PruneOrder(by="test", run_nos=[1]), Driver.WORKERS)
    with collector() as seen, workers(files) as processes:
        worker = await processes.start("--run", str(prune.run_id), "--name", "w1", AFB_OTLP_ENDPOINT=seen.url)
        assert await worker.left() == 0, worker.events()
        sweep = await files.queue_retention(SweepOrder(by="test", margin_s=0), Driver.WORKERS)
        worker = await processes.start("--run", str(sweep.run_id), "--name", "w1", AFB_OTLP_ENDPOINT=seen.url)
        assert await worker.left() == 0, worker.events()
    by_id = {span.span_id: span for span in seen.spans}
    (expire,) = [span for span in seen.spans if span.name == "expire"]
    assert (expire.attributes["expired_points"], by_id[expire.parent_id].name) == (1, "prune.close")
    batches = [span for span in seen.spans if span.name == "batch"]
    pieces = [span for span in seen.spans if span.name == "sweep"]
    assert {"mark", "segments", "objects", "condemn", "delete"} <= {span.attributes["piece"] for span in pieces}
    assert {span.parent_id for span in pieces} == {span.span_id for span in batches}
    assert {by_id[span.parent_id].name for span in batches} == {"sweep.work"}
    deleted = (await files.reload(sweep)).counters.deleted_objects
    assert sum(span.attributes["deleted_objects"] for span in batches) == deleted > 0
    committed = [metric.sum.data_points for _, metric in seen.metrics if metric.name == "afb_batches"]
    kinds = {attributes_of(point.attributes)["kind"]: point.as_int for points in committed for point in points}
    assert kinds["sweep"] == len(batches)


async def test_a_collector_that_is_away_stops_nothing(files):
    run = await files.queue_backup(Driver.WORKERS)
    with workers(files) as processes:
        worker = await processes.start("--run", str(run.run_id), AFB_OTLP_ENDPOINT="http://127.0.0.1:9")
        assert await worker.left() == 0, worker.events()
    assert (await files.reload(run)).state is RunState.SUCCEEDED


async def test_for_people_lines_are_text(files):
    run = await files.queue_backup(Driver.WORKERS)
    with workers(files) as processes:
        worker = await processes.start("--run", str(run.run_id), AFB_LOG_FORMAT="text", AFB_LOG_LEVEL="warning")
        assert await worker.left() == 0
        quiet = worker.said.seek(0) or worker.said.read()
        again = await files.queue_backup(Driver.WORKERS)
        worker = await processes.start("--run", str(again.run_id), AFB_LOG_FORMAT="text")
        assert await worker.left() == 0
        worker.said.seek(0)
        text = worker.said.read().decode()
    assert b"run_step" not in quiet
    (line,) = [line for line in text.splitlines() if "run_step" in line and "step=close" in line]
    assert f"run_id={again.run_id}" in line
