"""Which role may do what, and who sees what. The only authority: routes name an action, and ask here.

What somebody may not see does not exist for them (404); what they see and may not do is refused (403).
"""

from collections.abc import Mapping
from typing import Final

from shared.model.access import Action, Grant, Principal, Role

_PLATFORM: Final = frozenset({Role.PLATFORM_ADMIN})
_ADMINS: Final = _PLATFORM | {Role.TENANT_ADMIN}
_OPERATORS: Final = _ADMINS | {Role.OPERATOR}
_ALL: Final = _OPERATORS | {Role.VIEWER}

ALLOWED: Final[Mapping[Action, frozenset[Role]]] = {
    Action.SELF_READ: _ALL,
    Action.TENANTS_LIST: _ALL,
    Action.TENANTS_CREATE: _PLATFORM,
    Action.TENANT_READ: _ALL,
    Action.TENANT_CHANGE: _ADMINS,
    Action.TENANT_LIMIT: _PLATFORM,
    Action.TENANT_DELETE: _PLATFORM,
    Action.TENANT_PURGE: _PLATFORM,
    Action.MEMBERS_READ: _ADMINS,
    Action.MEMBERS_CHANGE: _ADMINS,
    Action.KEYS_READ: _ADMINS,
    Action.KEYS_CHANGE: _ADMINS,
    Action.ACCOUNTS_READ: _ADMINS,
    # The app's own identity, and every credential that it knows by name, reach the storage of all tenants. Who could choose freely
    # would back up another tenant's share as their own; so which accounts are a tenant's is not for the tenant to say.
    Action.ACCOUNTS_CHANGE: _PLATFORM,
    Action.ACCOUNTS_ANY: _PLATFORM,
    Action.SHARES_LIST: _ALL,
    Action.SHARES_READ: _ALL,
    Action.SHARES_CREATE: _ADMINS,
    Action.SHARES_CHANGE: _ADMINS,
    Action.SHARES_TEST: _OPERATORS,
    Action.SHARES_DELETE: _ADMINS,
    Action.SHARES_PURGE: _ADMINS,
    Action.POLICIES_READ: _ALL,
    # A policy that keeps less deletes, and a schedule that is switched off ends backups without a sound: both are for those who
    # answer for the data, not for those who operate.
    Action.POLICIES_CHANGE: _ADMINS,
    Action.SCHEDULES_READ: _ALL,
    Action.SCHEDULES_CHANGE: _ADMINS,
    Action.ALERTS_READ: _ALL,
    Action.ALERTS_ACKNOWLEDGE: _OPERATORS,
    Action.ALERTS_CHANGE: _ADMINS,
    Action.RUNS_READ: _ALL,
    Action.RUNS_START: _OPERATORS,
    Action.RUNS_CONTROL: _OPERATORS,
    Action.POINTS_READ: _ALL,
    # Keeping more is safe. What ends the keeping of something is as deleting it.
    Action.POINTS_PIN: _OPERATORS,
    Action.POINTS_UNPIN: _ADMINS,
    Action.POINTS_HOLD: _ADMINS,
    Action.POINTS_DELETE: _ADMINS,
    Action.RETENTION_RUN: _ADMINS,
    Action.NODES_READ: _ALL,
    # Not viewers: a backup holds the files of everybody in the tenant, and neither the permissions nor the doors of the share itself
    # stand before it here. To see that backups work nobody has to read payrolls.
    Action.CONTENT_READ: _OPERATORS,
    # It changes nothing, but it looks at a target with the app's rights, takes requests of it and of the vault, and a turn among the runs.
    Action.RESTORES_PLAN: _OPERATORS,
    Action.RESTORES_START: _OPERATORS,
    Action.RESTORES_UNDO: _OPERATORS,
    Action.VERIFIES_START: _OPERATORS,
    Action.REBUILDS_START: _PLATFORM,
    Action.USAGE_READ: _ALL,
    Action.AUDIT_READ: _ADMINS,
    Action.EXPORTS_READ: _ALL,
    Action.OVERVIEW_READ: _ALL,
    Action.HEALTH_READ: _ALL,
    Action.METRICS_READ: _ALL,
}

LISTS: Final = frozenset(
    {
        *(Action.SELF_READ, Action.TENANTS_LIST, Action.SHARES_LIST, Action.TENANT_READ, Action.OVERVIEW_READ),
        Action.HEALTH_READ,
    }
)
"""Asked of a whole of which somebody may see a part: allowed to all who see any of it. The answer holds what they see, and no more:
:func:`visible_tenants`, :func:`visible_shares`."""


def may(principal: Principal, action: Action, tenant_id: str | None = None, share_id: int | None = None) -> bool:
    """Whether ``principal`` may do ``action`` on a share, a tenant (``share_id`` None) or the whole platform (both None)."""
    return any(
        grant.role in ALLOWED[action]
        and (_covers(grant, tenant_id, share_id) or (action in LISTS and _touches(grant, tenant_id, share_id)))
        for grant in principal.grants
    )


def sees(principal: Principal, tenant_id: str | None = None, share_id: int | None = None) -> bool:
    """Whether a share, a tenant or the platform exists for ``principal``. Whoever is somebody at all sees the platform."""
    return any(_touches(grant, tenant_id, share_id) for grant in principal.grants)


def visible_tenants(principal: Principal) -> frozenset[str] | None:
    """The ids of the tenants that ``principal`` sees; None: all."""
    found = {grant.tenant_id for grant in principal.grants}
    return None if None in found else frozenset(tenant_id for tenant_id in found if tenant_id is not None)


def visible_shares(principal: Principal, tenant_id: str) -> frozenset[int] | None:
    """The ids of the tenant's shares that ``principal`` sees; None: all of them."""
    found = {grant.share_id for grant in principal.grants if grant.tenant_id in (None, tenant_id)}
    return None if None in found else frozenset(share_id for share_id in found if share_id is not None)


def actions_of(role: Role) -> frozenset[Action]:
    """All that ``role`` may do."""
    return frozenset(action for action, roles in ALLOWED.items() if role in roles)


def may_grant(principal: Principal, wanted: Grant) -> bool:
    """Whether ``principal`` has all that ``wanted`` would give, wherever it would give it: nobody gives what they have not."""
    return any(
        _covers(grant, wanted.tenant_id, wanted.share_id) and actions_of(wanted.role) <= actions_of(grant.role)
        for grant in principal.grants
    )


def _covers(grant: Grant, tenant_id: str | None, share_id: int | None) -> bool:
    """Whether ``grant`` holds for all of what is named."""
    if grant.tenant_id is None:
        return True
    return grant.tenant_id == tenant_id and grant.share_id in (None, share_id)


def _touches(grant: Grant, tenant_id: str | None, share_id: int | None) -> bool:
    """Whether ``grant`` holds for all or a part of what is named."""
    if grant.tenant_id is None or tenant_id is None:
        return True
    return grant.tenant_id == tenant_id and (share_id is None or grant.share_id in (None, share_id))
