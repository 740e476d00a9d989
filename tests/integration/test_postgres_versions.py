"""What the other tests see on Postgres 16 is so on the newest version that managed Postgres offers."""

import subprocess

import pytest

from localdev.services.postgres import PROGRAMS, Postgres, bundled
from localdev.services.service import ServiceFailed
from tests.support.nested import REPOSITORY, TIMEOUT_S, run_tests

pytestmark = pytest.mark.timeout(TIMEOUT_S + 30)

EVERY_STATEMENT = sorted(
    str(path.relative_to(REPOSITORY)) for path in REPOSITORY.glob("tests/integration/test_db_*.py")
)

PLANS_AND_FUNCTIONS = [
    name for name in EVERY_STATEMENT if name.endswith(("_plans.py", "_questions.py", "_node_view.py"))
]
"""What a new version is most likely to do otherwise."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "files",
    [PLANS_AND_FUNCTIONS, pytest.param(EVERY_STATEMENT, marks=pytest.mark.torture)],
    ids=["plans", "everything"],
)
def test_the_catalogue_works_on_postgres_18(files):
    """Migrations, view, functions, every query and its plan. Lost connections are the driver's matter, and take seconds."""
    options = ["-k", "not lost_connections and not server_that_is_away"]
    run_tests(files, *options, environ={PROGRAMS: str(bundled(18))})


@pytest.mark.parametrize("version", [16, 18])
def test_the_chosen_programs_are_the_ones_that_run(tmp_path, monkeypatch, version):
    monkeypatch.setenv(PROGRAMS, str(bundled(version)))
    program = next(word for word in map(str, server(tmp_path).command()) if word.endswith("/postgres"))
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    assert said.startswith(f"postgres (PostgreSQL) {version}.")


def test_a_directory_without_server_programs_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv(PROGRAMS, str(tmp_path))
    with pytest.raises(
        ServiceFailed, match=r"POSTGRES_PROGRAMS is .* expected a directory with the program `postgres`"
    ):
        server(tmp_path)


def server(tmp_path) -> Postgres:
    return Postgres(tmp_path / "data", port=1, log=tmp_path / "log")
