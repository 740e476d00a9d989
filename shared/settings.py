"""Configuration: one frozen object, parsed once, complete or refused. The only reader of the environment."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit

from shared.errors import InvalidInput
from shared.model.run import Driver

CREDENTIAL_PREFIX: Final = "AFB_CREDENTIAL_"
_OBJECT_ID: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_TLS: Final = ("require", "verify-ca", "verify-full")
"""What libpq calls connections that are encrypted or not made at all."""
_ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The app's settings. Each field's name in upper case with ``AFB_`` before it is the setting's name."""

    postgres_url: str = field(repr=False)
    """libpq URL of the catalogue's database. No default: there is nothing to do without it."""
    postgres_entra: bool = False
    """Sign in to the database as the identity of this process: each new connection's password is a token of Entra ID. The user of
    ``postgres_url`` is then the name of the identity, there is no password in it, and it demands TLS (``sslmode=require`` at least;
    ``verify-full`` with ``sslrootcert`` also tells the server from others). The user of ``api_postgres_url`` is another role for
    the same token. Default off."""
    vault_connection: str = field(default="", repr=False)
    """Connection string of the storage account of the vault. Either this or ``vault_account_url``."""
    vault_account_url: str = ""
    """Blob endpoint of the vault's storage account, reached with managed identity."""
    vault_content_tier: Literal["hot", "cool", "cold"] = "hot"
    """Access tier that bundles and chunks are written in, which is nearly all that is stored. Manifests and everything else that is
    read often is written in the account's own tier. ``cool`` is meant to stay for 30 days, ``cold`` for 90, and reading them costs. Default hot."""
    journal_connection: str = field(default="", repr=False)
    """Connection string of the storage account of the journal. Default: the vault's."""
    journal_account_url: str = ""
    """Table endpoint of the journal's storage account, reached with managed identity."""
    local_files_account_url: str = ""
    """Address offered as the default account of a new share on a developer's machine. Default: none."""
    migrate: Literal["no", "pre", "auto", "all"] = "no"
    """Bring the database's schema up to date at start: ``pre`` while the release before it may still run, ``true`` (all) when
    it does not: the steps are those of shared/db/migrate.py. ``auto``, for Azure: ``pre`` at start, and the rest as soon as no
    program of the release before is connected to the database. Default off: somebody else does it."""
    driver: Driver = Driver.DURABLE
    """Who opens and closes the runs that this app queues: ``durable``, or ``workers`` (``python -m worker``), which then must be
    running. Default durable."""
    width: int = 4
    """Activities of one run side by side, 1 to 100. Default 4: two per core of a 2 GB instance keep it busy."""
    activity_seconds: float = 30.0
    """How long one activity goes on claiming work. Default 30: runs that share the workers take turns that often."""
    lease_seconds: float = 60.0
    """After this long without a sign of life a worker's claim may be taken over. Default 60."""
    content_md5: bool = True
    """Have the service compute an MD5 of the content it sends, and compare it with what arrives. Default on: 2 us of processor time
    per KiB, 10 to 20 us for a file of 8 KiB. TLS sees damage on the wire without it; this sees what happens before TLS, too."""
    downloads_url: str = ""
    """Address of ``python -m worker.downloads`` as those see it who download. Default: none; then the app hands out what fits an
    answer of its own, and large files in parts."""
    downloads_key: str = field(default="", repr=False)
    """Secret of at least 32 characters that the app and the download server share: links are signed with it."""
    runs_at_once: int = 64
    """Runs at work at the same time, over all tenants; others wait for their turn (docs/OPERATIONS.md). Default 64. 0: any number."""
    purge_grace_days: int = 30
    """How many days a share or a tenant that is deleted can be brought back before it may be purged. Of those that are deleted from then on: a date
    that was given stays. Default 30. 0: it may be purged at once."""
    smtp_url: str = field(default="", repr=False)
    """Mail server for alerts: ``smtps://user:password@host``, or ``smtp://`` with STARTTLS. Default: none, and no mail."""
    mail_from: str = ""
    """Address that mail comes from; needed with ``smtp_url``."""
    private_webhooks: bool = False
    """Post webhooks to addresses that are not public, and to this machine by http. For development: a tenant could reach with it what
    only the app should."""
    log_level: Literal["", "DEBUG", "INFO", "WARNING", "ERROR"] = ""
    """From which level on log lines are written. Default: INFO; in the Functions app what its host says."""
    log_format: Literal["auto", "json", "text"] = "auto"
    """``json``, a line of JSON for each event, or ``text``, for people. Default auto: text on a terminal, JSON elsewhere."""
    otlp_endpoint: str = ""
    """Where spans and metrics are sent as OTLP over HTTP (protobuf), such as ``http://collector:4318``. Default: nowhere. Falls back to
    the standard ``OTEL_EXPORTER_OTLP_ENDPOINT``."""
    otlp_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Headers to send along, ``name=value`` with commas between: the key of a telemetry service, as a rule."""
    application_insights: str = field(default="", repr=False)
    """Connection string of Application Insights, if spans and metrics are to be sent there directly: the value of
    ``APPLICATIONINSIGHTS_CONNECTION_STRING``, which the platform sets for its own telemetry, when ``AFB_APPLICATION_INSIGHTS`` is true."""
    trace_sample: float = 1.0
    """Part of all traces that is told, 0 to 1. Of a run all of it or nothing. Default 1: there is a span for a batch, not for a file."""
    metrics_token: str = field(default="", repr=False)
    """Secret of at least 32 characters by which ``GET /metrics`` may be read. Default: none, and it may not be read by token."""
    metrics_per_share: bool = False
    """Whether ``/metrics`` shows age, files, bytes and work left of each share: four lines per share. Default off: with 10,000 shares that
    are 40,000 series."""
    api_postgres_url: str = field(default="", repr=False)
    """URL of the same database with a login that owns nothing there and may take on the roles afb_api and afb_platform, for what the API
    asks on behalf of others (docs/SECURITY.md). Default: that of ``postgres_url``."""
    entra_sign_in: bool = False
    """Believe who App Service authentication says is asking. Only where it is on, which the platform tells the process. Default off."""
    entra_tenant_id: str = ""
    """The Entra tenant whose people these are; those of any other are nobody. Needed by ``entra_sign_in``."""
    first_admin: str = ""
    """Object id, in that tenant, of a person or a group that is platform admin without being entered as a member: somebody has to be the
    first. Default: none."""
    api_keys: bool = True
    """Accept API keys. Default on: there are none before somebody makes one."""
    local_sign_in: bool = False
    """Whoever asks from this machine is a platform admin. For development; refused in Azure. Default off."""
    public_origin: str = ""
    """``https://backup.example.com``, if browsers see the app under another address than its own. Default: none."""
    requests_per_s: float = 50.0
    """Requests to the API that each person and each key may make a second, after a burst of as many as in 10 s; 0: any. Default 50."""
    tenant_requests_per_s: float = 200.0
    """The same of a tenant, whoever asks. Default 200."""
    in_azure: bool = False
    """Whether this process runs in App Service or Functions in Azure: WEBSITE_SITE_NAME, which the platform sets."""
    platform_authenticates: bool = False
    """Whether App Service authentication stands before the app: WEBSITE_AUTH_ENABLED, which the platform sets. Only then it takes the
    headers that name people out of what clients send."""
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Secrets by credential name, from ``AFB_CREDENTIAL_<NAME>``: an account key or a SAS. Names compare in upper case."""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Parse ``env``.

        :raises InvalidInput: a setting is missing or malformed; the message names it and says what was expected.
        """
        postgres_url = env.get("AFB_POSTGRES_URL", "")
        if not postgres_url:
            raise _invalid("AFB_POSTGRES_URL", postgres_url, "the URL of the catalogue's Postgres database")
        vault, vault_url = env.get("AFB_VAULT_CONNECTION", ""), env.get("AFB_VAULT_ACCOUNT_URL", "")
        if bool(vault) == bool(vault_url):
            raise _invalid("AFB_VAULT_CONNECTION", "", "either it or AFB_VAULT_ACCOUNT_URL, not both")
        journal, journal_url = env.get("AFB_JOURNAL_CONNECTION", ""), env.get("AFB_JOURNAL_ACCOUNT_URL", "")
        if not journal and not journal_url and not vault:
            raise _invalid("AFB_JOURNAL_ACCOUNT_URL", "", "the table endpoint of the journal's storage account")
        postgres_entra = _flag(env, "AFB_POSTGRES_ENTRA", default=False)
        if postgres_entra:
            for name in ("AFB_POSTGRES_URL", "AFB_API_POSTGRES_URL"):
                _check_for_tokens(name, env.get(name, ""))
        return cls(
            postgres_url=postgres_url,
            postgres_entra=postgres_entra,
            vault_connection=vault,
            vault_account_url=vault_url,
            vault_content_tier=_tier(env),
            journal_connection=journal or ("" if journal_url else vault),
            journal_account_url=journal_url,
            local_files_account_url=env.get("AFB_LOCAL_FILES_ACCOUNT_URL", ""),
            migrate=_migrate(env),
            driver=_driver(env),
            width=int(_number(env, "AFB_WIDTH", 4, 1, 100)),
            activity_seconds=_number(env, "AFB_ACTIVITY_SECONDS", 30, 1, 3600),
            lease_seconds=_number(env, "AFB_LEASE_SECONDS", 60, 1, 3600),
            content_md5=_flag(env, "AFB_CONTENT_MD5", default=True),
            downloads_url=env.get("AFB_DOWNLOADS_URL", "").rstrip("/"),
            downloads_key=_downloads_key(env),
            runs_at_once=int(_number(env, "AFB_RUNS_AT_ONCE", 64, 0, 100_000)),
            purge_grace_days=int(_number(env, "AFB_PURGE_GRACE_DAYS", 30, 0, 3_650)),
            smtp_url=env.get("AFB_SMTP_URL", ""),
            mail_from=_mail_from(env),
            private_webhooks=_flag(env, "AFB_PRIVATE_WEBHOOKS", default=False),
            log_level=_log_level(env),
            log_format=_log_format(env),
            otlp_endpoint=_otlp_endpoint(env),
            otlp_headers=_otlp_headers(env),
            application_insights=_application_insights(env),
            trace_sample=_number(env, "AFB_TRACE_SAMPLE", 1, 0, 1),
            metrics_token=_secret(env, "AFB_METRICS_TOKEN", needed=False),
            metrics_per_share=_flag(env, "AFB_METRICS_PER_SHARE", default=False),
            api_postgres_url=env.get("AFB_API_POSTGRES_URL", ""),
            entra_sign_in=_flag(env, "AFB_ENTRA_SIGN_IN", default=False),
            entra_tenant_id=_object_id(
                env, "AFB_ENTRA_TENANT_ID", needed=_flag(env, "AFB_ENTRA_SIGN_IN", default=False)
            ),
            first_admin=_object_id(env, "AFB_FIRST_ADMIN"),
            api_keys=_flag(env, "AFB_API_KEYS", default=True),
            local_sign_in=_local_sign_in(env),
            public_origin=_origin(env),
            requests_per_s=_number(env, "AFB_REQUESTS_PER_S", 50, 0, 100_000),
            tenant_requests_per_s=_number(env, "AFB_TENANT_REQUESTS_PER_S", 200, 0, 1_000_000),
            in_azure=_in_azure(env),
            platform_authenticates=_in_azure(env) and env.get("WEBSITE_AUTH_ENABLED", "").lower() == "true",
            credentials={
                name.removeprefix(CREDENTIAL_PREFIX).upper(): value
                for name, value in env.items()
                if name.startswith(CREDENTIAL_PREFIX) and value
            },
        )

    def secrets(self) -> list[str]:
        """All that is secret in here, for whoever keeps it out of logs."""
        found = [self.downloads_key, self.metrics_token, *self.otlp_headers.values(), *self.credentials.values()]
        for url in (self.postgres_url, self.api_postgres_url):
            password = urlsplit(url).password
            found += [password, unquote(password)] if password else []
        for connection in (self.vault_connection, self.journal_connection):
            parts = dict(part.partition("=")[::2] for part in connection.split(";"))
            found += [value for name, value in parts.items() if name.lower() in ("accountkey", "sharedaccesssignature")]
        return [secret for secret in found if secret]


