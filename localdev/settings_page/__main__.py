"""``python -m localdev.settings_page``: write docs/SETTINGS.md."""

import sys
from typing import Final

from localdev.services.service import ROOT
from localdev.settings_page import host, others, ours
from shared.settings import CREDENTIAL_PREFIX

PAGE: Final = ROOT / "docs" / "SETTINGS.md"


def page() -> str:
    """The whole text."""
    return "\n".join(
        [
            "<!-- Made by `make settings`: of shared/settings.py, host.json, infra/host and localdev/settings_page. Edit those. -->",
            "# Settings",
            "",
            "Everything that can be set, once. Settings are environment variables: app settings of the Functions app, variables of a pod. They are read when a",
            "process starts, by `shared/settings.py` and nothing else. One that is missing, malformed or does not go with another stops the process with a sentence",
            "that names it. Nothing else configures the app: what belongs to a share, a tenant or a schedule is in the catalogue ([API.md](API.md)).",
            "",
            "The least that a deployment needs: `AFB_POSTGRES_URL` with `AFB_POSTGRES_ENTRA=true`, `AFB_VAULT_ACCOUNT_URL`, `AFB_JOURNAL_ACCOUNT_URL`, and",
            "`AFB_ENTRA_SIGN_IN`, `AFB_ENTRA_TENANT_ID` and `AFB_FIRST_ADMIN` for people. There is no secret among them. What is marked as secret below belongs into",
            "Key Vault, with a reference as the setting's value; it is kept out of logs. `azd` sets these and more ([DEPLOY.md](DEPLOY.md#environments)), from variables of its own",
            "that are described there.",
            "",
            "## The app, `python -m worker` and `python -m worker.downloads`",
            "",
            "All three read the same. `none` means that the setting may be left out.",
            *ours.tables(),
            "",
            "### Credentials of shares",
            "",
            "| setting | value | default | what it does, and why so |",
            "|---|---|---|---|",
            ours.cells(
                f"`{CREDENTIAL_PREFIX}<NAME>`",
                "an account key or a SAS, or what a webhook is signed with; secret",
                "none",
                "The secret behind a credential's name: the catalogue knows names only. Letters and digits in upper case, everything else as `_`."
                " A share without a credential is reached with the managed identity, which is better where it is possible.",
            ),
            "",
            "## What the platform says",
            "",
            "Read, and not to be set by hand.",
            "",
            *others.table(others.PLATFORM),
            "",
            "## The identity of the process",
            "",
            "Whatever is reached without a key is reached as this identity ([SECURITY.md](SECURITY.md)). These are azure-identity's.",
            "",
            *others.table(others.IDENTITY),
            "",
            "## The Functions host",
            "",
            *others.table(others.FUNCTIONS),
            "",
            "### host.json",
            "",
            "There are two: `host.json` keeps orchestrations in Azure Storage, `infra/host/host.dts.json` in the Durable Task Scheduler. The second is copied over the",
            "first when the package is made (`cp infra/host/host.dts.json host.json`). Settings named `AzureFunctionsJobHost__extensions__durableTask__...` would",
            "change the host's mind, but not that of the platform's scale controller, which is told what stands in the file: an app that was switched over by them would keep its",
            "orchestrations in one place and be scaled by another.",
            "",
            *host.table(),
            "",
            "Left at their defaults on purpose: `concurrency.dynamicConcurrencyEnabled` (off: it would try numbers of activities until the instance's memory is gone),",
            "`extensions.durableTask.extendedSessionsEnabled` (not for Python), `useTablePartitionManagement` (on).",
            "",
            "## The command line",
            "",
            *others.table(others.COMMAND_LINE),
            "",
            "## Development",
            "",
            "`make up` sets what the app needs on one machine (`localdev/launcher/settings.py`; `local.settings.json.example` for `func start` says the same). Variables named",
            "`AFB_...` that are set go before it.",
            "",
            *others.table(others.DEVELOPMENT),
            "",
        ]
    )


def main() -> int:
    """Write it."""
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
