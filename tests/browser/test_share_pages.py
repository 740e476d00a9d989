"""A share's own pages: its restore points as a calendar and a list, and one of them with what keeps it."""

import datetime as dt

import psycopg
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Browse
from tests.browser.scene import Scene
from tests.browser.visitor import has_text
from tests.support.share_tree import fill

pytestmark = pytest.mark.browser_all

DAYS = 70


@pytest.fixture(scope="module")
def history(scene: Scene) -> str:
    """A share with restore points of ten weeks, which no backup made: what is shown of them is in the catalogue alone."""
    path = scene.backed_up("contoso", "ten weeks", fill)
    share_id = int(path.rpartition("/")[2])
    now = dt.datetime.now(dt.UTC).replace(hour=2, minute=0)
    made = [(day, hour) for day in range(DAYS, 0, -1) for hour in ((0, 6, 12) if day % 7 == 3 else (0,)) if day % 11]
    with psycopg.connect(scene.product.postgres_url) as conn:
        conn.execute("UPDATE restore_point SET run_no = run_no + 1000 WHERE share_id = %s", [share_id])
        conn.execute("UPDATE share SET next_run_no = 1002 WHERE share_id = %s", [share_id])
        for number, (day, hour) in enumerate(made, start=1):
            at = now - dt.timedelta(days=day) + dt.timedelta(hours=hour)
            conn.execute(
                """
                INSERT INTO restore_point (share_id, run_no, taken_at, committed_at, directories, files, bytes, errors, share_snapshot)
                VALUES (%s, %s, %s, %s, 12, %s, %s, %s, NULL)
                """,
                [share_id, number, at, at, 1000 + number, 10**9 + 10**7 * number, 3 if number == 40 else 0],
            )
    scene.api("PATCH", f"/api{path}", {"settings": {"objective_s": 90_000, "time_zone": "Europe/Berlin"}})
    found, _ = scene.api("PUT", f"/api{path}/restore-points/30/pin", {"reason": "before the migration"})
    assert found == 200
    found, _ = scene.api("PUT", f"/api{path}/restore-points/50/hold", {"reason": "case 2026/118"})
    assert found == 200
    return path


def test_the_calendar_leads_to_the_restore_points_of_a_day(browse: Browse, history: str) -> None:
    visitor = browse(history)
    page = visitor.page
    rows = page.locator("#points tbody tr:not(.more)")
    expect(page.locator(".more")).to_have_count(1)  # of some ninety, fifty are there
    visitor.look("share-timeline")
    page.locator(".more").scroll_into_view_if_needed()
    expect(page.locator(".more")).to_have_count(0)
    assert rows.count() > 50
    page.reload()
    page.locator("section[aria-labelledby=calendar-month] header a").first.click()
    page.wait_for_url("**month=*")
    day = page.get_by_role("link", name="3 restore points").first
    told = day.locator(".sr-only").inner_text()
    day.click()
    page.wait_for_url("**day=*")
    expect(rows).to_have_count(3)
    expect(page.locator("#points-title")).to_have_text(told.partition(":")[0])
    page.go_back()
    page.go_back()
    expect(page.locator("#points-title")).to_have_text("All restore points")


def test_a_restore_point_is_pinned_held_and_deleted(browse: Browse, scene: Scene) -> None:
    path = scene.backed_up("contoso", "points", fill, lambda share: share.get_file_client("empty.bin").delete_file())
    visitor = browse(f"{path}/restore-points/1")
    page = visitor.page
    visitor.look("restore-point")
    page.locator("summary", has_text="Pin it").click()
    page.get_by_label("Why it is to be kept").fill("   ")
    with visitor.refused():
        page.get_by_role("button", name="Pin", exact=True).click()
        has_text(page, "Nothing was changed")
    page.get_by_label("Why it is to be kept").fill("before the migration")
    page.get_by_label("Until").fill("2099-12-31")
    page.get_by_role("button", name="Pin", exact=True).click()
    has_text(page, "before the migration")
    has_text(page, "pinned")
    page.locator("summary", has_text="Put it under a hold").click()
    page.get_by_label("Why", exact=True).fill("case 7")
    page.get_by_role("button", name="Hold").click()
    has_text(page, "Under a legal hold")
    page.get_by_role("link", name="Delete this restore point").click()
    has_text(page, "It will stay")
    page.get_by_role("link", name="Keep it").click()
    page.locator("summary", has_text="Release it").click()
    page.get_by_label("Why it is released").fill("closed")
    page.get_by_role("button", name="Release").click()
    page.locator("summary", has_text="Unpin").click()
    page.get_by_label("Why it need not be kept any more").fill("migrated")
    page.get_by_role("button", name="Unpin").click()
    page.get_by_role("link", name="Delete this restore point").click()
    page.get_by_role("button", name="Delete restore point 1").click()
    has_text(page, "prune")
    has_text(page, "succeeded")
    visitor.goto(f"{path}/expired-points")
    has_text(page, "deleted by")


