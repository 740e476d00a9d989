"""What somebody has chosen in the restore wizard, as the address of its pages holds it. Pure.

::

    state   = what where how [step] [open*]
    what    = restore_point [path*] [selection.include] [selection.exclude] [match_case] [selection.extensions]
              [selection.written_from] [selection.written_before] [selection.changes*] [selection.compared_with]
    where   = to [target.share_name [no_create] [target.account_url [target.credential | identity]]] [target.path] [base]
    how     = part [conflicts] [no_undo] [close_handles]

Fields are named as the API does, but for those here that say something shorter or the other way round, so that what is as by default is not in
the address: ``path`` is one of ``selection.paths``, ``base`` the API's ``path``. Times are UTC. ``step`` is where one is and ``open`` a directory of the
tree that is unfolded. A form sends more than that (``add``, ``shut``, ``for``, empty fields): :func:`tidy` is what remains of it.
"""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlencode

from http_api.fields import Fields
from http_api.models.base import Problem, WrongField
from shared.model.restore import Conflicts, Part, RestoreOrder
from shared.model.share import Share


class Step(StrEnum):
    """A page of the wizard."""

    WHAT = "what"
    WHERE = "where"
    HOW = "how"
    REVIEW = "review"


class To(StrEnum):
    """Where a restore writes, as people think of it."""

    ORIGINAL = "original"
    """The Azure share that is backed up."""
    SHARE = "share"
    """Another one in its account."""
    ACCOUNT = "account"
    """One in another account."""


STEPS: Final = tuple(Step)
ADDRESS_MAX: Final = 6_500
"""Characters of a state: servers take addresses of 8,190 at least, and a form sends more than remains of it."""
OPEN_MAX: Final = 12
"""Directories of the tree that are unfolded at once: each is read for every page."""

SITUATIONS: Final[Mapping[str, Mapping[str, Sequence[str]]]] = {
    "files": {"to": [To.ORIGINAL], "conflicts": [Conflicts.OVERWRITE]},
    "attack": {
        "selection.changes": ["changed", "deleted"],
        "to": [To.ORIGINAL],
        "conflicts": [Conflicts.DIFFERENT],
    },
    "whole": {"to": [To.SHARE], "conflicts": [Conflicts.OVERWRITE]},
    "permissions": {"to": [To.ORIGINAL], "part": [Part.PERMISSIONS]},
}
"""What somebody has who comes to restore, and what is chosen for it beforehand."""

_MANY: Final = frozenset({"path", "open", "selection.changes"})
_WHAT: Final = (
    *("restore_point", "path", "selection.include", "selection.exclude", "match_case", "selection.extensions"),
    *("selection.written_from", "selection.written_before", "selection.changes", "selection.compared_with"),
)
_ELSEWHERE: Final = ("target.share_name", "no_create")
_IN_ACCOUNT: Final = ("target.account_url", "identity", "target.credential")
_WHERE: Final = ("to", *_ELSEWHERE, *_IN_ACCOUNT, "target.path", "base")
_HOW: Final = ("part", "conflicts", "no_undo", "close_handles")
_NAMES: Final = ("step", *_WHAT, *_WHERE, *_HOW, "open", "more")
SENT: Final = frozenset({*_NAMES, "add", "shut", "for", "plan", "undo", "of"})
"""All that an address of these pages may say."""
_BY_DEFAULT: Final = {"part": Part.EVERYTHING.value}
_OURS: Final = {"path": "base", "selection.paths": "path", "credential": "target.credential", "target": "to"}
"""Fields of the API that have another name here."""


def has_begun(typed: Fields) -> bool:
    """Whether an address is one within the wizard, and not of the page before it."""
    return any(typed.given.get(name) for name in ("restore_point", "path", "step", "for"))


def step_of(typed: Fields) -> Step:
    """Where somebody wants to be."""
    text = typed.text("step")
    return Step(text) if text in STEPS else Step.WHAT


def tidy(typed: Fields) -> Fields:
    """What remains of what a form has sent: nothing empty, nothing as by default, nothing that goes with another choice. Doing it twice is doing it once."""
    given = {name: _values(typed, name) for name in _NAMES}
    for name, values in SITUATIONS.get(typed.text("for"), {}).items():
        given[name] = list(values)
    given["path"] = _once(path.strip("/") for path in (*typed.chosen("path"), *typed.lines("add")))
    shut = set(typed.chosen("shut"))
    # Whoever comes from elsewhere with a path sees it in the tree.
    opened = typed.chosen("open") if given["step"] else _above(given["path"])
    given["open"] = _once(path for path in opened if path not in shut)[-OPEN_MAX:]
    given["step"] = [step_of(typed).value]
    to = given["to"][0] if given["to"] else ""
    if to == To.ORIGINAL:
        given |= {name: [] for name in (*_ELSEWHERE, *_IN_ACCOUNT)}
    elif to == To.SHARE:
        given |= {name: [] for name in _IN_ACCOUNT}
    if given["identity"]:
        given["target.credential"] = []
    if not given["selection.changes"]:
        given["selection.compared_with"] = []
    if given["part"] and given["part"][0] != Part.EVERYTHING:
        given["conflicts"] = []
    return Fields({name: values for name, values in given.items() if values and values != [_BY_DEFAULT.get(name)]})


def at(typed: Fields, **changed: str) -> str:
    """The query string of a state, with some fields otherwise."""
    given = {**typed.given, **{name: [value] for name, value in changed.items()}}
    return urlencode([(name, value) for name in _NAMES for value in given.get(name, ()) if value])


