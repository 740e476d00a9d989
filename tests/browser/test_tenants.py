"""A new tenant with its first share in under a minute; settings of a tenant; deletion."""

import psycopg
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Browse
from tests.browser.scene import Scene
from tests.browser.visitor import has_text

pytestmark = pytest.mark.browser_all


def test_a_tenant_and_its_first_share(browse: Browse, scene: Scene) -> None:
    azure_share = scene.new_azure_share()
    visitor = browse("/tenants")
    page = visitor.page
    visitor.look("tenants")
    page.get_by_role("link", name="Add a tenant").click()
    page.get_by_label("Name").fill("Adventure Works")
    page.get_by_label("Id").fill("Not an id")
    with visitor.refused():
        page.get_by_role("button", name="Add the tenant").click()
        expect(page.locator(".field.wrong")).to_contain_text("3 to 63 lower-case letters")
    expect(page.get_by_label("Name")).to_have_value("Adventure Works")
    visitor.look("tenant_new-refused")
    page.get_by_label("Id").fill("adventure")
    page.get_by_role("button", name="Add the tenant").click()
    page.wait_for_url("**/tenants/adventure/shares/new")
    page.get_by_label("Storage account").fill(f"{scene.product.files_url}/{azure_share}")
    page.get_by_label("Credential").fill("nobody-knows-it")
    visitor.look("share_new")
    with visitor.refused():
        page.get_by_role("button", name="Add it and test").click()
        has_text(page, "nobody-knows-it")
    expect(page.get_by_label("Storage account")).to_have_value(f"{scene.product.files_url}/{azure_share}")
    page.get_by_label("Credential").fill("devstore")
    page.get_by_role("button", name="Add it and test").click()
    has_text(page, "Connected")
    visitor.look("connection")
    page.get_by_role("button", name="Back up now").click()
    has_text(page, "succeeded")
    page.goto("/tenants/adventure")
    expect(page.locator("tbody tr")).to_contain_text(azure_share)
    expect(page.locator("tbody tr")).to_contain_text("Within its objective of 26 hours")


def test_what_is_missing_is_said_with_what_to_do(browse: Browse, scene: Scene) -> None:
    visitor = browse(f"{scene.paths['gone']}/connection")
    page = visitor.page
    page.get_by_role("button", name="Test the connection").click()
    has_text(page, "1 thing to fix")
    has_text(page, "Create the share, or give its name as it is written in the portal")
    visitor.look("connection-failed")
    page.get_by_role("button", name="Test again").click()
    has_text(page, "1 thing to fix")


def test_a_connection_is_tested_without_javascript(browse: Browse, scene: Scene) -> None:
    visitor = browse(f"{scene.paths['files']}/connection?now=true", javascript=False)
    expect(visitor.page.get_by_text("Testing the connection")).to_be_hidden()
    visitor.page.get_by_role("button", name="Test the connection").click()
    has_text(visitor.page, "Connected")


def test_a_viewer_tests_no_connection(browse: Browse, scene: Scene) -> None:
    visitor = browse(f"{scene.paths['files']}/connection", key=scene.keys["viewer"])
    has_text(visitor.page, "Your role does not test connections")
    expect(visitor.page.get_by_role("button", name="Test")).to_have_count(0)


def test_an_admin_of_a_tenant_adds_a_share_in_an_account_that_was_given_to_it(browse: Browse, scene: Scene) -> None:
    scene.post("/api/tenants", {"tenant_id": "wingtip", "name": "Wingtip"}, status=201)
    key, azure_share = scene.key("wingtip", "tenant_admin"), scene.new_azure_share()
    visitor = browse("/tenants/wingtip/shares/new", key=key)
    has_text(visitor.page, "No storage account was given to this tenant yet")

    admin = browse("/tenants/wingtip/settings").page
    admin.get_by_role("textbox", name="Storage account").fill(scene.product.files_url)
    admin.get_by_label("Credential").fill("devstore")
    admin.get_by_role("button", name="Give it to the tenant").click()
    expect(admin.locator("tbody tr")).to_contain_text(scene.product.files_url)

    page = visitor.page
    page.reload()
    page.get_by_label("Name of the Azure share").fill(azure_share)
    page.get_by_label("Name here").fill("first")
    page.get_by_role("button", name="Add it and test").click()
    has_text(page, "Connected")
    page.goto("/tenants/wingtip")
    expect(page.locator("tbody tr")).to_contain_text("first")

    admin.locator("summary", has_text="Remove").click()
    admin.get_by_role("button", name=f"Remove {scene.product.files_url}").click()
    has_text(admin, "None yet")