def in_azure() -> bool:
    """Whether this process runs there, also if its settings are not complete."""
    return _in_azure(os.environ)  # noqa: TID251 - the one place


def from_process() -> Settings:
    """The settings of this process."""
    return Settings.from_env(os.environ)  # noqa: TID251 - the one place


def _invalid(name: str, value: str, expected: str) -> InvalidInput:
    was = f"{value!r}" if value else "not set"
    return InvalidInput(f"setting {name} is {was}; expected {expected}", field=name)


def _check_for_tokens(name: str, url: str) -> None:
    """Refuse a URL by which no token should be sent: whoever reads it is this process to the database for an hour.

    :raises InvalidInput: the message does not show the URL, which may have a password.
    """
    if not url:
        return
    try:
        parts, query = urlsplit(url), parse_qs(urlsplit(url).query)
        here = parts.hostname in _LOOPBACK and "," not in parts.netloc and not query.keys() & {"host", "hostaddr"}
    except ValueError:
        parts, query, here = urlsplit(""), {}, False
    expected = ""
    if parts.scheme not in ("postgresql", "postgres") or not parts.username:
        expected = "a URL such as postgresql://app@server.postgres.database.azure.com/afb?sslmode=require, with the identity's name"
    elif parts.password or "password" in query:
        expected = "a URL without a password"
    elif not here and query.get("sslmode", [""])[-1] not in _TLS:
        expected = f"one with sslmode={', '.join(_TLS[:-1])} or {_TLS[-1]}"
    if expected:
        raise InvalidInput(f"setting {name} does not go with AFB_POSTGRES_ENTRA; expected {expected}", field=name)


