"""What the page of a run says of each kind of run, whatever is in its report: earlier releases, and runs that were ended early, say less."""

import datetime as dt
import re
from dataclasses import replace
from types import SimpleNamespace

import pytest

from http_api.models.runs import RunWithCost
from http_api.pages.run_words import cancelled
from http_api.rendering import _TEMPLATES, Frame
from shared.model.access import Grant, Principal, PrincipalKind, Role
from shared.model.restore import RestoreOrder
from shared.model.run import Counters, RebuildOrder, Run, RunKind, RunState
from shared.model.verify_order import VerifyLevel, VerifyOrder

NOW = dt.datetime(2026, 11, 29, 12, 0, tzinfo=dt.UTC)
WHEN = NOW.isoformat()
COST = {
    "currency": "USD", "files_operations": 0.1, "vault_operations": 0.2, "compute": 0.3, "total": 0.6, "storage_per_month": 1.5,
    "prices": {"as_of": "2026-11-28", "region": "westus", "accuracy": "list", "tier": "Hot"},
}  # fmt: skip
ADMIN = Principal(
    kind=PrincipalKind.KEY, id="k", name="k", grants=frozenset({Grant(role=Role.PLATFORM_ADMIN, tenant_id=None)})
)
RESTORED = {
    "restore_point": 7, "taken_at": WHEN, "from": {"share": "files", "path": "a", "selection": {"paths": ["a"]}},
    "to": {"account_url": "https://a.file.core.windows.net", "share_name": "b", "path": ""}, "part": "permissions",
    "conflicts": "mirror", "dry_run": False, "requested_at": WHEN, "requested_by": None, "ended_at": WHEN, "state": "cancelled",
    "error": None, "written": {"files": 1, "bytes": 2, "replaced": 3, "beside_others": 4, "directories_made": 5},
    "not_written": {"same_already": 6, "left_as_they_were": 7}, "removed": {"files": 8, "directories": 9}, "exceptions": 0,
    "verified": "the content was compared", "object": "1/restore/9.jsonl.zst",
    "unfinished": {"directories": 12, "begun": 3, "files_written_in_them": 4, "files_not_written_in_them": 5},
}  # fmt: skip
DRILLED = {
    "level": "drill", "restore_points": {"newest": 7, "oldest": 7, "count": 1}, "seconds": 9.0,
    "restored": {"files": 500, "bytes": 7, "seconds": 3.0, "exceptions": 2},
    "compared": {"files": 500, "bytes": 7, "directories": 3, "files_otherwise": 1, "of_each": ["content", "times"]},
    "unsaved": 1, "damaged_objects": 1, "findings": {"drill_differs": 1},
    "sample": {"part": 3, "parts": 8, "percent": 12.5, "since": WHEN, "parts_read": 4, "statement": "99.9 % sure of it"},
    "statement": "99.9 % sure of that", "scratch_share": {"name": "afb-drill-1", "removed": False},
}  # fmt: skip
REPACK = {
    "bundles": 3, "pages": 9, "copy_bytes": 10, "freed_bytes": 20, "saves_per_month": 0.5, "costs": 0.1, "currency": "USD",
    "all_bundles": 40, "all_bytes": 50, "all_live_bytes": 30,
}  # fmt: skip
SCANNED = {
    "to_transfer": {"files": 5, "bytes": 6},
    "backup": {"seconds": 60.0, "workers": 4, "operations": {}, "cost": COST},
}
SWEPT = {
    "by": "ada", "horizon": 9, "restore_points": 3, "margin_s": 86_400, "deleted_objects": 4, "deleted_bytes": 5, "refused_objects": 1,
    "refused_bytes": 2, "dropped_pages": 7, "repack": REPACK, "refused_object": "1/bundle/1/1.tar.zst", "refused_until": None,
}  # fmt: skip
PRUNED = {
    "by": "schedule", "expired": [{"restore_point": 3, "reason": "no rule keeps it"}], "expired_count": 1, "kept_count": 4,
    "refused": [{"restore_point": 2, "reasons": ["pinned by ada"]}], "missing": [],
}  # fmt: skip
REBUILT = {
    "restore_point": 9, "restore_points": 3, "directories": 1, "files": 2, "bytes": 3,
    "lost": [{"object": "1/segment/1/1.fb", "reason": "it is gone", "hint": "back up"}],
}  # fmt: skip
CASES = [
    (RunKind.BACKUP, {"repack": {"bundles": 1, "copied_bytes": 2, "freed_bytes": 3, "saves_per_month": 0.1, "currency": "USD",
                                 "left_bundles": 1}}, "What has changed since restore point 8"),
    (RunKind.SCAN, SCANNED, "would read 5 files (6 B), take about 1 min with 4 workers, and cost about $0.60"),
    (RunKind.RESTORE, RESTORED, "12 directories, 3 of them begun"),
    (RunKind.VERIFY, DRILLED, "still there: the next verify tries again to delete it"),
    (RunKind.REBUILD, REBUILT, "The catalogue has 3 restore points again"),
    (RunKind.PRUNE, PRUNED, "1 restore point let go, 4 kept"),
    (RunKind.SWEEP, SWEPT, "4 objects deleted, 5 B freed"),
    (RunKind.PURGE, {"by": "ada", "deleted_objects": 1, "deleted_bytes": 2, "refused_objects": 3, "refused_bytes": 4,
                     "refused_object": "x", "refused_until": WHEN}, "Purge the share again when that has ended"),
]  # fmt: skip


