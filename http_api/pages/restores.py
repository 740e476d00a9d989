"""``.../restore``: the wizard that plans and starts restores, the list of them, and ``.../runs/{run_no}/undo``.

What is being chosen is in the address (:mod:`http_api.pages.restore_state`), so a reload, the back button and a bookmark are at home in each step.
A plan is a run, a dry run; what is started is what that run was asked to do, whatever the address says by then.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import ConfigDict, model_validator

from http_api import restores, runs
from http_api.call import Answer, AnyCall, Call
from http_api.fields import Fields, Filled
from http_api.models.base import Body, NoQuery, Number, Paged, Problem, Query, QueryNumber, WrongField
from http_api.models.restores import NewRestore, NewUndo
from http_api.models.runs import Run
from http_api.pages import restore_words
from http_api.pages.asking import asking
from http_api.pages.places import RUN, SHARE, run_url, share_url, with_query
from http_api.pages.restore_state import (
    ADDRESS_MAX,
    SENT,
    SITUATIONS,
    STEPS,
    Step,
    at,
    body_of,
    first_wrong,
    has_begun,
    hidden,
    ours,
    settled,
    state_of,
    step_of,
    tidy,
)
from http_api.pages.restore_tree import Level, Tree
from http_api.parsing import made_of
from http_api.problems import Refusal, told_of
from http_api.rendering import page, see
from http_api.routes import Routes
from shared.core.access import may
from shared.db import restore_points, tenant_accounts
from shared.db import runs as run_rows
from shared.errors import NotFound, Rejected
from shared.model import run
from shared.model.access import Action
from shared.model.restore import RestoreOrder
from shared.model.run import ACTIVE, RestorePoint, RunKind, RunState

POINTS_SHOWN: Final = 200
RESTORES_SHOWN: Final = 20
_NOTHING_WRONG: Final = Problem(type="", title="", status=200, detail="")
_TOO_LONG: Final = Problem(
    type="",
    title="",
    status=400,
    detail="too many paths",
    errors=[
        WrongField(
            field="path",
            expected="fewer paths, for they are in the address; hint: choose whole directories, or say which files by a pattern;"
            " afb and the API take 1,000",
        )
    ],
)
_ENDED_WELL: Final = frozenset({RunState.SUCCEEDED, RunState.COMPLETED_WITH_ERRORS})


class WizardQuery(Paged):
    """What an address says: what is being chosen is read from it as the form that it is, here it is only looked at whether it is known."""

    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _known(cls, given: dict[str, str]) -> dict[str, str]:
        unknown = sorted(given.keys() - SENT - cls.model_fields.keys())
        if unknown:
            raise ValueError(f"{unknown[0]} is not known here")
        return given


class UndoQuery(Query):
    """Which dry run of an undo is shown."""

    plan: QueryNumber | None = None


class StartPlanned(Body):
    """Start what was planned."""

    plan: Number
    """The dry run."""
    delete_at_most: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A restore, or a plan of one, in the list."""

    run: Run
    order: RestoreOrder
    told: restore_words.Told
    undoable: bool
    planned: bool
    """Whether it is a plan that can be started."""
    again: str
    """The query string of the wizard with the same choices."""


async def restore_page(call: Call[WizardQuery]) -> Answer:
    """The list of restores, a step of the wizard, or a plan: as the address says."""
    typed = call.typed if call.filled is None else call.filled.fields
    if number := typed.text("plan"):
        return await _plan_page(call, made_of({"plan": number}, UndoQuery).plan or 0)
    if number := typed.text("undo"):
        return see(_undo_url(call, made_of({"plan": number}, UndoQuery).plan or 0))
    if not has_begun(typed):
        return await _list_page(call)
    clean = tidy(typed)
    if call.filled is None and clean != typed:
        return see(f"{_url(call)}?{at(clean)}")
    return await _step_page(call, clean)


async def _list_page(call: Call[WizardQuery]) -> Answer:
    """Every restore and every plan of one, the newest first."""
    points = await restore_points.of_share(call.conn, call.share.share_id, limit=POINTS_SHOWN)
    place = call.place(int)
    found = await run_rows.of_share(
        call.conn,
        call.share.share_id,
        before=place[0] if place else None,
        limit=RESTORES_SHOWN + 1,
        kind=RunKind.RESTORE,
    )
    shown = found[:RESTORES_SHOWN]
    lines = [_line(call, one) for one in shown if one.order is not None]
    part = call.part_after(found, shown, lambda one: (one.run_no,))
    rows = "_restores_rows.html" if call.query.after else "_restores.html"
    return page(
        call, "restores.html", tab="restore", fragment=rows, points=points, lines=lines, following=part["next"] or "",
        first=not call.query.after, situations=list(SITUATIONS),
    )  # fmt: skip


def _line(call: AnyCall, one: run.Run) -> Line:
    order = one.order
    assert order is not None
    return Line(
        run=Run.of(one, now=call.now),
        order=order,
        told=restore_words.told(order, call.share),
        undoable=_is_undoable(one),
        planned=order.dry_run and not order.undoes and one.state in _ENDED_WELL,
        again=at(state_of(order, call.share), step=Step.REVIEW),
    )


