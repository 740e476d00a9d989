"""Looking at the past: the tree at any restore point, versions, differences, search, and who may do what."""

import re
from dataclasses import dataclass
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Browse
from tests.browser.scene import Scene
from tests.browser.visitor import has_text
from tests.support.files_control import ControlClient
from tests.support.share_tree import change, fill, put

WIDE_FILES = 3_000
DOMAIN = "S-1-5-21-2127521184-1604012920-1887927527"
OFFICE = f"O:{DOMAIN}-1013G:{DOMAIN}-513D:AI(D;;FW;;;BG)(A;OICI;FA;;;BA)(A;OICIID;0x1200a9;;;{DOMAIN}-513)(A;OICIIO;0x1301bf;;;CO)(A;;CCSDRC;;;{DOMAIN}-1107)"
AUDITED = (
    f"O:BAG:{DOMAIN}-513D:P(A;OICI;0x1301bf;;;{DOMAIN}-513)(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)S:(AU;OICISAFA;SDDCLC;;;WD)"
)


@dataclass
class Places:
    """Pages of the share that these tests look at."""

    share: str
    wide: str

    def point(self, number: int, page: str, path: str = "") -> str:
        return f"{self.share}/restore-points/{number}/{page}" + (f"?path={quote(path)}" if path else "")


def permit(share):
    """The same directory with other permissions, a file that grows, and a new one of the office's."""
    key = share.create_permission_for_share(AUDITED)
    share.get_directory_client("docs").set_http_headers(permission_key=key)
    put(share, "docs/reports/report 03.csv", b"rewritten once more" * 100, permission_key=key)


def permit_first(share):
    fill(share)
    key = share.create_permission_for_share(OFFICE)
    share.get_directory_client("docs").set_http_headers(permission_key=key)


@pytest.fixture(scope="module")
def places(scene: Scene) -> Places:
    share = scene.backed_up("contoso", "past", permit_first, change, permit)
    name = "wide-directory"
    control = ControlClient(scene.product.files.control_url)
    control.ask(
        "POST",
        f"/shares/{name}/synthetic",
        {"profile": "flat", "files": WIDE_FILES, "seed": 3, "median_bytes": 64, "max_bytes": 512},
    )
    wide = scene.new_share("contoso", "wide", name)
    assert scene.run(f"{wide}/backups")["state"] == "succeeded"
    return Places(share, wide)


def test_the_tree_goes_through_time_and_stays_where_it_is(browse: Browse, places: Places) -> None:
    visitor = browse(places.point(1, "browse", "docs"))
    page = visitor.page
    visitor.look("browse")
    expect(page.get_by_role("heading", name="docs")).to_be_visible()
    expect(page.get_by_role("link", name="deeper")).to_have_count(0)
    page.get_by_label("Restore point", exact=True).fill("1")
    expect(page.get_by_role("link", name="deeper")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/restore-points/2/browse\?path=docs$"))
    page.reload()
    expect(page.get_by_role("link", name="deeper")).to_be_visible()
    page.get_by_role("link", name="new", exact=True).click()
    has_text(page, "added.txt")
    page.keyboard.press("[")
    has_text(page, "/docs/new was not there then")
    page.go_back()
    has_text(page, "added.txt")
    page.get_by_label("As it was at").select_option("3")
    expect(page).to_have_url(re.compile(r"/restore-points/3/browse\?path=docs(/|%2F)new$"))
    has_text(page, "added.txt")


def test_the_keyboard_is_enough(browse: Browse, places: Places) -> None:
    visitor = browse(places.point(3, "browse", "docs"))
    page = visitor.page
    page.keyboard.press("j")
    expect(page.locator(":focus")).to_have_text("deeper")
    page.keyboard.press("j")
    page.keyboard.press("x")
    has_text(page, "1 selected")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="deeper")).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_role("heading", name="docs")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("REP")
    page.keyboard.press("Enter")
    expect(page.locator("[data-row]").first).to_have_text("reports")


def test_a_panel_tells_all_that_was_saved(browse: Browse, places: Places) -> None:
    visitor = browse(places.point(1, "browse", "media"))
    page = visitor.page
    page.get_by_role("link", name="song.wav").click()
    details = page.get_by_role("complementary", name="Details")
    for text in (
        "2,097,152 bytes",
        "2001-02-03 04:05:06.7890123 UTC",
        "BLAKE3",
        "Accessed",
        "archive",
        "Who may do what",
    ):
        expect(details).to_contain_text(text)
    visitor.look("browse-panel")
    details.get_by_role("button", name="Close").click()
    expect(page.locator("#details")).to_be_empty()
    visitor.goto(places.point(1, "node", "docs"))
    for text in (
        "finance",
        "red",
        "Administrators",
        "full control",
        "this folder, subfolders and files",
        "Domain Users",
    ):
        has_text(page, text)
    has_text(page, "read data, list folders")
    visitor.look("node")


