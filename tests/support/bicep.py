"""Bicep read by a grammar of it, as far as tests ask: no compiler is needed, and no types are known.

What a file says is given as plain Python: literals as themselves, objects as dicts, arrays as lists, and everything that has to be evaluated
as an :class:`Expression`, which is its text.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

ROOT = Path(__file__).resolve().parents[2]
BICEP = ROOT / "infra" / "bicep"

_PARSER = Parser(Language(tree_sitter_bicep.language()))
_ASSIGNED = re.compile(rb"^param (\w+) = ", re.MULTILINE)


class Expression(str):
    """Text of what is not a literal."""

    __slots__ = ()


@dataclass
class Declared:
    """Something with a name: a parameter, a variable, an output, a type, a resource or a module."""

    name: str
    node: Node = field(repr=False)
    decorators: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    """The type of a parameter or output; the type and version of a resource; the path of a module."""
    value: Any = None
    """The body, the default or what is assigned; of loops and conditional resources their body."""
    has_value: bool = False
    existing: bool = False
    inside: str = ""
    """Of a nested resource the names of those around it, with :: between."""

    @property
    def description(self) -> str:
        return self.decorators.get("description", "")

    @property
    def is_required(self) -> bool:
        """Of a parameter: whether whoever uses the module has to give it."""
        return not self.has_value and not self.text.endswith("?")


class File:
    """One file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.relative_to(BICEP).as_posix() if path.is_relative_to(BICEP) else path.name
        self.text = path.read_text(encoding="utf-8")
        source = path.read_bytes()
        if path.suffix == ".bicepparam":
            # The grammar knows parameters with types only; a variable is what is nearest, and as long.
            source = _ASSIGNED.sub(rb"var   \1 = ", source)
        self.root = _PARSER.parse(source).root_node
        self.kinds: dict[str, dict[str, Declared]] = {}
        self._read(self.root, "")

    def _of(self, kind: str) -> dict[str, Declared]:
        return self.kinds.get(kind, {})

    @property
    def params(self) -> dict[str, Declared]:
        return self._of("parameter")

    @property
    def variables(self) -> dict[str, Declared]:
        return self._of("variable")

    @property
    def outputs(self) -> dict[str, Declared]:
        return self._of("output")

    @property
    def types(self) -> dict[str, Declared]:
        return self._of("type")

    @property
    def resources(self) -> dict[str, Declared]:
        return self._of("resource")

    @property
    def modules(self) -> dict[str, Declared]:
        return self._of("module")

    @property
    def metadata(self) -> dict[str, Declared]:
        return self._of("metadata")

    def errors(self) -> list[str]:
        """Where the grammar does not know what it reads."""
        return [
            f"{self.name}:{node.start_point[0] + 1}: {said(node)[:60]!r}"
            for node in walk(self.root)
            if node.is_error or node.is_missing
        ]

    def expressions(self, *kinds: str) -> list[Node]:
        return [node for node in walk(self.root) if node.type in kinds]

    def _read(self, node: Node, inside: str) -> None:
        decorators: dict[str, Any] = {}
        for child in node.named_children:
            if child.type == "decorators":
                decorators = _decorators(child)
            elif child.type.endswith("_declaration"):
                kind = child.type.removesuffix("_declaration")
                declared = _declared(child, decorators, inside)
                self.kinds.setdefault(kind, {})[declared.name] = declared
                decorators = {}
                if kind == "resource":
                    for nested in _nested(child):
                        self._read_nested(nested, f"{inside}::{declared.name}" if inside else declared.name)
            elif child.type not in ("comment", "diagnostic_comment"):
                decorators = {}

    def _read_nested(self, node: Node, inside: str) -> None:
        declared = _declared(node, {}, inside)
        self.kinds.setdefault("resource", {})[declared.name] = declared
        for nested in _nested(node):
            self._read_nested(nested, f"{inside}::{declared.name}")


def files(pattern: str = "**/*.bicep") -> list[File]:
    """All files of ``infra/bicep`` by pattern, in order."""
    return [File(path) for path in sorted(BICEP.glob(pattern))]


def walk(node: Node) -> list[Node]:
    """A node and all that is in it."""
    found, left = [], [node]
    while left:
        found.append(node := left.pop())
        left.extend(reversed(node.children))
    return found


def said(node: Node) -> str:
    """The text of a node."""
    assert node.text is not None
    return node.text.decode()


def value_of(node: Node) -> Any:
    """What a node says, as Python."""
    match node.type:
        case "number":
            return int(said(node))
        case "boolean":
            return said(node) == "true"
        case "null":
            return None
        case "string":
            return _string(node)
        case "array":
            return [value_of(child) for child in node.named_children if child.type != "comment"]
        case "object":
            return dict(_properties(node))
        case "if_statement" | "for_statement":
            body = node.child_by_field_name("body") or node.named_children[-1]
            return value_of(body)
        case "parenthesized_expression" if node.named_child_count == 1:
            return value_of(node.named_children[0])
        case _:
            return Expression(said(node))


def _properties(node: Node) -> list[tuple[str, Any]]:
    found = []
    for child in node.named_children:
        if child.type != "object_property" or child.named_children[0].type == "resource_declaration":
            continue
        parts = [part for part in child.named_children if part.type != "comment"]
        key = parts[0]
        name = _string(key) if key.type == "string" else said(key).rstrip("?")
        found.append(
            (name, value_of(parts[1]) if len(parts) > 1 else Expression(said(child).partition(":")[2].strip()))
        )
    return found


def _string(node: Node) -> str:
    text = said(node)
    if any(child.type == "interpolation" for child in node.named_children):
        return Expression(text)
    if text.startswith("'''"):
        return text[3:-3]
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def _decorators(node: Node) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for call in (child for decorator in node.named_children for child in decorator.named_children):
        arguments = call.child_by_field_name("arguments")
        given = [value_of(child) for child in arguments.named_children] if arguments else []
        found[said(call.child_by_field_name("function"))] = given[0] if given else True
    return found


def _declared(node: Node, decorators: dict[str, Any], inside: str) -> Declared:
    parts = [child for child in node.named_children if child.type not in ("comment", "diagnostic_comment")]
    name, rest = said(parts[0]), parts[1:]
    assigned = any(child.type == "=" for child in node.children)
    found = Declared(name=name, node=node, decorators=decorators, inside=inside)
    if assigned and rest:
        found.has_value, found.value = True, value_of(rest[-1])
    if node.type in ("parameter_declaration", "output_declaration", "resource_declaration", "module_declaration"):
        text = said(rest[0])
        found.text = text[1:-1] if rest[0].type == "string" and node.type.startswith(("res", "mod")) else text
    found.existing = any(child.type == "existing" for child in node.children)
    return found


def _nested(node: Node) -> list[Node]:
    """Resources that are declared in the body of a resource."""
    bodies = [child for child in node.named_children if child.type in ("object", "if_statement", "for_statement")]
    return [
        resource
        for body in bodies
        for candidate in ([body] if body.type == "object" else [c for c in body.named_children if c.type == "object"])
        for prop in candidate.named_children
        if prop.type == "object_property"
        for resource in prop.named_children
        if resource.type == "resource_declaration"
    ]
