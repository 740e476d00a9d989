"""The whole product as its own processes."""

from collections.abc import Iterator

import pytest

from localdev.launcher.stack import Stack
from tests.support.api import Api


@pytest.fixture(scope="package")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Postgres, Azurite, the emulator and the host, for the tests of this package."""
    settings = {"AFB_LEASE_SECONDS": "5", "AFB_ACTIVITY_SECONDS": "20"}
    with Stack(tmp_path_factory.mktemp("product"), durable=False, settings=settings) as stack:
        yield stack


@pytest.fixture
def api(product: Stack) -> Api:
    return Api(product.host_url, product.host_key)
