"""What is typed into a form before it is sent, for previews: the same fields and the same models as when it is sent, and nothing is changed."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

from http_api.fields import Fields, Filled
from http_api.models.base import Body, Query
from http_api.parsing import made_of
from http_api.problems import Refusal, told_of
from shared.errors import InvalidInput

M = TypeVar("M", bound=BaseModel)


class Typed(Query):
    """A form in a query string: whatever fields it has, or none of them."""

    model_config = ConfigDict(extra="allow", defer_build=True, frozen=True)

    @property
    def fields(self) -> Fields:
        """Those that were given."""
        return Fields({name: [str(value)] for name, value in (self.model_extra or {}).items()})


class TypedBody(Body):
    """The same in a body, for what may be too long for an address."""

    given: Mapping[str, list[str]]

    @property
    def fields(self) -> Fields:
        """All of them."""
        return Fields(self.given)


def as_typed(fields: Fields) -> dict[str, Any]:
    """A form's fields as a :class:`TypedBody`."""
    return {"given": dict(fields.given)}


def tried(
    fields: Fields, model: type[M], body_of: Callable[[Fields], Mapping[str, Any]], check: Callable[[M], None]
) -> tuple[M | None, Filled]:
    """What a form would be if it were sent as it is, or None; and what is shown in its fields, with what is wrong.

    :param check: raises ``InvalidInput`` for what a model alone cannot see.
    """
    try:
        found = made_of(body_of(fields), model)
        check(found)
    except (Refusal, InvalidInput) as error:
        return None, Filled(fields, told_of(error, "preview").problem)
    return found, Filled(fields, None)
