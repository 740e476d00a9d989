"""What a struck request meets: before it acts, and on the way back.

Before: a delay, a refusal, a reset, one bit of its body flipped. After: it is carried out a second time, its answer is
lost, cut short, stalled, delayed or one bit wrong.
"""

from collections.abc import Callable, Iterable, Iterator

from localdev.files_emulator.errors import ServiceError
from localdev.files_emulator.faults import Effects, Strike
from localdev.files_emulator.messages import Effect, Piece, Reply, Request, Stop

BEFORE, AFTER = "before", "after"
ANSWER, BODY = "answer", "request"
FIRST, SECOND = "first", "second"


def before(strike: Strike, request: Request) -> Reply | None:
    """Do what comes before acting; a reply takes the place of acting, ``None`` lets the request go on.

    :raises ServiceError: the request is refused.
    """
    effects = strike.effects
    if effects.code:
        raise ServiceError(effects.code, status=effects.status, message=effects.message, headers=_retry_after(effects))
    if effects.reset == BEFORE:
        return Reply(503, effect=Effect(reset=True))
    if effects.corrupt == BODY and request.body:
        place, bit = _place(strike, len(request.body))
        request.body = _flipped(request.body, place, bit)
    return None


def after(strike: Strike, reply: Reply, again: Callable[[], Reply]) -> Reply:
    """Return what is sent in place of ``reply``; ``again`` carries the request out once more."""
    effects = strike.effects
    if effects.duplicate:
        second = again()
        reply = second if effects.duplicate == SECOND else reply
    if effects.corrupt == ANSWER:
        _corrupt(strike, reply)
    effect = reply.effect or Effect()
    effect.delay_s += effects.delay_after_s
    effect.reset = effect.reset or effects.reset == AFTER
    if effects.truncate_bytes is not None or effects.truncate_fraction is not None:
        effect.stop = Stop(effects.truncate_bytes, effects.truncate_fraction or 0.0)
    elif effects.stall_s:
        effect.stop = Stop(None, effects.stall_fraction, effects.stall_s)
    reply.effect = effect
    return reply


def _retry_after(effects: Effects) -> tuple[tuple[str, str], ...]:
    found = []
    if effects.retry_after_s is not None:
        found.append(("Retry-After", str(effects.retry_after_s)))
    if effects.retry_after_ms is not None:
        found.append(("x-ms-retry-after-ms", str(effects.retry_after_ms)))
    return tuple(found)


def _corrupt(strike: Strike, reply: Reply) -> None:
    length = len(reply.body) if reply.content_length is None else reply.content_length
    if reply.stream is not None and length:
        reply.stream = _corrupted(reply.stream, *_place(strike, length))
    elif reply.body:
        reply.body = _flipped(reply.body, *_place(strike, len(reply.body)))


def _place(strike: Strike, length: int) -> tuple[int, int]:
    """Return which byte, and which bit of it."""
    place, bit = divmod(strike.dice % (length * 8), 8)
    return place, bit


def _flipped(data: Piece, place: int, bit: int) -> bytes:
    changed = bytearray(data)
    changed[place] ^= 1 << bit
    return bytes(changed)


def _corrupted(stream: Iterable[Piece], place: int, bit: int) -> Iterator[Piece]:
    for piece in stream:
        yield _flipped(piece, place, bit) if 0 <= place < len(piece) else piece
        place -= len(piece)
