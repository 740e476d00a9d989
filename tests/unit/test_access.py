"""Who may do what: the table, and what follows from it."""

import itertools

import pytest

from shared.core.access import (
    ALLOWED,
    LISTS,
    actions_of,
    may,
    may_grant,
    sees,
    visible_shares,
    visible_tenants,
)
from shared.model.access import Action, Grant, Principal, PrincipalKind, Role

SCOPES = {"platform": (None, None), "tenant": ("acme", None), "share": ("acme", 1)}
"""Where a grant may hold."""
PLACES = {
    "the platform": (None, None),
    "their tenant": ("acme", None),
    "their share": ("acme", 1),
    "another share of it": ("acme", 2),
    "another tenant": ("other", None),
    "its share": ("other", 3),
    "their share as another tenant's": ("other", 1),
}
COVERED = {
    "platform": set(PLACES),
    "tenant": {"their tenant", "their share", "another share of it"},
    "share": {"their share"},
}
SEEN = {
    "platform": set(PLACES),
    "tenant": COVERED["tenant"] | {"the platform"},
    "share": {"the platform", "their tenant", "their share"},
}


def somebody(*grants: Grant) -> Principal:
    return Principal(kind=PrincipalKind.PERSON, id="p", name="P", grants=frozenset(grants))


def grants() -> list:
    return [
        pytest.param(role, scope, id=f"{role} of a {scope}")
        for role, scope in itertools.product(Role, SCOPES)
        if role is not Role.PLATFORM_ADMIN or scope == "platform"
    ]


def test_every_action_is_in_the_table():
    assert set(ALLOWED) == set(Action)
    assert all(ALLOWED.values())


def test_each_role_may_all_that_the_one_below_it_may_and_more():
    for above, below in itertools.pairwise(Role):
        assert actions_of(below) < actions_of(above)
    assert actions_of(Role.PLATFORM_ADMIN) == set(Action)


@pytest.mark.parametrize(("role", "scope"), grants())
@pytest.mark.parametrize("place", PLACES)
def test_a_role_holds_where_it_was_given_and_nowhere_else(role, scope, place):
    one = somebody(Grant(role, *SCOPES[scope]))
    for action in Action:
        covered = place in COVERED[scope] or (action in LISTS and place in SEEN[scope])
        assert may(one, action, *PLACES[place]) == (covered and role in ALLOWED[action]), action
    assert sees(one, *PLACES[place]) == (place in SEEN[scope])


def test_who_has_no_role_sees_nothing_and_may_do_nothing():
    nobody = somebody()
    assert not any(may(nobody, action, *place) for action in Action for place in PLACES.values())
    assert not any(sees(nobody, *place) for place in PLACES.values())
    assert visible_tenants(nobody) == frozenset()


def test_what_one_may_do_is_seen():
    for role, (tenant_id, share_id) in itertools.product(Role, SCOPES.values()):
        if role is Role.PLATFORM_ADMIN and tenant_id is not None:
            continue
        one = somebody(Grant(role, tenant_id, share_id))
        for action, place in itertools.product(Action, PLACES.values()):
            assert sees(one, *place) or not may(one, action, *place)


def test_several_roles_are_all_of_them():
    one = somebody(Grant(Role.VIEWER, "acme"), Grant(Role.OPERATOR, "acme", 2), Grant(Role.TENANT_ADMIN, "other"))
    assert may(one, Action.RUNS_START, "acme", 2)
    assert not may(one, Action.RUNS_START, "acme", 1)
    assert may(one, Action.RUNS_READ, "acme", 1)
    assert visible_tenants(one) == {"acme", "other"}
    assert visible_shares(one, "acme") is None
    assert visible_shares(one, "other") is None
    assert visible_shares(one, "third") == frozenset()


def test_of_a_tenant_with_a_role_for_one_share_that_share_is_seen():
    one = somebody(Grant(Role.OPERATOR, "acme", 2), Grant(Role.VIEWER, "acme", 5))
    assert visible_shares(one, "acme") == {2, 5}
    assert may(one, Action.SHARES_LIST, "acme")
    assert not may(one, Action.RUNS_READ, "acme")


@pytest.mark.parametrize(("role", "scope"), grants())
def test_nobody_gives_what_they_have_not(role, scope):
    one = somebody(Grant(role, *SCOPES[scope]))
    for wanted, place in itertools.product(Role, ["their tenant", "their share", "another share of it", "its share"]):
        if wanted is Role.PLATFORM_ADMIN:
            continue
        given = Grant(wanted, *PLACES[place])
        has_all = all(may(one, action, *PLACES[place]) for action in actions_of(wanted) - LISTS)
        assert may_grant(one, given) == has_all, given
    assert may_grant(one, Grant(Role.PLATFORM_ADMIN)) == (role is Role.PLATFORM_ADMIN)


def test_grants_that_mean_nothing_cannot_be_made():
    with pytest.raises(ValueError, match="on the whole platform"):
        Grant(Role.PLATFORM_ADMIN, "acme")
    with pytest.raises(ValueError, match="without its tenant"):
        Grant(Role.VIEWER, None, 3)


def test_viewers_do_not_read_files_and_holds_and_purges_are_for_admins():
    assert Action.CONTENT_READ not in actions_of(Role.VIEWER)
    for action in (Action.POINTS_HOLD, Action.POINTS_DELETE, Action.SHARES_PURGE, Action.KEYS_CHANGE):
        assert Role.OPERATOR not in ALLOWED[action]
        assert Role.TENANT_ADMIN in ALLOWED[action]
    for action in (Action.ACCOUNTS_ANY, Action.ACCOUNTS_CHANGE, Action.TENANTS_CREATE, Action.REBUILDS_START):
        assert ALLOWED[action] == {Role.PLATFORM_ADMIN}
