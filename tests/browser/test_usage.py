"""What things cost, what a share holds, and who did what."""

import datetime as dt
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Browse
from tests.browser.scene import Scene
from tests.browser.visitor import has_text

pytestmark = pytest.mark.browser_all


def test_usage_of_a_tenant_by_month_and_share(browse: Browse, scene: Scene) -> None:
    visitor = browse("/tenants/contoso/usage", key=scene.keys["viewer"])
    page = visitor.page
    month = dt.datetime.now(dt.UTC).date().replace(day=1)
    has_text(page, f"{month:%B %Y}")
    expect(page.get_by_role("table", name="Usage by share").get_by_role("link")).to_have_text(["files", "empty"])
    page.locator("#twelve + figure ~ details summary").click()
    table = page.get_by_role("table", name="Cost of the runs by month")
    expect(table.locator("tbody tr")).to_have_count(12)
    expect(table.locator("tbody tr").first).to_contain_text(f"{month:%Y-%m}")
    visitor.look("usage")
    page.get_by_role("link", name="The month before").click()
    before = (month - dt.timedelta(days=1)).replace(day=1)
    has_text(page, f"{before:%B %Y}")
    has_text(page, "No run has ended in these months")
    page.reload()
    has_text(page, f"{before:%B %Y}")
    page.get_by_role("link", name="The month after").click()
    expect(page.get_by_role("link", name="The month after")).to_have_count(0)
    page.go_back()
    has_text(page, f"{before:%B %Y}")
    with visitor.refused():
        visitor.goto("/tenants/contoso/usage?month=2026-13")
        has_text(page, "month")


def test_usage_of_all_tenants_is_of_those_that_one_sees(browse: Browse, scene: Scene) -> None:
    plain = browse("/usage", javascript=False)
    table = plain.page.get_by_role("table", name="Usage by share")
    expect(table).to_contain_text("projects")
    table.get_by_role("link", name="fabrikam").first.click()
    has_text(plain.page, "Of all shares of Fabrikam & Sons")
    theirs = browse("/usage?month=", key=scene.keys["fabrikam"])
    has_text(theirs.page, "may not do usage.read")
    theirs.refusals_expected = True
    theirs.wrong.clear()


def test_analytics_of_a_share(browse: Browse, scene: Scene) -> None:
    path = f"{scene.paths['files']}/analytics"
    visitor = browse(path, key=scene.keys["viewer"])
    page = visitor.page
    expect(page.get_by_role("link", name=re.compile("^media: 7.00 MiB, 2 files"))).to_be_visible()
    page.locator("#changes").scroll_into_view_if_needed()
    expect(
        page.get_by_role("table", name="The folders that change most").get_by_role("link", name="docs")
    ).to_be_visible()
    page.locator("#files").scroll_into_view_if_needed()
    has_text(page, "Of all 25 files")
    expect(page.get_by_role("row", name=re.compile(r"^\.csv"))).to_be_visible()
    page.get_by_role("link", name="Look for duplicates").click()
    has_text(page, "No two files")
    for details in page.locator("#main details > summary").all():
        details.click()
    changes = page.get_by_role("table", name="What the last backups found")
    expect(changes.locator("tbody tr")).to_have_count(1)
    visitor.look("analytics")

    page.get_by_role("link", name="By number of files").click()
    expect(page.get_by_role("link", name="By number of files")).to_have_attribute("aria-current", "true")
    page.get_by_role("link", name=re.compile("^docs: ")).click()
    expect(page.get_by_role("link", name=re.compile("^reports: .*, 12 files"))).to_be_visible()
    page.get_by_role("link", name=re.compile("^reports: ")).click()
    expect(page.locator("#folders-below")).to_contain_text("files right here")
    page.go_back()
    expect(page.get_by_role("link", name=re.compile("^reports: .*, 12 files"))).to_be_visible()
    page.reload()
    expect(page.get_by_role("link", name=re.compile("^reports: .*, 12 files"))).to_be_visible()
    page.get_by_role("link", name="Browse this folder").click()
    expect(page).to_have_url(re.compile("browse.path=docs$"))


