"""Runs as people follow and steer them."""

import json
import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Browse
from tests.browser.scene import Scene
from tests.browser.visitor import has_text
from tests.support.files_control import ControlClient
from tests.support.share_tree import fill, put

ROWS = "#runs tbody tr:not(.more)"


@contextmanager
def slowly(scene: Scene, azure_share: str, seconds: float = 0.7) -> Iterator[None]:
    """A share that takes its time for every answer, so that a run of it can be watched."""
    control = ControlClient(scene.product.files.control_url)
    with control.faults({"share": azure_share, "delay_s": seconds, "every": 1}):
        yield


def many(share: Any) -> None:
    """Enough directories for a run to go on for a while on a slow share."""
    for n in range(60):
        put(share, f"years/{n:02d}/minutes.txt", b"m" * n)


def titled(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def test_runs_are_listed_and_chosen_by_kind_and_state(browse: Browse, scene: Scene) -> None:
    visitor = browse(f"{scene.paths['files']}/runs")
    page = visitor.page
    expect(page.locator(ROWS)).to_have_count(4)
    visitor.look("runs")
    page.get_by_label("Kind").select_option("verify")
    expect(page.locator(ROWS)).to_have_count(1)
    expect(page.locator(ROWS)).to_contain_text("verify 4")
    assert "kind=verify" in page.url
    page.reload()
    expect(page.locator(ROWS)).to_have_count(1)
    page.get_by_label("State").select_option("failed")
    has_text(page, "No such run")
    page.go_back()
    expect(page.locator(ROWS)).to_have_count(1)


def test_a_long_list_goes_on_where_it_ended(browse: Browse, scene: Scene) -> None:
    visitor = browse(f"{scene.paths['files']}/runs?limit=2", javascript=False)
    page = visitor.page
    expect(page.locator(ROWS)).to_have_count(2)
    page.get_by_role("link", name="More", exact=True).click()
    expect(page.locator(ROWS).first).to_contain_text("backup 2")


def test_a_backup_at_work_is_followed_paused_resumed_and_cancelled(browse: Browse, scene: Scene) -> None:
    azure_share = scene.new_azure_share(many)
    path = scene.new_share("contoso", "slow", azure_share)
    visitor = browse(f"{path}/runs", key=scene.keys["operator"])
    page = visitor.page
    state = page.locator("#run .badge").first
    has_text(page, "Nothing was done yet")
    with slowly(scene, azure_share):
        page.get_by_role("button", name="Back up now").click()
        titled(page, "Backup 1")
        has_text(page, "nothing to compare with yet")
        has_text(page, "at it,")
        page.get_by_role("button", name="Pause").click()
        expect(state).to_have_text("paused")
        has_text(page, "somebody to resume or cancel it")
        visitor.look("run-paused")
        page.get_by_role("link", name="Cancel …").click()
        titled(page, "Cancel backup 1?")
        has_text(page, "the next backup does not read it again")
        visitor.look("run-cancel")
        page.go_back()
        page.reload()
        page.get_by_role("button", name="Resume").click()
        expect(state).to_have_text(re.compile("queued|running"))
        page.get_by_role("link", name="Cancel …").click()
        page.get_by_role("button", name="Cancel this run").click()
        expect(state).to_have_text("cancelled", timeout=30_000)
    has_text(page, "No restore point was made")
    expect(page.get_by_role("link", name="Cancel …")).to_have_count(0)
    visitor.goto(f"{path}/runs/1/cancel")
    has_text(page, "there is nothing to cancel")


def test_a_list_with_a_run_at_work_lives(browse: Browse, scene: Scene) -> None:
    azure_share = scene.new_azure_share(fill)
    path = scene.new_share("contoso", "alive", azure_share)
    with slowly(scene, azure_share, 0.1):
        scene.post(f"/api{path}/scans")
        page = browse(f"{path}/runs").page
        expect(page.locator("#run-1 .badge")).to_have_text(re.compile("queued|running"))
    expect(page.locator("#run-1 .badge")).to_have_text("succeeded", timeout=30_000)
    page.get_by_role("link", name="scan 1").click()
    has_text(page, "What a backup would do")
    has_text(page, "A backup now would read")


def test_a_run_that_has_ended_says_what_it_came_to(browse: Browse, scene: Scene) -> None:
    # As if it had taken longer than the blink of an eye, of which there is no course.
    share_id = scene.paths["files"].rpartition("/")[2]
    with psycopg.connect(scene.product.postgres_url) as conn:
        conn.execute(
            "UPDATE run SET started_at = finished_at - interval '30 s' WHERE share_id = %s AND run_no = 2", [share_id]
        )
        conn.execute(
            "UPDATE batch SET claimed_at = committed_at - interval '20 s' WHERE share_id = %s AND run_no = 2",
            [share_id],
        )
    visitor = browse(f"{scene.paths['files']}/runs/2")
    page = visitor.page
    has_text(page, "What has changed since restore point 1")
    row = page.get_by_role("row", name=re.compile("^Files"))
    run = scene.api("GET", f"/api{scene.paths['files']}/runs/2")[1]["counters"]
    expect(row.get_by_role("cell").first).to_have_text(str(run["new_files"]))
    has_text(page, "Written to the vault")
    has_text(page, "Throughput by stage")
    visitor.look("run-backup")
    page.get_by_text("The same as a table").click()
    expect(page.locator("#throughput tbody tr").first).to_be_visible()


@pytest.mark.browser_all
@pytest.mark.parametrize(
    ("share", "place", "name", "says"),
    [
        ("files", "runs/3", "run-restore", "What was done"),
        ("files", "runs/4", "run-verify", "the catalogue agrees with it"),
        ("gone", "runs/1", "run-failed", "The run failed"),
    ],
)
def test_runs_of_all_kinds(browse: Browse, scene: Scene, share: str, place: str, name: str, says: str) -> None:
    visitor = browse(f"{scene.paths[share]}/{place}")
    has_text(visitor.page, says)
    visitor.look(name)


@pytest.mark.browser_all
def test_a_long_backup_is_drawn_while_it_works(browse: Browse, scene: Scene) -> None:
    azure_share = scene.new_azure_share(fill)
    path = scene.new_share("contoso", "drawn", azure_share)
    scene.run(f"{path}/backups")
    many(scene.azure_share(azure_share))
    with slowly(scene, azure_share, 0.5):
        scene.post(f"/api{path}/backups")
        visitor = browse(f"{path}/runs/2")
        page = visitor.page
        expect(page.locator("#course svg.chart").first).to_be_visible(timeout=60_000)
        visitor.look("run-at-work")
    expect(page.locator("#run .badge").first).to_have_text("succeeded", timeout=60_000)
    # What does not change every other second is fetched once more when the run has ended.
    expect(page.get_by_role("term").filter(has_text="Ended")).to_have_count(1)


def test_a_failed_run_says_why_and_what_to_do(browse: Browse, scene: Scene) -> None:
    visitor = browse(f"{scene.paths['gone']}/runs/1")
    expect(visitor.page.get_by_role("alert")).to_contain_text("The run failed.")
    expect(visitor.page.get_by_role("alert")).to_contain_text("No restore point was made")


def test_a_restore_has_a_report_and_a_way_back(browse: Browse, scene: Scene) -> None:
    azure_share = scene.new_azure_share(lambda share: put(share, "readme.txt", b"mine"))
    body = {"restore_point": 1, "target": {"share_name": azure_share}}
    run_no = scene.run(f"{scene.paths['files']}/restores", body)["run_no"]
    visitor = browse(f"{scene.paths['files']}/runs/{run_no}")
    page = visitor.page
    has_text(page, "1 in the place of others")
    page.get_by_role("link", name="Undo …").click()
    has_text(page, "What an undo does")
    page.go_back()
    page.get_by_role("link", name="Report", exact=True).click()
    titled(page, f"Report of restore {run_no}")
    has_text(page, "compared with its BLAKE3 digest")
    visitor.look("run-report")


def test_the_journal_is_read_filtered_and_downloaded(browse: Browse, scene: Scene) -> None:
    visitor = browse(f"{scene.paths['files']}/runs/2/journal")
    page = visitor.page
    lines = page.locator("#journal-table tbody tr")
    expect(lines.first).to_be_visible()
    visitor.look("journal")
    count = lines.count()
    page.get_by_label("Find in these lines").fill("opened")
    expect(page.locator("#journal-table tbody tr:visible")).to_have_count(1)
    page.get_by_label("Find in these lines").fill("")
    expect(page.locator("#journal-table tbody tr:visible")).to_have_count(count)
    page.get_by_label("Kind").select_option("unreadable")
    has_text(page, "No line of this kind")
    page.get_by_label("Kind").select_option("event")
    expect(lines).to_have_count(count)
    href = page.get_by_role("link", name="JSON lines").get_attribute("href")
    with urllib.request.urlopen(scene.product.host_url + str(href)) as answer:
        told = [json.loads(line) for line in answer.read().splitlines()]
    assert len(told) == count
    assert {line["kind"] for line in told} == {"event"}


@pytest.mark.parametrize("place", ["runs", "runs/2", "runs/2/journal", "runs/3/report", "verify"])
def test_what_is_read_needs_no_javascript(browse: Browse, scene: Scene, place: str) -> None:
    page = browse(f"{scene.paths['files']}/{place}", javascript=False).page
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("#main")).not_to_contain_text("Nothing was done yet")


def test_who_may_look_and_no_more_has_no_buttons(browse: Browse, scene: Scene) -> None:
    visitor = browse(f"{scene.paths['files']}/runs", key=scene.keys["viewer"])
    page = visitor.page
    expect(page.locator(ROWS).first).to_be_visible()
    for name in ("Back up now", "Scan"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    visitor.goto(f"{scene.paths['files']}/runs/3")
    expect(page.get_by_role("link", name="Undo …")).to_have_count(0)
    with visitor.refused():
        visitor.goto(f"{scene.paths['files']}/runs/3/cancel")
        has_text(page, "may not")
        visitor.goto(f"{scene.paths['projects']}/runs/1")
        has_text(page, "there is no")
