"""What several resources check alike. Each raises ``ValueError`` that says what was expected."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from http_api.models.base import Body
from shared.core import cron, rules, windows
from shared.errors import InvalidInput
from shared.model.window import DAYS, PaceWindow, Window

_SHARE_NAME = re.compile(r"[a-z0-9](?:-?[a-z0-9]){2,62}")
_CREDENTIAL = re.compile(r"[A-Za-z0-9_-]{0,60}")

Url = Annotated[str, Field(max_length=2048)]


def check_share_name(value: str) -> str:
    """Shares are named so, and so are containers: learn.microsoft.com, Naming and referencing shares, containers."""
    if not (3 <= len(value) <= 63 and _SHARE_NAME.fullmatch(value)):
        raise ValueError("3 to 63 lower-case letters, digits and single hyphens between them")
    return value


def check_account_url(value: str) -> str:
    """An absolute http(s) URL without a query; returned without a trailing slash."""
    parts = urlsplit(value) if value.isprintable() else urlsplit("")
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
    ):
        raise ValueError("an address like https://account.file.core.windows.net")
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise ValueError("an https address; http is for an emulator on this machine only")
    return value.rstrip("/")


def check_credential(value: str) -> str:
    """Letters that can be part of a setting's name."""
    if not _CREDENTIAL.fullmatch(value):
        raise ValueError("the name of a credential: up to 60 letters, digits, hyphens and underscores; no secret")
    return value


def check_exclude(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Rules of what is left out."""
    rules.parse(lines)
    return lines


def check_include(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Rules of what is taken."""
    rules.parse(lines, negation=False)
    return lines


def check_time_zone(value: str) -> str:
    """The IANA name of one."""
    with _as_value_error():
        cron.time_zone(value)
    return value


def check_windows(value: tuple["WindowBody", ...]) -> tuple["WindowBody", ...]:
    """Days and times of day."""
    with _as_value_error():
        windows.check([Window(days=each.days, begin=each.begin, end=each.end) for each in value], "windows")
    return value


def check_pace_windows(value: tuple["PaceWindowBody", ...]) -> tuple["PaceWindowBody", ...]:
    """The same, and limits."""
    with _as_value_error():
        windows.check([PaceWindow(days=each.days, begin=each.begin, end=each.end) for each in value], "pace_windows")
    return value


@contextmanager
def _as_value_error() -> Iterator[None]:
    try:
        yield
    except InvalidInput as error:
        raise ValueError(str(error)) from error


class WindowBody(Body):
    """A part of each of some days, as the clock in the share's time zone shows it."""

    days: Annotated[tuple[str, ...], Field(description="On which it begins.", examples=[["sat", "sun"]])] = DAYS
    begin: Annotated[str, Field(description="`HH:MM`.", examples=["22:00"])]
    end: Annotated[str, Field(description="`HH:MM`; not later than `begin`: on the following day.", examples=["06:00"])]


class PaceWindowBody(WindowBody):
    """Limits of the pace at such times, in place of those that hold else."""

    requests_per_s: Annotated[float | None, Field(ge=10, le=1_000_000)] = None
    bytes_per_s: Annotated[float | None, Field(ge=1024 * 1024, le=2**50)] = None


def relative(path: str, field: str) -> str:
    """A path from the share's root as everything below the edges takes it. Raises ``InvalidInput`` about ``field``."""
    parts = [part for part in path.replace("\\", "/").split("/") if part]
    if any(part in (".", "..") for part in parts):
        raise InvalidInput(f"{field} is {path!r}; expected a path without '.' and '..'", field=field)
    return "/".join(parts)


class ElsewhereOrHere(Body):
    """An account and a credential; those of the share that was backed up unless given."""

    account_url: Url | None = None
    credential: str | None = None

    @field_validator("account_url")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        return None if value is None else check_account_url(value)

    @field_validator("credential")
    @classmethod
    def _credential(cls, value: str | None) -> str | None:
        return None if value is None else check_credential(value)
