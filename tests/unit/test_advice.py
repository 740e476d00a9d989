"""Every line of the journal says what to do."""

import re
from pathlib import Path

import pytest

from shared.adapters import translate
from shared.core.advice import advice

USECASES = Path(__file__).resolve().parents[2] / "shared" / "usecases"
KINDS = sorted(
    {
        kind
        for path in USECASES.glob("*.py")
        for kind in re.findall(r'(?:omplain|tell)\(\s*"([a-z_]+)"', path.read_text())
    }
    | {kind for path in USECASES.glob("*.py") for kind in re.findall(r'kind="([a-z_]+)"', path.read_text())}
    | {"stale", "unreadable"}
)


def test_the_kinds_were_found():
    assert {"damaged", "not_listed", "not_restored", "permission_lost", "too_many_files"} <= set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_is_without_advice(kind):
    assert advice(kind, "whatever it was")


def test_what_the_service_said_goes_before_the_kind():
    refused = translate.Refusal(409, "SharingViolation", "The specified resource may be in use by an SMB client.")
    said = str(translate.error_of(refused, "read 'a'"))
    assert "close it there" in advice("unreadable", said)
    assert "too busy" in advice("unreadable", str(translate.error_of(translate.Refusal(503, "ServerBusy"), "read")))
    assert "too busy" in advice("not_restored", str(translate.no_answer(TimeoutError(), "read")))


def test_a_word_that_only_looks_like_a_code_decides_nothing():
    assert advice("unreadable", "My SharingViolations.docx") == advice("unreadable", "")