def _is_undoable(one: run.Run) -> bool:
    """Whether an undo would be taken, as :func:`http_api.restores.undo_restore` decides it: for showing a button."""
    try:
        restores.undoable(one)
    except Rejected:
        return False
    return True


async def _step_page(call: Call[WizardQuery], typed: Fields) -> Answer:
    """A step, or an earlier one if something is wrong with that."""
    conn, share = call.conn, call.share
    step, problem = step_of(typed), _NOTHING_WRONG
    order: RestoreOrder | None = None
    if call.filled is not None and call.filled.problem is not None:
        problem = ours(call.filled.problem)
        step = first_wrong(problem) or Step.REVIEW
    elif step is not Step.WHAT:
        order, found = await _order(call, typed)
        wrong = first_wrong(found) or (Step.REVIEW if found.detail else None)
        if wrong is not None and STEPS.index(wrong) < STEPS.index(step):
            # Whoever jumps ahead has not been asked where to: there is nothing wrong yet.
            step, problem = wrong, found if wrong is not Step.WHERE or typed.text("to") else _NOTHING_WRONG
        elif wrong is Step.REVIEW:
            problem = found
    if len(at(typed)) > ADDRESS_MAX:
        step, problem = Step.WHAT, _TOO_LONG
    if step is Step.REVIEW and order is None:
        order, _ = await _order(call, typed)
    points = await restore_points.of_share(conn, share.share_id, limit=POINTS_SHOWN)
    point = await _point(call, typed, points)
    values: dict[str, Any] = {"elsewhere": may(call.principal, Action.RESTORES_PLAN, share.tenant_id)}
    if step is Step.WHERE and values["elsewhere"]:
        values["accounts"] = sorted(
            {one.account_url for one in await tenant_accounts.listed(conn, share.tenant_id, limit=100)}
            | {share.account_url}
        )
    tree: Level | None = None
    if step is Step.WHAT and point is not None:
        await call.release()
        tree = await _tree(call, typed, point.run_no).unfolded(typed.chosen("open"), typed.text("more"))
    seen = tree.paths() if tree is not None else set()
    return page(
        replace(call, filled=Filled(typed, problem)),
        "restore_wizard.html",
        tab="restore",
        step=step,
        steps=STEPS,
        points=points,
        point=point,
        tree=tree,
        also=[path for path in typed.chosen("path") if path not in seen],
        opened=typed.chosen("open"),
        refusal=bool(problem.detail),
        beside=first_wrong(problem) is step,
        hidden=hidden(typed, [step]),
        sent=[*hidden(settled(typed, share), [Step.REVIEW])],
        link={one: f"{_url(call)}?{at(typed, step=one, more='')}" for one in STEPS},
        order=order,
        told=restore_words.told(order, share) if order is not None else None,
        words=restore_words,
        here=_url(call),
        longest=ADDRESS_MAX,
        **values,
    )


async def _order(call: Call[WizardQuery], typed: Fields) -> tuple[RestoreOrder | None, Problem]:
    """What a state asks for, or what is wrong with it, as the API would say."""
    try:
        body = made_of(body_of(settled(typed, call.share)), NewRestore)
        asked = asking(call, body=body)
        return await restores.order_of(asked), _NOTHING_WRONG
    except (Refusal, Rejected) as error:
        return None, ours(told_of(error, "restore").problem)


async def _point(call: AnyCall, typed: Fields, points: list[RestorePoint]) -> RestorePoint | None:
    """The restore point that is chosen; the newest unless another is, None if that is not there."""
    text = typed.text("restore_point")
    if not text:
        return points[0] if points else None
    known = next((one for one in points if str(one.run_no) == text), None)
    if known is None and text.isascii() and text.isdigit() and len(text) < 10:
        try:
            return await restore_points.get(call.conn, call.share.share_id, int(text))
        except NotFound:
            return None
    return known


def _tree(call: AnyCall, typed: Fields, restore_point: int) -> Tree:
    return Tree(past=call.app.past(call.share), restore_point=restore_point, chosen=typed.chosen("path"))


async def restore_tree(call: Call[WizardQuery]) -> Answer:
    """What is in a directory of the wizard's tree."""
    typed = call.typed
    point = await _point(call, typed, [])
    if point is None:
        raise NotFound("there is no such restore point", field="restore_point")
    await call.release()
    of = typed.text("of")
    level = await _tree(call, typed, point.run_no).level(of, after=call.query.after, elsewhere=True)
    return page(
        call,
        "restore_tree.html",
        tab="restore",
        fragment="_restore_tree.html",
        level=level,
        here=_url(call),
        rows_only=bool(call.query.after),
    )


