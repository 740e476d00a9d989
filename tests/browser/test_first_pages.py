"""From the overview to a file: the way that everybody goes."""

from tests.browser.conftest import Browse
from tests.browser.scene import Scene
from tests.browser.visitor import has_text


def test_overview_to_a_run(browse: Browse, scene: Scene) -> None:
    visitor = browse("/")
    visitor.look("overview")
    visitor.page.get_by_role("link", name="files", exact=True).click()
    has_text(visitor.page, "files")
    visitor.look("share")
    visitor.page.get_by_role("link", name="Runs").click()
    visitor.look("runs")
    visitor.page.get_by_role("link", name="backup 1").click()
    has_text(visitor.page, "succeeded")
    visitor.look("run")


def test_a_page_that_is_not_there_says_so(browse: Browse) -> None:
    visitor = browse("/")
    with visitor.refused():
        visitor.goto("/tenants/nobody")
        has_text(visitor.page, "there is")
