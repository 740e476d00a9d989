"""What ``host.json`` and ``local.settings.json`` say, as far as this host listens."""

import json
import os
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any


class AppError(Exception):
    """The app cannot be run as it is; the message says what to change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostJson:
    """The settings read from ``host.json``, with the real host's defaults.

    ``function_timeout`` None means unlimited.  The two caps are per host process.
    """

    route_prefix: str
    function_timeout: timedelta | None
    hub: str
    max_activities: int
    max_orchestrators: int


def read_host_json(app_dir: Path) -> HostJson:
    """Read ``host.json``; a missing file means defaults.

    :raises AppError: the file is not JSON, or a value has the wrong shape.
    """
    path = app_dir / "host.json"
    document = _load(path) if path.exists() else {}
    http = _section(document, "extensions", "http")
    durable = _section(document, "extensions", "durableTask")
    cap = 10 * (os.cpu_count() or 1)
    hub = str(durable.get("hubName", "TestHubName"))
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]{2,44}", hub):
        raise AppError(f"host.json: hubName {hub!r} must be 3 to 45 letters and digits, a letter first")
    return HostJson(
        route_prefix=str(http.get("routePrefix", "api")).strip("/"),
        function_timeout=parse_timeout(document.get("functionTimeout", "00:30:00")),
        hub=hub,
        max_activities=_count(durable, "maxConcurrentActivityFunctions", cap),
        max_orchestrators=_count(durable, "maxConcurrentOrchestratorFunctions", cap),
    )


def parse_timeout(text: object) -> timedelta | None:
    """Read a .NET time span (``[d.]hh:mm:ss``); ``-1`` means unlimited.

    :raises AppError: anything else.
    """
    if str(text) == "-1":
        return None
    if match := re.fullmatch(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2}(?:\.\d{1,7})?)", str(text)):
        days, hours, minutes, seconds = match.groups()
        span = timedelta(days=int(days or 0), hours=int(hours), minutes=int(minutes), seconds=float(seconds))
        if span:
            return span
    raise AppError(f"host.json: functionTimeout {text!r} must be a time like 00:10:00, or -1 for no limit")


def apply_local_settings(app_dir: Path, environ: MutableMapping[str, str]) -> None:
    """Add ``Values`` of ``local.settings.json`` to ``environ``; what is set already wins."""
    path = app_dir / "local.settings.json"
    if not path.exists():
        return
    values = _section(_load(path), "Values")
    for name, value in values.items():
        environ.setdefault(name, str(value))


def resolve_settings(text: str, environ: Mapping[str, str]) -> str:
    """Replace ``%NAME%`` by the app setting of that name.

    :raises AppError: the setting is missing.
    """

    def setting(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in environ:
            raise AppError(f"app setting {name!r} is not set, but {text!r} refers to it")
        return environ[name]

    return re.sub(r"%([^%\s]+)%", setting, text)


def _load(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise AppError(f"{path.name}: not JSON: {error}") from error
    if not isinstance(document, dict):
        raise AppError(f"{path.name}: expected an object")
    return document


def _section(document: dict[str, Any], *names: str) -> dict[str, Any]:
    for name in names:
        document = document.get(name, {})
        if not isinstance(document, dict):
            raise AppError(f"{name}: expected an object")
    return document


def _count(section: dict[str, Any], name: str, default: int) -> int:
    value = section.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise AppError(f"host.json: {name} {value!r} must be a positive number")
    return value
