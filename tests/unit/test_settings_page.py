"""docs/SETTINGS.md is what the code says, and leaves nothing out."""

import json
import re
from dataclasses import fields

import pytest

from localdev.services.service import ROOT
from localdev.settings_page import ours
from localdev.settings_page.__main__ import PAGE, page
from shared.setting_forms import form_of, name_of
from shared.settings import CREDENTIAL_PREFIX, Settings

SHIPPED = ("shared", "activities", "orchestrators", "http_api", "worker", "cli", "localdev", "benchmarks")
OF_EVERY_PROGRAM = {"PATH", "HOME", "TMPDIR", "TZ", "LANG", "USER"}


def test_the_page_is_the_codes():
    assert PAGE.read_text(encoding="utf-8") == page(), "docs/SETTINGS.md is out of date: `make settings`"


def test_each_setting_is_there_once_with_all_that_is_said_of_it():
    told, text = ours.docstrings(), page()
    for field, form in ours.settings():
        assert told[field.name].endswith("."), field.name
        rows = re.findall(rf"^\| `{name_of(field)}` \| (.+?) \| (.+?) \| (.+?) \|$", text, re.MULTILINE)
        assert len(rows) == 1, field.name
        assert rows[0][0].startswith(form.expected)
    sections = [line for line in text.splitlines() if line.startswith("### ")]
    assert [f"### {name}" for name in ours.SECTIONS.values()] == sections[: len(ours.SECTIONS)]
    assert not [one.name for one in fields(Settings) if form_of(one) is None and name_of(one) in text]


def test_a_default_is_not_told_in_words_too():
    """Words would stay when the number changes."""
    assert not [name for name, text in ours.docstrings().items() if re.search(r"\bdefault\b", text, re.IGNORECASE)]


def test_what_is_secret_is_said_to_be_and_the_parser_does_not_show_it():
    secret = {field.name for field, _ in ours.settings() if ours.is_secret(field)}
    assert {"postgres_url", "vault_connection", "downloads_key", "otlp_headers", "metrics_token", "smtp_url"} <= secret
    for field, form in ours.settings():
        if field.name in secret:
            try:
                form.parse("hunter2")
            except ValueError:
                assert "hunter2" not in form.was("hunter2"), field.name


READ = re.compile(r'\benv(?:iron)?(?:\.get|\.setdefault|\.pop)?[\[(]\s*"(\w+)"')
"""What is asked of something that is called an environment."""


def test_every_variable_that_a_program_reads_is_on_the_page():
    text, read = page(), set()
    for directory in SHIPPED:
        for path in (ROOT / directory).rglob("*.py"):
            read |= set(READ.findall(path.read_text(encoding="utf-8")))
    assert {"AFB_URL", "WEBSITE_SITE_NAME", "CHROMIUM"} <= read, "this test reads nothing"
    assert not [name for name in sorted(read - OF_EVERY_PROGRAM) if f"`{name}`" not in text]


@pytest.mark.parametrize("document", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_every_setting_that_a_document_names_exists(document):
    """The app's, or a deployment's."""
    told = [
        page(),
        *(path.read_text(encoding="utf-8") for path in (ROOT / "infra" / "bicep").rglob("*.*") if path.is_file()),
    ]
    known = {name for text in told for name in re.findall(r"AFB_[A-Z_]+", text)}
    for name in set(re.findall(r"AFB_[A-Z_]+", document.read_text(encoding="utf-8"))) - known:
        assert name.startswith(CREDENTIAL_PREFIX) or (
            name.endswith("_") and any(one.startswith(name) for one in known)
        ), name


def test_the_example_for_func_start_sets_what_there_is_and_the_app_takes_it():
    values = json.loads((ROOT / "local.settings.json.example").read_text(encoding="utf-8"))["Values"]
    text = page()
    for name in values:
        assert f"`{name}`" in text or name.startswith((CREDENTIAL_PREFIX, "AzureWebJobs")), name
    found = Settings.from_env(values)
    assert found.local_sign_in
    assert found.migrate == "all"
    assert found.credentials.keys() == {"DEVSTORE"}