def test_settings_of_a_tenant(browse: Browse, scene: Scene) -> None:
    scene.post("/api/tenants", {"tenant_id": "tailspin", "name": "Tailspin"}, status=201)
    visitor = browse("/tenants/tailspin/settings")
    page = visitor.page
    visitor.look("tenant_settings")
    page.get_by_role("textbox", name="Name", exact=True).fill("Tailspin Toys")
    page.get_by_role("button", name="Save the name").click()
    expect(page.locator(".crumbs")).to_contain_text("Tailspin Toys")
    page.get_by_label("Runs at work at once").fill("3")
    page.get_by_role("button", name="Save the limit").click()
    expect(page.get_by_label("Runs at work at once")).to_have_value("3")
    page.locator("form[action$='/limits']").evaluate("form => { form.noValidate = true }")
    page.get_by_label("Runs at work at once").fill("0")
    with visitor.refused():
        page.get_by_role("button", name="Save the limit").click()
        expect(page.locator(".field.wrong")).to_contain_text("greater than or equal to 1")
    page.goto("/tenants/tailspin/settings")

    page.get_by_text("Delete this tenant").click()
    page.get_by_label("Why").fill("has left")
    page.get_by_role("button", name="Delete Tailspin Toys").click()
    has_text(page, "This tenant was deleted")
    has_text(page, "“has left”")
    has_text(page, "It may be purged from")
    expect(page.get_by_text("Purge this tenant")).to_have_count(0)
    visitor.look("tenant_settings-deleted")
    page.goto("/tenants")
    expect(page.get_by_role("link", name="Tailspin Toys")).to_have_count(0)
    page.get_by_role("link", name="Show what is deleted, too").click()
    expect(page.locator("tbody tr", has_text="Tailspin Toys")).to_contain_text("deleted")
    page.goto("/tenants/tailspin/settings")
    page.get_by_role("button", name="Bring it back").click()
    has_text(page, "Delete this tenant")


def test_a_tenant_is_purged_when_its_grace_is_over_and_its_name_was_typed(browse: Browse, scene: Scene) -> None:
    scene.post("/api/tenants", {"tenant_id": "lucerne", "name": "Lucerne"}, status=201)
    scene.post("/api/tenants/lucerne/delete", status=200)
    with psycopg.connect(scene.product.postgres_url) as conn:
        conn.execute("UPDATE tenant SET purge_after = now() WHERE tenant_id = 'lucerne'")
    visitor = browse("/tenants/lucerne")
    page = visitor.page
    page.get_by_role("link", name="bring it back or purge it").click()
    page.get_by_text("Purge this tenant").click()
    page.get_by_label("Its name, letter for letter").fill("lucerne")
    with visitor.refused():
        page.get_by_role("button", name="Purge Lucerne for good").click()
        expect(page.locator(".field.wrong")).to_contain_text("the name of the tenant, which is 'Lucerne'")
    expect(page.get_by_label("Its name, letter for letter")).to_be_visible()
    visitor.look("tenant_purge-refused")
    page.get_by_label("Its name, letter for letter").fill("Lucerne")
    page.get_by_role("button", name="Purge Lucerne for good").click()
    page.wait_for_url("**/tenants?deleted=true")
    expect(page.get_by_role("link", name="Lucerne")).to_have_count(0)


def test_an_admin_of_a_tenant_may_rename_it_and_neither_limit_nor_delete_it(browse: Browse, scene: Scene) -> None:
    visitor = browse("/tenants/contoso/settings", key=scene.keys["admin"])
    page = visitor.page
    expect(page.get_by_role("button", name="Save the name")).to_be_visible()
    for name in ("Save the limit", "Give it to the tenant", "Delete Contoso"):
        expect(page.get_by_role("button", name=name, include_hidden=True)).to_have_count(0)
    page.get_by_role("textbox", name="Name", exact=True).fill("")
    page.locator("form[action$='/name']").evaluate("form => { form.noValidate = true }")
    with visitor.refused():
        page.get_by_role("button", name="Save the name").click()
        expect(page.locator(".field.wrong")).to_contain_text("at least 1 character")
