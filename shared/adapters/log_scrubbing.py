"""Keep secrets out of logs, whoever writes them: our modules, the SDKs, the driver, Python itself.

Records are scrubbed when they are made, so every handler, also one that the host has put there, gets them without: the message with its
arguments, the traceback, and the fields given as ``extra``. What is written to standard output without the logging module is not: nothing of
ours does that.
"""

import logging
import traceback
from collections.abc import Iterable, Mapping
from typing import Any, Final

from shared.core.scrub import scrubbed

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_SHORTEST: Final = 8
"""Characters of a known secret that is looked for; what is shorter is in ordinary words, too."""
_DEPTH: Final = 4
"""How deep fields are looked into; what is deeper is shown as text."""


_known: frozenset[str] = frozenset()


class Scrubbed(Exception):
    """Stands for an exception whose text, with its traceback, is this without the secrets in it."""


class ScrubFilter(logging.Filter):
    """Scrubs the records that pass; lets all pass. For a handler or a logger."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Scrub in place."""
        scrub_record(record)
        return True


def scrub_record(record: logging.LogRecord) -> None:
    """Take secrets out of a record. One that cannot be put into words is left as it is: its handler will say so."""
    try:
        message = record.getMessage()
    except (TypeError, ValueError):
        message = ""
    clean = _text(message)
    if clean != message:
        record.msg, record.args = clean, None
    if record.exc_info and record.exc_info[0] is not None:
        told = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        clean = _text(told)
        if clean != told:
            # The exception itself holds the secret, and not every formatter takes the text that another has made of it.
            record.exc_info, record.exc_text = (Scrubbed, Scrubbed(clean), None), clean
    elif record.exc_text:
        record.exc_text = _text(record.exc_text)
    for name, value in list(vars(record).items()):
        if name not in _STANDARD:
            setattr(record, name, _clean(value, _DEPTH))


def install(known: Iterable[str] = ()) -> None:
    """Have all records of this process scrubbed from now on. Doing it twice is doing it once.

    :param known: secrets of this process, to be taken out whatever they look like.
    """
    global _known
    _known |= {secret for secret in known if len(secret) >= _SHORTEST}
    handle = logging.Logger.handle
    if getattr(handle, "_scrubs", False):
        return

    def scrubbing(self: logging.Logger, record: logging.LogRecord) -> None:
        scrub_record(record)
        handle(self, record)

    scrubbing._scrubs = True  # type: ignore[attr-defined]
    # Not a record factory, which comes before "extra", and no filter on the root, which sees only what is logged to the root itself.
    logging.Logger.handle = scrubbing  # type: ignore[method-assign]


def _text(text: str) -> str:
    return scrubbed(text, _known)


def _clean(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth == 0:
        return _text(str(value))
    if isinstance(value, Mapping):
        return {key: _clean(one, depth - 1) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(one, depth - 1) for one in value]
    if isinstance(value, bytes):
        return _text(repr(value))
    text = str(value)
    clean = _text(text)
    return value if clean == text else clean
