"""`func start` users copy an example; it must say what the launcher would."""

import json

from localdev.launcher.addresses import Addresses
from localdev.launcher.stack import Stack
from localdev.services.service import ROOT


def test_the_example_for_func_start_is_what_the_launcher_sets_at_its_default_ports(tmp_path):
    example = json.loads((ROOT / "local.settings.json.example").read_text())
    stack = Stack(tmp_path, addresses=Addresses())
    assert example["Values"] == stack.settings
    assert example["Host"]["LocalHttpPort"] == stack.addresses.host


def test_settings_given_to_a_stack_win_over_its_own(tmp_path):
    stack = Stack(tmp_path, settings={"AFB_POSTGRES_URL": "postgresql://elsewhere/afb", "AFB_MORE": "1"})
    environ = stack.host.extra_environ
    assert environ["AFB_POSTGRES_URL"] == "postgresql://elsewhere/afb"
    assert environ["AFB_MORE"] == "1"
    assert environ["AFB_VAULT_CONNECTION"] == stack.blob_connection_string
