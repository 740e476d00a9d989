"""Errors as ``application/problem+json`` (RFC 9457), with the fields that were wrong and what was expected of them."""

import json
import logging
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Final, TypeVar

import azure.functions as func
from pydantic import BaseModel, ValidationError

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
)

logger = logging.getLogger(__name__)

STATUS: Final[tuple[tuple[type[BackupError], int, str], ...]] = (
    (InvalidInput, 400, "the request is not valid"),
    (Denied, 403, "not allowed"),
    (NoAccess, 403, "not allowed"),
    (NotFound, 404, "not found"),
    (ShareGone, 404, "not found"),
    (Conflict, 409, "in conflict with something else"),
    (Rejected, 422, "cannot be done"),
    (Retryable, 503, "try again later"),
    (BackupError, 500, "something is wrong with stored data"),
)
"""First match wins."""

M = TypeVar("M", bound=BaseModel)
Handler = Callable[..., Coroutine[Any, Any, func.HttpResponse]]
"""Called by the worker with its bindings by name: the request as ``req``, and others that a function asked for."""


def problem(status: int, title: str, detail: str, errors: list[dict[str, str]] | None = None) -> func.HttpResponse:
    """A problem document. ``errors``: objects with ``field`` and ``expected``."""
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    if errors:
        body["errors"] = errors
    headers = {"Retry-After": "5"} if status == 503 else None
    return func.HttpResponse(json.dumps(body), status_code=status, mimetype="application/problem+json", headers=headers)


def answered(handler: Handler) -> Handler:
    """Turn our errors into problem documents; anything else is a bug: logged here, and a bare 500 for the caller."""

    @wraps(handler)
    async def wrapper(req: func.HttpRequest, **bindings: Any) -> func.HttpResponse:
        try:
            return await handler(req, **bindings)
        except BackupError as error:
            status, title = next((s, t) for kind, s, t in STATUS if isinstance(error, kind))
            field = getattr(error, "field", "")
            return problem(status, title, str(error), [{"field": field, "expected": str(error)}] if field else None)
        except _Invalid as invalid:
            return problem(400, "the request is not valid", str(invalid), invalid.errors)
        except Exception:
            logger.exception("request_failed", extra={"method": req.method, "route": req.route_params})
            return problem(500, "internal error", "the request failed; the log of the app says why")

    return wrapper


class _Invalid(Exception):
    def __init__(self, errors: list[dict[str, str]]) -> None:
        super().__init__("; ".join(f"{e['field']}: {e['expected']}" if e["field"] else e["expected"] for e in errors))
        self.errors = errors


def body_as(req: func.HttpRequest, model: type[M]) -> M:
    """The request's JSON body as ``model``; an empty body counts as ``{}``.

    Raises what :func:`answered` turns into a 400 that names every wrong field.
    """
    raw = req.get_body()
    try:
        return model.model_validate_json(raw if raw.strip() else b"{}", strict=True)
    except ValidationError as error:
        found = [
            {"field": ".".join(str(part) for part in e["loc"]), "expected": _expected(e)}
            for e in error.errors(include_url=False, include_context=False)
        ]
        raise _Invalid(found) from error


def _expected(error: Any) -> str:
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "missing":
        return "is required"
    if error["type"] == "extra_forbidden":
        return "is not a known field"
    return message[:1].lower() + message[1:]