def test_versions_say_what_changed_and_who_may_what_since(browse: Browse, places: Places) -> None:
    visitor = browse(f"{places.share}/versions?path=docs/reports/report%2003.csv")
    page = visitor.page
    rows = page.locator(".versions > li")
    expect(rows).to_have_count(3)
    first = rows.first
    for text in ("content", "permissions", "1.86 KiB", "9 B"):
        expect(first).to_contain_text(text)
    visitor.goto(f"{places.share}/versions?path=docs")
    page.get_by_text("Who may do what, before and after").first.click()
    table = page.get_by_role("table", name="Entries before and after")
    expect(table).to_contain_text("Guests")
    for status, who in (
        ("removed", "Guests"),
        ("changed", "Domain Users"),
        ("added", "Local System"),
        ("added", "Everyone"),
    ):
        expect(table.get_by_role("row").filter(has_text=status).filter(has_text=who)).to_have_count(1)
    visitor.look("versions")
    with page.expect_download() as download:
        visitor.page.goto(f"{places.share}/versions?path=docs/reports/report%2003.csv")
        rows.nth(1).get_by_role("link", name="Download").click()
    assert download.value.path().read_bytes() == b"rewritten"
    page.locator("[data-row]").last.click()
    expect(page).to_have_url(re.compile("/restore-points/1/node"))


def test_a_difference_is_told_down_to_the_file(browse: Browse, places: Places) -> None:
    visitor = browse(f"{places.share}/difference?from=1&to=3")
    page = visitor.page
    has_text(page, "Moved or renamed")
    row = page.get_by_role("row").filter(has_text="docs").first
    expect(row).to_contain_text("permissions")
    expect(row).to_contain_text("added 2")
    visitor.look("difference")
    page.get_by_role("link", name="docs", exact=True).click()
    page.get_by_role("link", name="reports", exact=True).click()
    for text in ("report 05.csv", "gone from here", "report 07.csv", "content headers"):
        has_text(page, text)
    page.keyboard.press("u")
    expect(page).to_have_url(re.compile(r"path=docs$"))
    page.get_by_label("From").select_option("2")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("link", name="deeper")).to_have_count(0)
    visitor.goto(f"{places.share}/difference?from=2&to=3&path=media")
    has_text(page, "Nothing is different")
    visitor.goto(f"{places.share}/difference?from=2&to=3&path=never/there")
    has_text(page, "was not there")


def test_search_finds_what_is_and_what_was(browse: Browse, places: Places) -> None:
    visitor = browse(f"{places.share}/search")
    page = visitor.page
    page.get_by_label("Name").fill("report 0")
    expect(page.get_by_role("link", name="report 04.csv")).to_be_visible()
    expect(page.get_by_role("link", name="report 05.csv")).to_have_count(0)
    page.get_by_label("Where").select_option("all")
    expect(page.get_by_role("link", name="report 05.csv")).to_be_visible()
    expect(page).to_have_url(re.compile("versions=all"))
    visitor.look("search")
    page.reload()
    page.get_by_role("link", name="report 05.csv").click()
    expect(page).to_have_url(re.compile(r"/restore-points/1/node\?path=docs"))
    visitor.goto(f"{places.share}/search?pattern=leaf.txt&versions=all")
    page.get_by_role("link", name="/docs/deeper/level0", exact=True).first.click()
    expect(page.get_by_role("heading", name="level0")).to_be_visible()
    visitor.goto(f"{places.share}/search?pattern=no+such+thing")
    has_text(page, "Nothing is called *no such thing* now")
    visitor.goto(f"{places.share}/search?pattern=a/b")
    has_text(page, "no name holds '/'")


def test_a_directory_of_many_files_is_there_at_once_and_from_any_name_on(browse: Browse, places: Places) -> None:
    visitor = browse(f"{places.wide}/restore-points/1/browse")
    page = visitor.page
    rows = page.locator("[data-row]")
    expect(rows).to_have_count(40)
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    expect(rows).to_have_count(80)
    page.get_by_label("Begin at a name").fill("C0")
    page.keyboard.press("Enter")
    expect(rows.first).to_have_text(re.compile("^c0"))
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    expect(rows.nth(75)).to_be_attached()
    page.get_by_role("link", name="From the beginning").click()
    expect(rows.first).to_have_text(re.compile("^0"))
    page.get_by_label("Begin at a name").fill("zz")
    page.keyboard.press("Enter")
    has_text(page, "No name from there on")


