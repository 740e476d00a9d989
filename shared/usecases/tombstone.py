"""What the audit keeps of a share or a tenant that is gone: a line of its own, beside those of who asked for it."""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping

from shared.model.access import Action
from shared.model.audit import AuditEntry, Outcome
from shared.model.deletion import PurgeOrder


def tombstone(
    tenant_id: str, share_id: int | None, order: PurgeOrder, at: dt.datetime, told: Mapping[str, object]
) -> AuditEntry:
    """The line; of one purge always the same, so that a repeated closing writes it once.

    :param share_id: None: of the tenant itself, whose line is the platform's: there is no tenant any more.
    :param at: when the purge was asked for.
    """
    path = f"/api/tenants/{tenant_id}" + ("" if share_id is None else f"/shares/{share_id}")
    return AuditEntry(
        audit_id=hashlib.blake2b(f"purged {path} {at.isoformat()}".encode(), digest_size=16).hexdigest(),
        at=at,
        tenant_id=None if share_id is None else tenant_id,
        share_id=share_id,
        actor_kind=order.actor_kind or "system",
        actor_id=order.actor_id or order.by,
        actor_name=order.actor_name or order.by,
        action=(Action.TENANT_PURGE if share_id is None else Action.SHARES_PURGE).value,
        method="PURGED",
        path=path,
        source="",
        outcome=Outcome.DONE,
        status=200,
        details={"query": "", "body": json.dumps({"name": order.name, **told})},
    )
