"""Tenants."""

import datetime as dt
from typing import Annotated

from pydantic import Field, field_validator

from http_api.models.base import Body, Name, Part, Shown
from http_api.models.checks import check_share_name
from http_api.models.deletions import ShownDeletion


class NewTenant(Body):
    """A tenant to be added."""

    name: Name
    tenant_id: Annotated[
        str | None,
        Field(description="Also the name of the tenant's container; made up when left out.", examples=["contoso"]),
    ] = None

    @field_validator("tenant_id")
    @classmethod
    def _container_name(cls, value: str | None) -> str | None:
        """It names the tenant's container, and containers are named like shares."""
        return None if value is None else check_share_name(value)


class TenantChange(Body):
    """What is to change of a tenant."""

    name: Name


class Tenant(Shown):
    """Who owns the data."""

    tenant_id: str
    name: str
    created_at: dt.datetime
    deletion: ShownDeletion | None = None


class TenantPage(Part):
    """Tenants by id."""

    tenants: list[Tenant]
