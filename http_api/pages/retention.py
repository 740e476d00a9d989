"""``.../shares/{share_id}/retention``: which policy a share has, and what that, or another one, means for each restore point."""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any, Final

from pydantic import Field

from http_api import policies, retention
from http_api.call import Answer, AnyCall, Call
from http_api.conditions import etag_of
from http_api.fields import Fields
from http_api.models.base import Body, NoQuery, Query
from http_api.models.retention import NewPrune, NewSweep, ShareRetentionChange
from http_api.models.runs import Run
from http_api.pages.asking import asking
from http_api.pages.outlook import decisions_of, outlook
from http_api.pages.places import SHARE, run_url, share_url
from http_api.pages.unchanged import check_unchanged
from http_api.rendering import page, see
from http_api.routes import Routes
from shared.db import policies as stored
from shared.db import retention as kept
from shared.db import retention_orders, schedules
from shared.model.access import Action
from shared.model.retention import Dated, NamedPolicy
from shared.model.schedule import What
from shared.model.sweep import MARGIN_S

POLICIES_OFFERED: Final = 200
NONE: Final = "none"
"""The choice of no policy at all."""


class RetentionQuery(Query):
    """Which policy is to be tried; empty: the one that the share has."""

    policy_id: Annotated[str, Field(pattern="^([0-9]{1,10}|none)?$")] = ""
    if_match: str = ""
    """Of the form, which has it for when it is saved."""


class GivenPolicy(Query):
    """Which policy a share has now, as far as a form that gives it another one is about that."""

    policy_id: int | None
    version: int | None


class RetentionForm(Body):
    """Which policy a share is to have."""

    policy_id: int | None
    if_match: str = ""


async def retention_page(call: Call[RetentionQuery]) -> Answer:
    """The policy of a share, and what would become of its restore points under it or under another."""
    share, conn = call.share, call.conn
    policy = await stored.of_share(conn, share.share_id)
    offered = await stored.of_tenant(conn, share.tenant_id, limit=POLICIES_OFFERED)
    now_id = NONE if policy is None else str(policy.policy_id)
    asked = call.filled.fields.text("policy_id") if call.filled else call.query.policy_id
    tried = next((one for one in offered if str(one.policy_id) == asked), policy if asked != NONE else None)
    chosen = NONE if tried is None else str(tried.policy_id)
    points = await kept.points(conn, share.share_id)
    told = outlook(points, tried.retention if tried else None, call.now)
    return page(
        call,
        "retention.html",
        tab="retention",
        fragment="_retention_preview.html",
        policy=policy,
        offered=offered,
        chosen=chosen,
        changed=chosen != now_id,
        tried=tried,
        outlook=told,
        expiring=told.expiring if chosen == now_id else _expiring(points, policy, call.now),
        points=len(points),
        next_prune_at=await schedules.next_of(conn, share.share_id, What.PRUNE),
        next_sweep_at=await schedules.next_of(conn, share.share_id, What.SWEEP),
        why_sweep=await retention_orders.why_sweep(conn, share.share_id, MARGIN_S, call.now),
        margin_days=MARGIN_S // 86_400,
        etag=etag_of(_given(policy)),
    )


def _expiring(points: Sequence[Dated], policy: NamedPolicy | None, now: dt.datetime) -> int:
    """How many the next prune lets go."""
    return sum(not one.keep for one in decisions_of(points, policy.retention if policy else None, now))


def _given(policy: NamedPolicy | None) -> GivenPolicy:
    if policy is None:
        return GivenPolicy(policy_id=None, version=None)
    return GivenPolicy(policy_id=policy.policy_id, version=policy.version)


async def set_retention_form(call: Call[NoQuery, RetentionForm]) -> Answer:
    """Give the share the policy."""
    now = await stored.of_share(call.conn, call.share.share_id)
    check_unchanged(call.body.if_match, _given(now), "the share's policy")
    answer = await policies.set_retention(asking(call, body=ShareRetentionChange(policy_id=call.body.policy_id)))
    return see(f"{share_url(call.share.tenant_id, call.share.share_id)}/retention", answer)


async def prune_form(call: Call) -> Answer:
    """Prune now, by the policy."""
    return _to_run(call, await retention.start_prune(asking(call, body=NewPrune())))


async def sweep_form(call: Call[NoQuery, NewSweep]) -> Answer:
    """Sweep now."""
    return _to_run(call, await retention.start_sweep(call))


def _to_run(call: AnyCall, answer: Answer) -> Answer:
    assert isinstance(answer.body, Run)
    return see(run_url(call.share.tenant_id, call.share.share_id, answer.body.run_no), answer)


def _chosen(fields: Fields) -> dict[str, Any]:
    wanted: Sequence[str] = ("if_match",) if fields.text("policy_id") == NONE else ("if_match", "policy_id")
    return {"policy_id": None, **fields.nested(*wanted)}


routes = Routes("retention pages")
_page = routes.page(SHARE + "/retention", retention_page, Action.POLICIES_READ)
routes.form(SHARE + "/retention", set_retention_form, Action.POLICIES_CHANGE, _page, fields=_chosen)
routes.form(SHARE + "/prunes", prune_form, Action.RETENTION_RUN, _page, starts=True)
routes.form(
    SHARE + "/sweeps", sweep_form, Action.RETENTION_RUN, _page, fields=lambda f: f.nested("margin_days"), starts=True
)
bp = routes.blueprint
