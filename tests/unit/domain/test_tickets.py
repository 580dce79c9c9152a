"""The life of a ticket: every pair of state and trigger either leads on or is our bug."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from fxpool.domain.tickets import (
    TRANSITIONS,
    TicketKind,
    TicketState,
    TicketTrigger,
    next_state,
    received,
)
from fxpool.errors import LocalProtocolError

AT = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)


@pytest.mark.parametrize(("state", "trigger"), list(product(TicketState, TicketTrigger)))
def test_each_pair_is_in_the_table_or_refused(state: TicketState, trigger: TicketTrigger) -> None:
    if (state, trigger) in TRANSITIONS:
        assert next_state(state, trigger) is TRANSITIONS[state, trigger]
    else:
        with pytest.raises(LocalProtocolError, match=state.value):
            next_state(state, trigger)


def test_nothing_leads_from_unknown_back_to_the_wire() -> None:
    following = {after for (state, _), after in TRANSITIONS.items() if state is TicketState.UNKNOWN}
    assert following == {
        TicketState.EXECUTED,
        TicketState.PARTIALLY_EXECUTED,
        TicketState.REFUSED,
        TicketState.NOT_EXECUTED,
    }


def test_a_ticket_is_journaled_before_it_can_be_sent() -> None:
    ways = {state for (state, _), after in TRANSITIONS.items() if after is TicketState.SENT}
    assert ways == {TicketState.JOURNALED}


def test_what_is_known_stays() -> None:
    ends = [state for state in TicketState if not state.is_open]
    assert not [pair for pair in TRANSITIONS if pair[0] in ends]
    assert {state.outcome for state in ends} == {"executed", "not_executed"}


def test_a_ticket_keeps_every_step_with_its_time_and_what_showed_it() -> None:
    ticket = received("t1", "alpha", TicketKind.PLACE, AT, intent={"symbol": "EURUSD"})
    ticket = ticket.after(TicketTrigger.JOURNALED, AT + timedelta(seconds=1))
    ticket = ticket.after(TicketTrigger.LOST, AT + timedelta(seconds=2), "the link was cut")
    assert (ticket.state.outcome, ticket.is_resolved) == ("unknown", False)
    ticket = ticket.after(
        TicketTrigger.EXECUTED, AT + timedelta(seconds=3), "order 7", {"success": True}
    )
    assert [step.state.value for step in ticket.evidence] == [
        "received",
        "journaled",
        "unknown",
        "executed",
    ]
    assert [step.text for step in ticket.evidence][-2:] == ["the link was cut", "order 7"]
    assert (ticket.received_at, ticket.updated_at) == (AT, AT + timedelta(seconds=3))
    assert ticket.is_resolved
    assert ticket.result == {"success": True}
