"""Variables that are not the app's own: of the platform, of its identity, of the Functions host, of other programs of this repository."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from localdev.settings_page.ours import cells


@dataclass(frozen=True, slots=True)
class Variable:
    """One that somebody sets and something reads."""

    name: str
    value: str
    told: str


THREADS: Final = 6

PLATFORM: Final = (
    Variable(
        "WEBSITE_SITE_NAME",
        "the app's name",
        "Says that the app is in App Service or Functions. `AFB_LOCAL_SIGN_IN` is refused then.",
    ),
    Variable("WEBSITE_INSTANCE_ID", "the instance's id", "The same."),
    Variable(
        "WEBSITE_AUTH_ENABLED",
        "`True`",
        "App Service authentication stands before the app, so headers that name people come from it. `AFB_ENTRA_SIGN_IN` works only then.",
    ),
    Variable(
        "APPLICATIONINSIGHTS_CONNECTION_STRING",
        "a connection string; secret",
        "Where the host sends its telemetry; and the app, if `AFB_APPLICATION_INSIGHTS` is true.",
    ),
    Variable(
        "OTEL_EXPORTER_OTLP_ENDPOINT", "an address", "Stands in for `AFB_OTLP_ENDPOINT`: sidecars and operators set it."
    ),
)
"""Read by shared/settings.py."""

IDENTITY: Final = (
    Variable(
        "AZURE_CLIENT_ID",
        "a client id",
        "Which user-assigned identity the app is, for storage, Key Vault and Postgres alike. Needed when it has several, or no other.",
    ),
    Variable(
        "IDENTITY_ENDPOINT",
        "set by App Service",
        "Where tokens of a managed identity come from, with `IDENTITY_HEADER`.",
    ),
    Variable(
        "AZURE_TENANT_ID",
        "set by workload identity",
        "On Kubernetes, with `AZURE_FEDERATED_TOKEN_FILE`: the pod's identity.",
    ),
    Variable(
        "AZURE_TOKEN_CREDENTIALS",
        "`prod` or `dev`",
        "Which kinds of identity are tried. Without it all, and on a developer's machine that of `az login`.",
    ),
)
"""Read by azure-identity, for whatever has no key of its own."""

FUNCTIONS: Final = (
    Variable(
        "AzureWebJobsStorage__blobServiceUri",
        "an endpoint",
        "With `__queueServiceUri`, `__tableServiceUri`, `__credential` = `managedidentity` and `__clientId`: the host's own state, by identity. "
        "On one machine `AzureWebJobsStorage` is a connection string.",
    ),
    Variable(
        "DURABLE_TASK_SCHEDULER_CONNECTION_STRING",
        "`Endpoint=...;TaskHub=AzureFilesBackup;Authentication=ManagedIdentity;ClientID=...`",
        "The scheduler, in its profile only. Nothing in it is secret.",
    ),
    Variable(
        "PYTHON_THREADPOOL_THREAD_COUNT",
        f"`{THREADS}`",
        "As many as activities and orchestrators at once (host.json). Orchestrators run in these threads; activities and pages are asynchronous.",
    ),
    Variable(
        "FUNCTIONS_WORKER_PROCESS_COUNT",
        "`1`, the default",
        "A second process would share one core and double the memory.",
    ),
    Variable(
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
        "`ClientId=...;Authorization=AAD`",
        "The identity by which the host sends its telemetry, where keys are not taken.",
    ),
    Variable(
        "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID",
        "a client id",
        "App Service authentication: the identity that vouches for the app's registration, in place of a secret.",
    ),
    Variable("AzureWebJobsDisableHomepage", "`true`", "The app has a page at `/` itself."),
    Variable(
        "FUNCTIONS_WORKER_RUNTIME",
        "`python`",
        "On one machine and in older plans. In Flex Consumption the app's configuration says it, and the setting is not to be there.",
    ),
)
"""Read by the Functions host and its Python worker."""

COMMAND_LINE: Final = (
    Variable("AFB_URL", "an address", "The app to talk to. Goes before what `afb login` wrote down."),
    Variable("AFB_API_KEY", "an API key; secret", "Who is asking."),
    Variable("AFB_TENANT", "a tenant's id", "The tenant of shares that are named without one."),
    Variable("AFB_CONFIG", "a path", "Another file than the one in the platform's configuration directory."),
    Variable("NO_COLOR", "anything", "No colours."),
)
"""Read by ``afb``."""

DEVELOPMENT: Final = (
    Variable(
        "POSTGRES_PROGRAMS",
        "a directory",
        "Server programs of another Postgres than the one that `make install` brings.",
    ),
    Variable("FUNCTIONS_HOST_KEY", "a secret", "Key of localdev's Functions host; a random one without it."),
    Variable("FUNCTIONS_HOST_RECORD", "a directory", "Where it writes down what it is told and what it answers."),
    Variable(
        "FUNCTIONS_IMAGE",
        "the name of an image",
        "Of the real host, where `make conformance` is to run it in a container.",
    ),
    Variable("CONFORMANCE_UNIT_S", "seconds", "How long things take in the app of `make conformance`, which sets it."),
    Variable("CHROMIUM", "a path", "The browser of `make pictures`, of browser tests and of `benchmarks web`."),
    Variable("AFB_SEED", "a number", "Tests that try random things say theirs; the same one does the same again."),
    Variable("AFB_KILLS", "a number", "How often `make torture` kills workers."),
    Variable("AFB_FILES", "a number", "In how many files it does so."),
    Variable("CI", "anything", "Property tests try the same examples every time."),
)
"""Read on a developer's machine. ``AFB_...`` of the environment are also given to the app by ``make up``."""


def table(variables: Sequence[Variable]) -> Iterator[str]:
    """The lines."""
    yield from ("| variable | value | what for |", "|---|---|---|")
    for one in variables:
        yield cells(f"`{one.name}`", one.value, one.told)
