"""Fixtures that every kind of test may use."""

from collections.abc import Iterator

import pytest

from localdev.services.azurite import Azurite
from tests.support.services import PostgresForTests, Services


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    """Whatever of the stack this session started so far."""
    running = Services()
    try:
        yield running
    finally:
        running.close()


@pytest.fixture(scope="session")
def postgres_server(services: Services) -> PostgresForTests:
    """A Postgres 16 for the whole session; tests take a database of their own from it."""
    return services.postgres()


@pytest.fixture
def postgres_url(postgres_server: PostgresForTests) -> Iterator[str]:
    """An empty database for one test."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture(scope="module")
def postgres_url_module(postgres_server: PostgresForTests) -> Iterator[str]:
    """An empty database for one module."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture(scope="session")
def azurite(services: Services) -> Azurite:
    """Blob, Queue and Table storage for the whole session; tests use containers and tables with names of their own."""
    return services.azurite()
