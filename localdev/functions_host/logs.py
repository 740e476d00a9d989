"""Log lines: one JSON object each, on standard error.

A line has ``time``, ``level``, ``logger``, ``event`` (the message) and whatever the call passed
as ``extra``.
"""

import json
import logging
import sys

from localdev.functions_host import events

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

#: Libraries that tell every request at INFO.
_CHATTY = ("aiohttp.access", "azure", "psycopg.pool")


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Write ``record``; values that JSON does not know are written as text."""
        line: dict[str, object] = {
            "time": events.stamp(events.utc_now()),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
        }
        line.update({name: value for name, value in vars(record).items() if name not in _STANDARD})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure(level: str) -> None:
    """Send every logger's lines, and Python's warnings, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
