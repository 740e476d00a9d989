"""Tell of alerts: make the deliveries that are due, and note how each went.

A delivery is made, then noted. A crash in between makes it twice: receivers know it by its number. What cannot be made is tried again after pauses that
grow, for a day, and is then given up and shown as such. A receiver that does not answer holds up its own deliveries and nobody else's.
"""

import asyncio
import datetime as dt
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from shared.core.alert_message import DELIVERY, SIGNATURE, mail, signature, webhook_body
from shared.errors import BackupError, Rejected
from shared.model.alert import ChannelKind, Parcel
from shared.ports.alerts import Alerts
from shared.ports.senders import MailSender, Secrets, WebhookSender
from shared.ports.system import Clock

AT_ONCE: Final = 100
SIDE_BY_SIDE: Final = 16
"""Channels that are told at the same time."""
LEASE: Final = dt.timedelta(minutes=5)
"""More than all that is claimed at once takes when nobody answers."""
AT_MOST: Final = 50
ERROR_CHARS: Final = 500


async def deliver_alerts(
    book: Alerts, webhooks: WebhookSender, mails: MailSender, secrets: Secrets, clock: Clock
) -> tuple[int, int]:
    """Make all deliveries that are due; how many were made, and how many were not."""
    made = failed = 0
    for _ in range(AT_MOST):
        now = clock.now()
        claimed = await book.claim(now, now + LEASE, AT_ONCE)
        if not claimed:
            break
        claimed.sort(key=lambda parcel: (parcel.channel.channel_id, parcel.delivery.delivery_id))
        gate = asyncio.Semaphore(SIDE_BY_SIDE)

        async def tell(parcels: Sequence[Parcel], gate: asyncio.Semaphore = gate) -> tuple[int, int]:
            async with gate:
                return await _tell(parcels, book, webhooks, mails, secrets, clock)

        groups = [list(group) for _, group in groupby(claimed, key=lambda parcel: parcel.channel.channel_id)]
        for done, undone in await asyncio.gather(*map(tell, groups)):
            made += done
            failed += undone
    return made, failed


async def _tell(
    parcels: Sequence[Parcel],
    book: Alerts,
    webhooks: WebhookSender,
    mails: MailSender,
    secrets: Secrets,
    clock: Clock,
) -> tuple[int, int]:
    """Tell one channel: mail in one message, webhooks one by one until one fails."""
    channel = parcels[0].channel
    if channel.kind is ChannelKind.EMAIL:
        pieces: list[Sequence[Parcel]] = [parcels]
    else:
        pieces = [[parcel] for parcel in parcels]
    made, trouble, for_good = 0, "", False
    for piece in pieces:
        if not trouble:
            try:
                if not channel.enabled:
                    raise Rejected("the channel is switched off")
                if channel.kind is ChannelKind.EMAIL:
                    await mails.send(mail(piece))
                else:
                    await _post(piece[0], webhooks, secrets, clock)
            except BackupError as error:
                trouble, for_good = str(error)[:ERROR_CHARS], isinstance(error, Rejected) and error.code == GONE
        if trouble:
            await book.failed([parcel.delivery for parcel in piece], trouble, clock.now(), for_good=for_good)
        else:
            await book.sent([parcel.delivery.delivery_id for parcel in piece], clock.now())
            made += len(piece)
    return made, len(parcels) - made


GONE: Final = "gone"
"""Code of a ``Rejected`` that nobody can mend by changing settings: the receiver says that it does not want any more."""


async def _post(parcel: Parcel, webhooks: WebhookSender, secrets: Secrets, clock: Clock) -> None:
    now = clock.now()
    body = webhook_body(parcel, now)
    headers = {"Content-Type": "application/json", DELIVERY: str(parcel.delivery.delivery_id)}
    if parcel.channel.credential:
        headers[SIGNATURE] = signature(secrets.signing_secret(parcel.channel.credential), body, now)
    await webhooks.post(parcel.channel.url, body, headers)
