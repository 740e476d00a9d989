"""What somebody is to be told of a run that has ended, or of a share without a new restore point; and what is over by it."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.core.spans import span
from shared.core.unusual import Sign
from shared.model.alert import Alert, Condition, Sighting
from shared.model.run import Run, RunKind, RunState
from shared.model.verify_order import VerifyLevel, VerifyOrder

ERROR_CHARS: Final = 1_000

_DONE: Final = (RunState.SUCCEEDED, RunState.COMPLETED_WITH_ERRORS)
_WITHIN: Final = {
    VerifyLevel.QUICK: (VerifyLevel.QUICK,),
    VerifyLevel.SAMPLE: (VerifyLevel.QUICK,),  # another sample has read other files
    VerifyLevel.FULL: (VerifyLevel.QUICK, VerifyLevel.SAMPLE, VerifyLevel.FULL),
    VerifyLevel.DRILL: (VerifyLevel.DRILL,),
}
"""What a verify that finds nothing disproves."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What holds now, and what does not any more, as ``(condition, about)``."""

    holds: tuple[Sighting, ...] = ()
    over: tuple[tuple[Condition, str], ...] = ()


def of_run(run: Run) -> Judgement:
    """Judge a run by how it ended. One that was cancelled tells nothing."""
    what = _what(run)
    if run.state is RunState.FAILED:
        return Judgement(holds=(_failed(run, what),))
    if run.state not in _DONE:
        return Judgement()
    holds: list[Sighting] = []
    over = [(Condition.RUN_FAILED, what)]
    damaged = _damaged(run)
    if damaged:
        assert run.verify is not None
        holds.append(_damage(run, run.verify, damaged))
    elif run.verify is not None:
        over += [(Condition.DAMAGE, about) for about in _disproved(run.verify)]
    if run.state is RunState.SUCCEEDED or damaged:
        over.append((Condition.COMPLETED_WITH_ERRORS, what))
    else:
        holds.append(_with_errors(run, what))
    return Judgement(tuple(holds), tuple(over))


def _what(run: Run) -> str:
    return "drill" if run.verify is not None and run.verify.level is VerifyLevel.DRILL else run.kind.value


def _failed(run: Run, what: str) -> Sighting:
    reason = (run.error or "no reason was noted")[:ERROR_CHARS]
    kept = {
        RunKind.BACKUP: " No restore point was made; what it saved serves the next run.",
        RunKind.RESTORE: " What it wrote stays on the target; it can be undone if it was ordered so.",
    }.get(run.kind, "")
    return Sighting(
        condition=Condition.RUN_FAILED,
        about=what,
        run_no=run.run_no,
        title=f"{what} run {run.run_no} failed",
        detail=f"{reason}.{kept} The journal of run {run.run_no} has more.",
        details={"kind": what, "error": reason, "files": run.counters.files, "errors": run.counters.errors},
    )


def _with_errors(run: Run, what: str) -> Sighting:
    errors = run.counters.errors
    doing = "restored" if run.kind is RunKind.RESTORE else "saved" if run.kind is RunKind.BACKUP else "done"
    return Sighting(
        condition=Condition.COMPLETED_WITH_ERRORS,
        about=what,
        run_no=run.run_no,
        title=f"{what} run {run.run_no} completed with {errors:,} errors",
        detail=f"{errors:,} things could not be {doing}; everything else was. The journal of run {run.run_no} names each, with the"
        " reason and what to do.",
        details={"kind": what, "errors": errors, "files": run.counters.files},
    )


def _damaged(run: Run) -> int:
    return int((run.report or {}).get("damaged_objects") or 0) if run.verify is not None else 0


def _about(level: VerifyLevel, *, all_points: bool) -> str:
    return f"{level.value} of all restore points" if all_points else level.value


def _disproved(order: VerifyOrder) -> list[str]:
    within = _WITHIN[order.level]
    found = [_about(level, all_points=False) for level in within]
    return found + [_about(level, all_points=True) for level in within] if order.all_points else found


def _damage(run: Run, order: VerifyOrder, objects: int) -> Sighting:
    where = "all restore points up to" if order.all_points else "restore point"
    return Sighting(
        condition=Condition.DAMAGE,
        about=_about(order.level, all_points=order.all_points),
        run_no=run.run_no,
        title=f"a {order.level.value} verify found damage: {objects:,} objects",
        detail=f"Run {run.run_no} verified {where} {order.restore_point} and found {objects:,} objects that are not as they were saved."
        f" The journal of run {run.run_no} names each with the files concerned and what to do. Start a backup: what the share still has"
        " is saved again.",
        details={
            "level": order.level.value,
            "restore_point": order.restore_point,
            "all_points": order.all_points,
            "damaged_objects": objects,
        },
    )


def of_changes(run_no: int, signs: Sequence[Sign], clean: int | None) -> Sighting:
    """That a backup found unusual changes.

    :param signs: at least one.
    :param clean: the newest restore point before it in which nothing was unusual; it is yet to be pinned.
    """
    return _changes(run_no, [sign.to_wire() for sign in signs], clean, pinned=False)


def with_pin(alert: Alert, *, pinned: bool | None) -> Sighting:
    """The same when its clean restore point is pinned; None: it is gone."""
    details = alert.details
    return _changes(alert.run_no or 0, details["signs"], details["clean_restore_point"], pinned=pinned)


def _changes(run_no: int, signs: Sequence[Mapping[str, Any]], clean: int | None, *, pinned: bool | None) -> Sighting:
    if clean is None:
        after = "There is no restore point before it."
    elif pinned is None:
        after = f"The newest restore point before it was {clean}, which is gone."
    else:
        keeps = " and is pinned: it is kept until somebody unpins it" if pinned else ""
        after = f"The newest restore point before it is {clean}{keeps}."
    told = "; ".join(sign["text"] for sign in signs)
    return Sighting(
        condition=Condition.UNUSUAL_CHANGE,
        run_no=run_no,
        title=f"unusual change in backup run {run_no}: {signs[0]['text'].partition(';')[0]}",
        detail=f"{told}. {after} Compare the two restore points to see what changed. Acknowledge this alert when it is explained.",
        details={"signs": list(signs), "clean_restore_point": clean, "pinned": pinned},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """A share whose newest restore point is older than its objective."""

    tenant_id: str
    share_id: int
    objective_s: int
    taken_at: dt.datetime | None
    """When its newest restore point was taken; None: it has none."""
    since: dt.datetime
    """The same, or when it was put under protection."""
    last_run: str = ""
    """Its last backup and how that went, for people."""


def of_late(late: Late, now: dt.datetime) -> Sighting:
    """That a share has had no restore point for too long."""
    objective = span(late.objective_s)
    age = span((now - late.since).total_seconds())
    has = f"is {age} old" if late.taken_at is not None else f"does not exist: it has been under protection for {age}"
    return Sighting(
        condition=Condition.NO_RESTORE_POINT,
        title=f"no restore point for longer than {objective}",
        detail=f"The newest restore point {has}; the objective is one every {objective}."
        f" {late.last_run or 'No backup was ever started: add a schedule, or start one.'}",
        details={"objective_s": late.objective_s, "taken_at": late.taken_at.isoformat() if late.taken_at else None},
    )
