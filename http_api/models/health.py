"""Whether the app can do its work."""

from typing import Annotated, Literal

from pydantic import Field

from http_api.models.base import Shown


class Health(Shown):
    """It can."""

    status: Literal["ok"]


class Check(Shown):
    """One thing that was tried."""

    name: str
    ok: bool
    detail: Annotated[str, Field(description="What was found, or what went wrong.")]
    hint: Annotated[str, Field(description="What to do about it; empty if nothing is to be done.")]
    seconds: float


class Readiness(Shown):
    """Whether all that the app needs is there."""

    ready: bool
    checks: list[Check]
