"""Policies of a tenant, which one a share has, and what it would do before anybody saves it."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Browse
from tests.browser.scene import Scene
from tests.browser.visitor import has_text
from tests.support.share_tree import fill

pytestmark = pytest.mark.browser_all


def _twice(share):
    share.get_file_client("empty.bin").delete_file()


def test_a_policy_is_tried_as_it_is_typed_and_given_to_a_share(browse: Browse, scene: Scene) -> None:
    path = scene.backed_up(
        "contoso", "kept", fill, _twice, lambda share: share.get_file_client("readme.txt").delete_file()
    )
    visitor = browse(f"{path}/retention")
    page = visitor.page
    has_text(page, "nothing of it is ever pruned")
    page.get_by_role("link", name="New policy").click()
    preview = page.locator("#preview")
    expect(preview).to_contain_text("What it would do to kept")
    page.get_by_label("Name").fill("Three newest")
    page.get_by_label("Newest").fill("3")
    page.get_by_label("Daily").fill("")
    page.get_by_label("Weekly").fill("")
    page.get_by_label("Monthly").fill("")
    expect(preview).to_contain_text("Last 3 of 3")
    page.get_by_label("Newest").fill("1")
    expect(preview).to_contain_text("Go: 2 restore points")
    visitor.look("policy-new")
    page.get_by_label("Time zone").fill("Mars/Olympus")
    expect(preview).to_contain_text("No preview")
    with visitor.refused():
        page.get_by_role("button", name="Add policy").click()
        has_text(page, "Nothing was changed")
    expect(page.locator(".field.wrong")).to_contain_text("expected an IANA name")
    expect(page.get_by_label("Name")).to_have_value("Three newest")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.get_by_role("button", name="Add policy").click()
    # Back where it was wanted, tried there, and not given yet.
    page.wait_for_url("**/retention?policy_id=*")
    expect(preview).to_contain_text("Nothing was changed yet")
    expect(preview).to_contain_text("Go: 2 restore points")
    page.reload()
    page.get_by_label("Policy of this share").select_option("none")
    expect(preview).to_contain_text("The share has no policy")
    page.get_by_label("Policy of this share").select_option(label="Three newest")
    expect(preview).to_contain_text("Go: 2 restore points")
    page.get_by_role("button", name="Save").click()
    has_text(page, "By this the next prune goes")
    visitor.look("retention")
    page.locator("summary", has_text="Prune now").click()
    page.get_by_role("button", name="Let go of 2 restore points").click()
    has_text(page, "succeeded")
    visitor.goto(f"{path}/retention")
    has_text(page, "there is nothing to do")
    page.locator("summary", has_text="Sweep now").click()
    page.get_by_label("Let go at least so long ago").fill("7")
    page.get_by_role("button", name="Sweep").click()
    has_text(page, "sweep")


def test_policies_are_listed_changed_and_deleted(browse: Browse, scene: Scene) -> None:
    rules = {"keep_last": 2, "daily": 14, "weekly": 8, "monthly": 24, "yearly": 7, "keep_days": 3}
    made = scene.post("/api/tenants/contoso/policies", {"name": "Long", "rules": rules}, status=201)
    visitor = browse("/tenants/contoso/policies")
    page = visitor.page
    has_text(page, "the 2 newest · 14 days · 8 weeks · 24 months · 7 years · all of the last 3 days")
    visitor.look("policies")
    page.get_by_role("link", name="Long").click()
    other = browse(f"/tenants/contoso/policies/{made['policy_id']}")
    other.page.get_by_label("Daily").fill("30")
    other.page.get_by_role("button", name="Save").click()
    has_text(other.page, "30 days")
    page.get_by_label("Daily").fill("7")
    with visitor.refused():
        page.get_by_role("button", name="Save").click()
        has_text(page, "changed since you opened this page")
    expect(page.get_by_label("Daily")).to_have_value("7")
    page.get_by_role("button", name="Save").click()
    has_text(page, "7 days")
    page.get_by_role("link", name="Long").click()
    page.locator("summary", has_text="Delete this policy").click()
    page.get_by_role("button", name="Delete Long").click()
    page.wait_for_url("**/policies")
    expect(page.get_by_role("link", name="Long")).to_have_count(0)


def test_previews_work_without_javascript_and_a_viewer_changes_nothing(browse: Browse, scene: Scene) -> None:
    scene.post("/api/tenants/contoso/policies", {"name": "Plain", "rules": {"keep_last": 1}}, status=201)
    visitor = browse(f"{scene.paths['files']}/retention", key=scene.keys["viewer"], javascript=False)
    page = visitor.page
    page.get_by_label("Policy of this share").select_option(label="Plain")
    page.get_by_role("button", name="Preview").click()
    has_text(page, "In use: restore run")
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    expect(page.locator("summary", has_text="Prune now")).to_have_count(0)
    visitor.goto("/tenants/contoso/policies/new")
    page.get_by_label("Newest").fill("2")
    page.get_by_label("Preview on").select_option(label="files")
    page.get_by_role("button", name="Preview").click()
    has_text(page, "Last 2 of 2")
    expect(page.get_by_label("Newest")).to_have_value("2")
    expect(page.get_by_role("button", name="Add policy")).to_have_count(0)
