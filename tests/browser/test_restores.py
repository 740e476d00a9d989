"""Getting files back in the browser: the wizard, its plan, the restore, and the way back."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Browse
from tests.browser.scene import Scene
from tests.browser.visitor import has_text
from tests.support.files_control import ControlClient
from tests.support.share_tree import change, fill, mkdir, put

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


def until(page: Page, is_so: Callable[[], object]) -> None:
    """Wait for something that no page shows."""
    for _ in range(150):
        if is_so():
            return
        page.wait_for_timeout(200)
    raise AssertionError("it did not come to that")


def run_no(page: Page) -> int:
    found = re.search(r"/runs/(\d+)$", page.url)
    assert found is not None, page.url
    return int(found[1])


def test_a_file_is_restored_over_what_is_there_and_taken_back(browse: Browse, scene: Scene, ours: str) -> None:
    share = azure(scene, ours)
    assert content(share, REPORT) == b"rewritten"
    visitor = browse(f"{ours}/restore-points/1/browse?path=docs/reports")
    page = visitor.page
    page.get_by_label("Select report 03.csv").check()
    press(page, "Restore selected")
    expect(page.get_by_label("report 03.csv")).to_be_checked()
    visitor.look("restore-what")
    press(page, "Next: where to")
    expect(page.get_by_label("Where it was", exact=True)).to_be_checked()
    press(page, "Next: how")
    expect(page.get_by_label("Overwrite", exact=True)).to_be_checked()
    press(page, "Next: plan it")
    has_text(page, f"/{REPORT}")
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
    press(page, "Undo the restore")
    page.wait_for_url("**/runs/*")
    ends_well(page)
    assert content(share, REPORT) == b"rewritten"

    visitor.goto(f"{ours}/restore?undo={number}")
    has_text(page, "was undone already")


def test_a_directory_goes_to_another_share_without_javascript(browse: Browse, scene: Scene, ours: str) -> None:
    target = f"{azure(scene, ours).share_name}-2"
    visitor = browse(f"{ours}/restore", javascript=False)
    page = visitor.page
    page.get_by_label("As it was at").select_option(value="1")
    press(page, "Everything is needed elsewhere")
    page.get_by_role("button", name="Open docs").click()
    page.get_by_role("checkbox", name="trailing.").check()
    page.get_by_role("button", name="Open reports").click()
    expect(page.get_by_role("checkbox", name="trailing.")).to_be_checked()
    page.get_by_label("report 05.csv").check()
    page.get_by_role("button", name="Close docs").click()
    has_text(page, "2 chosen")
    has_text(page, "/docs/reports/report 05.csv")
    visitor.look("restore-what-elsewhere", axe=False)
    press(page, "Next: where to")
    press(page, "Next: how")
    expect(page.locator("#f-target-share_name-help")).to_have_text("is required")
    page.get_by_label("Name of the share").fill(target)
    page.get_by_label("Below this directory").fill("back")
    page.get_by_label("Without the directories up to").fill("docs")
    press(page, "Next: how")
    page.get_by_label("Skip", exact=True).check()
    press(page, "Next: plan it")
    has_text(page, f"{target}/back, without the directories up to /docs")
    press(page, "Plan it")
    until(page, lambda: page.reload() and page.get_by_role("button", name="Start the restore").count())
    press(page, "Start the restore")
    run = scene.api.finished(f"/api{ours}/runs/{run_no(page)}")
    assert run["state"] == "succeeded", run
    found = scene.azure_share(target)
    assert content(found, "back/reports/report 05.csv") == b"5," * 185
    assert content(found, "back/trailing./dot..") == b"dots"


def test_mirror_deletes_what_was_confirmed(browse: Browse, scene: Scene, ours: str) -> None:
    target = scene.new_azure_share(fill, lambda share: put(share, "mine/notes.txt", b"mine"))
    visitor = browse(f"{ours}/restore?restore_point=1&to=share&target.share_name={target}&conflicts=mirror&step=review")
    page = visitor.page
    assert not page.get_by_text("In a hurry").is_visible()
    press(page, "Plan it")
    has_text(page, "2 files and directories are not in the restore point")
    visitor.look("restore-plan-mirror")
    press(page, "Start the restore")
    expect(page).to_have_url(re.compile(r"plan="))
    with visitor.refused():
        page.get_by_label("How many may be deleted").fill("-1")
        page.locator("form").filter(has=page.get_by_label("How many may be deleted")).evaluate(
            "form => form.noValidate = true"
        )
        press(page, "Start the restore")
        expect(page.locator("#f-delete_at_most-help")).to_contain_text("greater than or equal to 0")
        expect(page.get_by_label("How many may be deleted")).to_have_value("-1")
    page.get_by_label("How many may be deleted").fill("2")
    press(page, "Start the restore")
    page.wait_for_url("**/runs/*")
    ends_well(page)
    left = [item.name for item in scene.azure_share(target).list_directories_and_files()]
    assert "mine" not in left
    assert "docs" in left


def test_what_is_wrong_is_told_beside_the_field(browse: Browse, ours: str) -> None:
    visitor = browse(f"{ours}/restore?restore_point=1")
    page = visitor.page
    page.get_by_text("Only some of the files in there").click()
    page.get_by_label("Only files that end with").fill("docx")
    page.get_by_label("Only what matches").fill("!a")
    page.get_by_label("Last written at this time").fill("2026-02-01T00:00")
    page.get_by_label("Last written before").fill("2026-01-01T00:00")
    press(page, "Next: where to")
    expect(page.locator("#f-selection-extensions-help")).to_contain_text("begin with a dot")
    expect(page.locator("#f-selection-include-help .error")).to_be_visible()
    expect(page.locator("#f-selection-written_before-help")).to_contain_text("later than")
    visitor.look("restore-what-wrong")

    visitor.goto(f"{ours}/restore?restore_point=99&to=original&step=review")
    expect(page.locator("#f-restore_point-help")).to_contain_text("no restore point 99")
    visitor.goto(f"{ours}/restore?restore_point=1&path=a/../b&to=original&step=review")
    has_text(page, "expected a path without")
    visitor.goto(f"{ours}/restore?restore_point=1&to=account&target.share_name=abc&target.account_url=ftp://x&step=how")
    expect(page.locator("#f-target-account_url-help .error")).to_be_visible()
    visitor.goto(f"{ours}/restore?restore_point=1&to=original&selection.extensions=.csv&conflicts=mirror&step=review")
    has_text(page, "would delete all others")


def test_the_tree_unfolds_and_keeps_what_is_chosen(browse: Browse, ours: str) -> None:
    visitor = browse(f"{ours}/restore?restore_point=1")
    page = visitor.page
    page.get_by_role("button", name="Open docs").click()
    page.get_by_role("button", name="Open reports").click()
    page.get_by_label("report 05.csv").check()
    page.get_by_role("button", name="Open docs").click()
    expect(page.get_by_label("report 05.csv")).to_be_hidden()
    press(page, "Next: where to")
    page.wait_for_url("**step=*")
    page.go_back()
    page.go_forward()
    page.get_by_role("link", name="What").click()
    expect(page.get_by_label("report 05.csv")).to_be_checked()
    page.get_by_label("As it was at").select_option(value="2")
    has_text(page, "/docs/reports/report 05.csv")
    expect(page.get_by_label("Add by its path")).to_be_visible()
    expect(page).to_have_url(re.compile("restore_point=2"))
    page.reload()
    page.get_by_label("/docs/reports/report 05.csv").uncheck()
    page.get_by_label("Add by its path").fill("/docs/new")
    press(page, "Add")
    has_text(page, "1 chosen")
    expect(page.get_by_label("new", exact=True)).to_be_checked()


def test_a_restore_that_is_cancelled_in_the_middle_can_be_undone(browse: Browse, scene: Scene, ours: str) -> None:
    target = scene.new_azure_share(lambda share: put(share, REPORT, b"of its own"))
    visitor = browse(f"{ours}/restore?restore_point=1&to=share&target.share_name={target}&step=review")
    page = visitor.page
    with ControlClient(scene.product.files.control_url).faults(
        {"operation": "directory_list", "share": target, "delay_s": 3.0, "count": 0}
    ):
        press(page, "Plan it")
        has_text(page, "Nothing is written")
        plan = page.url
        assert scene.api("POST", f"/api{ours}/runs/{plan.rpartition('=')[2]}/pause", {})[0] == 202
        has_text(page, "paused")
        visitor.look("restore-planning")
        page.go_back()
        page.go_forward()
        page.reload()
        has_text(page, "Nothing is written")

        visitor.goto(f"{ours}/restore?restore_point=2&to=share&target.share_name={target}&step=review")
        with visitor.refused():
            press(page, "Plan it")
            has_text(page, "another restore writes there")
            has_text(page, "restore point 2")

        visitor.goto(f"{ours}/restore")
        page.get_by_role("link", name="Follow").first.click()
        press(page, "Cancel the plan")
        page.wait_for_url("**/runs/*")
        visitor.goto(plan)
        expect(page.get_by_text("The plan was cancelled. Nothing was written.")).to_be_visible(timeout=30_000)
    page.get_by_role("link", name="Plan it again").click()
    page.get_by_text("In a hurry").click()
    with ControlClient(scene.product.files.control_url).faults(
        {"operation": "directory_list", "share": target, "delay_s": 3.0, "count": 0}
    ):
        press(page, "Restore now, without a plan")
        page.wait_for_url("**/runs/*")
        number = run_no(page)
        visitor.goto(f"{ours}/runs/{number}/undo")
        has_text(page, "cancel it, then undo what it has done")
        until(page, lambda: scene.api("GET", f"/api{ours}/runs/{number}")[1]["share_snapshot"])
        assert scene.api("POST", f"/api{ours}/runs/{number}/cancel", {})[0] == 202
    assert scene.api.finished(f"/api{ours}/runs/{number}")["state"] == "cancelled"
    page.reload()
    press(page, "Plan the undo")
    has_text(page, "What the undo would do")
    page.go_back()
    page.get_by_text("Undo it without a plan").click()
    with visitor.refused():
        for _ in range(10):
            press(page, "Undo now, without a plan")
            if "/undo" not in page.url:
                break
            # Whoever was writing when it was cancelled may write until its lease of five seconds is over.
            has_text(page, "may still write what they had in hand")
            page.wait_for_timeout(1_000)
            page.get_by_text("Undo it without a plan").click()
    ends_well(page)
    assert content(scene.azure_share(target), REPORT) == b"of its own"


def test_a_directory_with_many_files_is_shown_in_parts(browse: Browse, scene: Scene) -> None:
    def many(share: Any) -> None:
        mkdir(share, "many")
        for n in range(130):
            share.get_file_client(f"many/file {n:03d}.txt").create_file(0)

    path = scene.backed_up("contoso", "many files", many)
    page = browse(f"{path}/restore?restore_point=1").page
    page.get_by_role("button", name="Open many").click()
    expect(page.get_by_label("file 099.txt")).to_be_attached()
    page.get_by_label("file 007.txt").check()
    press(page, "More of /many")
    page.get_by_label("file 129.txt").check()
    press(page, "Show its files")
    has_text(page, "2 chosen")
    expect(page.get_by_label("/many/file 129.txt")).to_be_checked()

    long = "&".join(f"path=many/{'x' * 60}{n:03d}" for n in range(95))
    page.goto(f"{path}/restore?restore_point=1&to=original&step=review&{long}")
    has_text(page, "fewer paths")
    page.get_by_label("As it was at").evaluate("(select) => (select.form.dataset.longest = 100)")
    press(page, "Next: where to")
    has_text(page, "These are too many paths for one address")

    page = browse(f"{path}/restore?restore_point=1&step=what&open=many", javascript=False).page
    page.get_by_label("file 007.txt").check()
    press(page, "More of /many")
    expect(page.get_by_label("file 129.txt")).to_be_visible()
    expect(page.get_by_label("/many/file 007.txt")).to_be_checked()


@pytest.mark.browser_all
def test_every_step_looks_well(browse: Browse, ours: str) -> None:
    visitor = browse(f"{ours}/restore?restore_point=2&step=where&to=account&target.share_name=abc")
    visitor.look("restore-where")
    page = visitor.page
    press(page, "Next: how")
    visitor.look("restore-how")
    page.get_by_label("Only permissions").check()
    expect(page.get_by_label("Mirror")).to_be_hidden()
    page.get_by_label("Take no share snapshot first").check()
    press(page, "Next: plan it")
    visitor.look("restore-review")
    press(page, "Plan it")
    has_text(page, "cannot be undone")
    visitor.look("restore-plan-refused")
    visitor.goto(f"{ours}/restore?restore_point=2&step=what&selection.changes=deleted&selection.compared_with=1")
    visitor.look("restore-what-changed")
    visitor.goto(f"{ours}/restore?restore_point=1&to=account&target.share_name=abc&target.account_url=ftp://x&step=how")
    visitor.look("restore-where-wrong")
    visitor.goto(f"{ours}/restore?restore_point=1&to=original&selection.extensions=.csv&conflicts=mirror&step=review")
    visitor.look("restore-how-wrong")


def test_who_may_not_restore_is_shown_nothing_to_press(browse: Browse, scene: Scene, ours: str) -> None:
    visitor = browse(ours, key=scene.keys["viewer"])
    expect(visitor.page.get_by_role("link", name="Restore", exact=True)).to_have_count(0)
    with visitor.refused():
        visitor.goto(f"{ours}/restore")
        has_text(visitor.page, "may not")
    only_here = scene.key("contoso", "operator", int(ours.rpartition("/")[2]))
    visitor = browse(f"{ours}/restore?restore_point=1&step=where", key=only_here)
    has_text(visitor.page, "Your role is for this share")
    expect(visitor.page.get_by_label("Another share")).to_have_count(0)
    visitor.goto(f"{ours}/restore?restore_point=1&to=share&target.share_name=another&step=review")
    has_text(visitor.page, "to share")
    expect(visitor.page.get_by_role("button", name="Plan it")).to_have_count(0)


def test_a_share_without_a_restore_point_has_nothing_to_restore(browse: Browse, scene: Scene) -> None:
    visitor = browse(f"{scene.paths['empty']}/restore")
    has_text(visitor.page, "nothing to restore yet")
    visitor.look("restore-nothing")
