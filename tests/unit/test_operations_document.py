"""docs/OPERATIONS.md and docs/BILLION.md name what is there: conditions, settings, metrics, tests, and places in other documents."""

import re
from dataclasses import fields

import pytest

from shared.model.alert import Condition
from shared.model.metric import METRICS
from shared.settings import Settings
from tests.support.nested import REPOSITORY

DOCS = REPOSITORY / "docs"
OPERATIONS, BILLION = ((DOCS / name).read_text(encoding="utf-8") for name in ("OPERATIONS.md", "BILLION.md"))


def test_every_condition_has_its_line_among_the_alerts():
    (section,) = re.findall(r"^## Alerts\n(.*?)^### ", OPERATIONS, re.DOTALL | re.MULTILINE)
    told = re.findall(r"^\| `(\w+)` \| [^|]+ \| [^|]+ \| [^|]+ \|$", section, re.MULTILINE)
    assert sorted(told) == sorted(Condition)


@pytest.mark.parametrize("text", [OPERATIONS, BILLION], ids=["operations", "billion"])
def test_every_setting_metric_and_test_that_is_named_exists(text):
    settings = {f"AFB_{field.name.upper()}" for field in fields(Settings)}
    named = {name for name in re.findall(r"AFB_[A-Z_]+", text) if not name.startswith("AFB_CREDENTIAL_")}
    assert named <= settings, named - settings
    assert set(re.findall(r"`(afb_\w+)`", text)) <= {metric.name for metric in METRICS}
    assert all((REPOSITORY / path).exists() for path in re.findall(r"`((?:tests|shared|orchestrators)/[\w/.]+)`", text))


@pytest.mark.parametrize("text", [OPERATIONS, BILLION], ids=["operations", "billion"])
def test_every_link_leads_somewhere(text):
    own = "OPERATIONS.md" if text is OPERATIONS else "BILLION.md"
    for target in re.findall(r"\]\(([^)]+)\)", text):
        path, _, place = target.partition("#")
        if path.startswith("http"):
            continue
        found = DOCS / (path or own)
        assert found.exists(), target
        headings = re.findall(r"^#+ (.*)$", found.read_text(encoding="utf-8"), re.MULTILINE)
        places = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert not place or place in places, target
