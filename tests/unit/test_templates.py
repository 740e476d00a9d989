"""What holds of every template, whoever writes it."""

import re

import jinja2
import pytest

from http_api.rendering import _TEMPLATES
from localdev.services.service import ROOT

DIRECTORY = ROOT / "http_api" / "templates"
TEMPLATES = sorted(path.name for path in DIRECTORY.iterdir())
FORBIDDEN = {
    r"\sstyle=": "an inline style",
    r"\son[a-z]+=": "an inline handler",
    r"<script(?![^>]*\ssrc=)": "an inline script",
    r"<style": "an inline style sheet",
    r"hx-on|hx-vars|js:": "script in an attribute, which htmx would evaluate",
    r"\|\s*safe(?!\b.*paths)": "text that is not escaped",
    r"(?:src|href|action)=\"https?://": "another host",
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_nothing_in_a_template_is_against_the_policy_of_pages(name):
    text = (DIRECTORY / name).read_text()
    found = [what for pattern, what in FORBIDDEN.items() if re.search(pattern, text)]
    if name == "_ui.html":  # the icons' own paths
        found.remove("text that is not escaped")
    assert not found, f"{name} has {found}"


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_can_be_read(name):
    try:
        _TEMPLATES.get_template(name)
    except jinja2.TemplateSyntaxError as error:
        pytest.fail(f"{name}:{error.lineno}: {error.message}")


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name.startswith("_")])
def test_a_fragment_is_no_page(name):
    assert "<html" not in (DIRECTORY / name).read_text()
