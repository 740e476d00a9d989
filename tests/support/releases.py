"""The last release: its files, and the schema that it and this one meet while this one is rolled out."""

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from shared.db.migrate import DIRECTORY, Migration, migrations
from tests.support.nested import REPOSITORY

LAST_RELEASE = REPOSITORY / "schema" / "last_release"


def commit_of(file: Path) -> str:
    """The one line that is no comment."""
    (commit,) = (line for line in file.read_text().splitlines() if line and not line.startswith("#"))
    return commit


def unpack(commit: str, into: Path, *, repository: Path = REPOSITORY) -> None:
    """Put the files of ``commit`` into a new directory; what the machine lacks for that fails the test, with a hint."""
    try:
        done = subprocess.run(["git", "archive", commit], cwd=repository, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.fail("the last release is taken from the history; hint: install git", pytrace=False)
    if done.returncode:
        pytest.fail(
            f"the last release, {commit}, is not in the history: {done.stderr.decode().strip()}; "
            "hint: run the tests in a clone, and `git fetch --unshallow` if it is a shallow one",
            pytrace=False,
        )
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(into, filter="data")


def newer_than(release: Path) -> list[Migration]:
    """This release's own migrations; those it shares with ``release``, its unpacked files, were not edited since."""
    known = migrations(release / "schema" / "sql")
    ours = migrations()
    edited = [
        old.name for old, now in zip(known, ours, strict=False) if (old.name, old.sha256) != (now.name, now.sha256)
    ]
    assert not edited, f"released and then edited: {edited}"
    return ours[len(known) :]


def before_post(release: Path, into: Path) -> Path:
    """A new directory with the migrations that are applied while both releases run: ours without its ``post`` files."""
    shutil.copytree(DIRECTORY, into)
    for migration in newer_than(release):
        if migration.is_post:
            (into / f"{migration.name}.sql").unlink()
    return into
