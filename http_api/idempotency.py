"""``Idempotency-Key``: a request that is sent twice is answered twice and done once.

As the draft of the IETF's HTTPAPI working group has it: the same key with the same request is given the first answer again for a day, with
another request a 422, and while the first is under way a 409. The answer is kept in the transaction of what it tells of, so that there
is either both or neither; a request that failed has left nothing, and is tried anew.

Keys are those of a principal in a tenant: nobody is answered with what another has asked for, and rows are behind the tenant's wall.
"""

import datetime as dt
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import azure.functions as func

from http_api.call import AnyCall
from http_api.models.base import WrongField
from http_api.problems import INVALID, KEY_REUSED, RETRY_AFTER_S, STILL_AT_IT, Refusal
from http_api.reply import Reply
from shared import wiring
from shared.db import idempotency

bp = func.Blueprint()

LIFE: Final = dt.timedelta(hours=24)
"""How long an answer is given again."""
HEADER: Final = "Idempotency-Key"
KEY_PATTERN: Final = "^[\\x21-\\x7e]([\\x20-\\x7e]{0,253}[\\x21-\\x7e])?$"
_KEY: Final = re.compile(KEY_PATTERN)
_AT_ONCE: Final = 10_000


def request_hash(method: str, path: str, query: Mapping[str, str], body: bytes) -> bytes:
    """Equal for requests that ask the same: 32 bytes."""
    found = hashlib.blake2b(digest_size=32)
    for part in (method, path, *(f"{name}={query[name]}" for name in sorted(query) if name != "code")):
        found.update(part.encode("utf-8", "surrogatepass") + b"\n")
    found.update(body.strip() or b"{}")
    return found.digest()


async def once(call: AnyCall, asked: bytes, perform: Callable[[], Awaitable[Reply]]) -> Reply:
    """The answer that was given to the same request before; else that of ``perform``, kept in the transaction of ``call``.

    :raises Refusal: the key is no key, was used for another request, or the first request with it is under way.
    """
    key = call.headers.get(HEADER.lower())
    if key is None:
        return await perform()
    if not _KEY.fullmatch(key):
        expected = "1 to 255 printable ASCII characters, no space at either end"
        raise Refusal(INVALID, f"{HEADER}: {expected}", [WrongField(field=HEADER, expected=expected)])
    who = f"{call.principal.kind}:{call.principal.id} {call.tenant_id or ''}"
    if not await idempotency.attempt(call.conn, who, key):
        raise Refusal(
            STILL_AT_IT,
            f"the first request with {HEADER} {key!r} has not been answered yet; hint: send it again in a moment",
            headers={"Retry-After": str(RETRY_AFTER_S)},
        )
    before = await idempotency.get(call.conn, who, key, LIFE)
    if before is not None and before.request_hash != asked:
        expected = "a key of its own for each request: this one was used for another request within the last 24 hours"
        raise Refusal(KEY_REUSED, f"{HEADER}: {expected}", [WrongField(field=HEADER, expected=expected)])
    if before is not None:
        told = {"Location": before.location, "ETag": before.etag, "Idempotency-Replayed": "true"}
        headers = {name: value for name, value in told.items() if value}
        return Reply(status=before.status, body=before.body, media=before.media, headers=headers)
    reply = await perform()
    if reply.status >= 400:
        return reply
    kept = idempotency.Kept(
        request_hash=asked,
        status=reply.status,
        body=reply.body,
        media=reply.media,
        location=reply.headers.get("Location", ""),
        etag=reply.headers.get("ETag", ""),
    )
    await idempotency.keep(call.conn, who, key, call.tenant_id, kept)
    return reply


async def expire_idempotency_keys(timer: func.TimerRequest) -> None:  # noqa: ARG001
    """Forget answers that are given no more. Doing it twice deletes nothing twice."""
    app = await wiring.app()
    while True:
        async with app.transaction() as conn:
            gone = await idempotency.expire(conn, LIFE, _AT_ONCE)
        if gone < _AT_ONCE:
            return


bp.timer_trigger(arg_name="timer", schedule="0 20 * * * *")(expire_idempotency_keys)
