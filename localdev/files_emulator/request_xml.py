"""XML that a client sends: read against a description of what it may say, and refused naming the node at fault."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from localdev.files_emulator.errors import ServiceError, printable

_MAX_BODY_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Node:
    """What an element may hold: a text that ``check`` accepts, or ``children``; and how often it may be there.

    ``needs`` names children that must be there if this one's ``Enabled`` is true.
    """

    check: Callable[[str], bool] | None = None
    children: Mapping[str, "Node"] = field(default_factory=dict)
    required: bool = False
    most: int = 1
    needs: tuple[str, ...] = ()


def parse(body: bytes, tag: str) -> Element:
    """Return the root of ``body``, which must be called ``tag``.

    :raises ServiceError: InvalidXmlDocument.
    """
    # No document types, in UTF-16 neither: entities could make little input much.
    if len(body) > _MAX_BODY_BYTES or b"<!" in body.replace(b"\0", b""):
        raise ServiceError("InvalidXmlDocument")
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - refused above if it could expand
    except (ElementTree.ParseError, LookupError, ValueError):
        raise ServiceError("InvalidXmlDocument") from None
    if root.tag != tag:
        raise ServiceError("InvalidXmlDocument", XmlNodeName=printable(root.tag))
    return root


def checked(element: Element, node: Node) -> str:
    """Return ``element`` as text, its children in the order in which ``node`` has them.

    :raises ServiceError: UnsupportedXmlNode, MissingRequiredXmlNode, InvalidXmlNodeValue or InvalidXmlDocument.
    """
    if node.check is not None:
        text = (element.text or "").strip()
        if len(element):
            raise ServiceError("UnsupportedXmlNode", XmlNodeName=printable(element[0].tag))
        if not node.check(text):
            raise bad_node(element.tag, text)
        return f"<{element.tag}>{escape(text)}</{element.tag}>" if text else f"<{element.tag} />"
    by_tag: dict[str, list[Element]] = {}
    for child in element:
        if child.tag not in node.children:
            raise ServiceError("UnsupportedXmlNode", XmlNodeName=printable(child.tag))
        by_tag.setdefault(child.tag, []).append(child)
    is_enabled = (element.findtext("Enabled") or "").strip().lower() == "true"
    inner = ""
    for tag, below in node.children.items():
        found = by_tag.get(tag, [])
        if not found and (below.required or (is_enabled and tag in node.needs)):
            raise ServiceError("MissingRequiredXmlNode", XmlNodeName=tag)
        if len(found) > below.most:
            raise ServiceError("InvalidXmlDocument", XmlNodeName=tag)
        inner += "".join(checked(child, below) for child in found)
    return f"<{element.tag}>{inner}</{element.tag}>" if inner else f"<{element.tag} />"


def bad_node(name: str, text: str) -> ServiceError:
    """Return the refusal of what one element says."""
    return ServiceError("InvalidXmlNodeValue", XmlNodeName=name, XmlNodeValue=printable(text))


def is_flag(text: str) -> bool:
    """Accept true and false."""
    return text.lower() in ("true", "false")


def is_number(low: int, high: int) -> Callable[[str], bool]:
    """Return a check for whole numbers within bounds."""
    return lambda text: text.isascii() and text.isdigit() and len(text) < 12 and low <= int(text) <= high


def is_list(
    most: int, words: tuple[str, ...] = (), *, separator: str = ",", may_be_empty: bool = False
) -> Callable[[str], bool]:
    """Return a check for up to ``most`` entries of up to 256 characters, of ``words`` if there are any."""

    def check(text: str) -> bool:
        entries = [entry.strip() for entry in text.split(separator)] if text else []
        known = all(entry in words for entry in entries) if words else all(0 < len(entry) <= 256 for entry in entries)
        return known and len(entries) <= most and (may_be_empty or bool(entries))

    return check
