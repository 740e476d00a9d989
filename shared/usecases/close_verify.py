"""Close a verify: add up, tell what was found, record the outcome. Every step may be repeated with the same effect.

What was found is told however the verify ends: one that is given up or cancelled has found what it has found.
"""

from collections import Counter
from typing import Final

from shared.core.progress import worked_seconds
from shared.core.verify_report import advice, cycle_of, details, drill_report, report
from shared.model.objects import point_name
from shared.model.run import Counters, Run, RunState
from shared.model.verify import Finding, FindingKind
from shared.model.verify_order import VerifyLevel
from shared.ports.journal import JournalLine
from shared.usecases.giving_up import giving_up
from shared.usecases.open_backup import outcome
from shared.usecases.scope import RunScope
from shared.usecases.scratch_share import delete_scratch

FINDINGS_FROM: Final = 90_000_000
"""Batch number of the first lines that tell of findings: after all batches of a run."""
LINES: Final = 1_000
"""Findings told under one batch number."""


async def close_verify(scope: RunScope) -> RunState:
    """Record the report of a verify that has nothing left to do; returns the final state."""
    if scope.run.state not in (RunState.QUEUED, RunState.RUNNING):
        return scope.run.state
    run, order = scope.run, scope.run.verify
    assert order is not None
    current, _ = await scope.catalogue.run(run.run_id)
    is_drill = order.level is VerifyLevel.DRILL
    scratch = await delete_scratch(scope) if is_drill else {}
    sum_wrong = [] if is_drill else await _check_sums(scope, current)
    found = await _tell(scope, sum_wrong)
    points = [p.run_no for p in await scope.verifies.verify_points(scope.share.share_id)]
    selected = [no for no in points if no <= order.restore_point] if order.all_points else [order.restore_point]
    earlier: list[Run] = []
    if order.level.has_parts:
        before = await scope.verifies.sampled_runs(scope.share.share_id, run.run_no, order.parts, order.level)
        earlier = cycle_of(order, before)
    own = scope.take_requests()
    own.errors = len(sum_wrong)
    current.counters.add(Counters(errors=own.errors))
    if is_drill:
        seconds = worked_seconds(current, scope.clock.now())
        restored_s = await scope.verifies.restored_seconds(run.run_id)
        told = drill_report(current, current.counters, found, earlier, scratch, seconds, restored_s)
    else:
        told = report(current, current.counters, found, selected, earlier)
    await scope.catalogue.set_report(run.run_id, told)
    state = outcome(current.counters.errors)
    await scope.catalogue.finish_run(run.run_id, state, counters=own)
    return state


async def give_up_verify(scope: RunScope, error: str) -> RunState:
    """Fail the run with ``error``, or end it if it is being cancelled; what it found so far is told."""
    state = await giving_up(scope)
    if state is None:
        return scope.run.state
    if scope.run.verify is not None and scope.run.verify.level is VerifyLevel.DRILL:
        scratch = await delete_scratch(scope)
        await scope.catalogue.set_report(scope.run.run_id, {"level": VerifyLevel.DRILL.value, "scratch_share": scratch})
    await _tell(scope, [])
    await scope.catalogue.finish_run(scope.run.run_id, state, error=error, counters=scope.take_requests())
    return state


async def _check_sums(scope: RunScope, run: Run) -> list[Finding]:
    """A restore point that could save everything has as many directories, files and bytes as it says; else something is out of reach."""
    assert run.verify is not None
    point = await scope.catalogue.restore_point(scope.share.share_id, run.verify.restore_point)
    done = run.counters
    sums = (done.directories, done.files, done.bytes)
    said = (point.directories, point.files, point.bytes)
    if point.errors or run.counters.errors or sums == said:
        return []
    told = f"directories, files and bytes that it leads to are {sums}, and it says {said}"
    name = point_name(scope.share.share_id, point.run_no)
    return [Finding(kind=FindingKind.POINT, object=name, reason=told, points={point.run_no})]


async def _tell(scope: RunScope, more: list[Finding]) -> Counter[str]:
    """Tell the journal of all findings; how many there are of each kind."""
    kinds: Counter[str] = Counter()
    after, number = "", FINDINGS_FROM
    while True:
        found = await scope.verifies.findings(scope.run.run_id, after, LINES)
        lines = [_line(scope, finding) for finding in (*found, *more)]
        kinds.update(finding.kind.value for finding in (*found, *more))
        if lines:
            await scope.journal.write(scope.run.key, number, lines)
        if len(found) < LINES:
            return kinds
        after, number, more = found[-1].object, number + 1, []


def _line(scope: RunScope, finding: Finding) -> JournalLine:
    return JournalLine(
        at=scope.clock.now(),
        kind=finding.kind.value,
        path=finding.paths[0] if finding.paths else "",
        node_id=finding.node_id,
        reason=f"{finding.object}: {finding.reason}",
        hint=advice(finding),
        details=details(finding),
    )
