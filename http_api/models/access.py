"""Members, API keys, storage accounts of tenants, and who one is."""

import datetime as dt
from typing import Annotated, Final

from pydantic import Field, field_validator

from http_api.models.base import Body, Name, Number, Part, Shown
from http_api.models.checks import Url, check_account_url, check_credential
from shared.core.access import actions_of
from shared.model import membership
from shared.model.access import Action, Grant, Principal, PrincipalKind, Role
from shared.model.membership import MemberKind

KEY_DAYS: Final = 90
"""How long a key is valid unless asked for otherwise."""
KEY_DAYS_MAX: Final = 730

_ID_PATTERN: Final = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
ObjectId = Annotated[
    str,
    Field(pattern=_ID_PATTERN, description="Object id in Entra ID.", examples=["6f9619ff-8b86-d011-b42d-00cf4fc964ff"]),
]
OneShare = Annotated[
    Number | None, Field(description="For this share only; without it for the tenant and all of its shares.")
]


class NewMember(Body):
    """A role that somebody is to be given."""

    object_id: ObjectId
    kind: MemberKind = MemberKind.PERSON
    name: Name
    role: Role
    share_id: OneShare = None


class NewPlatformMember(Body):
    """The same on the whole platform."""

    object_id: ObjectId
    kind: MemberKind = MemberKind.PERSON
    name: Name
    role: Role = Role.PLATFORM_ADMIN


class MemberChange(Body):
    """What is to change of a member. What is left out stays."""

    name: Name | None = None
    role: Role | None = None


class Member(Shown):
    """A person, or a group, with a role."""

    member_id: int
    object_id: str
    kind: MemberKind
    name: str
    role: Role
    tenant_id: str | None
    share_id: int | None
    created_at: dt.datetime
    created_by: str

    @classmethod
    def of(cls, value: membership.Membership) -> "Member":
        """As it is shown."""
        grant = value.grant
        return cls(
            member_id=value.member_id, object_id=value.object_id, kind=value.kind, name=value.name, role=grant.role,
            tenant_id=grant.tenant_id, share_id=grant.share_id, created_at=value.created_at, created_by=value.created_by,
        )  # fmt: skip


class MemberPage(Part):
    """Members in the order in which they were added."""

    members: list[Member]


class NewKey(Body):
    """A key that is to be made."""

    name: Name
    role: Role
    share_id: OneShare = None
    days: Annotated[int, Field(ge=1, le=KEY_DAYS_MAX, description="How long it is valid.")] = KEY_DAYS


class NewPlatformKey(Body):
    """The same for the whole platform."""

    name: Name
    role: Role
    days: Annotated[int, Field(ge=1, le=KEY_DAYS_MAX, description="How long it is valid.")] = KEY_DAYS


class Key(Shown):
    """An API key, without its secret."""

    key_id: Annotated[str, Field(description="What a key has between `afb_` and its second underscore.")]
    name: str
    role: Role
    tenant_id: str | None
    share_id: int | None
    valid: bool
    created_at: dt.datetime
    created_by: str
    expires_at: dt.datetime
    revoked_at: dt.datetime | None
    last_used_at: Annotated[dt.datetime | None, Field(description="Within a minute.")]

    @classmethod
    def of(cls, value: membership.ApiKey, now: dt.datetime) -> "Key":
        """As it is shown."""
        grant = value.grant
        return cls(
            key_id=value.key_id, name=value.name, role=grant.role, tenant_id=grant.tenant_id, share_id=grant.share_id,
            valid=value.is_valid(now), created_at=value.created_at, created_by=value.created_by,
            expires_at=value.expires_at, revoked_at=value.revoked_at, last_used_at=value.last_used_at,
        )  # fmt: skip


class MadeKey(Key):
    """A key that was just made."""

    key: Annotated[str, Field(description="The key itself. It is shown this once, and kept nowhere.")]


class KeyPage(Part):
    """Keys by id."""

    keys: list[Key]


class NewAccount(Body):
    """A storage account that a tenant is to use."""

    account_url: Annotated[Url, Field(examples=["https://contoso.file.core.windows.net"])]
    credential: Annotated[str, Field(description="Name of a credential; empty for the app's identity.")] = ""

    _account_url = field_validator("account_url")(staticmethod(check_account_url))
    _credential = field_validator("credential")(staticmethod(check_credential))


class Account(Shown):
    """A storage account that a tenant may use."""

    account_id: int
    account_url: str
    credential: str
    created_at: dt.datetime
    created_by: str


class AccountPage(Part):
    """Accounts in the order in which they were given."""

    accounts: list[Account]


class ShownGrant(Shown):
    """A role and where it holds: for a share, a tenant (no share), or the platform (no tenant)."""

    role: Role
    tenant_id: str | None
    share_id: int | None


class Me(Shown):
    """Who one is."""

    kind: PrincipalKind
    id: str
    name: str
    grants: list[ShownGrant]
    actions: Annotated[dict[Role, list[Action]], Field(description="What these roles may do, where they hold.")]

    @classmethod
    def of(cls, value: Principal) -> "Me":
        """As it is shown."""
        grants = sorted(value.grants, key=_order)
        return cls(
            kind=value.kind,
            id=value.id,
            name=value.name,
            grants=[ShownGrant(role=g.role, tenant_id=g.tenant_id, share_id=g.share_id) for g in grants],
            actions={role: sorted(actions_of(role)) for role in sorted({g.role for g in grants})},
        )


def _order(grant: Grant) -> tuple[str, int, str]:
    return grant.tenant_id or "", grant.share_id or 0, grant.role
