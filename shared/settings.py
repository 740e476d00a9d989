"""Configuration: one frozen object, parsed once, complete or refused. The only reader of the environment.

docs/SETTINGS.md is made of this class (``make settings``): of each field's name, form, default and docstring.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Final, Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit

from shared import setting_forms as forms
from shared.errors import InvalidInput
from shared.model.run import Driver

CREDENTIAL_PREFIX: Final = "AFB_CREDENTIAL_"
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_TLS: Final = ("require", "verify-ca", "verify-full")
"""What libpq calls connections that are encrypted or not made at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The app's settings. Each field's name in upper case with ``AFB_`` before it is the setting's name.

    What is not shown by ``repr`` is secret, and belongs into a vault of secrets.
    """

    postgres_url: str = field(repr=False, metadata=forms.text("the URL of the catalogue's Postgres database"))
    """Where the catalogue is, as libpq takes it. There is nothing to do without it. Its user owns the tables, or is a member of who does."""
    postgres_entra: bool = field(default=False, metadata=forms.flag())
    """Sign in to the database as the identity of this process: each new connection's password is a token of Entra ID. The user of
    ``postgres_url`` is then the name of the identity, there is no password in it, and it demands TLS (``sslmode=require`` at least;
    ``verify-full`` with ``sslrootcert`` also tells the server from others). The user of ``api_postgres_url`` is another role for
    the same token."""
    api_postgres_url: str = field(default="", repr=False, metadata=forms.text("a URL of the same database"))
    """A login that owns nothing there and may take on the roles ``afb_api`` and ``afb_platform``, for what the API asks on behalf of others
    (docs/SECURITY.md). Without it the API uses ``postgres_url``."""
    migrate: Literal["no", "pre", "auto", "all"] = field(
        default="no",
        metadata=forms.words(
            {"false": "no", "0": "no", "true": "all", "1": "all", "pre": "pre", "auto": "auto"},
            expected="true, false, pre or auto",
        ),
    )
    """Bring the database's schema up to date at start: ``pre`` while the release before it may still run, ``true`` when it does not: the
    steps are those of shared/db/migrate.py. ``auto``, for Azure: ``pre`` at start, and the rest as soon as no program of the release before is
    connected to the database. Off: somebody else does it."""
    vault_connection: str = field(default="", repr=False, metadata=forms.text("a connection string"))
    """Connection string of the storage account of the vault. Either this or ``vault_account_url``."""
    vault_account_url: str = field(
        default="", metadata=forms.text("a blob endpoint such as https://account.blob.core.windows.net")
    )
    """Blob endpoint of the vault's storage account, reached with managed identity."""
    vault_content_tier: Literal["hot", "cool", "cold"] = field(
        default="hot", metadata=forms.words({one: one for one in ("hot", "cool", "cold")})
    )
    """Access tier that bundles and chunks are written in, which is nearly all that is stored. Manifests and everything else that is
    read often is written in the account's own tier. ``cool`` is meant to stay for 30 days, ``cold`` for 90, and reading them costs."""
    journal_connection: str = field(default="", repr=False, metadata=forms.text("a connection string"))
    """Connection string of the storage account of the journal. Without it and ``journal_account_url``: that of the vault."""
    journal_account_url: str = field(
        default="", metadata=forms.text("a table endpoint such as https://account.table.core.windows.net")
    )
    """Table endpoint of the journal's storage account, reached with managed identity. Needed with ``vault_account_url``."""
    driver: Driver = field(default=Driver.DURABLE, metadata=forms.words({one.value: one for one in Driver}))
    """Who opens and closes the runs that this app queues: Durable Functions, or workers (``python -m worker``), which then must be running."""
    width: int = field(default=4, metadata=forms.whole(1, 100, "activities"))
    """Activities of one run side by side, over all instances. As many as one instance takes at once (``maxConcurrentActivityFunctions``): a
    run fills one instance, and other runs others. More for shares that one instance does not get through in time."""
    activity_seconds: float = field(default=30.0, metadata=forms.number(1, 300, "s"))
    """How long one activity goes on claiming work: runs that share the workers take turns that often. The most is half of
    ``functionTimeout``, because what an activity has in hand then is still to be done."""
    lease_seconds: float = field(default=60.0, metadata=forms.number(1, 3600, "s"))
    """After this long without a sign of life a worker's claim may be taken over. It gives three in that time, so two may be late."""
    runs_at_once: int = field(default=64, metadata=forms.whole(0, 100_000, "runs"))
    """Runs at work at the same time, over all tenants; others wait for their turn (docs/OPERATIONS.md). 0: any number."""
    content_md5: bool = field(default=True, metadata=forms.flag())
    """Have the service compute an MD5 of the content it sends, and compare it with what arrives: 2 us of processor time
    per KiB, 10 to 20 us for a file of 8 KiB. TLS sees damage on the wire without it; this sees what happens before TLS, too."""
    purge_grace_days: int = field(default=30, metadata=forms.whole(0, 3_650, "days"))
    """How long a share or a tenant that is deleted can be brought back before it may be purged. Of those that are deleted from then on: a date
    that was given stays. 0: it may be purged at once."""
    entra_sign_in: bool = field(default=False, metadata=forms.flag())
    """Believe who App Service authentication says is asking. Only where it is on, which the platform tells the process."""
    entra_tenant_id: str = field(default="", metadata=forms.object_id())
    """The Entra tenant whose people these are; those of any other are nobody. Needed by ``entra_sign_in``."""
    first_admin: str = field(default="", metadata=forms.object_id())
    """Object id, in that tenant, of a person or a group that is platform admin without being entered as a member: somebody has to be the
    first."""
    api_keys: bool = field(default=True, metadata=forms.flag())
    """Accept API keys. There are none before somebody makes one."""
    local_sign_in: bool = field(default=False, metadata=forms.flag())
    """Whoever asks from this machine is a platform admin. For development; refused in Azure."""
    public_origin: str = field(default="", metadata=forms.origin())
    """The app's address, if browsers see it under another than its own."""
    requests_per_s: float = field(default=50.0, metadata=forms.number(0, 100_000, "requests/s"))
    """Requests to the API that each person and each key may make, after a burst of as many as in 10 s; 0: any."""
    tenant_requests_per_s: float = field(default=200.0, metadata=forms.number(0, 1_000_000, "requests/s"))
    """The same of a tenant, whoever asks."""
    local_files_account_url: str = field(default="", metadata=forms.text("a file endpoint"))
    """Address offered as the account of a new share on a developer's machine."""
    downloads_url: str = field(default="", metadata=forms.url("an address such as https://downloads.example.com"))
    """Address of ``python -m worker.downloads`` as those see it who download. Without it the app hands out what fits an
    answer of its own, and large files in parts."""
    downloads_key: str = field(default="", repr=False, metadata=forms.key())
    """Secret that the app and the download server share: links are signed with it. Needed with ``downloads_url``."""
    smtp_url: str = field(
        default="", repr=False, metadata=forms.text("smtps://user:password@host, or smtp:// with STARTTLS")
    )
    """Mail server for alerts. Without it there is no mail."""
    mail_from: str = field(
        default="", metadata=forms.mail_address("the address that mail comes from, such as backup@example.com")
    )
    """Needed with ``smtp_url``."""
    private_webhooks: bool = field(default=False, metadata=forms.flag())
    """Post webhooks to addresses that are not public, and to this machine by http. For development: a tenant could reach with it what
    only the app should."""
    log_level: Literal["", "DEBUG", "INFO", "WARNING", "ERROR"] = field(
        default="",
        metadata=forms.words(
            {one.lower(): one for one in ("DEBUG", "INFO", "WARNING", "ERROR")},
            expected="DEBUG, INFO, WARNING or ERROR",
        ),
    )
    """From which level on log lines are written. Without it INFO; in the Functions app what its host says."""
    log_format: Literal["auto", "json", "text"] = field(
        default="auto", metadata=forms.words({one: one for one in ("auto", "json", "text")})
    )
    """``json``, a line of JSON for each event, or ``text``, for people; ``auto`` is text on a terminal, JSON elsewhere."""
    otlp_endpoint: str = field(
        default="", metadata=forms.endpoint("http://collector:4318", stands_in="OTEL_EXPORTER_OTLP_ENDPOINT")
    )
    """Where spans and metrics are sent as OTLP over HTTP (protobuf). Falls back to the standard ``OTEL_EXPORTER_OTLP_ENDPOINT``; without
    either nothing is sent."""
    otlp_headers: Mapping[str, str] = field(default_factory=dict, repr=False, metadata=forms.headers())
    """Headers to send along: the key of a telemetry service, as a rule."""
    application_insights: str = field(default="", repr=False, metadata=forms.flag())
    """Send spans and metrics to Application Insights directly, by the connection string that the platform's own telemetry has
    (``APPLICATIONINSIGHTS_CONNECTION_STRING``). Needs a package that is not part of the deployment (docs/OBSERVABILITY.md)."""
    trace_sample: float = field(default=1.0, metadata=forms.number(0, 1))
    """Part of all traces that is told. Of a run all of it or nothing. All, because there is a span for a batch, not for a file."""
    metrics_token: str = field(default="", repr=False, metadata=forms.key())
    """Secret by which ``GET /metrics`` may be read. Without it it may not be read by token."""
    metrics_per_share: bool = field(default=False, metadata=forms.flag())
    """Whether ``/metrics`` shows age, files, bytes and work left of each share: four lines per share. With 10,000 shares that
    are 40,000 series."""
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

        :raises InvalidInput: a setting is missing or malformed, or does not go with another; the message names it and says what was expected.
        """
        given = {one.name: forms.read(one, form, env) for one in fields(cls) if (form := forms.form_of(one))}
        if given["postgres_entra"]:
            _check_for_tokens("AFB_POSTGRES_URL", given["postgres_url"])
            _check_for_tokens("AFB_API_POSTGRES_URL", given["api_postgres_url"])
        if bool(given["vault_connection"]) == bool(given["vault_account_url"]):
            raise forms.refused("AFB_VAULT_CONNECTION", "is not set", "either it or AFB_VAULT_ACCOUNT_URL, not both")
        if not given["journal_connection"] and not given["journal_account_url"]:
            if not given["vault_connection"]:
                raise _missing("journal_account_url", "the table endpoint of the journal's storage account")
            given["journal_connection"] = given["vault_connection"]
        for name, by in (
            ("downloads_key", "downloads_url"),
            ("mail_from", "smtp_url"),
            ("entra_tenant_id", "entra_sign_in"),
        ):
            if given[by] and not given[name]:
                raise _missing(name)
        if given["local_sign_in"] and _in_azure(env):
            raise forms.refused(
                "AFB_LOCAL_SIGN_IN", "is 'true'", "false in Azure: it lets everybody in who reaches the app"
            )
        given["application_insights"] = _application_insights(env) if given["application_insights"] else ""
        return cls(
            **given,
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
        for url in (self.postgres_url, self.api_postgres_url, self.smtp_url):
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
        raise forms.refused(name, "does not go with AFB_POSTGRES_ENTRA", expected)


def _missing(name: str, expected: str = "") -> InvalidInput:
    """The error for a setting that another one needs."""
    one = next(one for one in fields(Settings) if one.name == name)
    form = forms.form_of(one)
    assert form is not None
    return forms.refused(forms.name_of(one), form.was(""), expected or form.expected)


def _application_insights(env: Mapping[str, str]) -> str:
    name = "APPLICATIONINSIGHTS_CONNECTION_STRING"
    if not env.get(name):
        raise forms.refused(name, "is not set", "a connection string, as AFB_APPLICATION_INSIGHTS is true")
    return env[name]


def _in_azure(env: Mapping[str, str]) -> bool:
    return bool(env.get("WEBSITE_SITE_NAME") or env.get("WEBSITE_INSTANCE_ID"))
