"""``/api/tenants/{tenant_id}/policies``: retention policies, and ``.../shares/{share_id}/retention``: which one a share has."""

from functools import partial

from http_api.call import Answer, AnyCall, Call
from http_api.endpoint import SHARE, TENANT
from http_api.models.base import NoQuery, Paged
from http_api.models.retention import (
    Decided,
    NewPolicy,
    Policy,
    PolicyChange,
    PolicyPage,
    Preview,
    Rules,
    ShareRetention,
    ShareRetentionChange,
    ShownHold,
    ShownPin,
)
from http_api.routes import Routes
from http_api.starting import now_or_by_upkeep
from shared.core import retention
from shared.db import policies, schedules
from shared.db import retention as kept
from shared.model.access import Action
from shared.model.retention import Dated, RetentionPolicy
from shared.model.schedule import What

POLICY = TENANT + "/policies/{policy_id:int}"


async def create_policy(call: Call[NoQuery, NewPolicy]) -> Answer:
    """Add a policy. It does nothing before a share has it."""
    rules = call.body.rules.policy()
    retention.check(rules)
    made = await policies.create(call.conn, call.tenant.tenant_id, call.body.name, rules)
    return Answer(body=Policy.of(made), location=f"/api/tenants/{made.tenant_id}/policies/{made.policy_id}")


async def list_policies(call: Call[Paged]) -> PolicyPage:
    """The policies of a tenant, by name."""
    place = call.place(str)
    found = await policies.of_tenant(
        call.conn, call.tenant.tenant_id, after=place[0] if place else "", limit=call.query.limit + 1
    )
    shown = found[: call.query.limit]
    return PolicyPage(
        policies=[Policy.of(one) for one in shown], **call.part_after(found, shown, lambda one: (one.name,))
    )


async def get_policy(call: Call) -> Policy:
    """One policy."""
    return Policy.of(await policies.get(call.conn, call.tenant.tenant_id, call.number("policy_id")))


async def change_policy(call: Call[NoQuery, PolicyChange]) -> Policy:
    """Change a policy. The next prune of every share that has it goes by it: look at the previews before."""
    tenant_id, policy_id = call.tenant.tenant_id, call.number("policy_id")
    now = await policies.get(call.conn, tenant_id, policy_id)
    rules = now.retention if call.body.rules is None else call.body.rules.policy()
    retention.check(rules)
    name = now.name if call.body.name is None else call.body.name
    return Policy.of(await policies.change(call.conn, tenant_id, policy_id, now.version, name, rules))


async def delete_policy(call: Call) -> Answer:
    """Delete a policy that no share has."""
    await policies.delete(call.conn, call.tenant.tenant_id, call.number("policy_id"))
    return Answer(status=204)


async def get_retention(call: Call) -> ShareRetention:
    """The policy of a share, and which restore points the next prune would let go."""
    return await _retention(call)


async def _retention(call: AnyCall) -> ShareRetention:
    share_id = call.share.share_id
    policy = await policies.of_share(call.conn, share_id)
    points = await kept.points(call.conn, share_id)
    # Without a policy nothing goes: as by one that keeps everything.
    rules = policy.retention if policy is not None else RetentionPolicy(keep_last=max(1, len(points)))
    told = _decided(points, rules, call)
    return ShareRetention(
        policy=None if policy is None else Policy.of(policy),
        kept=sum(one.keep for one in told),
        expiring=sum(not one.keep for one in told),
        next_prune_at=await schedules.next_of(call.conn, share_id, What.PRUNE),
        next_sweep_at=await schedules.next_of(call.conn, share_id, What.SWEEP),
        restore_points=told,
    )


async def set_retention(call: Call[NoQuery, ShareRetentionChange]) -> Answer:
    """Give a share a policy of its tenant, or none. With its first one come schedules of prunes and sweeps, if it has none of the kind."""
    before = await policies.give(call.conn, call.share.tenant_id, call.share.share_id, call.body.policy_id)
    if before is None and call.body.policy_id is not None:
        await schedules.add_upkeep(call.conn, call.share, call.now)
    return Answer(
        body=await _retention(call),
        then=partial(now_or_by_upkeep, partial(call.app.tell_policies, call.share.share_id)),
    )


async def preview_retention(call: Call[NoQuery, Rules]) -> Preview:
    """What rules would keep of a share's restore points, and why. Nothing is changed."""
    rules = call.body.policy()
    retention.check(rules)
    told = _decided(await kept.points(call.conn, call.share.share_id), rules, call)
    return Preview(kept=sum(one.keep for one in told), expiring=sum(not one.keep for one in told), restore_points=told)


def _decided(points: list[Dated], rules: RetentionPolicy, call: AnyCall) -> list[Decided]:
    by_number = {point.run_no: point for point in points}
    shown: list[Decided] = []
    for decision in retention.decide(points, rules, call.now):
        point = by_number[decision.run_no]
        pin, hold = point.said.pin, point.said.hold
        shown.append(
            Decided(
                restore_point=decision.run_no,
                taken_at=point.taken_at,
                keep=decision.keep,
                reasons=list(decision.reasons),
                pin=None if pin is None else ShownPin.model_validate(pin),
                hold=None if hold is None else ShownHold.model_validate(hold),
            )
        )
    return shown


routes = Routes("policies")
routes.post(TENANT + "/policies", create_policy, Action.POLICIES_CHANGE, {201: Policy}, refuses={409})
routes.get(TENANT + "/policies", list_policies, Action.POLICIES_READ, {200: PolicyPage})
routes.get(POLICY, get_policy, Action.POLICIES_READ, {200: Policy}, etag=True)
routes.patch(POLICY, change_policy, Action.POLICIES_CHANGE, {200: Policy}, current=get_policy, refuses={409})
routes.delete(POLICY, delete_policy, Action.POLICIES_CHANGE, {204: None}, refuses={409})
routes.get(SHARE + "/retention", get_retention, Action.POLICIES_READ, {200: ShareRetention})
routes.put(SHARE + "/retention", set_retention, Action.POLICIES_CHANGE, {200: ShareRetention})
routes.post(
    SHARE + "/retention/preview",
    preview_retention,
    Action.POLICIES_READ,
    {200: Preview},
    idempotent=False,
    changes=False,
)
bp = routes.blueprint
