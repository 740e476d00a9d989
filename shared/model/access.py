"""Who may do what: roles, the things that may be allowed, and those who ask.

Which role may do which action is decided in :mod:`shared.core.access` and nowhere else.
"""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What somebody is, on the whole platform, in one tenant, or for one share of it."""

    PLATFORM_ADMIN = "platform_admin"
    """Runs the platform: all tenants. Only ever granted on the whole platform."""
    TENANT_ADMIN = "tenant_admin"
    """Answers for a tenant's data: its shares, people, keys and what is kept."""
    OPERATOR = "operator"
    """Backs up, restores and verifies."""
    VIEWER = "viewer"
    """Sees how things stand: names, sizes, runs. Not what is in the files."""


class Action(StrEnum):
    """One per thing that somebody may be allowed to do or not; every route of the API declares its own."""

    SELF_READ = "self.read"
    """Who one is, and what one may do."""
    TENANTS_LIST = "tenants.list"
    """The tenants that one sees; of those that one does not there is no trace."""
    TENANTS_CREATE = "tenants.create"
    TENANT_READ = "tenant.read"
    TENANT_CHANGE = "tenant.change"
    TENANT_LIMIT = "tenant.limit"
    """How many runs of a tenant may be at work at once."""
    TENANT_DELETE = "tenant.delete"
    TENANT_PURGE = "tenant.purge"
    """Delete for good, restore points included."""
    MEMBERS_READ = "members.read"
    MEMBERS_CHANGE = "members.change"
    KEYS_READ = "keys.read"
    KEYS_CHANGE = "keys.change"
    ACCOUNTS_READ = "accounts.read"
    """Which storage accounts a tenant may use, and with which credentials."""
    ACCOUNTS_CHANGE = "accounts.change"
    ACCOUNTS_ANY = "accounts.any"
    """Name any storage account and any credential: the app's identity may reach those of all tenants."""
    SHARES_LIST = "shares.list"
    """The shares that one sees."""
    SHARES_READ = "shares.read"
    SHARES_CREATE = "shares.create"
    SHARES_CHANGE = "shares.change"
    SHARES_TEST = "shares.test"
    SHARES_DELETE = "shares.delete"
    SHARES_PURGE = "shares.purge"
    """Delete for good, restore points included."""
    POLICIES_READ = "policies.read"
    POLICIES_CHANGE = "policies.change"
    SCHEDULES_READ = "schedules.read"
    SCHEDULES_CHANGE = "schedules.change"
    ALERTS_READ = "alerts.read"
    ALERTS_ACKNOWLEDGE = "alerts.acknowledge"
    ALERTS_CHANGE = "alerts.change"
    """Where alerts are sent."""
    RUNS_READ = "runs.read"
    """Runs, their journals and reports."""
    RUNS_START = "runs.start"
    """Start a backup or a scan."""
    RUNS_CONTROL = "runs.control"
    """Pause, resume, cancel."""
    POINTS_READ = "points.read"
    POINTS_PIN = "points.pin"
    POINTS_UNPIN = "points.unpin"
    POINTS_HOLD = "points.hold"
    """Set a legal hold, or release one."""
    POINTS_DELETE = "points.delete"
    RETENTION_RUN = "retention.run"
    """Start a prune or a sweep."""
    NODES_READ = "nodes.read"
    """Names and metadata: children, versions, differences, search, permissions."""
    CONTENT_READ = "content.read"
    """What is in the files: downloads."""
    RESTORES_PLAN = "restores.plan"
    """A dry run."""
    RESTORES_START = "restores.start"
    RESTORES_UNDO = "restores.undo"
    VERIFIES_START = "verifies.start"
    REBUILDS_START = "rebuilds.start"
    """Make catalogues from vaults."""
    USAGE_READ = "usage.read"
    AUDIT_READ = "audit.read"
    EXPORTS_READ = "exports.read"
    """All names and metadata of a share at once."""
    OVERVIEW_READ = "overview.read"
    """How the shares that one sees stand."""
    HEALTH_READ = "health.read"
    """Whether the app can work, with what it needs named."""
    METRICS_READ = "metrics.read"
    """Counters of the whole platform."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A role and where it holds."""

    role: Role
    tenant_id: str | None = None
    """None: on the whole platform."""
    share_id: int | None = None
    """None: for all shares of the tenant, and the tenant itself."""

    def __post_init__(self) -> None:
        if self.share_id is not None and self.tenant_id is None:
            raise ValueError("a grant for a share without its tenant")
        if self.role is Role.PLATFORM_ADMIN and self.tenant_id is not None:
            raise ValueError("a platform admin is one on the whole platform")


class PrincipalKind(StrEnum):
    """How somebody was known."""

    PERSON = "person"
    """By Entra ID, through App Service authentication."""
    KEY = "key"
    """By an API key."""
    LOCAL = "local"
    """By being on this machine, in development."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks."""

    kind: PrincipalKind
    id: str
    """A person's object id, a key's id; never a secret."""
    name: str
    """For people who read an audit."""
    grants: frozenset[Grant]
