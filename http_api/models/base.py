"""What all models are made from, and the fields that many have.

Their validators are built when first used (``defer_build``): a worker that starts does not pay for all of them.
"""

from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

NUMBER_MAX: Final = 2**31 - 1
"""Of runs, restore points and shares."""
LIMIT_MAX: Final = 1_000


class Body(BaseModel):
    """What a caller sends as JSON. Parsed strictly; what it does not know it refuses."""

    model_config = ConfigDict(extra="forbid", defer_build=True, frozen=True)


class Query(BaseModel):
    """What a caller says in the query string, where everything is text."""

    model_config = ConfigDict(extra="forbid", defer_build=True, frozen=True)


class Shown(BaseModel):
    """What a caller is answered. Made from keywords, or from a value of ours that has attributes of the same names."""

    model_config = ConfigDict(defer_build=True, from_attributes=True, populate_by_name=True)


class NoQuery(Query):
    """There is nothing to be said in the query string."""


class NoBody(Body):
    """There is nothing to choose."""


def _digits(value: object) -> object:
    """Text of the query string as a number: plain digits and nothing else, or many spellings would be one address."""
    if isinstance(value, str):
        if not value.isascii() or not value.isdigit() or len(value) > 19:
            raise ValueError("a whole number")
        return int(value)
    return value


DIGITS: Final = BeforeValidator(_digits)

Limit = Annotated[int, DIGITS, Field(ge=1, le=LIMIT_MAX, description="The most that one answer has.")]
After = Annotated[
    str,
    Field(
        max_length=4_096,
        pattern="^[A-Za-z0-9_-]*$",
        description="`next` of the answer before, as it is; without it from the beginning.",
    ),
]
Number = Annotated[int, Field(ge=1, le=NUMBER_MAX)]
"""Of a run or a restore point, in a body."""
QueryNumber = Annotated[int, DIGITS, Field(ge=1, le=NUMBER_MAX)]
"""The same in a query string."""
Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
"""Text that the catalogue can hold: Postgres has no NUL."""
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
"""What people call something."""


class Paged(Query):
    """A part of a list."""

    limit: Limit = 50
    after: After = ""


class Part(Shown):
    """A part of a list, as it is answered."""

    more: Annotated[bool, Field(description="Whether there is more after this part.")] = False
    next: Annotated[str | None, Field(description="What to ask `after` to go on; null if this was all.")] = None


class WrongField(Shown):
    """A field of the request that was wrong."""

    field: str
    expected: str


class Problem(Shown):
    """What went wrong (RFC 9457)."""

    type: Annotated[
        str, Field(examples=["/problems/not-found"], description="Which kind of problem: docs/API.md lists them.")
    ]
    title: str
    status: int
    detail: Annotated[str, Field(description="What happened this time, and where there is one a hint what to do.")]
    code: Annotated[str | None, Field(description="A finer word than the type, where there is one.")] = None
    errors: Annotated[list[WrongField], Field(description="What of the request was wrong.")] = []
