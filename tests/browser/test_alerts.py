"""Alerts, and who is told of them."""

import asyncio
import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from playwright.sync_api import expect

from shared.db import alerts
from shared.model.alert import Condition, Sighting
from tests.browser.conftest import Browse
from tests.browser.scene import Scene
from tests.browser.visitor import has_text

pytestmark = pytest.mark.browser_all

CHANGE = Sighting(
    condition=Condition.UNUSUAL_CHANGE,
    run_no=2,
    title="unusual change in backup run 2: 94 % of the files changed",
    detail="94 % of the files changed; 81 % have another ending. The newest restore point before it is 1 and is pinned.",
    details={"signs": [], "clean_restore_point": 1, "pinned": True},
)
DAMAGE = Sighting(
    condition=Condition.DAMAGE,
    about="full",
    run_no=2,
    title="a full verify found damage: 3 objects",
    detail="Run 2 verified restore point 2 and found 3 objects that are not as they were saved. Start a backup.",
)


@pytest.fixture(scope="module")
def seen(scene: Scene) -> Scene:
    """With an alert of Contoso and one of Fabrikam, as upkeep would raise them within a minute."""

    async def raise_them() -> None:
        async with await psycopg.AsyncConnection.connect(scene.product.postgres_url) as conn:
            for key, sighting in (("files", CHANGE), ("projects", DAMAGE)):
                _, _, tenant_id, _, share_id = scene.paths[key].split("/")
                await alerts.see(conn, tenant_id, int(share_id), sighting, dt.datetime.now(dt.UTC))

    with ThreadPoolExecutor() as pool:  # Playwright has a loop in this thread
        pool.submit(lambda: asyncio.run(raise_them())).result()
    return scene


def test_alerts_are_acknowledged_and_closed_where_they_are_listed(browse: Browse, seen: Scene) -> None:
    visitor = browse("/alerts")
    page = visitor.page
    change = page.locator("article", has_text="Unusual change in backup run 2")
    expect(change).to_contain_text("Contoso")
    expect(page.locator("article", has_text="found damage")).to_contain_text("Fabrikam")
    visitor.look("alerts")
    assert change.get_by_role("link", name="What changed").get_attribute("href") == (
        f"{seen.paths['files']}/difference?from=1&to=2"
    )
    change.get_by_role("button", name="Acknowledge").click()
    expect(change).to_contain_text("Acknowledged by developer")
    expect(change.get_by_role("button", name="Acknowledge")).to_have_count(0)
    change.locator("summary").click()
    change.get_by_role("button", name="Close it").click()
    expect(change).to_contain_text("Closed by developer")
    page.get_by_label("State").select_option("open")
    expect(change).to_have_count(0)
    page.get_by_label("What").select_option("damage")
    expect(page.locator("article")).to_have_count(1)
    page.wait_for_url("**/alerts?*condition=damage*")
    page.reload()
    expect(page.locator("article")).to_have_count(1)
    page.goto("/")
    expect(page.locator("tbody tr", has_text="projects")).to_contain_text("A full verify found damage: 3 objects")


def test_an_alert_is_seen_to_without_javascript(browse: Browse, seen: Scene) -> None:
    visitor = browse("/tenants/fabrikam/alerts?condition=damage", key=seen.keys["fabrikam"], javascript=False)
    page = visitor.page
    page.get_by_role("button", name="Acknowledge").click()
    has_text(page, "Acknowledged by tenant_admin for tests")
    page.get_by_role("link", name="All alerts of Fabrikam").click()
    expect(page.locator("article", has_text="found damage")).to_contain_text("acknowledged")


def test_a_viewer_reads_alerts_of_their_tenant_and_acknowledges_none(browse: Browse, seen: Scene) -> None:
    visitor = browse("/alerts", key=seen.keys["viewer"])
    expect(visitor.page.locator("article", has_text="Unusual change")).to_have_count(1)
    assert "Fabrikam" not in visitor.page.content()
    expect(visitor.page.get_by_role("button", name="Acknowledge")).to_have_count(0)
    visitor.page.goto("/tenants/contoso/channels")
    expect(visitor.page.get_by_role("link", name="Add a channel")).to_have_count(0)


def test_a_channel_is_added_tried_changed_and_removed(browse: Browse, scene: Scene) -> None:
    visitor = browse("/tenants/contoso/channels", key=scene.keys["admin"])
    page = visitor.page
    has_text(page, "Nobody is told yet")
    page.get_by_role("link", name="Add a channel").click()
    page.get_by_label("Name").fill("Operations")
    page.get_by_label("Address").fill("ftp://hooks.example.com/backup")
    page.get_by_label("A verify found damage").check()
    with visitor.refused():
        page.get_by_role("button", name="Add the webhook").click()
        expect(page.locator(".field.wrong")).to_contain_text("https")
    expect(page.get_by_label("A verify found damage")).to_be_checked()
    visitor.look("channel_new-refused")
    page.get_by_label("Address").fill("http://127.0.0.1:9/backup")
    page.get_by_role("button", name="Add the webhook").click()
    has_text(page, "Nothing was told yet")
    page.get_by_role("button", name="Send a test").click()
    expect(page.locator("#deliveries tbody tr")).to_contain_text("a test")
    page.get_by_text("Change or remove it").click()
    visitor.look("channel")
    page.get_by_label("On", exact=True).uncheck()
    page.get_by_role("button", name="Save").click()
    has_text(page, "This channel is off")
    page.get_by_role("link", name="All channels").click()
    expect(page.locator("tbody tr")).to_contain_text("damage")
    visitor.look("channels")
    page.get_by_role("link", name="Operations").click()
    page.get_by_text("Change or remove it").click()
    page.get_by_role("button", name="Remove Operations").click()
    has_text(page, "Nobody is told yet")
    page.goto("/tenants/contoso/channels/new?kind=email")
    has_text(page, "No mail server is set up here")
    page.get_by_label("Name").fill("Team")
    page.get_by_label("Addresses").fill("no address")
    with visitor.refused():
        page.get_by_role("button", name="Add the addresses").click()
        expect(page.locator(".field.wrong")).to_contain_text("addresses such as")
    expect(page.get_by_label("Addresses")).to_have_value("no address")