def _migrate(env: Mapping[str, str]) -> Literal["no", "pre", "auto", "all"]:
    match env.get("AFB_MIGRATE", "").lower():
        case "" | "0" | "false":
            return "no"
        case "1" | "true":
            return "all"
        case "pre" | "auto" as way:
            return way
        case other:
            raise _invalid("AFB_MIGRATE", other, "true, false, pre or auto")


def _tier(env: Mapping[str, str]) -> Literal["hot", "cool", "cold"]:
    match env.get("AFB_VAULT_CONTENT_TIER", "").lower() or "hot":
        case "hot" | "cool" | "cold" as tier:
            return tier
        case other:
            raise _invalid("AFB_VAULT_CONTENT_TIER", other, "hot, cool or cold")


def _driver(env: Mapping[str, str]) -> Driver:
    value = env.get("AFB_DRIVER", "")
    try:
        return Driver(value) if value else Driver.DURABLE
    except ValueError:
        raise _invalid("AFB_DRIVER", value, " or ".join(Driver)) from None


def _downloads_key(env: Mapping[str, str]) -> str:
    return _secret(env, "AFB_DOWNLOADS_KEY", needed=bool(env.get("AFB_DOWNLOADS_URL")))


def _secret(env: Mapping[str, str], name: str, *, needed: bool) -> str:
    key = env.get(name, "")
    if len(key) < 32 and (key or needed):  # its value is not for a message
        raise InvalidInput(
            f"setting {name} is missing or too short; expected at least 32 random characters", field=name
        )
    return key


