"""What is sent of an alert: the body and the signature of a webhook, the text of a mail.

A webhook is a POST of JSON::

    {"event": "opened" | "closed" | "test", "delivery_id": 17, "sent_at": "2026-11-29T06:00:00Z",
     "tenant": {"tenant_id", "name"}, "share": {"share_id", "name"} | null,
     "alert": {"alert_id", "condition", "about", "title", "detail", "opened_at", "closed_at", "run_no", "details"} | null}

A delivery may arrive twice, with the same ``delivery_id``. If the channel has a secret, the header :data:`SIGNATURE` is
``t=<Unix seconds>,v1=<hexadecimal>``: HMAC-SHA256 with the secret over ``<t>.<body>``. Whoever receives it computes the same, compares in
constant time, and refuses what is older than five minutes, so that nobody can send it again.
"""

import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.model.alert import Alert, AlertEvent, Parcel

SIGNATURE: Final = "X-AFB-Signature"
DELIVERY: Final = "X-AFB-Delivery"
SUBJECT_CHARS: Final = 150


def webhook_body(parcel: Parcel, now: dt.datetime) -> bytes:
    """The bytes that are posted and signed."""
    alert = parcel.alert
    told = {
        "event": parcel.delivery.event.value,
        "delivery_id": parcel.delivery.delivery_id,
        "sent_at": _moment(now),
        "tenant": {"tenant_id": parcel.channel.tenant_id, "name": parcel.tenant_name},
        "share": None if alert is None else {"share_id": alert.share_id, "name": parcel.share_name},
        "alert": None if alert is None else _alert(alert),
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "alert_id": alert.alert_id,
        "condition": alert.condition.value,
        "about": alert.about,
        "title": alert.title,
        "detail": alert.detail,
        "opened_at": _moment(alert.opened_at),
        "closed_at": None if alert.closed_at is None else _moment(alert.closed_at),
        "run_no": alert.run_no,
        "details": dict(alert.details),
    }


def signature(secret: str, body: bytes, now: dt.datetime) -> str:
    """The value of the header."""
    at = int(now.timestamp())
    code = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={code}"


@dataclass(frozen=True, slots=True)
class Mail:
    """A message in plain text."""

    recipients: tuple[str, ...]
    subject: str
    text: str


def mail(parcels: Sequence[Parcel]) -> Mail:
    """One message about one or many deliveries to the same channel.

    :param parcels: at least one, of one channel.
    """
    first = parcels[0]
    if len(parcels) == 1:
        subject = _subject(first)
    else:
        opened = sum(parcel.delivery.event is AlertEvent.OPENED for parcel in parcels)
        subject = (
            f"{first.tenant_name}: {opened} alerts, {len(parcels) - opened} over"
            if opened
            else f"{first.tenant_name}: {len(parcels)} over"
        )
    lines = ["\n".join(_paragraph(parcel)) for parcel in parcels]
    foot = (
        f"Sent by Azure Files Backup to the channel {first.channel.name!r} of {first.tenant_name}."
        " Acknowledge alerts, or change who is told, through the API."
    )
    return Mail(
        first.channel.recipients, _one_line(subject)[:SUBJECT_CHARS], "\n\n".join([*lines, "-- \n" + foot]) + "\n"
    )


def _subject(parcel: Parcel) -> str:
    if parcel.alert is None:
        return f"Test of the channel {parcel.channel.name}"
    over = "over: " if parcel.delivery.event is AlertEvent.CLOSED else ""
    return f"{parcel.share_name}: {over}{parcel.alert.title}"


def _paragraph(parcel: Parcel) -> list[str]:
    alert = parcel.alert
    if alert is None:
        return ["Somebody is trying out this channel. Nothing has happened."]
    is_over = parcel.delivery.event is AlertEvent.CLOSED
    told = [f"{parcel.share_name} ({parcel.tenant_name}): {_one_line(alert.title)}{' - over' if is_over else ''}"]
    told.append(
        f"  opened {_moment(alert.opened_at)}" + (f", over {_moment(alert.closed_at)}" if alert.closed_at else "")
    )
    if not is_over:
        told.append(f"  {alert.detail}")
    told.append(
        f"  alert {alert.alert_id}, {alert.condition.value}" + (f", run {alert.run_no}" if alert.run_no else "")
    )
    return told


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _moment(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
