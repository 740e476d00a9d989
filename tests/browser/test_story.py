"""What somebody does on the first day: from nothing to a file that is back; and two tenants side by side who know nothing of one another."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import Browse
from tests.browser.scene import Scene
from tests.browser.test_restores import BEFORE, REPORT, content, ends_well, press
from tests.browser.visitor import has_text
from tests.support.share_tree import change, fill


def test_from_a_new_tenant_to_a_file_that_is_back_and_gone_again(browse: Browse, scene: Scene) -> None:
    name = scene.new_azure_share(fill)
    share = scene.azure_share(name)
    visitor = browse("/")
    page = visitor.page

    page.get_by_role("link", name="Add a tenant").click()
    page.get_by_label("Name").fill("Northwind")
    page.get_by_label("Id").fill("northwind")
    press(page, "Add the tenant")
    page.get_by_label("Storage account").fill(f"{scene.product.files_url}/{name}")
    page.get_by_label("Credential").fill("devstore")
    page.get_by_role("button", name="Add it and test").click()
    has_text(page, "Connected")

    back_up(page)
    change(share)
    ours = page.url.partition("/runs/")[0]
    page.goto(ours)
    back_up(page)

    page.goto(f"{ours}/browse?path=docs/reports")
    expect(page.get_by_role("link", name="report 05.csv")).to_have_count(0)
    page.get_by_label("As it was at").select_option(index=0)
    expect(page.get_by_role("link", name="report 05.csv")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("link", name="report 05.csv")).to_have_count(0)
    page.go_forward()
    expect(page.get_by_role("link", name="report 05.csv")).to_be_visible()
    page.reload()

    page.get_by_label("Select report 03.csv").check()
    press(page, "Restore selected")
    for step in ("Next: where to", "Next: how", "Next: plan it", "Plan it"):
        press(page, step)
    has_text(page, "will be written")
    assert content(share, REPORT) == b"rewritten"
    press(page, "Start the restore")
    page.wait_for_url("**/runs/*")
    ends_well(page)
    assert content(share, REPORT) == BEFORE

    page.goto(f"{page.url}/undo")
    press(page, "Plan the undo")
    has_text(page, "What the undo would do")
    press(page, "Undo the restore")
    page.wait_for_url("**/runs/*")
    ends_well(page)
    assert content(share, REPORT) == b"rewritten"


def back_up(page: Page) -> None:
    """Press the button, and watch until it is done."""
    press(page, "Back up now")
    page.wait_for_url("**/runs/*")
    ends_well(page)


def test_two_tenants_side_by_side_know_nothing_of_one_another(browse: Browse, scene: Scene) -> None:
    contoso, fabrikam = browse("/", key=scene.keys["admin"]), browse("/", key=scene.keys["fabrikam"])
    for mine in (contoso, fabrikam):
        own, others = ("files", "projects") if mine is contoso else ("projects", "files")
        expect(mine.page.get_by_role("link", name=own, exact=True)).to_be_visible()
        expect(mine.page.get_by_role("link", name=others, exact=True)).to_have_count(0)
    with fabrikam.refused():
        fabrikam.goto(scene.paths["files"])
        has_text(fabrikam.page, "there is no tenant 'contoso'")
        fabrikam.look("problem")
    contoso.goto(scene.paths["files"])
    has_text(contoso.page, "files")


def test_a_viewer_has_no_button_that_would_be_refused(browse: Browse, scene: Scene) -> None:
    visitor = browse(scene.paths["files"], key=scene.keys["viewer"])
    for name in ("", "/runs", "/runs/1", "/verify", "/schedules", "/retention", "/settings", "/browse", "/analytics"):
        visitor.goto(scene.paths["files"] + name)
        forms = visitor.page.locator('form[method="post"]:has(button:enabled:not([formmethod="get"]))').evaluate_all(
            "forms => forms.map(form => form.action)"
        )
        assert not forms, f"{name or 'the share'} has {forms}"
