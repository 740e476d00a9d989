"""``/tenants/{tenant_id}/policies``: retention policies, with a preview of what they would do to a share."""

from collections.abc import Collection, Sequence
from typing import Any, Final

from http_api import policies
from http_api.call import Answer, AnyCall, Call
from http_api.conditions import etag_of
from http_api.fields import Fields, Filled
from http_api.models.base import Body, Name, NoQuery, Paged
from http_api.models.retention import NewPolicy, Policy, PolicyChange, Rules, ShownRules
from http_api.pages.asking import asking
from http_api.pages.outlook import outlook
from http_api.pages.places import TENANT, share_url, tenant_url
from http_api.pages.typed import Typed, tried
from http_api.pages.unchanged import check_unchanged
from http_api.rendering import page, see
from http_api.routes import Routes
from shared.core import retention
from shared.core.access import visible_shares
from shared.db import policies as stored
from shared.db import retention as kept
from shared.db import shares, standing
from shared.errors import InvalidInput
from shared.model.access import Action
from shared.model.retention import RetentionPolicy
from shared.model.share import Share

SHARES_OFFERED: Final = 200
"""Shares on which a policy can be tried: a longer list is none to choose from. Others are tried on their own pages."""
_RULES: Final = ("keep_last", "hourly", "daily", "weekly", "monthly", "yearly", "keep_days", "time_zone")


class PolicyForm(Body):
    """A policy to be added, and the share for which somebody makes it."""

    name: Name
    rules: Rules
    for_share: int | None = None


class PolicyChangeForm(Body):
    """A policy that is there, as it is to be."""

    name: Name
    rules: Rules
    if_match: str = ""


class DeletePolicyForm(Body):
    """One that is to go."""

    if_match: str = ""


async def policies_page(call: Call[Paged]) -> Answer:
    """The policies of a tenant, and how many shares have each."""
    part = await policies.list_policies(call)
    followers = await stored.followers(call.conn, call.tenant.tenant_id)
    return page(call, "policies.html", tab="policies", fragment="_policies_rows.html", part=part, followers=followers)


async def new_policy_page(call: Call[Typed]) -> Answer:
    """A policy to be, and what it would do to a share."""
    fields = call.filled.fields if call.filled else call.query.fields
    shown = ShownRules.model_validate(RetentionPolicy(daily=14, weekly=8, monthly=12))
    return await _form(call, fields, policy=None, rules=shown, name="")


async def policy_page(call: Call[Typed]) -> Answer:
    """A policy, what a change of it would do, and which shares have it."""
    policy = await policies.get_policy(asking(call))
    fields = call.filled.fields if call.filled else call.query.fields
    return await _form(call, fields, policy=policy, rules=policy.rules, name=policy.name)


async def _form(call: AnyCall, fields: Fields, *, policy: Policy | None, rules: ShownRules, name: str) -> Answer:
    """The form as it is typed, and its preview on the share that is chosen."""
    tenant_id = call.tenant.tenant_id
    seen = visible_shares(call.principal, tenant_id)
    offered = await shares.of_tenant(call.conn, tenant_id, limit=SHARES_OFFERED, among=seen)
    users = await stored.users(call.conn, policy.policy_id) if policy else ()
    with_points = await standing.with_points(call.conn, [share.share_id for share in offered])
    chosen = _chosen(offered, fields.text("share_id") or fields.text("for_share"), users, with_points)
    typed = any(name in fields.given for name in ("name", *(f"rules.{rule}" for rule in _RULES)))
    given = Rules.model_validate(rules, from_attributes=True)
    found: Rules | None = given
    if typed:
        found, filled = tried(
            fields, Rules, lambda typed: _body(typed)["rules"], lambda model: retention.check(model.policy())
        )
        call.filled = call.filled or _of_rules(filled)
    told = None
    if chosen is not None and found is not None:
        told = outlook(await kept.points(call.conn, chosen.share_id), found.policy(), call.now)
    return page(
        call,
        "policy.html",
        tab="policies",
        fragment="_policy_preview.html",
        policy=policy,
        etag=etag_of(policy) if policy else "",
        name=name,
        rules=rules,
        users=users,
        shares=offered,
        chosen=chosen,
        outlook=told,
        for_share=fields.text("for_share"),
        wrong=call.filled.problem if call.filled else None,
    )


