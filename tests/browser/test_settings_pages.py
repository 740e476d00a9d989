"""Settings of a share: saved, refused, tried before; and how a share goes away and comes back."""

import psycopg
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Browse
from tests.browser.scene import Scene
from tests.browser.visitor import has_text
from tests.support.share_tree import fill

pytestmark = pytest.mark.browser_all


def test_settings_are_saved_as_they_are_typed(browse: Browse, scene: Scene) -> None:
    path = scene.new_share("contoso", "set", scene.new_azure_share())
    visitor = browse(f"{path}/settings")
    page = visitor.page
    visitor.look("settings")
    page.get_by_label("A restore point at least every").fill("26")
    page.get_by_label("And at most").fill("12.5")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.locator("summary", has_text="Scheduled runs only at some times").click()
    row = page.locator("#rows-windows fieldset").first
    row.get_by_label("Sat").uncheck()
    row.get_by_label("From").fill("22:00")
    row.get_by_label("Until").fill("06:00")
    page.locator("#rows-windows ~ p button").click()
    second = page.locator("#rows-windows fieldset").nth(1)
    second.get_by_label("From").fill("12:00")
    second.get_by_label("Until").fill("00:00")
    page.get_by_label("Leave out").fill("*.tmp\n\n/scratch/\n")
    page.get_by_role("button", name="Save settings").click()
    has_text(page, "Saved.")
    _, share = scene.api("GET", f"/api{path}")
    settings = share["settings"]
    assert settings["objective_s"] == 26 * 3600
    assert settings["bytes_per_s"] == 12.5 * 1024 * 1024
    assert settings["exclude"] == ["*.tmp", "/scratch/"]
    assert settings["windows"] == [
        {"days": ["mon", "tue", "wed", "thu", "fri", "sun"], "begin": "22:00", "end": "06:00"},
        {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "begin": "12:00", "end": "24:00"},
    ]
    assert settings["repack"] is True
    for box in page.locator("#rows-windows fieldset").first.get_by_role("checkbox").all():
        box.uncheck()
    with visitor.refused():
        page.get_by_role("button", name="Save settings").click()
        has_text(page, "expected some of mon, tue")
    visitor.goto(f"{path}/settings")
    # What is shown and not touched stays what it is.
    page.get_by_label("A restore point at least every").fill("")
    page.get_by_role("button", name="Save settings").click()
    has_text(page, "Saved.")
    _, share = scene.api("GET", f"/api{path}")
    assert share["settings"] == {**settings, "objective_s": None}


def test_two_people_do_not_overwrite_one_another(browse: Browse, scene: Scene) -> None:
    path = scene.new_share("contoso", "two people", scene.new_azure_share())
    visitor = browse(f"{path}/settings")
    page = visitor.page
    scene.api("PATCH", f"/api{path}", {"settings": {"exclude": ["*.bak"]}})
    page.get_by_label("Leave out").fill("*.tmp")
    with visitor.refused():
        page.get_by_role("button", name="Save settings").click()
        has_text(page, "changed since you opened this page")
    expect(page.get_by_label("Leave out")).to_have_value("*.tmp")
    has_text(page, "*.bak")
    page.get_by_role("button", name="Save settings").click()
    has_text(page, "Saved.")
    assert scene.api("GET", f"/api{path}")[1]["settings"]["exclude"] == ["*.tmp"]
    page.get_by_label("Time zone").fill("Nowhere")
    page.get_by_label("Leave out").fill("[")
    with visitor.refused():
        page.get_by_role("button", name="Save settings").click()
        has_text(page, "Nothing was changed")
    expect(page.locator(".field.wrong")).to_have_count(2)


def test_rules_are_tried_on_what_is_backed_up(browse: Browse, scene: Scene) -> None:
    visitor = browse(f"{scene.paths['files']}/settings")
    page = visitor.page
    preview = page.locator("#rules-preview")
    page.get_by_label("Leave out").press_sequentially("*.csv")
    expect(preview).to_contain_text("docs/reports/report 03.csv")
    page.get_by_label("Leave out").fill("/docs/reports/")
    expect(preview).to_contain_text("and all below it")
    expect(preview.locator("tbody tr")).to_have_count(1)
    visitor.look("settings-rules")
    page.get_by_label("Back up only").fill("!x")
    expect(preview).to_contain_text("No preview")
    plain = browse(f"{scene.paths['files']}/settings", key=scene.keys["admin"], javascript=False)
    plain.page.get_by_label("Leave out").fill("*.csv")
    plain.page.get_by_label("And at most").fill("77")
    plain.page.get_by_role("button", name="Preview").click()
    has_text(plain.page, "docs/reports/report 03.csv")
    expect(plain.page.get_by_label("And at most")).to_have_value("77")
    assert scene.api("GET", f"/api{scene.paths['files']}")[1]["settings"]["exclude"] == []


def test_a_viewer_sees_the_settings_and_changes_none(browse: Browse, scene: Scene) -> None:
    visitor = browse(f"{scene.paths['files']}/settings", key=scene.keys["viewer"], javascript=False)
    expect(visitor.page.get_by_role("button", name="Save settings")).to_have_count(0)
    expect(visitor.page.get_by_role("link", name="Test the connection")).to_have_count(0)
    expect(visitor.page.get_by_label("Time zone")).to_be_disabled()
    expect(visitor.page.locator("#deletion")).to_have_count(0)


def test_a_share_is_deleted_brought_back_and_purged(browse: Browse, scene: Scene) -> None:
    path = scene.backed_up("contoso", "leaving", fill)
    visitor = browse(f"{path}/settings")
    page = visitor.page
    page.locator("summary", has_text="Delete leaving").click()
    page.get_by_label("Why").fill("moved to the archive")
    page.get_by_role("button", name="Delete leaving").click()
    has_text(page, "This share is deleted")
    has_text(page, "Until then nobody can purge it")
    visitor.goto(path)
    has_text(page, "moved to the archive")
    expect(page.get_by_role("button", name="Back up now")).to_have_count(0)
    page.get_by_role("link", name="Bring it back or purge it").click()
    page.get_by_role("button", name="Bring it back").click()
    has_text(page, "Delete this share")
    page.locator("summary", has_text="Delete leaving").click()
    page.get_by_role("button", name="Delete leaving").click()
    has_text(page, "Until then nobody can purge it")
    with psycopg.connect(scene.product.postgres_url) as conn:
        conn.execute(
            "UPDATE share SET deleted_at = now() - interval '31 days', purge_after = now() - interval '1 day' WHERE share_id = %s",
            [int(path.rpartition("/")[2])],
        )
    page.reload()
    page.locator("summary", has_text="Purge it for good").click()
    page.get_by_label("Type the name of the share").fill("Leaving")
    with visitor.refused():
        page.get_by_role("button", name="Purge leaving for good").click()
        has_text(page, "the name of the share")
    page.get_by_label("Type the name of the share").fill("leaving")
    with visitor.refused():  # when it is done there is no such share, and no run
        page.get_by_role("button", name="Purge leaving for good").click()
        page.wait_for_url("**/runs/*")
