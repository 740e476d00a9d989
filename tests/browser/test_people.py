"""People and keys: who may do what, and the key that is shown once."""

import re
import secrets

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Browse
from tests.browser.scene import Scene
from tests.browser.visitor import Visitor, has_text

pytestmark = pytest.mark.browser_all

PEOPLE = "/tenants/contoso/people"


def new_id() -> str:
    digits = secrets.token_hex(16)
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def add_member(visitor: Visitor, name: str, object_id: str, role: str = "operator", share: str = "") -> None:
    page = visitor.page
    page.get_by_role("link", name="Add a member").first.click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Object id").fill(object_id)
    page.get_by_label("Role").select_option(role)
    if share:
        page.get_by_label("For", exact=True).select_option(label=share)
    page.get_by_role("button", name="Add").click()


def test_a_member_is_added_changed_and_removed(browse: Browse, scene: Scene) -> None:
    visitor = browse(PEOPLE, key=scene.keys["admin"])
    page = visitor.page
    add_member(visitor, "Ann Ops", new_id(), "operator", "files")
    row = page.get_by_role("row", name=re.compile("Ann Ops"))
    expect(row).to_contain_text("operator")
    expect(row).to_contain_text("files")
    visitor.look("people")
    page.reload()
    expect(page.get_by_role("row", name=re.compile("Ann Ops"))).to_have_count(1)

    page.get_by_role("link", name="Ann Ops").click()
    expect(page.get_by_label("Role").locator("option")).to_have_text(["viewer", "operator"])
    page.get_by_label("Role").select_option("viewer")
    page.get_by_label("Name").fill("Ann Watch")
    page.get_by_role("button", name="Save").click()
    row = page.get_by_role("row", name=re.compile("Ann Watch"))
    expect(row).to_contain_text("viewer")

    page.get_by_role("link", name="Ann Watch").click()
    page.get_by_text("Remove", exact=True).click()
    has_text(page, "They can be added again")
    page.get_by_role("button", name="Remove Ann Watch").click()
    expect(page).to_have_url(re.compile("/people$"))
    expect(page.get_by_role("row", name=re.compile("Ann Watch"))).to_have_count(0)


def test_a_member_that_was_entered_wrong_says_what_was_expected_and_keeps_what_was_typed(
    browse: Browse, scene: Scene
) -> None:
    visitor = browse(PEOPLE, key=scene.keys["admin"])
    page = visitor.page
    with visitor.refused():
        add_member(visitor, "Bob", "bob@contoso.com")
        has_text(page, "Nothing was changed")
        expect(page.get_by_label("Name")).to_have_value("Bob")
        expect(page.get_by_label("Object id")).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_label("Role")).to_have_value("operator")
        object_id = new_id()
        page.get_by_label("Object id").fill(object_id)
        page.get_by_role("button", name="Add").click()
        expect(page.get_by_role("row", name=re.compile("Bob"))).to_contain_text("all shares")
        add_member(visitor, "Bob again", object_id, "viewer")
        has_text(page, "they have a role there already")
        page.go_back()
        page.goto(PEOPLE)
        expect(page.get_by_role("row", name=re.compile("Bob again"))).to_have_count(0)


