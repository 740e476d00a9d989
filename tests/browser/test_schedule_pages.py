"""Schedules: added with a preview of when, changed, switched off, deleted; and what became of their occurrences."""

import psycopg
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Browse
from tests.browser.scene import Scene
from tests.browser.visitor import has_text

pytestmark = pytest.mark.browser_all


def test_a_schedule_is_added_changed_switched_off_and_deleted(browse: Browse, scene: Scene) -> None:
    path = scene.new_share("contoso", "by itself", scene.new_azure_share())
    visitor = browse(f"{path}/schedules")
    page = visitor.page
    has_text(page, "Nothing is done by itself")
    page.get_by_role("main").get_by_role("link", name="Add a schedule").first.click()
    preview = page.locator("#preview")
    expect(preview).to_contain_text("Every day at 02:00, UTC")
    page.get_by_label("Name").fill("nightly")
    page.get_by_label("At", exact=True).fill("03:15")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    expect(preview).to_contain_text("Every day at 03:15, Europe/Berlin")
    expect(preview.locator("tbody tr")).to_have_count(5)
    page.get_by_label("How often").select_option("week")
    page.get_by_label("On", exact=True).select_option("sat")
    expect(preview).to_contain_text("Every Saturday at 03:15")
    expect(page.get_by_label("Cron expression")).to_be_hidden()
    page.get_by_label("How often").select_option("cron")
    page.get_by_label("Cron expression").fill("* * * * *")
    expect(preview).to_contain_text("comes round every 60 s")
    with visitor.refused():
        page.get_by_role("button", name="Add schedule").click()
        has_text(page, "Nothing was changed")
    expect(page.locator(".field.wrong")).to_contain_text("expected at least 300 s")
    page.get_by_label("Cron expression").fill("15 3 * * mon-fri")
    page.get_by_role("button", name="Add schedule").click()
    has_text(page, "Monday to Friday at 03:15")
    visitor.look("schedules")
    page.get_by_role("button", name="Switch off").click()
    has_text(page, "switched off")
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_role("button", name="Switch off")).to_be_visible()
    page.get_by_role("link", name="nightly").click()
    expect(page.get_by_label("How often")).to_have_value("weekday")
    page.get_by_label("How often").select_option("hours")
    page.get_by_label("Every", exact=True).select_option("6")
    page.get_by_role("button", name="Save").click()
    has_text(page, "Every 6 hours")
    page.get_by_role("link", name="nightly").click()
    page.locator("summary", has_text="Delete this schedule").click()
    page.get_by_role("button", name="Delete nightly").click()
    has_text(page, "Nothing is done by itself")


def test_options_belong_to_what_is_done(browse: Browse, scene: Scene) -> None:
    visitor = browse(f"{scene.paths['empty']}/schedules/new")
    page = visitor.page
    expect(page.get_by_label("How much it proves")).to_be_hidden()
    page.get_by_label("What", exact=True).select_option("verify")
    page.get_by_label("How much it proves").select_option("sample")
    page.get_by_label("Everything was read after").fill("20")
    page.get_by_label("Name").fill("weekly sample")
    page.get_by_label("How often").select_option("week")
    visitor.look("schedule-new")
    page.get_by_role("button", name="Add schedule").click()
    has_text(page, "verify, sample")


def test_what_became_of_occurrences_is_told(browse: Browse, scene: Scene) -> None:
    share_id = int(scene.paths["files"].rpartition("/")[2])
    body = {"name": "hourly", "what": "backup", "cron": "0 * * * *", "enabled": False}
    made = scene.post(f"/api{scene.paths['files']}/schedules", body, status=201)
    with psycopg.connect(scene.product.postgres_url) as conn:
        conn.execute(
            """
            INSERT INTO schedule_occurrence (tenant_id, schedule_id, share_id, due_at, decided_at, outcome, run_no, note)
            SELECT 'contoso', %s, %s, t, t, CASE WHEN extract(hour FROM t)::int %% 3 = 0 THEN 'skipped' ELSE 'started' END, 1, 'backup run 1 is active'
              FROM generate_series(now() - interval '60 hours', now(), interval '1 hour') AS t
            """,
            [made["schedule_id"], share_id],
        )
    visitor = browse(
        f"{scene.paths['files']}/schedules/{made['schedule_id']}", key=scene.keys["viewer"], javascript=False
    )
    page = visitor.page
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    page.get_by_role("link", name="All", exact=True).click()
    expect(page.locator("tbody tr:not(.more)")).to_have_count(50)
    page.get_by_role("link", name="More").click()
    expect(page.locator("tbody tr:not(.more)")).to_have_count(11)
