"""Route templates: compile, order, match.  Pure.

::

    template   = segment ("/" segment)*
    segment    = (literal | parameter)+
    parameter  = "{" ["*"] name (":" constraint)* ["=" default] ["?"] "}"
    constraint = word ["(" arguments ")"]

Literals match without regard to case, as the real host's do.  A parameter does not cross a ``/``
unless it is a catch-all (``*``, last, may be empty).  Of several matching templates the one wins
that is more literal earlier: literal, literal mixed with parameters, constrained parameter,
parameter, catch-all.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Generic, TypeVar
from urllib.parse import unquote

T = TypeVar("T")


class RouteError(ValueError):
    """A template that cannot be compiled."""


Check = Callable[[str], bool]


def _is_int(bits: int, text: str) -> bool:
    return re.fullmatch(r"[+-]?\d+", text) is not None and -(2 ** (bits - 1)) <= int(text) < 2 ** (bits - 1)


def _is_float(text: str) -> bool:
    return re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text) is not None


def _is_guid(text: str) -> bool:
    return re.fullmatch(r"[{(]?[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}[)}]?", text) is not None


_PLAIN: Mapping[str, Check] = {
    "int": partial(_is_int, 32),
    "long": partial(_is_int, 64),
    "guid": _is_guid,
    "alpha": lambda text: re.fullmatch(r"[A-Za-z]*", text) is not None,
    "bool": lambda text: text.lower() in ("true", "false"),
    "decimal": _is_float,
    "double": _is_float,
    "float": _is_float,
    "required": bool,
}


def _numbers(text: str, count: Sequence[int], name: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) not in count or not all(re.fullmatch(r"-?\d+", part) for part in parts):
        raise RouteError(f"constraint {name}({text}): expected {' or '.join(map(str, count))} whole numbers")
    return [int(part) for part in parts]


def _constraint(text: str) -> Check:
    if text in _PLAIN:
        return _PLAIN[text]
    match = re.fullmatch(r"(\w+)\((.*)\)", text)
    name, argument = match.groups() if match else (text, "")
    match name:
        case "min":
            (low,) = _numbers(argument, (1,), name)
            return lambda value: _is_int(64, value) and int(value) >= low
        case "max":
            (high,) = _numbers(argument, (1,), name)
            return lambda value: _is_int(64, value) and int(value) <= high
        case "range":
            low, high = _numbers(argument, (2,), name)
            return lambda value: _is_int(64, value) and low <= int(value) <= high
        case "minlength":
            (low,) = _numbers(argument, (1,), name)
            return lambda value: len(value) >= low
        case "maxlength":
            (high,) = _numbers(argument, (1,), name)
            return lambda value: len(value) <= high
        case "length":
            numbers = _numbers(argument, (1, 2), name)
            return lambda value: numbers[0] <= len(value) <= numbers[-1]
        case "regex":
            pattern = re.compile(argument.replace("{{", "{").replace("}}", "}"), re.IGNORECASE)
            return lambda value: pattern.search(value) is not None
    raise RouteError(f"unknown constraint {text!r}; known: {', '.join(_PLAIN)}, min, max, range, length, regex")


@dataclass(frozen=True, slots=True)
class _Parameter:
    name: str
    checks: tuple[Check, ...]
    optional: bool
    default: str | None
    catch_all: bool


@dataclass(frozen=True, slots=True)
class _Segment:
    pattern: re.Pattern[str]
    parameters: tuple[_Parameter, ...]
    rank: int

    @property
    def may_be_absent(self) -> bool:
        return len(self.parameters) == 1 and (
            self.parameters[0].optional or self.parameters[0].default is not None or self.parameters[0].catch_all
        )


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled route; compare ``precedence`` to decide between two that match."""

    text: str
    segments: tuple[_Segment, ...]

    @property
    def precedence(self) -> tuple[int, ...]:
        """Smaller is more specific."""
        return tuple(segment.rank for segment in self.segments)

    def match(self, path: Sequence[str]) -> dict[str, str] | None:
        """Match decoded path segments; the parameters found, or None."""
        found: dict[str, str] = {}
        for at, segment in enumerate(self.segments):
            only = segment.parameters[0] if segment.may_be_absent else None
            if only and only.catch_all:
                rest = "/".join(path[at:])
                if not all(check(rest) for check in only.checks):
                    return None
                if rest or only.default is not None:
                    found[only.name] = rest or only.default or ""
                return found
            if at >= len(path):
                if only is None:
                    return None
                if only.default is not None:
                    found[only.name] = only.default
                continue
            matched = segment.pattern.fullmatch(path[at])
            if matched is None:
                return None
            for parameter, value in zip(segment.parameters, matched.groups(), strict=True):
                if not all(check(value) for check in parameter.checks):
                    return None
                found[parameter.name] = value
        return found if len(path) <= len(self.segments) else None


