"""Address and key are kept for their owner only, and go nowhere else."""

import json
import stat

import pytest

from cli import config
from cli.config import Config
from cli.errors import DENIED, CliError

URL = "https://backup.contoso.com"


@pytest.fixture
def environ(tmp_path):
    return {"AFB_CONFIG": str(tmp_path / "deep" / "config.json")}


def test_what_is_saved_is_loaded_and_nobody_else_may_read_it(environ):
    path = config.save(environ, Config(URL, "afb_secret", "contoso"))
    assert config.load(environ) == Config(URL, "afb_secret", "contoso")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    config.save(environ, Config(URL, "afb_another", ""))
    assert config.load(environ).key == "afb_another"
    assert [file.name for file in path.parent.iterdir()] == ["config.json"]


def test_the_environment_goes_before_the_file(environ):
    config.save(environ, Config(URL, "afb_secret", "contoso"))
    assert config.load(environ | {"AFB_API_KEY": "afb_x", "AFB_TENANT": "t"}) == Config(URL, "afb_x", "t")


def test_the_files_key_is_not_sent_to_another_address(environ):
    config.save(environ, Config(URL, "afb_secret", ""))
    assert config.load(environ | {"AFB_URL": "https://elsewhere.example"}).key == ""
    assert config.load(environ | {"AFB_URL": URL + "/"}).key == "afb_secret"


def test_whoever_has_not_signed_in_is_told_how(environ):
    with pytest.raises(CliError, match="not signed in") as refused:
        config.load(environ)
    assert refused.value.code == DENIED
    assert "afb login" in refused.value.hint


@pytest.mark.parametrize("url", ["backup.contoso.com", "ftp://x", "http://backup.contoso.com", "https://"])
def test_an_address_that_is_none_or_would_show_the_key_is_refused(environ, url):
    with pytest.raises(CliError, match="expected"):
        config.load(environ | {"AFB_URL": url})


def test_a_file_that_cannot_be_read_is_named(environ):
    path = config.save(environ, Config(URL, "", ""))
    path.write_text("{", encoding="utf-8")
    with pytest.raises(CliError, match=r"config\.json cannot be read"):
        config.load(environ)
    path.write_text(json.dumps({"version": 2}), encoding="utf-8")
    with pytest.raises(CliError, match="another version"):
        config.load(environ)


def test_a_key_is_in_no_repr():
    assert "secret" not in repr(Config(URL, "afb_secret"))


def test_forgetting_leaves_nothing(environ):
    path = config.save(environ, Config(URL, "afb_secret", ""))
    assert config.forget(environ) is True
    assert not path.exists()
    assert config.forget(environ) is False
