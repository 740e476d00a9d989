"""What roles may do, in words."""

from http_api.pages.roles import ROLES, action_text, grantable, role_table
from shared.core.access import ALLOWED
from shared.model.access import Action, Grant, Principal, PrincipalKind, Role


def test_everything_that_can_be_allowed_is_told_once_in_words_and_by_whom():
    lines = [line for group in role_table().values() for line in group]
    assert len(lines) == len(Action)
    assert len({line.text for line in lines}) == len(Action)
    assert sorted(map(sorted, (line.roles for line in lines))) == sorted(map(sorted, ALLOWED.values()))
    assert all(action_text(str(action)) != str(action) for action in Action)
    assert action_text("of.tomorrow") == "of.tomorrow"
    assert set(ROLES) == set(Role)


def test_roles_that_somebody_may_give_are_no_more_than_theirs():
    def known(*grants):
        return Principal(kind=PrincipalKind.PERSON, id="1", name="Ann", grants=frozenset(grants))

    assert grantable(known(Grant(Role.TENANT_ADMIN, "acme")), "acme") == [Role.VIEWER, Role.OPERATOR, Role.TENANT_ADMIN]
    assert grantable(known(Grant(Role.OPERATOR, "acme")), "acme") == [Role.VIEWER, Role.OPERATOR]
    assert grantable(known(Grant(Role.TENANT_ADMIN, "acme")), "other") == []
    assert grantable(known(Grant(Role.PLATFORM_ADMIN)), None) == [Role.VIEWER, Role.OPERATOR, Role.PLATFORM_ADMIN]
