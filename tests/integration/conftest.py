"""Fixtures of tests against real services."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support import catalogue
from tests.support.catalogue import Shelf
from tests.support.services import PostgresForTests


@pytest.fixture(scope="session")
def catalogue_database(postgres_server: PostgresForTests) -> Iterator[str]:
    """A database with the current schema, emptied after each test: a fifth of the time that a new one takes."""
    with postgres_server.database(catalogue.template(postgres_server)) as url:
        yield url


@pytest.fixture
def catalogue_url(catalogue_database: str) -> Iterator[str]:
    """A database with the current schema and nothing in it."""
    yield catalogue_database
    catalogue.empty(catalogue_database)


@pytest.fixture
async def shelf(catalogue_url: str) -> AsyncIterator[Shelf]:
    """A catalogue with a tenant, a share and a running backup."""
    async with catalogue.shelf(catalogue_url) as ready:
        yield ready
