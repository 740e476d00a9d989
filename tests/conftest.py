"""Fixtures that every kind of test may use.

Services start when the first test asks for them and are stopped, by process id, when the session ends or is interrupted.
"""

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from localdev.launcher.stack import Stack
from localdev.services.azurite import Azurite
from localdev.services.files import FilesEmulator
from tests.support import catalogue
from tests.support.services import PostgresForTests, session_stack

# CI tries the same examples every time, so that what it says of a change is about the change; everybody else explores.
settings.register_profile("ci", derandomize=True, database=None)
if os.environ.get("CI"):
    settings.load_profile("ci")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes minutes, unless it is asked for: ``-m torture``, ``-m browser_all``."""
    asked = config.getoption("-m")
    marks = [mark for mark in ("torture", "browser_all") if mark not in asked]
    left_out = {item for item in items if any(item.get_closest_marker(mark) for mark in marks)}
    if left_out:
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """This session's stack, of which only what other fixtures asked for is running."""
    # Being told to stop should end like Ctrl-C, with every fixture torn down.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with session_stack() as stack:
        yield stack


@pytest.fixture(scope="session")
def postgres_server(stack: Stack) -> PostgresForTests:
    """A Postgres for the whole session, of which tests take a database of their own; localdev says which version."""
    stack.postgres.start()
    return PostgresForTests(stack.postgres)


@pytest.fixture
def postgres_url(postgres_server: PostgresForTests) -> Iterator[str]:
    """A database with the current schema for one test: a copy, as migrating takes six times as long."""
    with postgres_server.database(catalogue.template(postgres_server)) as url:
        yield url


@pytest.fixture
def empty_postgres_url(postgres_server: PostgresForTests) -> Iterator[str]:
    """An empty database for one test."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture(scope="module")
def postgres_url_module(postgres_server: PostgresForTests) -> Iterator[str]:
    """A database with the current schema for one module."""
    with postgres_server.database(catalogue.template(postgres_server)) as url:
        yield url


@pytest.fixture(scope="session")
def azurite(stack: Stack) -> Azurite:
    """Blob, Queue and Table storage for the whole session; tests use containers and tables with names of their own."""
    stack.azurite.start()
    return stack.azurite


@pytest.fixture(scope="session")
def files_emulator(stack: Stack) -> FilesEmulator:
    """Azure Files for the whole session (``url``, ``account``, ``key``); tests use shares with names of their own."""
    stack.files.start()
    return stack.files
