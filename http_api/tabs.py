"""The tabs above every page: of the share, the tenant or the platform that it is about. What one may not see has no tab."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from shared.model.access import Action

May = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Tab:
    """A section and where it begins."""

    name: str
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class _Section:
    name: str
    label: str
    path: str
    action: Action


_PLATFORM: Final = (
    _Section("overview", "Overview", "/", Action.OVERVIEW_READ),
    _Section("alerts", "Alerts", "/alerts", Action.OVERVIEW_READ),
    _Section("usage", "Usage and cost", "/usage", Action.USAGE_READ),
    _Section("people", "People and keys", "/people", Action.MEMBERS_READ),
    _Section("audit", "Audit", "/audit", Action.AUDIT_READ),
    _Section("settings", "Tenants", "/tenants", Action.TENANTS_LIST),
)
_TENANT: Final = (
    _Section("shares", "Shares", "", Action.TENANT_READ),
    _Section("alerts", "Alerts", "/alerts", Action.ALERTS_READ),
    _Section("policies", "Retention policies", "/policies", Action.POLICIES_READ),
    _Section("usage", "Usage and cost", "/usage", Action.USAGE_READ),
    _Section("people", "People and keys", "/people", Action.MEMBERS_READ),
    _Section("audit", "Audit", "/audit", Action.AUDIT_READ),
    _Section("settings", "Settings", "/settings", Action.TENANT_CHANGE),
)
_SHARE: Final = (
    _Section("points", "Restore points", "", Action.POINTS_READ),
    _Section("browse", "Browse", "/browse", Action.NODES_READ),
    _Section("restore", "Restore", "/restore", Action.RESTORES_PLAN),
    _Section("runs", "Runs", "/runs", Action.RUNS_READ),
    _Section("verify", "Verify", "/verify", Action.RUNS_READ),
    _Section("analytics", "Analytics", "/analytics", Action.USAGE_READ),
    _Section("schedules", "Schedules", "/schedules", Action.SCHEDULES_READ),
    _Section("retention", "Retention", "/retention", Action.POLICIES_READ),
    _Section("settings", "Settings", "/settings", Action.SHARES_READ),
)


def tabs_of(tenant_url: str, share_url: str, may: May) -> list[Tab]:
    """The tabs of a share if there is one, else of a tenant if there is one, else of the platform.

    :param may: whether whoever looks may do an action there.
    """
    sections, base = (_SHARE, share_url) if share_url else (_TENANT, tenant_url) if tenant_url else (_PLATFORM, "")
    return [Tab(one.name, one.label, base + one.path) for one in sections if may(one.action)]