def hidden(typed: Fields, but: Sequence[Step]) -> list[tuple[str, str]]:
    """What a step's form sends of the other steps; ``but`` has those whose fields people see in it."""
    seen = {name for step, names in _OF_STEP.items() if step in but for name in names}
    return [(name, value) for name in _NAMES if name not in seen for value in typed.given.get(name, ())]


def settled(typed: Fields, share: Share) -> Fields:
    """With the name of the target: of the share itself, if that is where it goes."""
    if typed.text("to") != To.ORIGINAL:
        return typed
    return Fields({**typed.given, "target.share_name": [share.share_name]})


def body_of(typed: Fields) -> dict[str, Any]:
    """A state as the body of the API's dry run; what is missing or wrong there is for the API to say."""
    body = typed.nested("restore_point", "part", "target.share_name", "target.path", "selection.compared_with")
    target, selection = body.setdefault("target", {}), body.setdefault("selection", {})
    target |= {
        name: typed.text(f"target.{name}") for name in ("account_url", "credential") if typed.text(f"target.{name}")
    }
    if typed.flag("identity"):
        target["credential"] = ""
    target["create"] = not typed.flag("no_create")
    selection |= {
        "paths": typed.chosen("path"),
        "include": typed.lines("selection.include"),
        "exclude": typed.lines("selection.exclude"),
        "ignore_case": not typed.flag("match_case"),
        "extensions": [word for word in re.split(r"[,;\s]+", typed.text("selection.extensions")) if word],
        "changes": typed.chosen("selection.changes"),
    }
    for name in ("written_from", "written_before"):
        if text := typed.text(f"selection.{name}"):
            selection[name] = text if re.search(r"(Z|[+-]\d\d:?\d\d)$", text) else f"{text}Z"
    if typed.text("base"):
        body["path"] = typed.text("base")
    if typed.text("conflicts") and typed.text("part") in ("", Part.EVERYTHING):
        body["conflicts"] = typed.text("conflicts")
    body["undo"] = not typed.flag("no_undo")
    body["close_handles"] = typed.flag("close_handles")
    body["dry_run"] = True
    return body


def state_of(order: RestoreOrder, share: Share) -> Fields:
    """The opposite: what was chosen by somebody who has asked for this."""
    chosen = order.selection
    own_account = (order.account_url.rstrip("/").lower(), order.credential) == (
        share.account_url.rstrip("/").lower(),
        share.credential,
    )
    to = To.ACCOUNT
    if own_account:
        to = To.ORIGINAL if order.share_name == share.share_name else To.SHARE
    elsewhere = to is not To.ORIGINAL
    given: dict[str, list[str]] = {
        "restore_point": [str(order.restore_point)],
        "path": list(chosen.paths),
        "selection.include": ["\n".join(chosen.include)],
        "selection.exclude": ["\n".join(chosen.exclude)],
        "match_case": _box(not chosen.ignore_case),
        "selection.extensions": [" ".join(chosen.extensions)],
        "selection.written_from": [_moment(chosen.written_from)],
        "selection.written_before": [_moment(chosen.written_before)],
        "selection.changes": [str(change) for change in chosen.changes],
        "selection.compared_with": [str(chosen.compared_with or "")],
        "to": [to.value],
        "target.share_name": [order.share_name] if elsewhere else [],
        "no_create": _box(elsewhere and not order.create_share),
        "target.account_url": [order.account_url] if to is To.ACCOUNT else [],
        "identity": _box(to is To.ACCOUNT and not order.credential),
        "target.credential": [order.credential] if to is To.ACCOUNT else [],
        "target.path": [order.target_path],
        "base": [order.path],
        "part": [order.part.value],
        "conflicts": [order.conflicts.value],
        "no_undo": _box(not order.keeps_undo),
        "close_handles": _box(order.close_handles),
    }
    return tidy(Fields(given))


def ours(problem: Problem) -> Problem:
    """A problem that the API has with a body, about the fields that it was made of."""
    return problem.model_copy(
        update={"errors": [WrongField(field=_ours(one.field), expected=one.expected) for one in problem.errors]}
    )


def first_wrong(problem: Problem) -> Step | None:
    """The first step that has a field with which something is wrong; None: it is about none of them."""
    wrong = {
        name for error in problem.errors for name in _ALL if error.field == name or error.field.startswith(f"{name}.")
    }
    return next((step for step, names in _OF_STEP.items() if wrong.intersection(names)), None)


_OF_STEP: Final[Mapping[Step, Sequence[str]]] = {
    Step.WHAT: (*_WHAT, "open", "more", "step"),
    Step.WHERE: (*_WHERE, "step"),
    Step.HOW: (*_HOW, "step"),
    Step.REVIEW: ("step",),
}
_ALL: Final = (*_WHAT, *_WHERE, *_HOW)


def _ours(field: str) -> str:
    for theirs, name in _OURS.items():
        if field == theirs or (theirs == "selection.paths" and field.startswith(f"{theirs}.")):
            return name
    return field


def _values(typed: Fields, name: str) -> list[str]:
    if name in _MANY:
        return _once(typed.chosen(name))
    text = typed.text(name).replace("\r\n", "\n")
    return [text] if text else []


def _above(paths: Sequence[str]) -> list[str]:
    """The directories that the first paths are in, outermost first."""
    found = []
    for path in paths[:3]:
        names = path.split("/")[:-1]
        found += ["/".join(names[: index + 1]) for index in range(len(names))]
    return _once(found)


def _once(values: Any) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))


def _box(ticked: bool) -> list[str]:
    return ["true"] if ticked else []


def _moment(value: dt.datetime | None) -> str:
    return "" if value is None else value.astimezone(dt.UTC).replace(tzinfo=None).isoformat()
