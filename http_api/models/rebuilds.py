"""Rebuilds of catalogues from the vault."""

from typing import Annotated

from pydantic import Field, field_validator

from http_api.models.base import Body, Number, Shown
from http_api.models.checks import check_credential, check_share_name
from http_api.models.runs import Run


class NewRebuild(Body):
    """What is to be rebuilt. Empty: every share of every tenant that the vault has and the catalogue has not."""

    tenant_id: Annotated[str | None, Field(description="Only this tenant's shares.")] = None
    share_id: Annotated[Number | None, Field(description="Only this share of the tenant.")] = None
    restore_point: Annotated[
        Number | None,
        Field(description="The catalogue as it was at this restore point; unless given, the newest that can be read."),
    ] = None
    replace: Annotated[bool, Field(description="Drop the catalogue that the share has.")] = False
    credential: Annotated[
        str, Field(description="Of shares whose restore points are from before the vault said it.")
    ] = ""

    _credential = field_validator("credential")(staticmethod(check_credential))

    @field_validator("tenant_id")
    @classmethod
    def _container_name(cls, value: str | None) -> str | None:
        return None if value is None else check_share_name(value)


class RebuildRun(Run):
    """A rebuild that was queued, and of which share."""

    tenant_id: str
    share_id: int


class LeftOut(Shown):
    """A share of which no rebuild was queued."""

    tenant_id: str
    share_id: int
    reason: str


class Rebuilds(Shown):
    """What was queued, and what was not."""

    runs: list[RebuildRun]
    left_out: list[LeftOut]
