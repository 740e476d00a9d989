"""The request log: the last N requests in memory, or all of them in a file as JSON lines.

What would let a reader of the log act in the client's name is not in it: no Authorization, no SAS signature.
"""

import json
import re
from collections import deque
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import TextIO
from urllib.parse import unquote, unquote_plus

from localdev.files_emulator.messages import Reply, Request
from localdev.files_emulator.times import TICKS_PER_SECOND, iso, now_ticks

MAX_SIZE = 1_000_000

Entry = dict[str, object]


class RequestLog:
    """Entries are numbered from 1; ``size`` of them are kept, and ``file`` gets all."""

    def __init__(self) -> None:
        self._kept: deque[Entry] = deque(maxlen=0)
        self._file: TextIO | None = None
        self._last = 0
        self.is_on = False
        """Whether anybody wants entries."""

    @property
    def size(self) -> int:
        """Return how many entries are kept."""
        return self._kept.maxlen or 0

    def keep(self, size: int) -> None:
        """Keep the last ``size`` entries from now on, and those there are as far as they fit; 0 keeps none."""
        self._kept = deque(self._kept, maxlen=size)
        self.is_on = size > 0 or self._file is not None

    def write_to(self, path: Path) -> None:
        """Append all entries from now on to a file, a line each."""
        self._file = path.open("a", buffering=1, encoding="utf-8")
        self.is_on = True

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self.is_on = self.size > 0

    def note(self, request: Request, reply: Reply, bytes_out: int, delay_s: float) -> None:
        """Add an entry for a request that is answered after another ``delay_s``."""
        self._last += 1
        headers = request.headers
        took_s = perf_counter() - request.arrived_s if request.arrived_s else 0.0
        strike = request.strike
        entry: Entry = {
            "seq": self._last,
            "time": iso(now_ticks() - int(took_s * TICKS_PER_SECOND)),
            "operation": request.operation,
            "method": request.method,
            "path": decoded_path(request.path),
            "query": without_signature(request.query_text),
            "share": request.share,
            "status": 0 if strike and strike.loses_answer else reply.status,
            "code": next((value for name, value in reply.headers if name == "x-ms-error-code"), ""),
            "bytes_in": request.body_bytes,
            "bytes_out": bytes_out,
            "duration_ms": round((took_s + delay_s) * 1000, 3),
            "client_request_id": headers.get("x-ms-client-request-id", ""),
            "user_agent": headers.get("user-agent", ""),
            "fault": strike.rule_id if strike else "",
            "throttled": request.throttled,
        }
        if self._kept.maxlen:
            self._kept.append(entry)
        if self._file is not None:
            self._file.write(json.dumps(entry) + "\n")

    def page(self, since: int, operation: re.Pattern[str], limit: int) -> dict[str, object]:
        """Return entries numbered above ``since`` whose operation matches, at most ``limit``.

        ``last`` is where to go on from, ``more`` whether there is more now, ``missed`` how many numbers above ``since``
        are not kept any more.
        """
        oldest = self._last - len(self._kept) + 1
        skipped = max(since + 1 - oldest, 0)
        found: list[Entry] = []
        last = max(since, oldest - 1)
        for n, entry in enumerate(islice(self._kept, skipped, None)):
            if len(found) == limit:
                break
            last = oldest + skipped + n
            if operation.fullmatch(str(entry["operation"])):
                found.append(entry)
        missed = max(oldest - since - 1, 0)
        return {"entries": found, "last": last, "more": last < self._last, "missed": missed}


def without_signature(query_text: str) -> str:
    """Return a query string as sent, but for the value of ``sig``, however that is spelled."""
    if "=" not in query_text:
        return query_text
    items = (item.partition("=") for item in query_text.split("&"))
    return "&".join(
        f"{name}=REDACTED" if unquote_plus(name).strip().lower() == "sig" else name + equals + value
        for name, equals, value in items
    )


def decoded_path(path: str) -> str:
    """Return a path for people and patterns; one that is no UTF-8 stays as it was sent."""
    try:
        return unquote(path.encode("latin-1").decode(), errors="strict")
    except UnicodeError:
        return path
