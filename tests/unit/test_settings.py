"""Settings that are more than a text or a number."""

import pytest

from shared.errors import InvalidInput
from shared.model.run import Driver
from shared.settings import Settings


def migrate(**env: str) -> str:
    return Settings.from_env({"AFB_POSTGRES_URL": "postgresql://p", "AFB_VAULT_CONNECTION": "v", **env}).migrate


def test_migrations_run_at_start_only_when_asked_to():
    assert migrate() == migrate(AFB_MIGRATE="false") == migrate(AFB_MIGRATE="0") == "no"
    assert migrate(AFB_MIGRATE="pre") == "pre"
    assert migrate(AFB_MIGRATE="True") == migrate(AFB_MIGRATE="1") == "all"


def test_a_misspelled_setting_is_refused_by_name():
    with pytest.raises(InvalidInput, match=r"AFB_MIGRATE is 'post'; expected true, false or pre"):
        migrate(AFB_MIGRATE="post")


def test_content_is_checked_unless_somebody_says_not_to():
    def checks(**env: str) -> bool:
        return Settings.from_env({"AFB_POSTGRES_URL": "postgresql://p", "AFB_VAULT_CONNECTION": "v", **env}).content_md5

    assert checks() is True
    assert checks(AFB_CONTENT_MD5="False") is False
    assert checks(AFB_CONTENT_MD5="1") is True
    with pytest.raises(InvalidInput, match=r"AFB_CONTENT_MD5 is 'no'; expected true or false"):
        checks(AFB_CONTENT_MD5="no")


def test_who_drives_is_durable_unless_said_otherwise():
    given = {"AFB_POSTGRES_URL": "postgresql://p", "AFB_VAULT_CONNECTION": "v"}
    assert Settings.from_env(given).driver is Driver.DURABLE
    assert Settings.from_env(given | {"AFB_DRIVER": "workers"}).driver is Driver.WORKERS
    with pytest.raises(InvalidInput, match="AFB_DRIVER is 'pods'; expected durable or workers"):
        Settings.from_env(given | {"AFB_DRIVER": "pods"})


@pytest.mark.parametrize("env", [{"AFB_DOWNLOADS_URL": "https://d.example"}, {"AFB_DOWNLOADS_KEY": "short secret"}])
def test_links_for_downloads_are_not_signed_with_a_weak_key_and_it_is_not_told(env):
    given = {"AFB_POSTGRES_URL": "postgresql://p", "AFB_VAULT_CONNECTION": "v"}
    with pytest.raises(InvalidInput, match="AFB_DOWNLOADS_KEY is missing or too short") as refused:
        Settings.from_env(given | env)
    assert "short secret" not in str(refused.value)
    strong = {"AFB_DOWNLOADS_URL": "https://d.example/", "AFB_DOWNLOADS_KEY": "k" * 32}
    assert Settings.from_env(given | strong).downloads_url == "https://d.example"
    assert "kkk" not in repr(Settings.from_env(given | strong))
