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
    assert migrate(AFB_MIGRATE="auto") == "auto"
    assert migrate(AFB_MIGRATE="True") == migrate(AFB_MIGRATE="1") == "all"


def test_a_misspelled_setting_is_refused_by_name():
    with pytest.raises(InvalidInput, match=r"AFB_MIGRATE is 'post'; expected true, false, pre or auto"):
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


GIVEN = {"AFB_POSTGRES_URL": "postgresql://p", "AFB_VAULT_CONNECTION": "v"}


def test_telemetry_is_off_unless_somebody_is_to_be_told():
    found = Settings.from_env(GIVEN)
    assert (found.otlp_endpoint, found.application_insights, found.metrics_token) == ("", "", "")
    assert (found.log_level, found.log_format, found.trace_sample, found.metrics_per_share) == ("", "auto", 1.0, False)
    platform = GIVEN | {"APPLICATIONINSIGHTS_CONNECTION_STRING": "InstrumentationKey=x"}
    assert Settings.from_env(platform).application_insights == ""
    assert Settings.from_env(platform | {"AFB_APPLICATION_INSIGHTS": "true"}).application_insights


def test_the_standard_name_of_a_collector_will_do_and_ours_goes_before_it():
    standard = GIVEN | {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:4318/"}
    assert Settings.from_env(standard).otlp_endpoint == "http://a:4318"
    assert Settings.from_env(standard | {"AFB_OTLP_ENDPOINT": "https://b"}).otlp_endpoint == "https://b"
    headers = Settings.from_env(GIVEN | {"AFB_OTLP_HEADERS": "X-Key=a=b, other = c"}).otlp_headers
    assert headers == {"x-key": "a=b", "other": "c"}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("AFB_OTLP_ENDPOINT", "collector:4318", "an address such as"),
        ("AFB_OTLP_HEADERS", "hunter2", "expected name=value"),
        ("AFB_METRICS_TOKEN", "hunter2", "at least 32 random characters"),
        ("AFB_TRACE_SAMPLE", "2", "a number from 0 to 1"),
        ("AFB_LOG_LEVEL", "LOUD", "DEBUG, INFO, WARNING or ERROR"),
        ("AFB_LOG_FORMAT", "xml", "auto, json or text"),
        ("AFB_APPLICATION_INSIGHTS", "true", "a connection string"),
    ],
)
def test_a_setting_of_telemetry_that_cannot_be_used_is_named(name, value, expected):
    with pytest.raises(InvalidInput, match=expected) as refused:
        Settings.from_env(GIVEN | {name: value})
    assert "hunter2" not in str(refused.value)


def test_secrets_of_telemetry_are_kept_out_of_logs():
    found = Settings.from_env(GIVEN | {"AFB_METRICS_TOKEN": "t" * 32, "AFB_OTLP_HEADERS": "key=abcdefgh"})
    assert {"t" * 32, "abcdefgh"} <= set(found.secrets())
    assert "abcdefgh" not in repr(found)
    assert "t" * 32 not in repr(found)


SERVER = "postgresql://app@server.postgres.database.azure.com/afb"


@pytest.mark.parametrize(
    "url",
    [
        f"{SERVER}?sslmode=require",
        f"{SERVER}?sslmode=verify-full&sslrootcert=system",
        "postgresql://app@127.0.0.1:5432/afb",
        "postgres://a%20group@[::1]/afb",
    ],
)
def test_the_database_can_be_signed_in_to_as_an_identity(url):
    found = Settings.from_env(GIVEN | {"AFB_POSTGRES_URL": url, "AFB_POSTGRES_ENTRA": "true"})
    assert (found.postgres_url, found.postgres_entra) == (url, True)
    assert Settings.from_env(GIVEN).postgres_entra is False


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (SERVER, "expected one with sslmode=require, verify-ca or verify-full"),
        (f"{SERVER}?sslmode=prefer", "sslmode=require"),
        (f"{SERVER}?sslmode=require&sslmode=disable", "sslmode=require"),
        ("postgresql://app@127.0.0.1,server.example/afb", "sslmode=require"),
        ("postgresql://app@127.0.0.1/afb?host=server.example", "sslmode=require"),
        (SERVER.replace("app@", "app:hunter2@") + "?sslmode=require", "a URL without a password"),
        (f"{SERVER}?sslmode=require&password=hunter2", "a URL without a password"),
        (SERVER.replace("app@", ""), "with the identity's name"),
        ("host=server.example user=app sslmode=require password=hunter2", "a URL such as"),
        ("postgresql://app@[::1/afb", "a URL such as"),
    ],
)
@pytest.mark.parametrize("name", ["AFB_POSTGRES_URL", "AFB_API_POSTGRES_URL"])
def test_a_token_is_not_sent_where_others_could_read_it(name, url, expected):
    """Not in the clear, and not beside a password that somebody believes to be used."""
    good = GIVEN | {"AFB_POSTGRES_URL": f"{SERVER}?sslmode=require", "AFB_POSTGRES_ENTRA": "true"}
    with pytest.raises(InvalidInput, match=expected) as refused:
        Settings.from_env(good | {name: url})
    assert refused.value.field == name
    assert "hunter2" not in str(refused.value)


def test_the_tier_of_saved_content_is_one_that_can_be_read_at_once():
    def tier(value: str) -> str:
        return Settings.from_env(GIVEN | {"AFB_VAULT_CONTENT_TIER": value}).vault_content_tier

    assert (tier(""), tier("hot"), tier("Cool"), tier("cold")) == ("hot", "hot", "cool", "cold")
    with pytest.raises(InvalidInput, match=r"AFB_VAULT_CONTENT_TIER is 'archive'; expected hot, cool or cold"):
        tier("archive")
