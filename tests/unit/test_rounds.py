"""How a run goes from step to step."""

import pytest

from shared.core.rounds import BARREN_MAX, Phase, RoundState, pause_s, stop_of
from shared.model.run import ACTIVE, RunState
from shared.model.tickets import Receipt, RunTicket, Stop, instance_id

LATER = Receipt(left=-1, error="Unavailable: no answer")
NEVER = Receipt(left=-1, error="NotFound: no such share", retryable=False)


def at(phase, **kwargs):
    return RoundState(1, 4, phase=phase, **kwargs)


def test_a_run_opens_works_closes_and_ends():
    state = RoundState(1, 4)
    phases = [state.phase]
    for receipts in ([Receipt(left=1)], [Receipt(left=9, batches=3)], [Receipt(left=0, batches=1)], [Receipt()]):
        state = state.after(receipts)
        phases.append(state.phase)
    assert phases == [Phase.OPENING, Phase.WORKING, Phase.WORKING, Phase.CLOSING, Phase.ENDED]
    assert state.error == ""


def test_nothing_left_closes_the_run_even_if_another_worker_had_trouble():
    state = at(Phase.WORKING).after([LATER, Receipt(left=0, batches=1)])
    assert (state.phase, state.error) == (Phase.CLOSING, "")


@pytest.mark.parametrize("phase", [Phase.OPENING, Phase.WORKING])
def test_a_permanent_error_gives_the_run_up_with_its_reason(phase):
    state = at(phase).after([NEVER])
    assert (state.phase, state.error) == (Phase.CLOSING, NEVER.error)


@pytest.mark.parametrize("phase", [Phase.OPENING, Phase.WORKING])
def test_passing_trouble_is_tried_again_but_not_for_ever(phase):
    state = at(phase)
    for _ in range(BARREN_MAX - 1):
        state = state.after([LATER])
        assert state.phase is phase
    assert state.after([LATER]).phase is Phase.CLOSING
    assert state.after([LATER]).error == LATER.error


def test_progress_forgives_earlier_trouble():
    state = at(Phase.WORKING, barren=BARREN_MAX - 1).after([LATER, Receipt(left=5, batches=1)])
    assert (state.phase, state.barren) == (Phase.WORKING, 0)


def test_workers_that_find_nothing_for_long_give_up_with_a_sentence():
    state = at(Phase.WORKING)
    for _ in range(BARREN_MAX):
        state = state.after([Receipt(left=2)])
    assert state.phase is Phase.CLOSING
    assert "2 work items are left" in state.error


def test_closing_is_tried_again_and_keeps_the_reason():
    state = at(Phase.CLOSING, error="why").after([LATER])
    assert (state.phase, state.error, state.barren) == (Phase.CLOSING, "why", 1)
    assert state.after([Receipt()]).phase is Phase.ENDED


def test_a_run_that_cannot_be_committed_is_given_up():
    state = at(Phase.CLOSING).after([NEVER])
    assert (state.phase, state.error, state.barren) == (Phase.CLOSING, NEVER.error, 0)
    state = at(Phase.CLOSING, barren=BARREN_MAX - 1).after([LATER])
    assert (state.phase, state.error, state.barren) == (Phase.CLOSING, LATER.error, 0)


def test_state_survives_the_wire():
    state = at(Phase.WORKING, left=3, error="x", barren=2, epoch=4)
    assert RoundState.from_wire(state.to_wire()) == state
    receipt = Receipt(left=1, stop=Stop.PAUSED)
    assert Receipt.from_wire(receipt.to_wire()) == receipt


def test_what_the_last_release_sent_is_understood():
    assert RoundState.from_wire({"run_id": 1, "width": 4}).epoch == 0
    assert RunTicket.from_wire({"run_id": 1, "worker": "w", "error": ""}).epoch == 0
    assert Receipt.from_wire({"left": 1, "batches": 2, "error": "", "retryable": True}).stop is Stop.NO


def test_what_is_new_is_not_sent_while_it_says_nothing():
    """So that activities and orchestrations of both releases understand one another while one takes the other's place."""
    assert "epoch" not in RoundState(1, 4).to_wire()
    assert "epoch" not in RunTicket(run_id=1).to_wire()
    assert "stop" not in Receipt().to_wire()
    assert RunTicket.from_wire(RunTicket(run_id=1, epoch=2).to_wire()).epoch == 2


def test_pauses_grow_to_a_minute_and_ten_of_them_outlast_a_failover():
    pauses = [pause_s(barren) for barren in range(BARREN_MAX)]
    assert pauses == [0, 5, 10, 20, 40, 60, 60, 60, 60, 60]
    assert sum(pauses) > 300
    assert pause_s(10_000) == 60


@pytest.mark.parametrize("phase", [Phase.OPENING, Phase.WORKING, Phase.CLOSING])
@pytest.mark.parametrize("stop", [Stop.PAUSED, Stop.SUPERSEDED, Stop.ENDED])
def test_a_run_that_is_paused_or_in_other_hands_ends_its_orchestration(phase, stop):
    others = [LATER, Receipt(left=0, batches=2)] if phase is Phase.WORKING else []
    assert at(phase).after([*others, Receipt(left=-1, stop=stop)]).phase is Phase.ENDED


@pytest.mark.parametrize("phase", [Phase.OPENING, Phase.WORKING, Phase.CLOSING])
def test_a_run_that_is_cancelled_is_closed_for_no_other_reason(phase):
    state = at(phase, error="seen before", barren=3).after([LATER, Receipt(left=-1, stop=Stop.CANCELLED)])
    assert (state.phase, state.error, state.barren) == (Phase.CLOSING, "", 0)


def test_a_worker_that_leaves_is_no_reason_to_end():
    state = at(Phase.WORKING).after([Receipt(left=5, batches=1, stop=Stop.LEAVING)])
    assert (state.phase, state.barren) == (Phase.WORKING, 0)


@pytest.mark.parametrize("state", RunState)
def test_whether_to_stop_depends_on_state_and_epoch(state):
    expected = {RunState.PAUSED: Stop.PAUSED, RunState.CANCELLING: Stop.CANCELLED}
    assert stop_of(state, 2, 2) is (expected.get(state, Stop.NO) if state in ACTIVE else Stop.ENDED)
    assert stop_of(state, 3, 2) is (Stop.SUPERSEDED if state in ACTIVE else Stop.ENDED)


def test_every_epoch_has_an_instance_of_its_own():
    assert [instance_id(7, epoch) for epoch in (0, 1, 12)] == ["run-7", "run-7-1", "run-7-12"]
