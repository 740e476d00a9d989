"""This release and the last one run side by side while this one is rolled out: each on what the other left.

What both meet is the schema between the first step of a rollout and the last (shared/db/migrate.py): with this release's
``pre`` files, without its ``post`` files.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from shared.db.migrate import migrate
from tests.support import releases, shared_work
from tests.support.nested import REPOSITORY, TIMEOUT_S, run_tests
from tests.support.schema import FILES

pytestmark = pytest.mark.timeout(TIMEOUT_S + 30)

OF_ONE_RELEASE = frozenset({"test_db_migrate.py", "test_db_plans.py"})
"""About files that the other release does not have, and about which index serves best: indexes may come and go."""
NOT_ABOUT_THE_SCHEMA = [
    "-k",
    "not (lost_connections or server_that_is_away or big_batches or concurrent or scan or sort)",
]
"""Seconds about the driver, about locks, and plans once more."""
OF_VIEW_AND_FUNCTIONS = frozenset({"test_db_node_view.py", "test_db_questions.py"})
"""A release's own are in its ``pre`` files, so that the other tests of it see them as they are before ``post``."""


@pytest.fixture(scope="module")
def last_release(tmp_path_factory) -> Path:
    """Its files, with its own schema."""
    directory = tmp_path_factory.mktemp("last") / "release"
    releases.unpack(releases.commit_of(releases.LAST_RELEASE), directory)
    return directory


@pytest.fixture(scope="module")
def both_run(last_release, tmp_path_factory) -> Path:
    """The migrations that are applied while both releases run."""
    return releases.before_post(last_release, tmp_path_factory.mktemp("between") / "sql")


def database_tests(root: Path, *, leave_out: frozenset[str] = OF_ONE_RELEASE) -> list[str]:
    found = sorted(path for path in root.glob("tests/integration/test_db_*.py") if path.name not in leave_out)
    return [str(path.relative_to(root)) for path in found]


def test_what_is_new_comes_pre_files_first(last_release):
    """Else one rollout could not apply them: shared/db/migrate.py."""
    new = releases.newer_than(last_release)
    ordered = sorted(new, key=lambda migration: migration.is_post)
    hint = "hint: none of them is released, so give them new numbers, or release what there is up to the post files"
    assert [m.name for m in new] == [m.name for m in ordered], hint


@pytest.mark.slow
def test_the_last_release_works_on_the_new_schema(last_release, both_run, tmp_path):
    """Its own tests say so, run on its own code."""
    if not releases.newer_than(last_release):
        pytest.skip("this release has no migrations: the last one was tried on this schema")
    shutil.copytree(last_release, tmp_path / "release")
    shutil.rmtree(tmp_path / "release" / "schema" / "sql")
    shutil.copytree(both_run, tmp_path / "release" / "schema" / "sql")
    (tmp_path / "release" / "build").symlink_to(REPOSITORY / "build")  # Azurite
    with tempfile.TemporaryDirectory(prefix="last-") as apart:  # it does not know what this one notes of its services
        environ = {"TMPDIR": apart}
        run_tests(
            database_tests(tmp_path / "release"), *NOT_ABOUT_THE_SCHEMA, root=tmp_path / "release", environ=environ
        )


@pytest.mark.slow
def test_this_release_works_before_its_post_files(last_release, both_run):
    if not any(migration.is_post for migration in releases.newer_than(last_release)):
        pytest.skip("this release has no post files: all other tests are this one")
    modules = database_tests(REPOSITORY, leave_out=OF_ONE_RELEASE | OF_VIEW_AND_FUNCTIONS)
    run_tests(modules, *NOT_ABOUT_THE_SCHEMA, environ={FILES: str(both_run)})


@pytest.mark.slow
@pytest.mark.parametrize("order", ["last first", "this first"])
async def test_two_releases_that_share_their_work_find_what_the_other_left(
    empty_postgres_url, last_release, both_run, order
):
    """Within one run, each after the other's whole run, and in the end this one alone, on all of its schema."""
    await migrate(empty_postgres_url, both_run)
    one, other = (last_release, REPOSITORY) if order == "last first" else (REPOSITORY, last_release)
    left: dict = {}
    for code, step in [
        (one, "begin"),
        (other, "work"),
        (one, "end"),
        (other, "change"),
        (one, "change"),
        (other, "read"),
    ]:
        left = take(step, empty_postgres_url, code, expected=left)
    await migrate(empty_postgres_url)
    left = take("change", empty_postgres_url, REPOSITORY, expected=left)
    assert [run[:2] for run in left["runs"]] == [[n, "succeeded"] for n in (4, 3, 2, 1)]
    assert [child[2] for child in left["children"]] == ["d102", "d103", "d104", "d3", "d4", "d5", "renamed in 4"]
    sizes = [node[3] for node in left["nodes"] if node[3] is not None]
    assert left["point"] == [4, 1 + 7, len(sizes), sum(sizes)]


def take(step: str, url: str, code: Path, *, expected: dict) -> dict:
    """One step by one release, which has to find what the step before it left; what this one leaves."""
    command = [sys.executable, "-P", shared_work.__file__, step, url]
    environ = {"PYTHONPATH": str(code), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=code, env=environ, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        pytest.fail(f"{step!r} with the code of {code}:\n{done.stderr}", pytrace=False)
    found, left = map(json.loads, done.stdout.splitlines())
    assert found == expected, f"before {step!r} with the code of {code}"
    return left


def test_a_clone_without_the_last_release_is_told_how_to_get_it(tmp_path):
    subprocess.run(["git", "init", "--quiet", str(tmp_path / "clone")], check=True)
    missing = "0123456789" * 4
    hint = f"{missing}, is not in the history: .*; hint: .* `git fetch --unshallow`"
    with pytest.raises(pytest.fail.Exception, match=hint):
        releases.unpack(missing, tmp_path / "files", repository=tmp_path / "clone")
