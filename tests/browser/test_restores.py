"""Getting files back in the browser: the wizard, its plan, the restore, and the way back."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Browse
from tests.browser.scene import Scene
from tests.browser.visitor import has_text
from tests.support.share_tree import change, fill

REPORT = "docs/reports/report 03.csv"
BEFORE = b"3," * 111


@pytest.fixture(scope="module")
def ours(scene: Scene) -> str:
    """A share with two restore points, of which the second has a report rewritten and others gone."""
    return scene.backed_up("contoso", "restored here", fill, change)


def azure(scene: Scene, path: str) -> Any:
    """A client of the Azure share that a page is about."""
    status, share = scene.api("GET", f"/api{path}")
    assert status == 200
    return scene.azure_share(share["share_name"])


def content(share: Any, path: str) -> bytes:
    return bytes(share.get_file_client(path).download_file().readall())


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def ends_well(page: Page) -> None:
    """The run whose page is open comes to its end."""
    expect(page.locator("#main .badge").first).to_have_text("succeeded", timeout=60_000)


def run_no(page: Page) -> int:
    found = re.search(r"/runs/(\d+)$", page.url)
    assert found is not None, page.url
    return int(found[1])


def test_a_file_is_restored_over_what_is_there_and_taken_back(browse: Browse, scene: Scene, ours: str) -> None:
    share = azure(scene, ours)
    assert content(share, REPORT) == b"rewritten"
    visitor = browse(f"{ours}/restore-points/1/browse?path=docs/reports")
    page = visitor.page
    has_text(page, "report 03.csv")

    visitor.goto(f"{ours}/restore?restore_point=1&path={REPORT}")
    expect(page.get_by_label("report 03.csv")).to_be_checked()
    visitor.look("restore-what")
    press(page, "Next: where to")
    expect(page.get_by_label("Where it was", exact=True)).to_be_checked()
    visitor.look("restore-where")
    press(page, "Next: how")
    expect(page.get_by_label("Overwrite", exact=True)).to_be_checked()
    visitor.look("restore-how")
    press(page, "Next: plan it")
    has_text(page, f"/{REPORT}")
    visitor.look("restore-review")
    page.reload()
    page.go_back()
    expect(page.get_by_label("Mirror")).to_be_visible()
    page.go_forward()
    press(page, "Plan it")
    has_text(page, "1 file (222 B) will be written")
    visitor.look("restore-plan")
    assert content(share, REPORT) == b"rewritten"

    page.reload()
    press(page, "Start the restore")
    page.wait_for_url("**/runs/*")
    ends_well(page)
    number = run_no(page)
    assert content(share, REPORT) == BEFORE

    visitor.goto(f"{ours}/restore")
    visitor.look("restores")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name=f"restore {number}", exact=True))
    row.get_by_role("link", name="Undo").click()
    has_text(page, "What it replaced or deleted comes back")
    press(page, "Plan the undo")
    has_text(page, "What the undo would do")
    visitor.look("restore-undo")
    page.reload()
    print(page.url, page.locator("#main").inner_text())
    press(page, "Undo the restore")
    page.wait_for_url("**/runs/*")
    ends_well(page)
    assert content(share, REPORT) == b"rewritten"

    visitor.goto(f"{ours}/runs/{number}/undo")
    has_text(page, "was undone already")
    visitor.look("restore-undone")
