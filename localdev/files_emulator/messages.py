"""One HTTP request and one reply, as values; header text is Latin-1, so its bytes survive a round trip."""

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localdev.files_emulator.faults import Strike

Piece = bytes | memoryview


@dataclass(slots=True)
class Request:
    """A request that was read completely.

    ``headers`` has lower-case names and joins repeated ones with a comma; ``raw_headers`` keeps both as sent.
    ``body`` is empty when ``body_dropped``: it was longer than any operation allows, and was read past.

    What follows ``is_tls`` is noted on the way: which operation and share it is for, when it came (only while there is
    a log), the fault that strikes it, the limit that refused it.
    """

    method: str
    path: str
    query_text: str
    headers: dict[str, str]
    raw_headers: list[tuple[str, str]]
    body: bytes = b""
    body_bytes: int = 0
    body_dropped: bool = False
    peer_ip: str = ""
    is_tls: bool = False
    operation: str = "unrecognised"
    share: str = ""
    arrived_s: float = 0.0
    strike: "Strike | None" = None
    throttled: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    """Where an answer stops: after ``size_bytes`` of its body, or after a ``fraction`` of it if that is ``None``.

    There the connection ends, or after ``silence_s`` the rest follows. Without a body it is half the head.
    """

    size_bytes: int | None
    fraction: float
    silence_s: float = 0.0


@dataclass(slots=True)
class Effect:
    """How a reply is sent if not at once and whole.

    ``delay_s`` passes first; then ``then`` or ``later`` give the reply that is sent instead (with its own effect), or
    ``reset`` drops the connection, or the reply is sent as far as ``stop``.
    """

    delay_s: float = 0.0
    then: Callable[[], "Reply"] | None = None
    later: Coroutine[None, None, "Reply"] | None = None
    reset: bool = False
    stop: Stop | None = None


@dataclass(slots=True)
class Reply:
    """A reply: ``body`` is sent as it is, or ``stream`` piece by piece when the client keeps up.

    ``content_length`` stands in for the body's length when there is none to send (HEAD) or it is streamed.
    """

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: Piece = b""
    stream: Iterable[Piece] | None = None
    content_length: int | None = None
    reason: str = ""
    effect: Effect | None = None
