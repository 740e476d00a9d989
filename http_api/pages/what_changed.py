"""What is different between two states of a node, value by value. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from http_api.models.nodes import Node


@dataclass(frozen=True, slots=True)
class Fact:
    """One value before and after; empty texts are values that are not there."""

    label: str
    before: str
    after: str
    form: str = "text"
    """``text``, ``size`` or ``time``: how it is written."""


_READ: Final[tuple[tuple[str, str, Callable[[Node], str]], ...]] = (
    ("Name", "text", lambda n: n.name),
    ("Size", "size", lambda n: "" if n.size is None else str(n.size)),
    ("Created", "time", lambda n: n.created),
    ("Written", "time", lambda n: n.written),
    ("Attributes", "text", lambda n: ", ".join(one.lower().replace("_", " ") for one in n.attributes or ())),
    ("Owner", "text", lambda n: str(n.posix.owner) if n.posix else ""),
    ("Group", "text", lambda n: str(n.posix.group) if n.posix else ""),
    ("Mode", "text", lambda n: n.posix.mode if n.posix else ""),
    ("Links to", "text", lambda n: n.links_to or ""),
    ("Content type", "text", lambda n: n.content_type or ""),
    ("State", "text", lambda n: n.state),
)


def facts(before: Node | None, after: Node | None) -> list[Fact]:
    """The values that differ; none if there is only one state."""
    if before is None or after is None:
        return []
    found = [Fact(label, read(before), read(after), form) for label, form, read in _READ]
    found += [
        Fact(f"Metadata {name}", before.metadata.get(name, ""), after.metadata.get(name, ""))
        for name in sorted({*before.metadata, *after.metadata})
    ]
    return [fact for fact in found if fact.before != fact.after]