def test_analytics_without_scripts(browse: Browse, scene: Scene) -> None:
    visitor = browse(f"{scene.paths['files']}/analytics?path=docs", javascript=False)
    page = visitor.page
    page.get_by_role("link", name="Sum up what is below this folder").click()
    expect(page.get_by_role("link", name=re.compile("^reports: "))).to_be_visible()
    page.get_by_role("link", name="Look at the files").click()
    has_text(page, "Of all 25 files")
    visitor.goto(f"{scene.paths['empty']}/analytics")
    has_text(page, "Nothing to tell yet")


def test_analytics_of_a_folder_that_is_not_there_says_so(browse: Browse, scene: Scene) -> None:
    visitor = browse("/")
    with visitor.refused():
        visitor.goto(f"{scene.paths['files']}/analytics?path=no/such")
        has_text(visitor.page, "has nothing at 'no/such'")


def test_the_audit_tells_who_did_what_and_is_saved_as_lines(browse: Browse, scene: Scene, tmp_path: Path) -> None:
    visitor = browse("/tenants/contoso/audit", key=scene.keys["admin"])
    page = visitor.page
    rows = page.locator("table.list tbody tr")
    expect(rows.filter(has_text="protect a share")).not_to_have_count(0)
    rows.get_by_text("asked for").first.click()
    visitor.look("audit")
    page.get_by_label("What").select_option(label="restore")
    page.get_by_role("button", name="Show").click()
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("done")
    with page.expect_download() as found:
        page.get_by_role("link", name="Lines of JSON").click()
    found.value.save_as(tmp_path / "audit.jsonl")
    (line,) = (tmp_path / "audit.jsonl").read_text().splitlines()
    assert json.loads(line)["action"] == "restores.start"
    page.reload()
    expect(page.get_by_label("What")).to_have_value("restores.start")
    today = dt.datetime.now(dt.UTC).date()
    page.get_by_label("To (UTC)").fill(f"{today - dt.timedelta(days=1)}")
    page.get_by_role("button", name="Show").click()
    has_text(page, "Nothing like that was done")
    expect(page.get_by_label("To (UTC)")).to_have_value(f"{today - dt.timedelta(days=1)}")
    page.get_by_label("To (UTC)").fill(f"{today}")
    page.get_by_role("button", name="Show").click()
    expect(rows).to_have_count(1)
    page.get_by_role("link", name="All", exact=True).click()
    expect(page.get_by_label("What")).to_have_value("")


def test_the_audit_goes_on_where_it_is_scrolled_to(browse: Browse, scene: Scene) -> None:
    today = dt.datetime.now(dt.UTC).date()
    plain = browse(f"/tenants/contoso/audit?limit=3&since=2020-01-01&until={today}", javascript=False)
    rows = plain.page.locator("table.list tbody tr:not(.more)")
    expect(rows).to_have_count(3)
    first = rows.first.inner_text()
    plain.page.get_by_role("link", name="More").click()
    assert rows.first.inner_text() != first


def test_the_audit_of_the_platform(browse: Browse, scene: Scene) -> None:
    visitor = browse("/audit")
    has_text(visitor.page, "add a tenant")
    for key, path in (("viewer", "/tenants/contoso/audit"), ("admin", "/audit")):
        other = browse("/", key=scene.keys[key])
        with other.refused():
            other.goto(path)
            has_text(other.page, "may not do audit.read")


@pytest.mark.browser_all
def test_every_page_in_every_way(browse: Browse, scene: Scene) -> None:
    for name, path in {
        "usage-platform": "/usage",
        "audit-platform": "/audit",
        "analytics-nothing": f"{scene.paths['empty']}/analytics",
        "analytics-folder": f"{scene.paths['files']}/analytics?path=docs&by=files&show=folders",
        "analytics-duplicates": f"{scene.paths['files']}/analytics?show=duplicates",
        "people-platform": "/people",
        "member-new": "/tenants/contoso/people/new-member",
        "key-new": "/tenants/contoso/people/new-key",
    }.items():
        browse(path).look(name)
    visitor = browse("/tenants/contoso/people")
    visitor.page.get_by_text("What each role may do, one by one").click()
    visitor.look("people-roles")
    visitor.page.get_by_role("link", name="viewer for tests").first.click()
    visitor.page.get_by_text("Revoke", exact=True).click()
    visitor.look("key")
