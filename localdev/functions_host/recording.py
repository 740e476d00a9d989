"""Write down what the host was told and what it answered, so that runs of it can be compared.

One JSON object per line, in one file per process (``host-<pid>.jsonl``).  Every line has ``at`` and ``what``:

=========  ==========================================================================================
episode    ``name``, ``instance``, ``execution``, ``after`` (events that the SDK had seen before), ``given`` (the events
           new to it), and what it ``answered``: its state, or ``raised``; then what that came to: ``status``, ``decided``
activity   ``name``, ``instance``, ``execution``, ``task``, ``attempt``, ``seconds``, ``input``, and the event it ended in
management ``method``, ``path``, ``query``, ``body``, and what was answered: ``code``, ``reply``
timer      ``name``, ``due_at``, ``past_due``, and ``failed``, if it did
full       the file has reached its limit; nothing follows
=========  ==========================================================================================

An episode is told when the SDK has answered: one whose transaction then fails is told again when it is run again.
Keys of the host are left out.  ``python -m localdev.conformance traces`` compares two such directories.
"""

import hashlib
import json
import logging
import os
from pathlib import Path
from typing import Any, TextIO

from localdev.functions_host import events

log = logging.getLogger(__name__)

#: Longer texts are cut to half of this; what they were is told by their length and SHA-256.
MAX_TEXT = 16_384

#: Of one file.
MAX_BYTES = 64 * 1024 * 1024


class Recorder:
    """Appends lines to this process's file in ``directory``; does nothing at all when that is ``None``."""

    def __init__(self, directory: Path | None, *, max_bytes: int = MAX_BYTES) -> None:
        self._left = max_bytes
        self._file: TextIO | None = None
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
            # By lines, so that a host that is killed leaves whole ones.
            self._file = (directory / f"host-{os.getpid()}.jsonl").open("a", buffering=1, encoding="utf-8")

    @property
    def on(self) -> bool:
        """Whether it is worth while to gather what is to be written."""
        return self._file is not None

    def write(self, what: str, **fields: Any) -> None:
        """Append one line."""
        if self._file is None:
            return
        line = json.dumps({"at": events.stamp(events.utc_now()), "what": what, **_cut(fields)}, default=str) + "\n"
        self._left -= len(line)  # ASCII: json.dumps escapes the rest
        if self._left < 0:
            self._append(json.dumps({"at": events.stamp(events.utc_now()), "what": "full"}) + "\n")
            self.close()
        else:
            self._append(line)

    def _append(self, line: str) -> None:
        try:
            if self._file is not None:
                self._file.write(line)
        except OSError as error:  # a full disk must not take the host down with it
            log.error("recording_ended", extra={"error": str(error)})
            self._file = None

    def close(self) -> None:
        """Write no more."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _cut(value: Any) -> Any:
    """Shorten long texts, however deep; their hash still tells whether two are equal."""
    if isinstance(value, str) and len(value) > MAX_TEXT:
        digest = hashlib.sha256(value.encode(errors="surrogatepass")).hexdigest()
        return f"{value[: MAX_TEXT // 2]}... ({len(value)} characters, SHA-256 {digest})"
    if isinstance(value, dict):
        return {name: _cut(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_cut(part) for part in value]
    return value
