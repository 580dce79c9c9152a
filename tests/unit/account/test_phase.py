"""The life of an account: every pair of phase and trigger either leads on or is our bug."""

from __future__ import annotations

from itertools import product

import pytest

from fxpool.account.phase import TRANSITIONS, Phase, Trigger, next_phase
from fxpool.errors import LocalProtocolError


@pytest.mark.parametrize(("phase", "trigger"), list(product(Phase, Trigger)))
def test_each_pair_is_in_the_table_or_refused(phase: Phase, trigger: Trigger) -> None:
    if (phase, trigger) in TRANSITIONS:
        assert next_phase(phase, trigger) is TRANSITIONS[phase, trigger]
    else:
        with pytest.raises(LocalProtocolError, match=phase.value):
            next_phase(phase, trigger)


def test_only_a_synchronised_account_becomes_live() -> None:
    ways = {trigger for (_, trigger), phase in TRANSITIONS.items() if phase is Phase.LIVE}
    assert ways == {Trigger.SYNCHRONISED}


def test_every_phase_can_end_and_every_end_can_be_left_by_authorising_again() -> None:
    for phase in Phase:
        assert next_phase(phase, Trigger.REFUSED) is Phase.REFUSED
        assert next_phase(phase, Trigger.TOKEN_DEAD) is Phase.NEEDS_CONSENT
    for phase in (Phase.REFUSED, Phase.NEEDS_CONSENT, Phase.RECONNECTING):
        assert next_phase(phase, Trigger.AUTHORISED) is Phase.SYNCHRONISING