def compile_template(text: str) -> Template:
    """Compile a route template (without leading slash).

    :raises RouteError: a malformed template or an unknown constraint; names the template.
    """
    try:
        parts = _split(text.strip("/"))
        segments = tuple(_segment(part, last=at == len(parts) - 1) for at, part in enumerate(parts))
        names = [parameter.name.lower() for segment in segments for parameter in segment.parameters]
        if len(names) != len(set(names)):
            raise RouteError("a parameter name appears twice")
        for earlier, later in pairwise(segments):
            if earlier.may_be_absent and not later.may_be_absent:
                raise RouteError("an optional parameter must be at the end")
    except (RouteError, re.error) as error:
        raise RouteError(f"route {text!r}: {error}") from error
    return Template(text, segments)


def _split(text: str) -> list[str]:
    """Split at slashes outside braces (a regex constraint may hold one)."""
    parts, depth = [""], 0
    for letter in text:
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if letter == "/" and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    if depth:
        raise RouteError("braces do not match")
    if parts == [""]:
        return []
    if "" in parts:
        raise RouteError("an empty segment")
    return parts


def _segment(text: str, *, last: bool) -> _Segment:
    pattern, parameters, at, literal = "", list[_Parameter](), 0, False
    while at < len(text):
        if text[at] != "{":
            end = text.find("{", at)
            end = len(text) if end < 0 else end
            pattern += re.escape(text[at:end])
            literal = True
            at = end
            continue
        end, depth = at + 1, 1
        while depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        parameters.append(_parameter(text[at + 1 : end - 1]))
        pattern += "(.+?)"
        at = end
    if any(parameter.catch_all for parameter in parameters) and (literal or len(parameters) > 1 or not last):
        raise RouteError("a catch-all must be the whole last segment")
    return _Segment(
        re.compile(pattern, re.IGNORECASE | re.DOTALL), tuple(parameters), _rank(parameters, literal=literal)
    )


def _parameter(text: str) -> _Parameter:
    match = re.fullmatch(r"(\*{0,2})(\w+)((?::(?:\w+\(.*?\)|\w+))*)(?:=(.*?))?(\??)", text, re.DOTALL)
    if match is None:
        raise RouteError(f"cannot read parameter {{{text}}}")
    stars, name, constraints, default, optional = match.groups()
    checks = tuple(_constraint(word) for word in re.findall(r":(\w+\(.*?\)(?=:|$)|\w+)", constraints))
    return _Parameter(name, checks, bool(optional), default, bool(stars))


def _rank(parameters: Sequence[_Parameter], *, literal: bool) -> int:
    if not parameters:
        return 0
    if literal or len(parameters) > 1:
        return 1
    (only,) = parameters
    return (4 if only.catch_all else 2) + (0 if only.checks else 1)


def path_segments(raw_path: str) -> list[str]:
    """Split a request's raw path and decode each segment.

    ``%2F`` stays encoded, so a value cannot change how many segments there are.
    """
    parts = raw_path.partition("?")[0].strip("/")
    if not parts:
        return []
    return ["%2F".join(unquote(piece) for piece in re.split("%2[fF]", part)) for part in parts.split("/")]


@dataclass(frozen=True, slots=True)
class Route(Generic[T]):
    """One template with what it leads to; ``methods`` None means every method."""

    template: Template
    methods: frozenset[str] | None
    target: T


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """The route that answers a request."""

    target: T
    parameters: dict[str, str]


@dataclass(frozen=True, slots=True)
class WrongMethod:
    """The path exists, but not with this method."""

    allowed: frozenset[str]


class Table(Generic[T]):
    """All routes of an app, most specific first."""

    def __init__(self, routes: Iterable[Route[T]]) -> None:
        self._routes = sorted(routes, key=lambda route: route.template.precedence)

    def find(self, method: str, path: Sequence[str]) -> Found[T] | WrongMethod | None:
        """Find the most specific route for ``method``; None when no template matches the path at all."""
        allowed: set[str] = set()
        for route in self._routes:
            parameters = route.template.match(path)
            if parameters is None:
                continue
            if route.methods is None or method in route.methods:
                return Found(route.target, parameters)
            allowed |= route.methods
        return WrongMethod(frozenset(allowed)) if allowed else None
