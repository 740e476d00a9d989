"""Log lines: one event each, with the ids of what is being done (:mod:`shared.telemetry`).

As JSON a line has ``time``, ``level``, ``logger``, ``event``, what the call passed as ``extra``, and ``run_id``, ``tenant_id``, ``share_id``,
``run_no``, ``run_kind``, ``batch_no``, ``trace_id`` and ``span_id`` where there are such. As text the same stands behind the event.

A process calls :func:`configure` when it starts. The Functions app, whose handlers are its host's, calls :func:`dress_handlers`.
"""

import datetime as dt
import json
import logging
import sys
from collections.abc import Callable
from typing import Any, Final, Literal

from shared.telemetry import tags

Form = Literal["auto", "json", "text"]

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_CHATTY: Final = ("aiohttp.access", "azure", "psycopg.pool", "urllib3", "opentelemetry.attributes")
"""Libraries that tell every request at INFO, or what is none of our business."""
_GIVEN: Final = "afb_given"
"""Marks the record factory as ours."""


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Values that JSON does not know are written as text."""
        line: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
            **_extras(record),
        }
        if trace := _traceback(self, record):
            line["exception"] = trace
        return json.dumps(line, default=str)


class TextLines(logging.Formatter):
    """Formats a record for people: time, level, event, and what belongs to it as ``name=value``."""

    def format(self, record: logging.LogRecord) -> str:
        """An exception follows on lines of its own."""
        told = " ".join(f"{name}={value}" for name, value in _extras(record).items())
        text = f"{_time(record)[11:23]} {record.levelname:<7} {record.getMessage()}  {told}".rstrip()
        trace = _traceback(self, record)
        return f"{text}\n{trace}" if trace else text


def configure(level: str, form: Form = "auto") -> None:
    """Send every logger's lines, and Python's warnings, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(form))
    logging.basicConfig(level=level or "INFO", handlers=[handler], force=True)
    logging.captureWarnings(True)
    give_ids()
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def dress_handlers(level: str, form: Form) -> None:
    """Have the handlers that are there write our lines: a host's own formatter leaves out what is not the message."""
    give_ids()
    root = logging.getLogger()
    if level:
        root.setLevel(level)
    for handler in root.handlers:
        handler.setFormatter(_formatter(form))
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def give_ids() -> None:
    """Have every record made from now on carry the ids of what is being done when it is made."""
    make = logging.getLogRecordFactory()
    if not hasattr(make, _GIVEN):
        logging.setLogRecordFactory(_giving(make))


def _giving(make: Callable[..., logging.LogRecord]) -> Callable[..., logging.LogRecord]:
    def made(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        record.__dict__[_GIVEN] = tags()  # not one by one: a call that passes run_id as extra would be refused
        return record

    setattr(made, _GIVEN, True)
    return made


def _formatter(form: Form) -> logging.Formatter:
    text = form == "text" or (form == "auto" and sys.stderr.isatty())
    return TextLines() if text else JsonLines()


def _extras(record: logging.LogRecord) -> dict[str, object]:
    passed = {name: value for name, value in vars(record).items() if name not in _STANDARD and name != _GIVEN}
    return {**getattr(record, _GIVEN, {}), **passed}


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    """What is there as text goes first: that is scrubbed (:mod:`shared.adapters.log_scrubbing`)."""
    return record.exc_text or (formatter.formatException(record.exc_info) if record.exc_info else "")


def _time(record: logging.LogRecord) -> str:
    return dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds")
