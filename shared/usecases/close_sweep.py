"""Close a sweep: finish what was begun with, take off the list what was not, delete the marks, tell what came of it.

Each step may be repeated. A sweep that is given up has deleted what it has deleted, which was garbage; nothing of it is half done when it has ended.
"""

from typing import Final

from shared.model.run import Run, RunState
from shared.model.sweep import SweepOrder
from shared.ports.journal import JournalLine
from shared.usecases.giving_up import giving_up
from shared.usecases.scope import RunScope
from shared.usecases.sweep_chunks import finish_deletions
from shared.usecases.sweep_objects import BLOCK, delete_all

REFUSED: Final = 99_999_995
"""Number of the journal's lines about what may not be deleted yet."""


async def close_sweep(scope: RunScope) -> RunState:
    """Record what a sweep that has nothing left to do came to; returns the final state."""
    if scope.run.state not in (RunState.QUEUED, RunState.RUNNING):
        return scope.run.state
    await _tidy(scope)
    current, _ = await scope.catalogue.run(scope.run.run_id)
    await scope.catalogue.set_report(scope.run.run_id, await _report(scope, current))
    done = scope.take_requests()
    await scope.catalogue.finish_run(scope.run.run_id, RunState.SUCCEEDED, counters=done)
    return RunState.SUCCEEDED


async def give_up_sweep(scope: RunScope, error: str) -> RunState:
    """Fail the run with ``error``, or end it if it is being cancelled."""
    state = await giving_up(scope)
    if state is None:
        return scope.run.state
    await _tidy(scope)
    await scope.catalogue.finish_run(scope.run.run_id, state, error=error, counters=scope.take_requests())
    return state


async def _tidy(scope: RunScope) -> None:
    """Marks of this sweep and of those before go; an immutability policy may keep them, and the next sweep tries again."""
    share_id = scope.share.share_id
    await finish_deletions(scope)
    await scope.sweeps.tidy_condemned(share_id)
    block: list[tuple[str, str]] = []
    async for found in scope.vault.listed(f"{share_id}/marks/"):
        block.append((found.name, found.etag))
        if len(block) >= BLOCK:
            await delete_all(scope, block)
            block = []
    await delete_all(scope, block)


async def _report(scope: RunScope, run: Run) -> dict[str, object]:
    assert run.retention is not None
    order, done = SweepOrder.from_wire(run.retention), run.counters
    told: dict[str, object] = {
        "by": order.by,
        "horizon": order.horizon,
        "restore_points": len(order.roots),
        "margin_s": order.margin_s,
        "deleted_objects": done.deleted_objects,
        "deleted_bytes": done.deleted_bytes,
        "refused_objects": done.refused_objects,
        "refused_bytes": done.refused_bytes,
        "dropped_pages": done.dropped_pages,
    }
    seen = run.report or {}  # of some piece: shared/usecases/sweep_objects.py and plan_repack.py
    if "repack" in seen:
        told["repack"] = seen["repack"]
    if done.refused_objects:
        told["refused_object"], told["refused_until"] = seen.get("refused_object"), seen.get("refused_until")
        when = f"; {told['refused_object']} not before {told['refused_until']}" if told["refused_until"] else ""
        line = JournalLine(
            at=scope.clock.now(),
            kind="not_deleted",
            path="",
            reason=f"{done.refused_objects} objects of {done.refused_bytes} bytes that nobody needs may not be deleted yet{when}",
            hint="an immutability policy, a legal hold of the container, a lease or a blob snapshot keeps them; the next sweep tries again",
        )
        await scope.journal.write(scope.run.key, REFUSED, [line])
    return told
