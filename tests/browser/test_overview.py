"""The overview and a tenant's shares: what needs attention comes first, and what is running is live."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Browse
from tests.browser.scene import Scene
from tests.browser.visitor import has_text


def names(page: Page) -> list[str]:
    return page.locator("tbody [data-row]").all_inner_texts()


def test_what_needs_attention_comes_first_and_says_why(browse: Browse, scene: Scene) -> None:
    visitor = browse("/")
    rows = visitor.page.locator("tbody tr")
    expect(rows.first).to_contain_text("gone")
    expect(rows.first).to_contain_text("Bad")
    expect(rows.first).to_contain_text("Backup 1 failed: ")
    expect(rows.filter(has_text="empty")).to_contain_text("No restore point yet")
    expect(rows.filter(has_text="projects")).to_contain_text("Good")
    visitor.look("overview")
    visitor.page.locator(".stat", has_text="Good").get_by_role("link").click()
    expect(visitor.page.get_by_label("Health")).to_have_value("good")
    assert {"files", "projects"} <= set(names(visitor.page))
    assert "gone" not in names(visitor.page)


def test_shares_are_found_as_one_types_and_the_address_says_what_is_shown(browse: Browse, scene: Scene) -> None:
    visitor = browse("/?sort=name")
    page = visitor.page
    page.keyboard.press("/")
    page.keyboard.type("fabri")
    expect(page.locator("tbody tr")).to_have_count(2)
    assert names(page) == ["gone", "projects"]
    expect(page.get_by_label("Search")).to_be_focused()
    page.wait_for_url("**/?search=fabri*")
    page.reload()
    expect(page.get_by_label("Search")).to_have_value("fabri")
    page.get_by_role("link", name="projects").click()
    page.wait_for_url("**/tenants/fabrikam/shares/*")
    page.go_back()
    expect(page.get_by_label("Search")).to_have_value("fabri")
    assert names(page) == ["gone", "projects"]
    page.get_by_label("Search").fill("nothing is called so")
    has_text(page, "No share is like that")
    page.get_by_role("link", name="Show all shares").click()
    page.get_by_label("Tenant").select_option("contoso")
    expect(page.locator("tbody tr", has_text="projects")).to_have_count(0)
    page.get_by_role("columnheader", name="Holds").get_by_role("link").click()
    expect(page.get_by_role("columnheader", name="Holds")).to_have_attribute("aria-sort", "descending")
    assert names(page)[0] == "files"


def test_a_run_is_shown_while_it_lasts_and_its_end_brings_the_list_up_to_date(browse: Browse, scene: Scene) -> None:
    path = scene.new_share("contoso", "being-backed-up", scene.new_azure_share())
    visitor = browse("/?search=being-backed-up")
    page = visitor.page
    expect(page.locator("tbody tr")).to_contain_text("No restore point yet")
    run = scene.post(f"/api{path}/backups")
    scene.post(f"/api{path}/runs/{run['run_no']}/pause")
    page.reload()
    expect(page.locator("#running li")).to_contain_text("of being-backed-up")
    expect(page.locator("tbody tr")).to_contain_text("paused")
    visitor.look("overview-running")
    scene.post(f"/api{path}/runs/{run['run_no']}/resume")
    expect(page.locator("tbody tr")).to_contain_text("Good", timeout=30_000)
    expect(page.locator("#running li")).to_have_count(0)
    scene.post(f"/api{path}/delete", {"reason": "was for a test"}, status=200)
    page.goto("/tenants/contoso?search=being")
    has_text(page, "No share is like that")
    page.goto("/tenants/contoso?search=being&deleted=true")
    expect(page.locator("tbody tr")).to_contain_text("Deleted")


def test_people_of_a_tenant_see_their_own_shares_only(browse: Browse, scene: Scene) -> None:
    visitor = browse("/", key=scene.keys["viewer"])
    page = visitor.page
    expect(page.locator("tbody tr", has_text="files")).to_have_count(1)
    assert "projects" not in page.content()
    assert "Fabrikam" not in page.content()
    expect(page.get_by_role("link", name="Add a tenant")).to_have_count(0)
    page.goto("/tenants")
    assert names(page) == ["Contoso"]
    page.goto("/tenants/contoso")
    expect(page.get_by_role("link", name="Add a share")).to_have_count(0)
    visitor.look("tenant-viewer")
    with visitor.refused():
        page.goto("/tenants/fabrikam")
        has_text(page, "there is no tenant")


def test_who_may_see_one_share_sees_its_tenant_with_that_alone(browse: Browse, scene: Scene) -> None:
    key = scene.key("contoso", "viewer", int(scene.paths["files"].rpartition("/")[2]))
    visitor = browse("/", key=key)
    assert names(visitor.page) == ["files"]
    visitor.page.goto("/tenants/contoso")
    assert names(visitor.page) == ["files"]
    visitor.page.goto("/alerts")
    has_text(visitor.page, "Alerts")


def test_a_part_of_a_long_list_is_not_taken_away_but_said_to_be_old(browse: Browse, scene: Scene) -> None:
    visitor = browse("/?limit=1")
    html = visitor.page.content()
    assert "whole=false" in html
    asked = visitor.page.request.get("/running?seen=something&whole=false", headers={"HX-Request": "true"})
    assert "Something has changed since this list was made" in asked.text()
    assert "seen=something" in asked.text()
    asked = visitor.page.request.get("/running?seen=something&whole=true", headers={"HX-Request": "true"})
    assert 'hx-trigger="load"' in asked.text()


@pytest.mark.parametrize("path", ["/", "/tenants", "/tenants/contoso", "/alerts"])
def test_lists_read_without_javascript(browse: Browse, scene: Scene, path: str) -> None:
    visitor = browse(path, javascript=False)
    expect(visitor.page.get_by_role("heading", level=1)).to_be_visible()
    if path == "/":
        visitor.page.get_by_label("Search").fill("proj")
        visitor.page.get_by_label("Search").press("Enter")
        assert names(visitor.page) == ["projects"]
        visitor.page.goto("/?limit=1")
        (first,) = names(visitor.page)
        visitor.page.get_by_role("link", name="More").click()
        assert names(visitor.page)
        assert first not in names(visitor.page)
