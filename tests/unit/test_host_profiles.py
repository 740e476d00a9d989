"""The two host.json: that they are one but for where orchestrations are kept, and go with the app's settings."""

import json
import re
from dataclasses import fields
from datetime import timedelta

import pytest

from localdev.functions_host.host_json import parse_timeout, read_host_json
from localdev.settings_page.host import AZURE_STORAGE, SCHEDULER, WHY, leaves
from localdev.settings_page.others import FUNCTIONS, THREADS
from shared.setting_forms import form_of
from shared.settings import Settings
from shared.usecases.scope import Limits

PROFILES = {"Azure Storage": AZURE_STORAGE, "scheduler": SCHEDULER}
DEFAULT = {one.name: one.default for one in fields(Settings)}
ONLY_ONE = re.compile(
    r"extensions\.durableTask\.storageProvider\.|logging\.logLevel\.DurableTask\.|extensionBundle\.version"
)


@pytest.fixture(params=PROFILES)
def profile(request, tmp_path):
    """As the host reads it."""
    text = PROFILES[request.param].read_text(encoding="utf-8")
    (tmp_path / "host.json").write_text(text, encoding="utf-8")
    return json.loads(text), read_host_json(tmp_path)


def longest(name):
    """The most that a setting may be."""
    (field,) = (one for one in fields(Settings) if one.name == name)
    return float(re.search(r"to ([\d.]+)$", form_of(field).expected)[1])


def test_every_value_has_a_reason_and_every_reason_a_value():
    told = [leaves(json.loads(path.read_text(encoding="utf-8"))) for path in PROFILES.values()]
    assert told[0].keys() | told[1].keys() == WHY.keys()


def test_the_profiles_differ_only_in_who_keeps_orchestrations():
    first, second = (leaves(json.loads(path.read_text(encoding="utf-8"))) for path in PROFILES.values())
    differing = {path for path in first.keys() | second.keys() if first.get(path) != second.get(path)}
    assert not [path for path in differing if not ONLY_ONE.match(path)]


def test_an_activity_ends_long_before_the_host_would_kill_it(profile):
    _, host = profile
    limit, limits = host.function_timeout, Limits()
    assert timedelta(seconds=longest("activity_seconds")) <= limit / 2
    assert timedelta(seconds=DEFAULT["activity_seconds"] + limits.batch_s) <= limit / 4
    assert timedelta(seconds=limits.wide_s) <= limit / 2, "a piece of a wide directory is still to be done then"
    assert limits.activity_s == DEFAULT["activity_seconds"]


def test_a_run_of_default_width_fills_one_instance_and_python_has_a_thread_for_whatever_is_fetched(profile):
    _, host = profile
    assert host.max_activities == DEFAULT["width"] == Limits().workers
    assert host.max_activities + host.max_orchestrators == THREADS
    assert f"`{THREADS}`" in {one.value for one in FUNCTIONS if one.name == "PYTHON_THREADPOOL_THREAD_COUNT"}


def test_the_hub_may_be_called_so(profile):
    document, host = profile  # read_host_json refuses a name that may not be
    assert host.hub == document["extensions"]["durableTask"]["hubName"]
    (connection,) = (one for one in FUNCTIONS if one.name == "DURABLE_TASK_SCHEDULER_CONNECTION_STRING")
    assert f"TaskHub={host.hub};" in connection.value


def test_nothing_is_switched_on_that_python_or_the_app_cannot_do(profile):
    document, host = profile
    durable = document["extensions"]["durableTask"]
    assert not document.get("concurrency", {}).get("dynamicConcurrencyEnabled", False)
    assert not durable.get("extendedSessionsEnabled", False)
    assert host.route_prefix == "", "pages are at /"


def test_where_orchestrations_are_kept():
    storage, scheduler = (
        json.loads(path.read_text(encoding="utf-8"))["extensions"]["durableTask"]["storageProvider"]
        for path in PROFILES.values()
    )
    assert storage["type"] == "AzureStorage"
    assert 1 <= storage["partitionCount"] <= 16
    assert timedelta(0) < parse_timeout(storage["maxQueuePollingInterval"]) <= timedelta(seconds=10)
    assert scheduler == {"type": "azureManaged", "connectionStringName": "DURABLE_TASK_SCHEDULER_CONNECTION_STRING"}
    assert any(one.name == scheduler["connectionStringName"] for one in FUNCTIONS)


@pytest.mark.parametrize(("path", "least"), [(AZURE_STORAGE, (4, 0)), (SCHEDULER, (4, 32))])
def test_the_bundle_is_of_version_four_and_knows_the_scheduler_where_it_is_needed(path, least):
    bundle = json.loads(path.read_text(encoding="utf-8"))["extensionBundle"]
    assert bundle["id"] == "Microsoft.Azure.Functions.ExtensionBundle"
    major, minor = re.fullmatch(r"\[(\d+)\.(\*|\d+)(?:\.\d+)?, 5\.0\.0\)", bundle["version"]).groups()
    assert (int(major), 0 if minor == "*" else int(minor)) >= least
