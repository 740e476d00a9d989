"""Endpoints: what each route is, declared once.

Registration with Functions, parsing, authorization, idempotency, conditions, audit and the OpenAPI document all come from an
:class:`Endpoint`; :mod:`http_api.routes` is how one is written down, :mod:`http_api.serving` what happens when it is called.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel

from http_api.call import Answer, AnyCall
from http_api.fields import Fields
from http_api.models.base import NUMBER_MAX, Body, NoBody, NoQuery, Query
from shared.errors import NotFound
from shared.model.access import Action

Handler = Callable[[AnyCall], Awaitable[BaseModel | Answer]]
Current = Callable[[AnyCall], Awaitable[BaseModel]]
"""The present state of what an endpoint changes, locked until the transaction ends."""
Content = type[BaseModel] | str | None
"""What an answer holds: JSON of a model, bytes of a media type, or nothing."""

TENANT: Final = "/api/tenants/{tenant_id}"
SHARE: Final = TENANT + "/shares/{share_id:int}"

_PARAMETER: Final = re.compile(r"\{(?P<name>\w+)(?P<number>:int)?\}")
_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
WORD_PATTERN: Final = f"^{_WORD.pattern}$"
_READS_CONTENT: Final = frozenset({Action.CONTENT_READ, Action.EXPORTS_READ})


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One route and method."""

    method: str
    path: str
    """``/api/tenants/{tenant_id}/shares/{share_id:int}``: parameters are words unless they say ``int``."""
    handler: Handler
    action: Action | None
    """What one must be allowed to do; None: anybody may, known or not."""
    plan: Action | None = None
    """The same for a body that asks for a dry run (``dry_run``). Whoever may do ``action`` may do this; None: there is no such thing."""
    tag: str
    """The group of routes it belongs to."""
    answers: Mapping[int, Content]
    """What comes when all is well; the first is what a handler answers that returns a model and nothing else."""
    refuses: frozenset[int] = frozenset()
    """Statuses of problems that this handler has, beside those that come from the declaration."""
    query: type[Query] = NoQuery
    body: type[Body] = NoBody
    starts: bool = False
    """Whether its handler is given a client of Durable Functions."""
    idempotent: bool = False
    """Whether it takes an ``Idempotency-Key``."""
    etag: bool = False
    """Whether the model it answers has an ETag: of a GET, that it answers 304 to who has it already."""
    current: Current | None = None
    """Given, it takes ``If-Match``."""
    transaction: bool = True
    """Whether it is in a transaction of the catalogue from the beginning, in which its tenant and share were loaded."""
    purging: bool = False
    """Whether it also answers for what is being purged, of which half may be gone; else that is a conflict."""
    loads: bool = True
    """Whether tenant and share must be there. False: the handler looks for itself, as for one that is deleted."""
    changes: bool = True
    """False of a POST that only asks, in a body because it is too long for an address. A GET never changes anything."""
    shown: bool = True
    """Whether it is in the OpenAPI document; pages are not."""
    page: bool = False
    """Whether it is for people: problems, too, are pages, and the tenant of a share is loaded for its name."""
    fields: Callable[[Fields], dict[str, Any]] | None = None
    """Given, it takes a form, and this is how the form's fields become its body."""
    again: "Endpoint | None" = None
    """The page that the form is on: shown again, filled in as it was, with what was wrong."""
    route: str = ""
    """The template for Functions, where it is not that of ``path``."""
    parameters: Mapping[str, bool] = field(init=False)
    """Of the path: name to whether it is a number."""

    def __post_init__(self) -> None:
        found = {match["name"]: match["number"] is not None for match in _PARAMETER.finditer(self.path)}
        object.__setattr__(self, "parameters", found)
        if not self.transaction and (self.idempotent or self.current is not None):
            raise ValueError(f"{self.name} keeps an answer or locks a state: it needs a transaction")

    def action_of(self, body: Body) -> Action | None:
        """What one must be allowed to do for what this body asks for."""
        return self.plan if self.plan is not None and getattr(body, "dry_run", False) is True else self.action

    @property
    def name(self) -> str:
        """Of the function and the operation."""
        return str(getattr(self.handler, "__name__", ""))

    @property
    def status(self) -> int:
        """Of an answer that says nothing else."""
        return next(iter(self.answers))

    @property
    def description(self) -> str:
        """For people: the handler's docstring."""
        return re.sub(r"[ \t]*\n[ \t]*", "\n", self.handler.__doc__ or "").strip()

    @property
    def audited(self) -> bool:
        """Whether it changes something, or gives file content to somebody."""
        return self.action is not None and ((self.method != "GET" and self.changes) or self.action in _READS_CONTENT)

    def route_of(self, given: Mapping[str, str]) -> dict[str, str | int]:
        """The path's parameters, typed.

        :raises NotFound: nothing can have that name or number.
        """
        found: dict[str, str | int] = {}
        for name, is_number in self.parameters.items():
            text = given.get(name, "")
            if is_number:
                if not text.isascii() or not text.isdigit() or len(text) > 10 or not 1 <= int(text) <= NUMBER_MAX:
                    raise NotFound(f"{name} is {text!r}; there is nothing with this number", field=name)
                found[name] = int(text)
            elif not _WORD.fullmatch(text):
                raise NotFound(f"{name} is {text!r}; there is nothing with this name", field=name)
            else:
                found[name] = text
        return found

    def matches(self, path: str) -> bool:
        """Whether a request's path is one of this endpoint's, whatever its method."""
        pattern = _PARAMETER.sub(lambda found: r"-?\d+" if found["number"] else "[^/]+", self.path)
        return re.fullmatch(pattern, path, re.IGNORECASE) is not None


_declared: dict[str, Endpoint] = {}


def declare(endpoint: Endpoint) -> Endpoint:
    """Add an endpoint to those of the app. Once per name: Functions are called by it."""
    if endpoint.name in _declared:
        raise ValueError(f"two endpoints are called {endpoint.name}")
    _declared[endpoint.name] = endpoint
    return endpoint


def all_endpoints() -> tuple[Endpoint, ...]:
    """Every endpoint that was declared: all of the app once ``function_app`` is imported."""
    return tuple(_declared.values())


def models_of(handler: Callable[..., Any]) -> tuple[type[Query], type[Body]]:
    """Query and body that a handler's ``call: Call[..., ...]`` names."""
    (annotation,) = [value for name, value in handler.__annotations__.items() if name != "return"]
    given = (*getattr(annotation, "__args__", ()), NoQuery, NoBody)
    query = given[0]
    body = given[1] if given[1] is not NoQuery else NoBody
    return query, body
