"""The app's settings on one machine: the environment variables that in Azure are its app settings."""

FILES_CREDENTIAL = "devstore"
"""Name of the credential by which shares of the emulator are registered."""


def app_settings(*, postgres_url: str, storage: str, files_url: str, files_key: str) -> dict[str, str]:
    """Point the app at a stack.

    :param storage: Azurite's connection string; vault, journal and the host's own storage are all there.
    """
    return {
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "AzureWebJobsStorage": storage,
        "AzureWebJobsDisableHomepage": "true",
        "AFB_POSTGRES_URL": postgres_url,
        "AFB_MIGRATE": "true",
        "AFB_VAULT_CONNECTION": storage,
        "AFB_JOURNAL_CONNECTION": storage,
        "AFB_LOCAL_FILES_ACCOUNT_URL": files_url,
        "AFB_PRIVATE_WEBHOOKS": "true",
        "AFB_LOCAL_SIGN_IN": "true",
        f"AFB_CREDENTIAL_{FILES_CREDENTIAL.upper()}": files_key,
    }
