"""Secrets do not get into logs, whoever writes them."""

import io
import logging
import sys

import pytest

from shared.adapters import log_scrubbing
from shared.core.api_key import make_key
from shared.core.scrub import GONE, scrubbed

KEY = make_key("0123456789ab", b"k" * 32)
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
SIGNATURE = "d7Fz%2BQ1u3hXk%2Fw0aZ9y8v7u6t5s4r3q2p1o0nmlkjih%3D"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"Authorization: Bearer {KEY}", KEY[17:]),
        (f"the key {KEY} was used", KEY[17:]),
        (f"GET https://a.file.core.windows.net/s/f?sv=2024-11-04&sig={SIGNATURE}&se=2026", SIGNATURE),
        (f"url='https://a/?sig={SIGNATURE}'", SIGNATURE),
        (f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={ACCOUNT_KEY};EndpointSuffix=x", ACCOUNT_KEY),
        (f"BlobEndpoint=https://b;SharedAccessSignature=sv=2024&ss=b&sig={SIGNATURE}", SIGNATURE),
        (f"credential {ACCOUNT_KEY} is wrong", ACCOUNT_KEY),
        (f"{{'Authorization': 'SharedKey acc:{ACCOUNT_KEY}'}}", ACCOUNT_KEY),
        (f"authorization: Bearer {TOKEN}", TOKEN),
        (f"token {TOKEN} has expired", TOKEN),
        ("postgresql://app:s3cr3t-p%40ss@db.example:5432/catalogue", "s3cr3t-p%40ss"),
        ("postgres://app:pass@word@db/x", "pass@word"),
        ("connection failed: host=db password=hunter2hunter2 user=app", "hunter2hunter2"),
        ("https://app/?code=functionkey123", "functionkey123"),
        ("x-functions-key: functionkey123", "functionkey123"),
        ("GET /download/eJxLTEpOSU1Lz8jMys7Jz.c2lnbmF0dXJl HTTP/1.1", "eJxLTEpOSU1Lz8jMys7Jz.c2lnbmF0dXJl"),
        ('"x-ms-client-principal": "eyJhdXRoX3R5cCI6ImFhZCJ9"', "eyJhdXRoX3R5cCI6ImFhZCJ9"),
        ("Cookie: AppServiceAuthSession=abcdefgh", "abcdefgh"),
    ],
)
def test_what_looks_like_a_secret_is_taken_out(text, secret):
    clean = scrubbed(text)
    assert secret not in clean
    assert GONE in clean
    assert scrubbed(clean) == clean


@pytest.mark.parametrize(
    "text",
    [
        "connection string has no secret: expected AccountName and AccountKey, or SharedAccessSignature",
        '{"code": "tenant_pk", "status": 409}',
        "exit code: 5; 12 files of share 7 signed off",
        "https://host:8080/path/with@at",
        "segment 1f2d3c4b5a69788796a5b4c3d2e1f00f1f2d3c4b5a69788796a5b4c3d2e1f00f was written",
        "afb_0123456789ab_ is the key's id",
        "Bearer tokens are for programs",
    ],
)
def test_what_is_no_secret_stays(text):
    assert scrubbed(text) == text


def test_a_keys_id_is_left_so_that_one_knows_which_it_was():
    assert scrubbed(KEY) == f"afb_0123456789ab_{GONE}"


def test_known_secrets_are_taken_out_whatever_they_look_like():
    assert scrubbed("it is plainly-visible here", ["plainly-visible"]) == f"it is {GONE} here"


@pytest.fixture
def written(monkeypatch):
    """What a handler that was there before writes, with the scrubbing installed."""
    monkeypatch.setattr(logging.Logger, "handle", logging.Logger.handle)
    monkeypatch.setattr(log_scrubbing, "_known", frozenset())
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(fields)s", defaults={"fields": ""}))
    logger = logging.getLogger("azure.core.tests.of.scrubbing")
    logger.propagate = False
    logger.addHandler(handler)
    log_scrubbing.install(["a known secret", "short"])
    yield logger, stream
    logger.removeHandler(handler)


def test_every_record_of_every_logger_is_scrubbed(written):
    logger, stream = written
    logger.warning("asked with %s and %r", KEY, {"sig": SIGNATURE})
    logger.error("extra", extra={"fields": {"url": f"https://a/?sig={SIGNATURE}", "deep": [{"k": (ACCOUNT_KEY, 1)}]}})
    logger.error("a known secret is out")
    try:
        raise ValueError(f"AccountKey={ACCOUNT_KEY}") from OSError(f"Bearer {TOKEN}")
    except ValueError:
        logger.exception("it failed")
    text = stream.getvalue()
    for secret in (KEY[17:], SIGNATURE, ACCOUNT_KEY, TOKEN, "a known secret"):
        assert secret not in text
    assert text.count(GONE) >= 6
    assert "Traceback" in text


def test_records_that_hold_nothing_are_as_they_were(written):
    logger, stream = written
    logger.warning("run %d of %s", 7, "share")
    logger.warning("100 % sure", extra={"fields": 12})
    assert "run 7 of share" in stream.getvalue()
    assert "100 % sure 12" in stream.getvalue()
    error = OSError("nothing")
    record = logging.LogRecord("x", logging.INFO, "f", 1, "m", (), (type(error), error, None))
    record.size = 5
    log_scrubbing.scrub_record(record)
    assert record.size == 5


def test_a_formatter_that_makes_its_own_text_of_an_exception_finds_none_either():
    try:
        raise ValueError(f"AccountKey={ACCOUNT_KEY}")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "m", (), sys.exc_info())
    log_scrubbing.scrub_record(record)
    text = logging.Formatter().formatException(record.exc_info)
    assert ACCOUNT_KEY not in text
    assert "ValueError: AccountKey=[secret]" in text
    assert "Traceback" in text


def test_a_record_that_cannot_be_put_into_words_is_left_to_its_handler(written, capsys, monkeypatch):
    logger, _ = written
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logger.warning("one %s two %s", "only")
    assert sys.exc_info() == (None, None, None)


def test_installing_twice_is_installing_once(written):
    installed = logging.Logger.handle
    log_scrubbing.install()
    assert logging.Logger.handle is installed
