"""What people and programs did."""

import datetime as dt
from typing import Annotated

from pydantic import AwareDatetime, Field

from http_api.models.base import Paged, Part, Shown, Text
from shared.model.access import Action
from shared.model.audit import AuditEntry, Outcome

Moment = Annotated[AwareDatetime, Field(examples=["2026-05-01T00:00:00Z"])]


class AuditQuery(Paged):
    """Which requests."""

    actor: Annotated[Text, Field(max_length=200, description="Object id of a person, or id of a key.")] = ""
    action: Action | None = None
    since: Annotated[Moment | None, Field(description="From this moment on.")] = None
    until: Annotated[Moment | None, Field(description="Before this moment.")] = None


class Audited(Shown):
    """A request that changed something, or showed file content; or was to."""

    audit_id: str
    at: dt.datetime
    share_id: int | None
    actor_kind: str
    actor: str
    actor_name: str
    action: str
    method: str
    path: str
    query: str
    body: Annotated[str, Field(description="The beginning of it, without secrets.")]
    source: Annotated[str, Field(description="The address it came from, where that is known.")]
    outcome: Annotated[
        Outcome,
        Field(description="`intended`: it is being done, or it broke off and nobody knows whether it was done."),
    ]
    status: Annotated[int, Field(description="Of the answer; 0 while there is none.")]

    @classmethod
    def of(cls, value: AuditEntry) -> "Audited":
        """As it is shown."""
        return cls(
            audit_id=value.audit_id, at=value.at, share_id=value.share_id, actor_kind=value.actor_kind, actor=value.actor_id,
            actor_name=value.actor_name, action=value.action, method=value.method, path=value.path,
            query=value.details.get("query", ""), body=value.details.get("body", ""), source=value.source,
            outcome=value.outcome, status=value.status,
        )  # fmt: skip


class AuditPart(Part):
    """Requests, the newest first. There may be more although there is nothing on this part: much was looked at, and little found."""

    entries: list[Audited]
