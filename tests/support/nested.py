"""Test modules run once more in a process of their own: with other server programs, another schema, or older code."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
TIMEOUT_S = 540
"""Ten times what any of them takes on two free cores; ``pytestmark`` of their modules allows a little more."""


def run_tests(modules: Sequence[str], *options: str, root: Path = REPOSITORY, environ: Mapping[str, str]) -> None:
    """Run ``modules``, files of ``root``, on the code of ``root``; if one of their tests fails, fail with what they said."""
    command = [sys.executable, "-m", "pytest", "-q", "--no-header", "--tb=short", "-p", "no:cacheprovider"]
    # This session's own pytest options are not for the other one.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [*command, *options, *modules],
        cwd=root,
        env={**inherited, **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"pytest ended with {done.returncode}:\n{done.stdout}", pytrace=False)
