"""What each role may do, for people: a table of :data:`shared.core.access.ALLOWED` in words. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.core.access import ALLOWED, may_grant
from shared.model.access import Action, Grant, Principal, Role

ROLES: Final[Mapping[Role, str]] = {
    Role.VIEWER: "Sees how things stand: names, sizes, runs. Not what is in the files.",
    Role.OPERATOR: "Backs up, restores and verifies, and may read what was saved.",
    Role.TENANT_ADMIN: "Answers for a tenant's data: its shares, people, keys and what is kept.",
    Role.PLATFORM_ADMIN: "Runs the platform: everything in all tenants.",
}
"""By what they may do, least first."""

_GROUPS: Final[Mapping[str, Mapping[Action, str]]] = {
    "See": {
        Action.SELF_READ: "who they are and what they may do",
        Action.OVERVIEW_READ: "how the shares they see stand",
        Action.TENANTS_LIST: "the tenants they belong to",
        Action.TENANT_READ: "a tenant",
        Action.SHARES_LIST: "the shares they see",
        Action.SHARES_READ: "a share's settings",
        Action.RUNS_READ: "runs, their journals and reports",
        Action.POINTS_READ: "restore points",
        Action.NODES_READ: "names, sizes, times and permissions of files",
        Action.SCHEDULES_READ: "schedules",
        Action.POLICIES_READ: "retention policies",
        Action.ALERTS_READ: "alerts",
        Action.USAGE_READ: "usage, cost and analytics",
        Action.EXPORTS_READ: "exports of all names and sizes of a share",
        Action.HEALTH_READ: "whether the app can work",
        Action.METRICS_READ: "counters of the whole platform, with a role on that",
    },
    "Back up and restore": {
        Action.RUNS_START: "start a backup or a scan",
        Action.RUNS_CONTROL: "pause, resume and cancel runs",
        Action.VERIFIES_START: "start a verify or a drill",
        Action.RESTORES_PLAN: "plan a restore",
        Action.RESTORES_START: "restore",
        Action.RESTORES_UNDO: "undo a restore",
        Action.CONTENT_READ: "download what is in files",
        Action.SHARES_TEST: "test the connection of a share",
        Action.POINTS_PIN: "pin a restore point",
        Action.ALERTS_ACKNOWLEDGE: "acknowledge and close alerts",
    },
    "Answer for the data": {
        Action.SHARES_CREATE: "protect a share",
        Action.SHARES_CHANGE: "change a share's settings",
        Action.SHARES_DELETE: "delete a share and bring it back",
        Action.SHARES_PURGE: "delete a share for good, with its restore points",
        Action.SCHEDULES_CHANGE: "change schedules",
        Action.POLICIES_CHANGE: "change retention policies",
        Action.RETENTION_RUN: "start a prune or a sweep",
        Action.POINTS_UNPIN: "unpin a restore point",
        Action.POINTS_HOLD: "set and release legal holds",
        Action.POINTS_DELETE: "delete a restore point",
        Action.ALERTS_CHANGE: "say who is told of alerts",
    },
    "People and tenants": {
        Action.MEMBERS_READ: "see members",
        Action.MEMBERS_CHANGE: "add, change and remove members",
        Action.KEYS_READ: "see API keys",
        Action.KEYS_CHANGE: "make and revoke API keys",
        Action.AUDIT_READ: "read the audit",
        Action.TENANT_CHANGE: "rename the tenant",
        Action.ACCOUNTS_READ: "see which storage accounts a tenant may use",
        Action.ACCOUNTS_CHANGE: "say which storage accounts a tenant may use",
        Action.ACCOUNTS_ANY: "name any storage account and credential",
        Action.TENANT_LIMIT: "limit how many runs of a tenant are at work at once",
        Action.TENANTS_CREATE: "add a tenant",
        Action.TENANT_DELETE: "delete a tenant and bring it back",
        Action.TENANT_PURGE: "delete a tenant for good",
        Action.REBUILDS_START: "rebuild catalogues from vaults",
    },
}


@dataclass(frozen=True, slots=True)
class Line:
    """Something that may be done, and by whom."""

    text: str
    roles: frozenset[Role]


def role_table() -> dict[str, list[Line]]:
    """All that may be done, in groups."""
    return {
        group: [Line(text, ALLOWED[action]) for action, text in actions.items()] for group, actions in _GROUPS.items()
    }


def action_text(action: str) -> str:
    """An action in words; as it is called if it is of another release."""
    return _TEXTS.get(action, action)


_TEXTS: Final = {str(action): text for actions in _GROUPS.values() for action, text in actions.items()}


def grantable(principal: Principal, tenant_id: str | None) -> list[Role]:
    """The roles that somebody may give in a tenant, or on the platform, least first."""
    possible = [role for role in ROLES if not (tenant_id is None and role is Role.TENANT_ADMIN)]
    possible = [role for role in possible if not (tenant_id is not None and role is Role.PLATFORM_ADMIN)]
    return [role for role in possible if may_grant(principal, Grant(role, tenant_id))]
