"""docs/SECURITY.md says what the code does."""

import re
from pathlib import Path

from shared.core.access import ALLOWED
from shared.model.access import Action, Role

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "SECURITY.md").read_text(encoding="utf-8")


def table() -> str:
    """The table of roles as the document prints it."""
    head = "| action | " + " | ".join(role.value.replace("_", " ") for role in Role) + " |"
    lines = [head, "|---" * (len(Role) + 1) + "|"]
    lines += [
        f"| `{action}` | " + " | ".join("yes" if role in ALLOWED[action] else "" for role in Role) + " |"
        for action in Action
    ]
    return "\n".join(lines)


def test_the_table_of_roles_is_the_codes():
    (printed,) = re.findall(r"<!-- roles -->\n(.*?)\n?<!-- /roles -->", TEXT, re.DOTALL)
    assert printed == table(), f"between the comments should be:\n{table()}"


def test_every_test_that_the_document_names_exists():
    tests = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")}
    for row in re.findall(r"^\|.*\| (.*) \|$", TEXT, re.MULTILINE):
        module = ""
        for name in re.findall(r"`([^`]+)`", row):
            if not re.match(r"test_\w+\.py|\.\.\._", name):
                continue
            part = name.partition("::")
            module = part[0] if part[0].endswith(".py") else module
            assert module in tests, name
            function = part[2] or (name if name.startswith("..._") else "")
            wanted = function.removeprefix("..._").removesuffix("...")
            assert wanted in tests[module], name
