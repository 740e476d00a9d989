"""Connection tests."""

from typing import Annotated

from pydantic import Field

from http_api.models.base import Shown
from shared.core.connection_advice import Step
from shared.usecases.connection_test import Outcome


class ConnectionCheck(Shown):
    """One thing that was tried."""

    name: Step
    outcome: Outcome
    detail: Annotated[str, Field(description="What was found, or what the service said.")]
    hint: Annotated[str, Field(description="What is missing and who is to give it; empty unless it failed.")]
    seconds: float


class ConnectionTest(Shown):
    """Whether backups of a share can work."""

    ok: Annotated[bool, Field(description="Nothing failed.")]
    checks: list[ConnectionCheck]
