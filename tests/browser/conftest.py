"""The whole product with a little world in it, and browsers."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from localdev.launcher.stack import Stack
from tests.browser.scene import Scene, build_scene
from tests.browser.visitor import Visitor, chromium

Browse = Callable[..., Visitor]


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Postgres, Azurite, the emulator and the host, for the tests of one file: what they make is not in the way of others."""
    settings = {"AFB_LEASE_SECONDS": "5", "AFB_ACTIVITY_SECONDS": "20"}
    with Stack(tmp_path_factory.mktemp("pages"), durable=False, settings=settings) as stack:
        yield stack


@pytest.fixture(scope="module")
def scene(product: Stack) -> Scene:
    """Two tenants with shares, backups and what else there is to see. Tests that change things make a share of their own."""
    return build_scene(product)


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    """For a file and no longer: Playwright has an event loop running for as long as it is there, beside which no asynchronous test can run."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture
def browse(product: Stack, chrome: Browser, request: pytest.FixtureRequest) -> Iterator[Browse]:
    """Open a page as somebody: ``browse("/", key=...)``, ``javascript=False``. Without a key as the developer on this machine."""
    visitors: list[Visitor] = []
    thorough = "browser_all" in request.config.getoption("-m")

    def open_page(path: str = "/", *, key: str = "", javascript: bool = True) -> Visitor:
        visitor = Visitor(chrome, product.host_url, key=key, javascript=javascript, thorough=thorough)
        visitors.append(visitor)
        visitor.goto(path)
        return visitor

    yield open_page
    wrong = [line for visitor in visitors for line in visitor.wrong]
    for visitor in visitors:
        visitor.close()
    assert not wrong, "\n".join(wrong)
