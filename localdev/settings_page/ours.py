"""The app's own settings as tables: name, form and default of :class:`shared.settings.Settings`' fields, and their docstrings."""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields
from enum import Enum
from typing import Any, Final

from shared.setting_forms import Form, form_of, name_of
from shared.settings import Settings

SECTIONS: Final[Mapping[str, str]] = {
    "postgres_url": "Catalogue",
    "vault_connection": "Vault and journal",
    "driver": "Work",
    "entra_sign_in": "People, keys and the API",
    "downloads_url": "Downloads",
    "smtp_url": "Alerts",
    "log_level": "Logs, traces and metrics",
}
"""The first field of each section."""


def docstrings() -> dict[str, str]:
    """What stands below each field, as one line."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(Settings))).body
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for one, below in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name) and isinstance(below, ast.Expr):
            assert isinstance(below.value, ast.Constant)
            found[one.target.id] = " ".join(str(below.value.value).split())
    return found


def settings() -> list[tuple["Field[Any]", Form]]:
    """All that is read from a variable of its own, in the class's order."""
    return [(one, form) for one in fields(Settings) if (form := form_of(one))]


def tables() -> Iterator[str]:
    """The lines of all sections."""
    told = docstrings()
    names = {one.name: name_of(one) for one, _ in settings()}
    for one, form in settings():
        if one.name in SECTIONS:
            yield from ("", f"### {SECTIONS[one.name]}", "")
            yield from ("| setting | value | default | what it does, and why so |", "|---|---|---|---|")
        unit = f" ({form.unit})" if form.unit else ""
        secret = "; secret" if is_secret(one) else ""
        what = re.sub(r"``(\w+)``", lambda match: f"`{names.get(match[1], match[1])}`", told[one.name])
        what = re.sub(r"``([^`]+)``", r"`\1`", what)
        what = re.sub(r"docs/(\w+\.md)", r"[\1](\1)", what)
        yield cells(f"`{names[one.name]}`", f"{form.expected}{unit}{secret}", default(one), what)


def cells(*texts: str) -> str:
    """One row."""
    return f"| {' | '.join(text.replace('|', chr(92) + '|') for text in texts)} |"


def is_secret(field: "Field[Any]") -> bool:
    """Whether a setting's text is."""
    return not field.repr and not _is_flag(field)


def default(field: "Field[Any]") -> str:
    """As one would write it."""
    if field.default is MISSING and field.default_factory is MISSING:
        return "**needed**"
    value = field.default.value if isinstance(field.default, Enum) else field.default
    if _is_flag(field) or value == "no":
        return "`true`" if value is True else "`false`"
    if value is MISSING or value == "":
        return "none"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _is_flag(field: "Field[Any]") -> bool:
    form = form_of(field)
    return form is not None and form.expected == "true or false"