def test_a_key_is_shown_once_and_a_reload_makes_no_other(browse: Browse, scene: Scene) -> None:
    visitor = browse(PEOPLE, key=scene.keys["admin"])
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = visitor.page
    page.get_by_role("link", name="Make an API key").click()
    with visitor.refused():
        page.get_by_label("Name").fill("nightly report")
        page.get_by_label("Valid for").evaluate("field => { field.value = '9999'; field.removeAttribute('max'); }")
        page.get_by_role("button", name="Make the key").click()
        has_text(page, "less than or equal to 730")
        expect(page.get_by_label("Name")).to_have_value("nightly report")
    page.get_by_label("Valid for").fill("30")
    page.get_by_label("Role").select_option("viewer")
    page.get_by_role("button", name="Make the key").click()
    has_text(page, "the only time")
    made = page.locator("#made-key").inner_text()
    assert re.fullmatch(r"afb_[0-9a-f]{12}_[0-9A-Za-z]{49}", made)
    assert made not in page.url
    page.get_by_role("button", name="Copy").click()
    expect(page.locator("#live")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == made
    visitor.look("key-made")

    page.reload()
    has_text(page, "was made already")
    expect(page.locator("#main")).not_to_contain_text(made)
    page.get_by_role("link", name="About the key that was made").click()
    expect(page.locator("#main")).not_to_contain_text(made)
    page.goto(PEOPLE)
    expect(page.get_by_role("row", name=re.compile("nightly report"))).to_have_count(1)

    theirs = browse("/", key=made)
    expect(theirs.page.get_by_role("link", name="Audit")).to_have_count(0)
    page.get_by_role("link", name="nightly report").click()
    has_text(page, "just now")
    page.get_by_text("Revoke", exact=True).click()
    page.get_by_role("button", name="Revoke nightly report").click()
    expect(page.locator(".badge")).to_have_text("revoked")
    expect(page.get_by_text("Revoke", exact=True)).to_have_count(0)
    with theirs.refused():
        theirs.page.reload()
        has_text(theirs.page, "key")
    told = scene.api.ask("GET", "/api/tenants/contoso/audit?action=keys.change").raw.decode()
    assert "nightly+report" in told
    assert made not in told


def test_people_can_be_read_without_scripts(browse: Browse, scene: Scene) -> None:
    visitor = browse(PEOPLE, key=scene.keys["admin"], javascript=False)
    has_text(visitor.page, "API keys")
    visitor.page.get_by_role("link", name="viewer for tests").first.click()
    has_text(visitor.page, "Revoke")


def test_who_may_not_see_people_is_told_so(browse: Browse, scene: Scene) -> None:
    visitor = browse(scene.paths["files"], key=scene.keys["viewer"])
    with visitor.refused():
        visitor.goto(PEOPLE)
        has_text(visitor.page, "may not do members.read")
        visitor.goto("/tenants/fabrikam/people")
        has_text(visitor.page, "there is no tenant")


def test_people_of_the_platform(browse: Browse) -> None:
    visitor = browse("/people")
    page = visitor.page
    page.get_by_role("link", name="Make an API key").first.click()
    expect(page.get_by_label("Role").locator("option")).to_have_text(["viewer", "operator", "platform admin"])
    page.get_by_label("Name").fill("platform monitor")
    page.get_by_role("button", name="Make the key").click()
    has_text(page, "the only time")
    page.get_by_role("link", name="I have kept it").click()
    add_member(visitor, "Root", new_id(), "platform_admin")
    page.get_by_role("link", name="Root").click()
    page.get_by_label("Name").fill("Root One")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Root One").click()
    page.get_by_text("Remove", exact=True).click()
    with visitor.refused():
        page.get_by_role("button", name="Remove Root One").click()
        has_text(page, "People and keys")


@pytest.mark.parametrize("list_name", ["members", pytest.param("keys", marks=pytest.mark.browser_all)])
def test_long_lists_go_on_where_they_are_scrolled_to(browse: Browse, scene: Scene, list_name: str) -> None:
    tenant = f"crowd-{list_name}"
    scene.post("/api/tenants", {"tenant_id": tenant, "name": "Crowd"}, status=201)
    for number in range(53):
        body = {"name": f"no-{number:02d}", "role": "viewer"} | (
            {"object_id": new_id()} if list_name == "members" else {}
        )
        scene.post(f"/api/tenants/{tenant}/{list_name}", body, status=201)
    visitor = browse(f"/tenants/{tenant}/people")
    visitor.page.locator("tr").nth(50).scroll_into_view_if_needed()
    expect(visitor.page.get_by_role("row", name=re.compile("no-"))).to_have_count(53)
    plain = browse(f"/tenants/{tenant}/people", javascript=False)
    plain.page.get_by_role("link", name="More").click()
    expect(plain.page.get_by_role("row", name=re.compile("no-"))).to_have_count(3)
