"""How a run goes from step to step."""

import pytest

from shared.core.rounds import BARREN_MAX, Phase, RoundState
from shared.model.tickets import Receipt

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
    state = at(Phase.WORKING, left=3, error="x", barren=2)
    assert RoundState.from_wire(state.to_wire()) == state
