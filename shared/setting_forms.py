"""What the text of a setting may be: one source for the parser, its refusals and docs/SETTINGS.md.

A field of :class:`shared.settings.Settings` says its form in its metadata: ``width: int = field(default=4, metadata=whole(1, 100))``.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass
from typing import Any, Final

from shared.errors import InvalidInput

PREFIX: Final = "AFB_"
_FORM: Final = "form"
_OBJECT_ID: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")
_ADDRESS: Final = re.compile(r"[^@\s<>]+@[^@\s<>]+")
_ENDPOINT: Final = re.compile(r"https?://[^/?#\s]+[^?#\s]*")
_KEY_CHARACTERS: Final = 32

Metadata = Mapping[str, "Form"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One kind of value."""

    expected: str
    """What it may be, for people: what stands behind "expected"."""
    parse: Callable[[str], Any]
    """The value of a text that is not empty. Raises ``ValueError``."""
    unit: str = ""
    was: Callable[[str], str] = lambda text: f"is {text!r}" if text else "is not set"
    """What is said of a text that it may not be: of a secret not the text."""
    stands_in: str = ""
    """Another variable, read where the setting's own is not set."""


def form_of(field: "Field[Any]") -> Form | None:
    """The form of a field; None if it is no setting."""
    form: Form | None = field.metadata.get(_FORM)
    return form


def name_of(field: "Field[Any]") -> str:
    """The variable that a field is read from."""
    return PREFIX + field.name.upper()


def read(field: "Field[Any]", form: Form, env: Mapping[str, str]) -> Any:
    """The field's value: what ``env`` says, or its default.

    :raises InvalidInput: it is missing and has no default, or malformed; the message names it and says what was expected.
    """
    name = name_of(field)
    if form.stands_in and not env.get(name):
        name = form.stands_in
    text = env.get(name, "")
    if not text:
        if field.default_factory is not MISSING:
            return field.default_factory()
        if field.default is MISSING:
            raise refused(name, form.was(""), form.expected)
        return field.default
    try:
        return form.parse(text)
    except ValueError:
        raise refused(name, form.was(text), form.expected) from None


def refused(name: str, was: str, expected: str) -> InvalidInput:
    """The error for a setting that cannot be used."""
    return InvalidInput(f"setting {name} {was}; expected {expected}", field=name)


def text(expected: str) -> Metadata:
    """Any text."""
    return _metadata(Form(expected=expected, parse=str))


def url(expected: str) -> Metadata:
    """Any text, without a slash at its end."""
    return _metadata(Form(expected=expected, parse=lambda text: text.rstrip("/")))


def flag() -> Metadata:
    """On or off."""
    return words({"true": True, "1": True, "false": False, "0": False}, expected="true or false")


def words(meanings: Mapping[str, Any], *, expected: str = "") -> Metadata:
    """One of some words, in any case."""

    def parse(text: str) -> Any:
        if text.lower() not in meanings:
            raise ValueError
        return meanings[text.lower()]

    said = list(meanings)
    return _metadata(Form(expected=expected or f"{', '.join(said[:-1])} or {said[-1]}", parse=parse))


def number(least: float, most: float, unit: str = "") -> Metadata:
    """A number within a range."""
    return _metadata(
        Form(expected=f"a number from {least:.10g} to {most:.10g}", unit=unit, parse=_within(float, least, most))
    )


def whole(least: int, most: int, unit: str = "") -> Metadata:
    """A whole number within a range."""
    return _metadata(
        Form(expected=f"a whole number from {least} to {most}", unit=unit, parse=_within(int, least, most))
    )


def key() -> Metadata:
    """A secret that nobody guesses. Its value is not for a message."""
    expected = f"at least {_KEY_CHARACTERS} random characters"
    return _metadata(Form(expected=expected, was=lambda _: "is missing or too short", parse=_matching(_long_enough)))


def object_id() -> Metadata:
    """An id of Entra ID."""
    expected = "an id such as 6f9619ff-8b86-d011-b42d-00cf4fc964ff"
    return _metadata(Form(expected=expected, parse=lambda text: _matching(_OBJECT_ID.fullmatch)(text.lower())))


def origin() -> Metadata:
    """Scheme and host of an address, and its port if it needs one."""
    expected = "an origin such as https://backup.example.com"
    return _metadata(Form(expected=expected, parse=lambda text: _matching(_ORIGIN.fullmatch)(text.rstrip("/"))))


def mail_address(expected: str) -> Metadata:
    """Somebody's mail."""
    return _metadata(Form(expected=expected, parse=_matching(_ADDRESS.fullmatch)))


def endpoint(example: str, *, stands_in: str) -> Metadata:
    """An address by HTTP, without parameters: a key may be in them, so they are not shown either."""
    return _metadata(
        Form(
            expected=f"an address such as {example}",
            was=lambda text: f"is {text.split('?')[0]!r}",
            parse=lambda text: _matching(_ENDPOINT.fullmatch)(text.rstrip("/")),
            stands_in=stands_in,
        )
    )


def headers() -> Metadata:
    """Headers of requests, which may be secrets."""
    expected = "name=value, with commas between several"
    return _metadata(Form(expected=expected, was=lambda _: "is malformed", parse=_headers))


def _metadata(form: Form) -> Metadata:
    return {_FORM: form}


def _within(kind: Callable[[str], float], least: float, most: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        found = kind(text)
        if not least <= found <= most:
            raise ValueError
        return found

    return parse


def _matching(matches: Callable[[str], object]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not matches(text):
            raise ValueError
        return text

    return parse


def _long_enough(text: str) -> bool:
    return len(text) >= _KEY_CHARACTERS


def _headers(text: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    if not all(name.strip() and between for name, between, _ in pairs):
        raise ValueError
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