def test_what_was_ticked_goes_into_an_archive_or_to_the_restore(browse: Browse, places: Places) -> None:
    visitor = browse(places.point(1, "browse"))
    page = visitor.page
    expect(page.get_by_role("button", name="Download ZIP")).to_be_disabled()
    page.get_by_label("Select readme.txt").check()
    page.get_by_label("Select docs").check()
    has_text(page, "2 selected")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download ZIP").click()
    assert download.value.path().read_bytes()[:2] == b"PK"
    page.get_by_role("button", name="Restore selected").click()
    expect(page).to_have_url(re.compile(r"/restore\?.*restore_point=1&path=docs&path=readme.txt"))
    has_text(page, "readme.txt")


def test_whoever_may_not_read_content_sees_names_and_no_way_to_it(browse: Browse, scene: Scene, places: Places) -> None:
    visitor = browse(places.point(1, "browse"), key=scene.keys["viewer"])
    page = visitor.page
    expect(page.get_by_role("link", name="readme.txt")).to_be_visible()
    for role, name in (
        ("link", "ZIP"),
        ("link", "Restore this"),
        ("button", "Download ZIP"),
        ("checkbox", "Select docs"),
    ):
        expect(page.get_by_role(role, name=name)).to_have_count(0)
    page.get_by_role("link", name="readme.txt").click()
    expect(page.get_by_role("complementary")).to_contain_text("BLAKE3")
    expect(page.get_by_role("link", name="Download")).to_have_count(0)
    with visitor.refused():
        visitor.goto(places.point(1, "archive"))
        has_text(page, "may not do content.read")


def test_reading_needs_no_script(browse: Browse, places: Places) -> None:
    visitor = browse(places.point(1, "browse", "docs"), javascript=False)
    page = visitor.page
    page.get_by_label("As it was at").select_option("3")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile(r"/restore-points/3/browse\?path=docs$"))
    page.get_by_role("link", name="readme-moved.txt").click()
    has_text(page, "What was saved")
    page.get_by_role("link", name="Versions").click()
    has_text(page, "Versions of readme-moved.txt")
    visitor.goto(f"{places.share}/versions?path=docs")
    page.get_by_text("Who may do what, before and after").first.click()
    page.get_by_role("link", name="Show").first.click()
    has_text(page, "removed")
    visitor.goto(f"{places.share}/search?pattern=leaf&versions=all")
    has_text(page, "leaf.txt")
    visitor.goto(f"{places.wide}/restore-points/1/browse")
    page.get_by_role("link", name="More").click()
    expect(page.get_by_role("link", name="From the beginning")).to_be_visible()
    visitor.goto(places.point(1, "browse"))
    with visitor.refused():
        page.get_by_role("button", name="Download ZIP").click()
        has_text(page, "nothing is selected")
    visitor.goto(f"{places.share}/difference?from=3&to=1&path=docs")
    has_text(page, "deeper")


@pytest.mark.browser_all
def test_every_other_page_of_the_past_is_looked_at(browse: Browse, scene: Scene, places: Places) -> None:
    reports = "docs/reports/report 03.csv"
    for name, address in (
        ("browse-not-there", places.point(1, "browse", "docs/new")),
        ("browse-root", places.point(3, "browse")),
        ("browse-wide-end", f"{places.wide}/restore-points/1/browse?begin=ff"),
        ("browse-wide-beyond", f"{places.wide}/restore-points/1/browse?begin=zz"),
        ("node-file", places.point(3, "node", reports)),
        ("node-root", places.point(3, "node")),
        ("versions-file", f"{places.share}/versions?path={quote(reports)}"),
        ("difference-below", f"{places.share}/difference?from=1&to=3&path=docs/reports"),
        ("difference-none", f"{places.share}/difference?from=2&to=3&path=media"),
        ("difference-first", f"{scene.paths['projects']}/difference"),
        ("search-form", f"{places.share}/search"),
        ("search-nothing", f"{places.share}/search?pattern=nothing+like+it"),
        ("browse-no-point", f"{scene.paths['empty']}/browse"),
    ):
        browse(address).look(name)
