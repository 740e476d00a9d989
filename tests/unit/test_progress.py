"""What is told of a run's progress, and when it is said to be unknown."""

import datetime as dt
from dataclasses import replace

import pytest

from shared.core.progress import AtWork, progress
from shared.model.run import Counters, Driver, RestorePoint, Run, RunKind, RunState
from shared.model.verify_order import VerifyLevel, VerifyOrder

T0 = dt.datetime(2026, 5, 4, 3, 2, 1, tzinfo=dt.UTC)


def later(seconds):
    return T0 + dt.timedelta(seconds=seconds)


def running(**fields):
    given = {
        "run_id": 1,
        "tenant_id": "t",
        "share_id": 1,
        "run_no": 1,
        "kind": RunKind.BACKUP,
        "state": RunState.RUNNING,
        "requested_at": T0,
        "started_at": T0,
        "seeded": True,
    }
    return Run(**given | fields)


def point(directories=100, files=1000, size=10_000):
    return RestorePoint(
        run_no=1, taken_at=T0, committed_at=T0, directories=directories, files=files, bytes=size, errors=0
    )


def told(run, at=100, expected=None, at_work=None):
    return progress(run, now=later(at), expected=expected, at_work=at_work)


def test_a_first_backup_has_rates_and_no_estimate():
    found = told(running(counters=Counters(directories=5, files=50, bytes=7_000)))
    assert (found.files_per_s, found.bytes_per_s, found.part, found.eta_s) == (0.5, 70.0, None, None)


def test_the_estimate_goes_by_what_lags_behind():
    run = running(counters=Counters(directories=50, files=250, bytes=9_999))
    found = told(run, expected=point())
    assert (found.part, found.eta_s) == (0.25, 300)
    run = running(counters=Counters(directories=10, files=900))
    assert told(run, expected=point()).eta_s == 900


def test_a_restore_goes_by_bytes_too():
    run = running(kind=RunKind.RESTORE, counters=Counters(directories=50, files=500, bytes=1_000))
    assert told(run, expected=point()).part == 0.1


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"counters": Counters(directories=50, files=500)}, 2),  # the first seconds
        ({"counters": Counters(directories=1, files=1)}, 100),  # hardly anything
        ({"counters": Counters(directories=120, files=1200)}, 100),  # more than there was
        ({"counters": Counters(directories=50, files=500), "state": RunState.PAUSED, "paused_at": later(50)}, 100),
        ({"counters": Counters(directories=50, files=500), "state": RunState.QUEUED}, 100),
    ],
)
def test_unknown_is_said_rather_than_nonsense(fields, at):
    assert told(running(**fields), at, expected=point()).eta_s is None


def test_an_empty_share_is_no_division_by_zero():
    assert told(running(), expected=point(0, 0, 0)).part is None
    assert told(running(counters=Counters(directories=1)), expected=point(1, 0, 0)).part == 1.0


def test_pauses_are_no_time_at_work():
    run = running(counters=Counters(directories=50, files=500), paused_seconds=60.0)
    assert (told(run, expected=point()).seconds, told(run, expected=point()).eta_s) == (40.0, 40)
    paused = replace(run, state=RunState.PAUSED, paused_at=later(80))
    assert told(paused, at=1_000_000).seconds == 20.0


@pytest.mark.parametrize(
    ("fields", "at_work", "waits_for"),
    [
        ({"state": RunState.QUEUED, "started_at": None}, None, "its orchestration to open it"),
        ({"state": RunState.QUEUED, "driver": Driver.WORKERS}, None, "is `python -m worker` running?"),
        ({"seeded": False}, None, "its share snapshot"),
        ({"state": RunState.PAUSED, "paused_at": later(1)}, None, "somebody to resume or cancel it"),
        ({"state": RunState.CANCELLING}, None, "to delete its share snapshot"),
        ({}, AtWork(workers=0, left=7), "a worker: none holds any of the 7 work items left"),
        ({}, AtWork(workers=0, left=0), "its closing"),
    ],
)
def test_who_or_what_a_run_waits_for_is_said(fields, at_work, waits_for):
    assert waits_for in told(running(**fields), at_work=at_work).waits_for


@pytest.mark.parametrize("state", [RunState.RUNNING, RunState.CANCELLED, RunState.FAILED])
def test_a_run_at_work_or_ended_waits_for_nothing(state):
    assert told(running(state=state), at_work=AtWork(workers=3, left=7)).waits_for == ""


def test_a_drill_goes_through_all_directories_twice_whatever_it_restores_of_them():
    drill = running(kind=RunKind.VERIFY, verify=VerifyOrder(level=VerifyLevel.DRILL, restore_point=1, parts=50))
    for directories, records, part in ((0, 0, 0.0), (50, 0, 0.25), (100, 0, 0.5), (100, 50, 0.75), (100, 130, 1.0)):
        run = replace(drill, counters=Counters(directories=directories, records=records, files=3))
        assert told(run, expected=point()).part == part
