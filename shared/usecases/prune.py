"""Let go of restore points: those that a share's policy does not keep, or some that somebody named.

Order: the catalogue decides, in one transaction that looks at pins, legal holds and users once more; then the vault is told, an object per
restore point. A crash in between leaves restore points that are gone and not marked: the repeated closing marks them, or the next prune or
sweep does. Until then a catalogue that is made of the vault would have them back, whole, because nothing is deleted from the vault by a prune.
(The other way round, a restore point that was held at the last moment would be there and marked as gone.)

The commit record stays: it says which segments were committed, and what the run did.
"""

from typing import Final

from shared.core.retention import decide
from shared.errors import NotFound
from shared.formats import keep_event
from shared.model.objects import expired_name
from shared.model.retention import Decision, Expired, PruneOrder
from shared.model.run import Counters, RunState
from shared.model.tickets import Receipt, RunTicket
from shared.ports.journal import JournalLine
from shared.usecases.giving_up import giving_up
from shared.usecases.pull_work import pull_work
from shared.usecases.scope import RunScope
from shared.usecases.together import together

MARKS_AT_ONCE: Final = 16
DECIDED: Final = 99_999_996
"""Number of the journal's lines about what was decided."""
REASONS_TOLD: Final = 1_000


async def open_prune(scope: RunScope) -> None:
    """QUEUED to RUNNING. All there is to do is done when the run is closed."""
    await scope.catalogue.start_run(scope.run.run_id)
    await scope.catalogue.seed(scope.run.run_id, scope.share.share_id, [])


async def nothing_left(ticket: RunTicket, scope: RunScope) -> Receipt:
    """The work of a run that is done when it is closed."""

    async def none(_: RunTicket, __: RunScope) -> bool:
        return False

    return await pull_work(ticket, scope, none)


async def close_prune(scope: RunScope) -> RunState:
    """Decide, let go, tell the vault; returns the final state. Each step may be repeated."""
    if scope.run.state not in (RunState.QUEUED, RunState.RUNNING):
        return scope.run.state
    run, share_id = scope.run, scope.share.share_id
    assert run.retention is not None
    order = PruneOrder.from_wire(run.retention)
    decisions, missing = await _decisions(scope, order)
    outcome = await scope.retentions.expire(run.run_id, share_id, decisions, order.by)
    await mark_expired(scope)
    # What an earlier try of this closing let go of is not among the restore points any more.
    earlier = {point.run_no: point for point in await scope.retentions.expired(share_id)}
    begun = run.started_at or run.requested_at
    gone = {d.run_no: "; ".join(d.reasons) for d in outcome if not d.keep}
    gone |= {no: point.reason for no, point in earlier.items() if point.by == order.by and point.expired_at >= begun}
    kept = [d for d in outcome if d.keep]
    refused = [d for d in kept if order.run_nos is not None]
    await _tell(scope, gone, refused)
    await scope.catalogue.set_report(
        run.run_id,
        {
            "by": order.by,
            "expired": [{"restore_point": no, "reason": reason} for no, reason in sorted(gone.items())][:REASONS_TOLD],
            "expired_count": len(gone),
            "kept_count": len(kept),
            "refused": [{"restore_point": d.run_no, "reasons": list(d.reasons)} for d in refused][:REASONS_TOLD],
            "missing": sorted(set(missing) - gone.keys())[:REASONS_TOLD],
        },
    )
    done = scope.take_requests()
    done.add(Counters(expired_points=len(gone), errors=len(refused)))
    state = RunState.COMPLETED_WITH_ERRORS if refused else RunState.SUCCEEDED
    await scope.catalogue.finish_run(run.run_id, state, counters=done)
    return state


async def give_up_prune(scope: RunScope, error: str) -> RunState:
    """Fail the run with ``error``, or end it if it is being cancelled; what it let go of is gone."""
    state = await giving_up(scope)
    if state is None:
        return scope.run.state
    await scope.catalogue.finish_run(scope.run.run_id, state, error=error, counters=scope.take_requests())
    return state


async def _decisions(scope: RunScope, order: PruneOrder) -> tuple[list[Decision], list[int]]:
    """What is to become of the restore points, and which of those that were named do not exist.

    :raises NotFound: the share has no policy, without which nothing is let go.
    """
    points, policy = await scope.retentions.retention(scope.share.share_id)
    if order.run_nos is not None:
        there = {point.run_no for point in points}
        named = [Decision(no, keep=False, reasons=(f"deleted by {order.by}",)) for no in order.run_nos if no in there]
        return named, [no for no in order.run_nos if no not in there]
    if policy is None:
        raise NotFound(
            f"share {scope.share.name!r} has no retention policy; hint: give it one, or name the restore points"
        )
    return decide(points, policy, scope.clock.now()), []


async def mark_expired(scope: RunScope) -> None:
    """Tell the vault of restore points that are gone."""
    share_id = scope.share.share_id
    while found := await scope.retentions.unmarked(share_id, MARKS_AT_ONCE):
        await together(
            scope.vault.put(
                expired_name(share_id, point.run_no),
                keep_event.encode_expired(
                    Expired(run_no=point.run_no, by=point.by, reason=point.reason, at=point.expired_at)
                ),
            )
            for point in found
        )
        await scope.retentions.marked(share_id, [point.run_no for point in found])


async def _tell(scope: RunScope, gone: dict[int, str], refused: list[Decision]) -> None:
    now = scope.clock.now()
    lines = [
        JournalLine(at=now, kind="expired", path="", reason=f"restore point {no}: {reason}")
        for no, reason in gone.items()
    ]
    lines += [
        JournalLine(
            at=now,
            kind="not_expired",
            path="",
            reason=f"restore point {d.run_no} stays: {'; '.join(d.reasons)}",
        )
        for d in refused
    ]
    if lines:
        await scope.journal.write(scope.run.key, DECIDED, lines)
