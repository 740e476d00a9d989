"""What is proved of a share's restore points, and what is done about what was found."""

from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Browse
from tests.browser.scene import Scene
from tests.browser.test_runs import titled
from tests.browser.visitor import has_text
from tests.support.damage import Vandal
from tests.support.share_tree import fill

pytestmark = pytest.mark.browser_all

FINDINGS = "#findings li.finding"


def vandal(scene: Scene, path: str) -> Any:
    """Who damages the vault of a share."""
    _, _, tenant_id, _, share_id = path.split("/")
    share = SimpleNamespace(tenant_id=tenant_id, share_id=int(share_id))
    settings = SimpleNamespace(vault_connection=scene.product.blob_connection_string)
    return Vandal(SimpleNamespace(share=share, app=SimpleNamespace(settings=settings)))


@pytest.fixture(scope="module")
def proved(scene: Scene) -> str:
    """A share with a restore point, of which tests verify what they like."""
    return scene.backed_up("contoso", "proved", fill)


def test_before_there_is_something_to_verify_it_says_so(browse: Browse, scene: Scene) -> None:
    visitor = browse(f"{scene.paths['empty']}/verify")
    has_text(visitor.page, "Nothing to verify yet")
    visitor.goto(f"{scene.paths['empty']}/verify/new")
    has_text(visitor.page, "No restore point yet")


def test_samples_cover_a_share_part_by_part(browse: Browse, scene: Scene, proved: str) -> None:
    visitor = browse(f"{proved}/verify", key=scene.keys["operator"])
    page = visitor.page
    has_text(page, "No verify has ended yet")
    page.get_by_role("link", name="Verify …").click()
    titled(page, "Start a verify")
    visitor.look("verify-new")
    with visitor.refused():
        page.get_by_label("Over so many samples").fill("4")
        page.get_by_role("button", name="Verify").click()
        has_text(page, "over_runs is for level sample or drill")
        expect(page.get_by_label("Over so many samples")).to_have_value("4")
        page.get_by_label("How much it proves").select_option("sample")
    page.get_by_role("button", name="Verify").click()
    expect(page.locator("#run .badge").first).to_have_text("succeeded", timeout=30_000)
    has_text(page, "What it proves")
    has_text(page, "1 of 4")
    scene.run(f"{proved}/verifications", {"level": "sample", "over_runs": 4})
    visitor.goto(f"{proved}/verify")
    has_text(page, "2 of 4 parts read (50 %)")
    has_text(page, "99.9 % sure that fewer than")
    visitor.look("verify")
    page.get_by_text("Which part was read when").click()
    expect(page.get_by_role("row", name="2", exact=False).first).to_be_visible()


@pytest.mark.browser_all
def test_a_drill_is_started_and_told_of(browse: Browse, scene: Scene, proved: str) -> None:
    visitor = browse(f"{proved}/verify/drill")
    page = visitor.page
    visitor.look("verify-drill")
    with visitor.refused():
        page.get_by_label("Files", exact=False).first.fill("5")
        page.get_by_label("Percent of all").fill("10")
        page.get_by_role("button", name="Drill").click()
        has_text(page, "says how much already")
        page.get_by_label("Storage account").fill("ftp://elsewhere")
        page.get_by_label("Percent of all").fill("")
        page.evaluate("document.querySelector('form.stack').noValidate = true")
        page.get_by_role("button", name="Drill").click()
        has_text(page, "an address like https://account.file.core.windows.net")
    page.get_by_label("Storage account").fill("")
    page.get_by_role("button", name="Drill").click()
    expect(page.locator("#run .badge").first).to_have_text("succeeded", timeout=30_000)
    has_text(page, "Scratch share")
    visitor.look("run-drill")
    visitor.goto(f"{proved}/verify")
    has_text(page, "as they were saved")
    visitor.look("verify-drilled")


def test_damage_is_found_told_of_and_healed(browse: Browse, scene: Scene) -> None:
    path = scene.backed_up("contoso", "damaged", fill)
    who = vandal(scene, path)
    lost = next(name for name in who.names() if name.startswith("bundle/"))
    chunk = next(name for name in who.names() if name.startswith("chunk/"))
    before = who.read(lost)
    who.delete(lost)
    who.delete(chunk)
    scene.run(f"{path}/verifications", {"level": "full"})
    visitor = browse(f"{path}/runs/2")
    page = visitor.page
    has_text(page, "Something is not as it was saved")
    page.get_by_role("link", name="Journal").click()
    has_text(page, "it is not in the vault")
    visitor.goto(f"{path}/verify")
    expect(page.locator(FINDINGS)).to_have_count(2)
    expect(page.locator(FINDINGS).first).to_contain_text("waits for the next backup")
    expect(page.locator(FINDINGS).first).to_contain_text(lost)
    visitor.look("verify-damage")
    scene.run(f"{path}/backups")
    page.reload()
    expect(page.locator(FINDINGS).first).to_contain_text("saved again")
    who.put(lost, before)
    scene.run(f"{path}/verifications", {"level": "full", "restore_point": "all"})
    page.reload()
    expect(page.locator(FINDINGS).first).to_contain_text("healed")
    expect(page.locator(FINDINGS).last).to_contain_text("healed")


def test_who_may_look_and_no_more_starts_nothing(browse: Browse, scene: Scene, proved: str) -> None:
    visitor = browse(f"{proved}/verify", key=scene.keys["viewer"])
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Verify")
    expect(visitor.page.get_by_role("link", name="Verify …")).to_have_count(0)
    expect(visitor.page.get_by_role("link", name="Drill …")).to_have_count(0)
    with visitor.refused():
        visitor.goto(f"{proved}/verify/new")
        has_text(visitor.page, "may not")