def _of_rules(filled: Filled) -> Filled:
    """What is wrong with rules, by the names that their fields have in this form."""
    if filled.problem is None:
        return filled
    told = [error.model_copy(update={"field": f"rules.{error.field}"}) for error in filled.problem.errors]
    return Filled(filled.fields, filled.problem.model_copy(update={"errors": told}))


def _chosen(
    offered: Sequence[Share], share_id: str, users: Sequence[str], with_points: Collection[int]
) -> Share | None:
    """The share that was asked for, else one that has the policy, else one that has restore points, else the first."""
    by_id = {str(share.share_id): share for share in offered}
    following = next((share for share in offered if share.name in users), None)
    telling = next((share for share in offered if share.share_id in with_points), None)
    return by_id.get(share_id) or following or telling or next(iter(offered), None)


async def create_policy_form(call: Call[NoQuery, PolicyForm]) -> Answer:
    """Add it, and go to where it is given to a share."""
    body = call.body
    _check(body.rules)
    answer = await policies.create_policy(asking(call, body=NewPolicy(name=body.name, rules=body.rules)))
    made = answer.body
    assert isinstance(made, Policy)
    if body.for_share is not None:
        return see(f"{share_url(made.tenant_id, body.for_share)}/retention?policy_id={made.policy_id}", answer)
    return see(f"{tenant_url(made.tenant_id)}/policies", answer)


async def change_policy_form(call: Call[NoQuery, PolicyChangeForm]) -> Answer:
    """Change it, for all shares that have it."""
    body = call.body
    _check(body.rules)
    check_unchanged(body.if_match, await policies.get_policy(asking(call)), "the policy")
    await policies.change_policy(asking(call, body=PolicyChange(name=body.name, rules=body.rules)))
    return see(f"{tenant_url(call.tenant.tenant_id)}/policies")


async def delete_policy_form(call: Call[NoQuery, DeletePolicyForm]) -> Answer:
    """Delete it."""
    check_unchanged(call.body.if_match, await policies.get_policy(asking(call)), "the policy")
    await policies.delete_policy(asking(call))
    return see(f"{tenant_url(call.tenant.tenant_id)}/policies")


def _check(rules: Rules) -> None:
    """What a model alone does not see, under the names of this form's fields."""
    try:
        retention.check(rules.policy())
    except InvalidInput as error:
        raise InvalidInput(str(error), field=f"rules.{error.field}") from error


def _body(fields: Fields) -> dict[str, Any]:
    return {"rules": {}, **fields.nested("name", *(f"rules.{rule}" for rule in _RULES))}


def _new(fields: Fields) -> dict[str, Any]:
    return {**_body(fields), **fields.nested("for_share")}


def _changed(fields: Fields) -> dict[str, Any]:
    return {**_body(fields), **fields.nested("if_match")}


POLICY: Final = TENANT + "/policies/{policy_id:int}"
routes = Routes("policy pages")
routes.page(TENANT + "/policies", policies_page, Action.POLICIES_READ)
_new_page = routes.page(TENANT + "/policies/new", new_policy_page, Action.POLICIES_READ)
_page = routes.page(POLICY, policy_page, Action.POLICIES_READ)
routes.form(TENANT + "/policies/new", create_policy_form, Action.POLICIES_CHANGE, _new_page, fields=_new)
routes.form(POLICY, change_policy_form, Action.POLICIES_CHANGE, _page, fields=_changed)
routes.form(
    POLICY + "/delete", delete_policy_form, Action.POLICIES_CHANGE, _page, fields=lambda f: f.nested("if_match")
)
bp = routes.blueprint
