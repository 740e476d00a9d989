"""What the two ``host.json`` say, value by value, and why."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from localdev.services.service import ROOT
from localdev.settings_page.ours import cells

AZURE_STORAGE: Final = ROOT / "host.json"
SCHEDULER: Final = ROOT / "infra" / "host" / "host.dts.json"
"""Takes the place of the other in the deployed package."""

_DURABLE: Final = "extensions.durableTask."
_STORAGE: Final = f"{_DURABLE}storageProvider."
_SAMPLING: Final = "logging.applicationInsights.samplingSettings."

WHY: Final[Mapping[str, str]] = {
    "version": "The schema of the file.",
    "functionTimeout": "An activity that runs longer is killed with the worker that runs it, and its orchestration may never hear of it. The longest that ours do is a piece "
    "of a wide directory, some minutes; `AFB_ACTIVITY_SECONDS` is held to half of this.",
    "logging.logLevel.default": "Our lines are events, some per batch; `AFB_LOG_LEVEL` is for fewer or more of them.",
    "logging.logLevel.Azure.Core": "The host's own storage clients tell of every request.",
    "logging.logLevel.DurableTask.AzureStorage": "Tells of every message of a queue: more lines than ours, and money in Application Insights.",
    "logging.logLevel.DurableTask.Core": "The same of every step of an orchestration. What became of runs is in the catalogue.",
    f"{_SAMPLING}isEnabled": "Bounds what telemetry costs. What must not be lost is in the journal, not in logs.",
    f"{_SAMPLING}maxTelemetryItemsPerSecond": "For each instance: the host's default, written down because it is the bound.",
    f"{_SAMPLING}excludedTypes": "Never sampled: a bug may show itself once.",
    "extensions.http.routePrefix": "Pages are at `/`, the API at `/api`: both say so in their routes.",
    f"{_DURABLE}hubName": "Letters and digits, the same in both. Another app on the same storage account or scheduler needs another name, and in the scheduler a hub of this name.",
    f"{_DURABLE}maxConcurrentActivityFunctions": "For each instance, as many as `AFB_WIDTH`. Activities are asynchronous and wait most of the time: four fill one core. A "
    "process with one at work peaks at some 210 MiB, so four stay far below the 2,048 MB of an instance.",
    f"{_DURABLE}maxConcurrentOrchestratorFunctions": "For each instance. Ours replay some dozens of events in milliseconds. With the activities, as many as Python has threads "
    "(`PYTHON_THREADPOOL_THREAD_COUNT`): what a host fetches beyond that waits in its memory, where no other instance can take it.",
    f"{_STORAGE}type": "Who keeps orchestrations. Azure Storage has no fixed price; the scheduler takes less of the app's time, has a dashboard, and no polling.",
    f"{_STORAGE}partitionCount": "How many instances can run orchestrators; activities are on one queue for all. Ours are few and short. It cannot be changed in a hub that is "
    "there, and each is a queue that is polled.",
    f"{_STORAGE}maxQueuePollingInterval": "How long a run that was ordered may wait in an app that was idle. 30 s, the default, is long to look at; every poll is a transaction that is charged.",
    f"{_STORAGE}controlQueueBufferThreshold": "Messages of orchestrations held in memory, the default of Python apps in the Consumption plan. 256, the default elsewhere, is for hubs with thousands of them.",
    f"{_STORAGE}connectionStringName": "The setting that holds the scheduler's address and the identity to use: see above.",
    "extensionBundle.id": "The extensions of the host: Durable, timers, HTTP.",
    "extensionBundle.version": "The newest of version 4. The scheduler needs 4.32 at least.",
}
"""By path in the file. Every value has one, and there are no others: a test holds that."""


def leaves(document: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Every value by its path."""
    found: dict[str, Any] = {}
    for name, value in document.items():
        path = f"{above}.{name}" if above else name
        found |= leaves(value, path) if isinstance(value, dict) else {path: value}
    return found


def table() -> Iterator[str]:
    """The lines."""
    first, second = (leaves(json.loads(path.read_text(encoding="utf-8"))) for path in (AZURE_STORAGE, SCHEDULER))
    yield "| value | Azure Storage | Durable Task Scheduler | why |"
    yield "|---|---|---|---|"
    for path, why in WHY.items():
        yield cells(f"`{path}`", *(_shown(one.get(path)) for one in (first, second)), why)


def _shown(value: object) -> str:
    return "" if value is None else f"`{value if value and isinstance(value, str) else json.dumps(value)}`"
