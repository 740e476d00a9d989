"""Fixtures of tests against real services."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support import catalogue
from tests.support.catalogue import Shelf
from tests.support.services import PostgresForTests


@pytest.fixture
def catalogue_url(postgres_server: PostgresForTests) -> Iterator[str]:
    """A database with the current schema and nothing in it."""
    with postgres_server.database(catalogue.template(postgres_server)) as url:
        yield url


@pytest.fixture
async def shelf(catalogue_url: str) -> AsyncIterator[Shelf]:
    """A catalogue with a tenant, a share and a running backup."""
    async with catalogue.shelf(catalogue_url) as ready:
        yield ready
