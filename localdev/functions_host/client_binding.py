"""The JSON that a durable client binding passes into the app, and the paths it points to.

Two doors lead to the management API.  The public one (``/runtime/webhooks/durabletask``) asks for
the host key.  The private one carries a token of this process in its path instead: the SDK
appends to that address and offers no place for a key.
"""

import json
from urllib.parse import quote

PUBLIC_PREFIX = "/runtime/webhooks/durabletask"

PRIVATE_PREFIX = "/durabletask"


def private_base(origin: str, token: str) -> str:
    """Return the address the SDK's client calls; it must end in a slash."""
    return f"{origin}{PRIVATE_PREFIX}/{token}/"


def management_urls(origin: str, instance_id: str, *, hub: str, key: str) -> dict[str, str]:
    """Addresses to manage one instance, as ``create_check_status_response`` hands them out."""
    instance = f"{origin}{PUBLIC_PREFIX}/instances/{instance_id}"
    required = f"taskHub={quote(hub)}&connection=Storage&code={quote(key, safe='')}"
    return {
        "id": instance_id,
        "statusQueryGetUri": f"{instance}?{required}",
        "sendEventPostUri": f"{instance}/raiseEvent/{{eventName}}?{required}",
        "terminatePostUri": f"{instance}/terminate?reason={{text}}&{required}",
        "rewindPostUri": f"{instance}/rewind?reason={{text}}&{required}",
        "purgeHistoryDeleteUri": f"{instance}?{required}",
        "restartPostUri": f"{instance}/restart?{required}",
        "suspendPostUri": f"{instance}/suspend?reason={{text}}&{required}",
        "resumePostUri": f"{instance}/resume?reason={{text}}&{required}",
    }


def binding(origin: str, *, hub: str, key: str, token: str) -> str:
    """Write the binding for an app served at ``origin`` (scheme, host, port; no slash)."""
    base = f"{origin}{PUBLIC_PREFIX}"
    code = f"code={quote(key, safe='')}"
    create = f"{base}/orchestrators/{{functionName}}[/{{instanceId}}]"
    return json.dumps(
        {
            "taskHubName": hub,
            "connectionName": None,
            "creationUrls": {
                "createNewInstancePostUri": f"{create}?{code}",
                "createAndWaitOnNewInstancePostUri": (
                    f"{create}?timeout={{timeoutInSeconds}}&pollingInterval={{intervalInSeconds}}&{code}"
                ),
            },
            "managementUrls": management_urls(origin, "INSTANCEID", hub=hub, key=key),
            "baseUrl": base,
            "requiredQueryStringParameters": code,
            "rpcBaseUrl": private_base(origin, token),
            "httpBaseUrl": base,
        }
    )