def order_of(kind, level):
    if kind is RunKind.RESTORE:
        return {"order": RestoreOrder(restore_point=7, account_url="https://a", share_name="b", credential="")}
    if kind is RunKind.VERIFY:
        return {"verify": VerifyOrder(level=level, restore_point=7, parts=8, part=3)}
    return {"rebuild": RebuildOrder()} if kind is RunKind.REBUILD else {}


def told(kind, state, report, counters, *, level=VerifyLevel.DRILL, error=None, unusual=()):
    ended = state not in (RunState.QUEUED, RunState.RUNNING, RunState.PAUSED, RunState.CANCELLING)
    one = Run(
        run_id=1, tenant_id="contoso", share_id=1, run_no=9, kind=kind, state=state, requested_at=NOW, started_at=NOW, report=report,
        finished_at=NOW if ended else None, counters=counters, error=error, retention={"by": "ada"}, **order_of(kind, level),
    )  # fmt: skip
    run = RunWithCost.of(one, now=NOW + dt.timedelta(seconds=30), cost=COST)
    frame = Frame(principal=ADMIN, now=NOW, signed_in_by_platform=False)
    values = {
        "frame": frame,
        "filled": None,
        "run": run,
        "unusual": unusual,
        "previous": 8,
        "course": None,
        "curves": [],
    }
    page = "".join(
        _TEMPLATES.get_template(name).render(**values)
        for name in ("_run_live.html", "_run_course.html", "_runs_row.html")
    )
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))


SOME = Counters(
    directories=2, files=3, bytes=4, changed_files=2, new_files=1, read_bytes=9, vault_bytes=5, repacked_files=1
)


@pytest.mark.parametrize(("kind", "report", "says"), CASES)
def test_a_run_that_has_ended_says_what_it_came_to(kind, report, says):
    assert says in told(kind, RunState.SUCCEEDED, report, SOME)


@pytest.mark.parametrize("kind", RunKind)
@pytest.mark.parametrize("state", RunState)
@pytest.mark.parametrize(
    "report", [None, {}, {"level": "drill", "scratch_share": {"removed": True}}, {"repack": REPACK}]
)
def test_a_run_without_a_whole_report_has_a_page(kind, state, report):
    if kind is RunKind.BACKUP and report and "repack" in report:
        report = None  # a backup's says other things of it
    for counters in (Counters(), replace(SOME, errors=3)):
        for level in (VerifyLevel.QUICK, VerifyLevel.DRILL) if kind is RunKind.VERIFY else (VerifyLevel.DRILL,):
            assert state.value.replace("_", " ") in told(kind, state, report, counters, level=level)


def test_a_failed_run_says_why_and_what_then():
    page = told(RunKind.BACKUP, RunState.FAILED, None, Counters(), error="ShareGone: 404; hint: undelete it")
    assert "The run failed. ShareGone: 404Undelete it" in page.replace("404 ", "404")
    assert "What has changed" not in page


def test_what_is_unusual_stands_above_all():
    alert = SimpleNamespace(title="unusually much has changed", closed_at=None, detail="9 of 10 files were renamed")
    page = told(RunKind.BACKUP, RunState.SUCCEEDED, None, SOME, unusual=[alert])
    assert page.index("Unusually much has changed") < page.index("9 of 10 files") < page.index("Directories")


@pytest.mark.parametrize("kind", RunKind)
def test_cancelling_any_kind_says_what_is_kept_and_what_is_lost(kind):
    assert all(cancelled(kind))
    assert cancelled(RunKind.RESTORE, dry_run=True).kept == "Everything: a dry run writes nothing."
