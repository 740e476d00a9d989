"""How much the app does before it can be asked anything: imports, and declaring its functions to the host.

Azure gives an instance 30 s for that, of which its own start and the files of the package take most; and every cold start makes somebody
wait. Time depends on the machine, so what is held here is which libraries are not imported, and a processor time that is several times what it takes.
"""

import json
import subprocess
import sys

import pytest

from localdev.services.service import ROOT

LATER = (
    "azure.identity",  # with MSAL, requests and cryptography: 144 modules
    "azure.storage.fileshare",  # 183 modules
    "azure.storage.blob",
    "msal",
    "requests",
    "cryptography",
    "opentelemetry.sdk",
    "opentelemetry.exporter",
    "azure.monitor",
    "pyarrow",
    "pandas",
    "localdev",
    "cli",
)
"""Imported when they are used, or never."""
MODULES = 1_600
"""Two thirds of them are the standard library, the SDKs of Functions and Durable, numpy, psycopg and pydantic."""
CPU_S = 10.0
"""Some four times what it takes."""

_MEASURE = """
import json, sys, time
begun = time.process_time()
import function_app
functions = function_app.app.get_functions()
print(json.dumps({"cpu_s": time.process_time() - begun, "functions": len(functions), "modules": sorted(sys.modules)}))
"""


@pytest.fixture(scope="module")
def start():
    """A process that has done what the host has it do at start."""
    done = subprocess.run([sys.executable, "-c", _MEASURE], cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_what_is_not_needed_at_once_is_not_imported_at_start(start):
    assert start["functions"] > 100
    assert not [name for name in LATER if name in start["modules"]]
    assert len(start["modules"]) < MODULES


def test_the_app_is_there_in_seconds_of_processor_time(start):
    assert start["cpu_s"] < CPU_S
