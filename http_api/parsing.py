"""Query strings and bodies to models. What is wrong is told field by field, and nothing was done yet."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from http_api.fields import Fields
from http_api.models.base import WrongField
from http_api.problems import INVALID, TOO_LARGE, Refusal

M = TypeVar("M", bound=BaseModel)

BODY_BYTES_MAX: Final = 8 * 1024 * 1024
"""A restore that names a thousand paths has 2 MiB at most."""
_NO_PARAMETER: Final = "code"
"""The function key, when it is in the address: the host has looked at it."""


def query_as(given: Mapping[str, str], model: type[M]) -> M:
    """The parameters of a query string.

    :raises Refusal: some are wrong or not known.
    """
    return made_of({name: value for name, value in given.items() if name != _NO_PARAMETER}, model)


def body_as(raw: bytes, model: type[M]) -> M:
    """A JSON body; an empty one counts as ``{}``.

    :raises Refusal: it is no JSON, or fields are wrong or not known.
    """
    if len(raw) > BODY_BYTES_MAX:
        raise Refusal(TOO_LARGE, f"the body has {len(raw)} bytes; expected at most {BODY_BYTES_MAX}")
    try:
        return model.model_validate_json(raw if raw.strip() else b"{}", strict=True)
    except ValidationError as error:
        raise _refusal(error) from error


def fields_as(raw: bytes) -> Fields:
    """What a browser sends of a form.

    :raises Refusal: it is no form.
    """
    if len(raw) > BODY_BYTES_MAX:
        raise Refusal(TOO_LARGE, f"the form has {len(raw)} bytes; expected at most {BODY_BYTES_MAX}")
    try:
        return Fields.parse(raw)
    except ValueError as error:
        raise Refusal(INVALID, f"the body is no form as browsers send it: {error}") from error


def form_as(raw: bytes, model: type[M], body_of: Callable[[Fields], Mapping[str, Any]]) -> M:
    """A form as a body. Its values are texts, so they are read less strictly than JSON's.

    :raises Refusal: it is no form, or fields are wrong or not known.
    """
    return made_of(body_of(fields_as(raw)), model)


def made_of(given: Mapping[str, Any], model: type[M]) -> M:
    """A model of texts.

    :raises Refusal: some are wrong or not known.
    """
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise _refusal(error) from error


def _refusal(error: ValidationError) -> Refusal:
    wrong = [
        WrongField(field=".".join(str(part) for part in found["loc"]), expected=_expected(found))
        for found in error.errors(include_url=False, include_context=False)
    ]
    told = "; ".join(f"{one.field}: {one.expected}" if one.field else one.expected for one in wrong)
    return Refusal(INVALID, told, wrong)


def _expected(error: Any) -> str:
    message = str(error["msg"]).removeprefix("Value error, ")
    match error["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden":
            return "is not known here"
        case "string_pattern_mismatch" if r"\x00" in message:
            return "text without the character NUL"
    return message[:1].lower() + message[1:]