def test_reading_needs_no_javascript_and_a_viewer_sees_no_buttons(browse: Browse, scene: Scene, history: str) -> None:
    visitor = browse(history, key=scene.keys["viewer"], javascript=False)
    page = visitor.page
    expect(page.get_by_role("button", name="Back up now")).to_have_count(0)
    page.get_by_role("link", name="More").click()
    has_text(page, "1,001")  # the oldest has so many files
    visitor.goto(f"{history}/restore-points/50")
    has_text(page, "case 2026/118")
    expect(page.get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("link", name="Delete this restore point")).to_have_count(0)
    with visitor.refused():
        visitor.goto(f"{history}/restore-points/50/delete")
        has_text(page, "not allowed")
    with visitor.refused():
        visitor.goto(f"{history}?month=never")
        has_text(page, "expected one as 2026-11")


def test_a_verified_restore_point_is_marked_with_the_run_that_verified_it(browse: Browse, scene: Scene) -> None:
    path = scene.backed_up("contoso", "verified", fill, lambda share: share.get_file_client("empty.bin").delete_file())
    verified = scene.run(f"{path}/verifications", {"level": "quick"})
    visitor = browse(path, javascript=False)
    page = visitor.page
    expect(page.locator("#points tbody tr").nth(0).get_by_role("link", name="verified").last).to_be_visible()
    expect(page.locator("#points tbody tr").nth(1).get_by_role("link", name="verified")).to_have_count(0)
    page.locator("#points [data-row]").first.click()
    has_text(page, f"quick verify, run {verified['run_no']}")
    has_text(page, "nothing wrong")


def test_a_run_at_work_is_named_until_it_has_ended(browse: Browse, scene: Scene) -> None:
    path = scene.new_share("contoso", "at work", scene.new_azure_share())
    share_id = int(path.rpartition("/")[2])
    with psycopg.connect(scene.product.postgres_url) as conn:
        # Paused, so nobody takes it up.
        conn.execute(
            """
            INSERT INTO run (tenant_id, share_id, run_no, kind, state, subject, paused_at) VALUES ('contoso', %s, 1, 'backup', 'paused', 'x', now())
            """,
            [share_id],
        )
    visitor = browse(path)
    expect(visitor.page.get_by_role("link", name="Backup 1")).to_be_visible()
    with psycopg.connect(scene.product.postgres_url) as conn:
        conn.execute(
            "UPDATE run SET state = 'cancelled', paused_at = NULL, finished_at = now() WHERE share_id = %s", [share_id]
        )
    visitor.page.get_by_role("link", name="Show what is new").click()
    expect(visitor.page.get_by_role("link", name="Backup 1")).to_have_count(0)
    has_text(visitor.page, "No restore point yet")


def test_a_share_without_restore_points_says_what_to_do(browse: Browse, scene: Scene) -> None:
    visitor = browse(scene.paths["empty"])
    has_text(visitor.page, "No restore point yet")


@pytest.mark.browser_all
def test_all_pages_of_a_share_in_light_and_dark(browse: Browse, scene: Scene, history: str) -> None:
    policy = scene.post("/api/tenants/contoso/policies", {"name": "Gallery", "rules": {"daily": 9}}, status=201)
    body = {"name": "each day", "what": "sweep", "cron": "30 2 * * *", "options": {"margin_days": 9}}
    schedule = scene.post(f"/api{history}/schedules", body, status=201)
    gone = scene.new_share("contoso", "deleted", scene.new_azure_share())
    scene.post(f"/api{gone}/delete", {"reason": "moved"}, status=200)
    visitor = browse(history)
    day = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=3)
    for name, path in {
        "share-day": f"{history}?day={day}",
        "share-empty": scene.paths["empty"],
        "share-deleted": gone,
        "settings-deleted": f"{gone}/settings",
        "restore-point-held": f"{history}/restore-points/50",
        "restore-point-delete": f"{history}/restore-points/50/delete",
        "expired-points": f"{history}/expired-points",
        "retention-preview": f"{history}/retention?policy_id={policy['policy_id']}",
        "policy": f"/tenants/contoso/policies/{policy['policy_id']}",
        "schedule": f"{history}/schedules/{schedule['schedule_id']}",
        "occurrences": f"{history}/schedules/{schedule['schedule_id']}/occurrences",
    }.items():
        visitor.goto(path)
        visitor.look(name)
