from __future__ import annotations

from itertools import product

import pytest

from fxpool.errors import LocalProtocolError
from fxpool.session.phase import (
    ACCOUNT_TRANSITIONS,
    TRANSITIONS,
    AccountPhase,
    AccountTrigger,
    Phase,
    Trigger,
    next_account_phase,
    next_phase,
)


@pytest.mark.parametrize(("phase", "trigger"), [*product(Phase, Trigger)])
def test_every_session_pair_moves_on_or_is_a_local_error(phase: Phase, trigger: Trigger) -> None:
    if (phase, trigger) in TRANSITIONS:
        assert next_phase(phase, trigger) is TRANSITIONS[phase, trigger]
    else:
        with pytest.raises(LocalProtocolError):
            next_phase(phase, trigger)


@pytest.mark.parametrize(("phase", "trigger"), [*product(AccountPhase, AccountTrigger)])
def test_every_account_pair_moves_on_or_is_a_local_error(
    phase: AccountPhase, trigger: AccountTrigger
) -> None:
    if (phase, trigger) in ACCOUNT_TRANSITIONS:
        assert next_account_phase(phase, trigger) is ACCOUNT_TRANSITIONS[phase, trigger]
    else:
        with pytest.raises(LocalProtocolError):
            next_account_phase(phase, trigger)


def test_every_living_session_can_end_and_an_ended_one_does_nothing() -> None:
    for phase in Phase:
        assert ((phase, Trigger.FINISHED) in TRANSITIONS) == (phase is not Phase.ENDED)
    assert not [pair for pair in TRANSITIONS if pair[0] is Phase.ENDED]


def test_the_broker_can_drop_an_account_in_any_phase() -> None:
    for phase in AccountPhase:
        next_account_phase(phase, AccountTrigger.DROPPED)