def _mail_from(env: Mapping[str, str]) -> str:
    address = env.get("AFB_MAIL_FROM", "")
    if (env.get("AFB_SMTP_URL") or address) and not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", address):
        raise _invalid("AFB_MAIL_FROM", address, "the address that mail comes from, such as backup@example.com")
    return address


def _log_level(env: Mapping[str, str]) -> Literal["", "DEBUG", "INFO", "WARNING", "ERROR"]:
    match env.get("AFB_LOG_LEVEL", "").upper():
        case "" | "DEBUG" | "INFO" | "WARNING" | "ERROR" as level:
            return level
        case other:
            raise _invalid("AFB_LOG_LEVEL", other, "DEBUG, INFO, WARNING or ERROR")


def _log_format(env: Mapping[str, str]) -> Literal["auto", "json", "text"]:
    match env.get("AFB_LOG_FORMAT", "").lower() or "auto":
        case "auto" | "json" | "text" as form:
            return form
        case other:
            raise _invalid("AFB_LOG_FORMAT", other, "auto, json or text")


def _otlp_endpoint(env: Mapping[str, str]) -> str:
    name = "AFB_OTLP_ENDPOINT" if env.get("AFB_OTLP_ENDPOINT") else "OTEL_EXPORTER_OTLP_ENDPOINT"
    url = env.get(name, "")
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query):
        raise _invalid(name, url.split("?")[0], "an address such as http://collector:4318")
    return url.rstrip("/")


