"""Errors as ``application/problem+json`` (RFC 9457), with the fields that were wrong and what was expected of them.

:data:`KINDS` is all there are. A kind's ``type`` is ``/problems/`` and its name, for good; docs/API.md lists them.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from http_api.models.base import Problem, WrongField
from http_api.reply import Reply
from shared.errors import (
    BackupError,
    Conflict,
    Denied,
    InvalidInput,
    NoAccess,
    NotFound,
    Rejected,
    Retryable,
    ShareGone,
    Throttled,
    TooMany,
    Unauthenticated,
)

logger = logging.getLogger(__name__)

MEDIA: Final = "application/problem+json"
RETRY_AFTER_S: Final = 5


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem."""

    name: str
    status: int
    title: str


INVALID: Final = Kind("invalid-request", 400, "the request is not valid")
UNAUTHENTICATED: Final = Kind("unauthenticated", 401, "who are you?")
DENIED: Final = Kind("not-allowed", 403, "not allowed")
NOT_FOUND: Final = Kind("not-found", 404, "not found")
WRONG_METHOD: Final = Kind("method-not-allowed", 405, "not with this method")
CONFLICT: Final = Kind("conflict", 409, "in conflict with something else")
STILL_AT_IT: Final = Kind("still-in-progress", 409, "the first request with this key is still being answered")
CHANGED: Final = Kind("changed-meanwhile", 412, "it was changed meanwhile")
TOO_LARGE: Final = Kind("too-large", 413, "the request is too large")
RANGE: Final = Kind("range-not-satisfiable", 416, "there is nothing in this range")
CANNOT: Final = Kind("cannot-be-done", 422, "cannot be done")
KEY_REUSED: Final = Kind("idempotency-key-reused", 422, "the key was used for another request")
TOO_MANY: Final = Kind("too-many-requests", 429, "too many requests")
BUG: Final = Kind("internal-error", 500, "internal error")
DAMAGED: Final = Kind("stored-data-damaged", 500, "something is wrong with stored data")
LATER: Final = Kind("try-again-later", 503, "try again later")

KINDS: Final = (
    *(
        INVALID,
        UNAUTHENTICATED,
        DENIED,
        NOT_FOUND,
        WRONG_METHOD,
        CONFLICT,
        STILL_AT_IT,
        CHANGED,
        TOO_LARGE,
        RANGE,
        CANNOT,
    ),
    *(KEY_REUSED, TOO_MANY, BUG, DAMAGED, LATER),
)

OF_ERROR: Final[tuple[tuple[type[BackupError], Kind], ...]] = (
    (InvalidInput, INVALID),
    (Unauthenticated, UNAUTHENTICATED),
    (Denied, DENIED),
    (NoAccess, DENIED),
    (NotFound, NOT_FOUND),
    (ShareGone, NOT_FOUND),
    (Conflict, CONFLICT),
    (Rejected, CANNOT),
    (TooMany, TOO_MANY),
    (Retryable, LATER),
    (BackupError, DAMAGED),
)
"""First match wins."""


@dataclass
class Refusal(Exception):
    """A problem that only the API has, and that is no error of anything below."""

    kind: Kind
    detail: str
    errors: Sequence[WrongField] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """A problem and the headers of its answer, before it is a document or a page."""

    problem: Problem
    headers: Mapping[str, str]

    def document(self) -> Reply:
        """For programs."""
        body = self.problem.model_dump_json(exclude_none=True, exclude_defaults=True).encode("utf-8")
        return Reply(status=self.problem.status, body=body, media=MEDIA, headers=self.headers)


def told(
    kind: Kind,
    detail: str,
    errors: Sequence[WrongField] = (),
    *,
    code: str = "",
    headers: Mapping[str, str] | None = None,
) -> Told:
    """A problem of ``kind``."""
    sent = {"Retry-After": str(RETRY_AFTER_S)} if kind.status == 503 else {}
    problem = Problem(
        type=f"/problems/{kind.name}",
        title=kind.title,
        status=kind.status,
        detail=detail,
        code=code or None,
        errors=list(errors),
    )
    return Told(problem, {**sent, **(headers or {})})


def problem(kind: Kind, detail: str, headers: Mapping[str, str] | None = None) -> Reply:
    """A problem document."""
    return told(kind, detail, headers=headers).document()


def kind_of(error: Exception) -> Kind:
    """What ``error`` is to whoever asked. What is no error of ours is a bug."""
    if isinstance(error, Refusal):
        return error.kind
    return next((kind for of, kind in OF_ERROR if isinstance(error, of)), BUG)


def told_of(error: Exception, what: str) -> Told:
    """The problem that ``error`` is to whoever asked for ``what``. What is no error of ours is a bug: told to the log, not to them."""
    if isinstance(error, Refusal):
        return told(error.kind, error.detail, error.errors, headers=error.headers)
    if not isinstance(error, BackupError):
        logger.error("request_failed", extra={"endpoint": what}, exc_info=error)
        return told(BUG, "the request failed; the log of the app says why")
    kind = kind_of(error)
    name = getattr(error, "field", "")
    wrong = [WrongField(field=name, expected=str(error))] if name else []
    return told(kind, str(error), wrong, code=getattr(error, "code", ""), headers=_headers(error))


def _headers(error: BackupError) -> dict[str, str]:
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": 'Bearer realm="Azure Files Backup"'}
    if isinstance(error, Throttled | TooMany) and error.retry_after_s is not None:
        return {"Retry-After": str(max(1, math.ceil(error.retry_after_s)))}
    return {}