async def _plan_page(call: AnyCall, number: int) -> Answer:
    """A dry run: how far it is, what it has found, and the button that does it."""
    found = await run_rows.by_number(call.conn, call.share.share_id, number)
    order = found.order
    if order is None or not order.dry_run:
        return see(run_url(call.share.tenant_id, call.share.share_id, number))
    if order.undoes:
        return see(_undo_url(call, order.undoes, number))
    state = state_of(order, call.share)
    point = await _point(call, state, [])
    return page(
        call,
        "restore_plan.html",
        tab="restore",
        fragment="_restore_plan.html",
        run=await _live(call, found),
        order=order,
        told=restore_words.told(order, call.share),
        point=point,
        link={one: f"{_url(call)}?{at(state, step=one)}" for one in STEPS},
        here=with_query(_url(call), plan=number),
        url=_url(call),
        steps=STEPS,
    )


async def _live(call: AnyCall, found: run.Run) -> Run:
    """A run with its progress while it is at work; what has ended needs no more than its row."""
    if found.state not in ACTIVE:
        return Run.of(found, now=call.now)
    return await runs.get_run(replace(call, route={**call.route, "run_no": found.run_no}))


async def restore_form(call: Call[NoQuery, NewRestore]) -> Answer:
    """Plan what was chosen and go to the plan, or start it at once and go to its run."""
    answer = await restores.start_restore(call)
    if call.body.dry_run:
        return see(with_query(_url(call), plan=_number(answer)), answer)
    return see(run_url(call.share.tenant_id, call.share.share_id, _number(answer)), answer)


async def start_planned_form(call: Call[NoQuery, StartPlanned]) -> Answer:
    """Start what a dry run was asked to do, and go to its run."""
    planned = await run_rows.by_number(call.conn, call.share.share_id, call.body.plan)
    if planned.order is None or not planned.order.dry_run or planned.order.undoes:
        raise NotFound(f"run {planned.run_no} is no plan of a restore", field="plan")
    wanted = body_of(settled(state_of(planned.order, call.share), call.share)) | {"dry_run": False}
    if call.body.delete_at_most is not None:
        wanted["delete_at_most"] = call.body.delete_at_most
    answer = await restores.start_restore(asking(call, body=made_of(wanted, NewRestore)))
    return see(run_url(call.share.tenant_id, call.share.share_id, _number(answer)), answer)


async def undo_page(call: Call[UndoQuery]) -> Answer:
    """What an undo of a restore would do, its dry run, and the button that does it."""
    share = call.share
    done = await run_rows.by_number(call.conn, share.share_id, call.number("run_no"))
    if done.order is None:
        raise NotFound(f"run {done.run_no} is a {done.kind}: only a restore can be undone")
    why_not = ""
    try:
        restores.undoable(done)
    except Rejected as error:
        why_not = str(error)
    number = call.query.plan if call.filled is None else None
    planned = await run_rows.by_number(call.conn, share.share_id, number) if number is not None else None
    if planned is not None and (planned.order is None or planned.order.undoes != done.run_no):
        raise NotFound(f"run {planned.run_no} is no undo of run {done.run_no}", field="plan")
    point = await _point(call, state_of(done.order, share), [])
    live = None if planned is None else await _live(call, planned)
    return page(
        call,
        "restore_undo.html",
        tab="restore",
        fragment="_restore_undo.html",
        done=Run.of(done, now=call.now),
        order=done.order,
        told=restore_words.told(done.order, share),
        point=point,
        why_not=why_not,
        run=live,
        here=_undo_url(call, done.run_no, number),
        url=_undo_url(call, done.run_no),
    )


async def undo_form(call: Call[NoQuery, NewUndo]) -> Answer:
    """Undo a restore, or plan that, and go to the run or its plan."""
    answer = await restores.undo_restore(call)
    number = _number(answer)
    if call.body.dry_run:
        return see(_undo_url(call, call.number("run_no"), number), answer)
    return see(run_url(call.share.tenant_id, call.share.share_id, number), answer)


def _number(answer: Answer) -> int:
    assert isinstance(answer.body, Run)
    return answer.body.run_no


def _url(call: AnyCall) -> str:
    return f"{share_url(call.share.tenant_id, call.share.share_id)}/restore"


def _undo_url(call: AnyCall, run_no: int, plan: int | None = None) -> str:
    return with_query(f"{run_url(call.share.tenant_id, call.share.share_id, run_no)}/undo", plan=plan)


routes = Routes("restore pages")
_wizard = routes.page(SHARE + "/restore", restore_page, Action.RESTORES_PLAN)
routes.page(SHARE + "/restore/tree", restore_tree, Action.RESTORES_PLAN)
_undo = routes.page(RUN + "/undo", undo_page, Action.RESTORES_PLAN)
routes.form(
    SHARE + "/restore",
    restore_form,
    Action.RESTORES_START,
    _wizard,
    plan=Action.RESTORES_PLAN,
    fields=lambda typed: body_of(typed) | {"dry_run": typed.flag("dry_run")},
    starts=True,
)
routes.form(
    SHARE + "/restore/start",
    start_planned_form,
    Action.RESTORES_START,
    _wizard,
    fields=lambda typed: typed.nested("plan", "delete_at_most"),
    starts=True,
)
routes.form(
    RUN + "/undo",
    undo_form,
    Action.RESTORES_UNDO,
    _undo,
    plan=Action.RESTORES_PLAN,
    fields=lambda typed: {"dry_run": typed.flag("dry_run")},
    starts=True,
)
bp = routes.blueprint