def _otlp_headers(env: Mapping[str, str]) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in env.get("AFB_OTLP_HEADERS", "").split(",") if pair.strip()]
    if not all(name.strip() and between for name, between, _ in pairs):
        raise InvalidInput(
            "setting AFB_OTLP_HEADERS is malformed; expected name=value, with commas between several",
            field="AFB_OTLP_HEADERS",
        )
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _application_insights(env: Mapping[str, str]) -> str:
    if not _flag(env, "AFB_APPLICATION_INSIGHTS", default=False):
        return ""
    connection = env.get("APPLICATIONINSIGHTS_CONNECTION_STRING", "")
    if not connection:
        raise _invalid(
            "APPLICATIONINSIGHTS_CONNECTION_STRING", "", "a connection string, as AFB_APPLICATION_INSIGHTS is true"
        )
    return connection


def _in_azure(env: Mapping[str, str]) -> bool:
    return bool(env.get("WEBSITE_SITE_NAME") or env.get("WEBSITE_INSTANCE_ID"))


def _local_sign_in(env: Mapping[str, str]) -> bool:
    wanted = _flag(env, "AFB_LOCAL_SIGN_IN", default=False)
    if wanted and _in_azure(env):
        raise _invalid("AFB_LOCAL_SIGN_IN", "true", "false in Azure: it lets everybody in who reaches the app")
    return wanted


def _object_id(env: Mapping[str, str], name: str, *, needed: bool = False) -> str:
    value = env.get(name, "").lower()
    if (value or needed) and not _OBJECT_ID.fullmatch(value):
        raise _invalid(name, value, "an id such as 6f9619ff-8b86-d011-b42d-00cf4fc964ff")
    return value


def _origin(env: Mapping[str, str]) -> str:
    value = env.get("AFB_PUBLIC_ORIGIN", "").rstrip("/")
    if value and not _ORIGIN.fullmatch(value):
        raise _invalid("AFB_PUBLIC_ORIGIN", value, "an origin such as https://backup.example.com")
    return value


def _flag(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    match env.get(name, "").lower():
        case "":
            return default
        case "1" | "true":
            return True
        case "0" | "false":
            return False
        case other:
            raise _invalid(name, other, "true or false")


def _number(env: Mapping[str, str], name: str, default: float, least: float, most: float) -> float:
    value = env.get(name, "")
    try:
        number = float(value) if value else default
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise _invalid(name, value, f"a number from {least:g} to {most:g}")
    return number
