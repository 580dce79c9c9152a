"""Faults of requests and events, on a connection without a socket."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fxpool.openapi.proto import messages_pb2 as m
from fxpool.openapi.proto import model_pb2 as model
from fxpool.simulator.fault_kinds import Fault, FaultKind
from fxpool.simulator.switches import Maintenance, MaintenanceUnit
from fxpool.simulator.venue import Away
from harness.terminal import (
    ACCOUNT,
    EUR_ACCOUNT,
    GBPUSD,
    NO_LIMITS,
    START_MS,
    Terminal,
    make_venue,
    ready_terminal,
)

TRADER = m.ProtoOATraderReq(ctidTraderAccountId=ACCOUNT)


def struck_terminal(kind: FaultKind, **fields: Any) -> Terminal:
    terminal = ready_terminal(make_venue())
    terminal.venue.faults.stand(Fault(kind, **fields))
    return terminal


def types(told: list[tuple[Any, bool]]) -> list[int]:
    return [message.executionType for message, _ in told]


def positions(terminal: Terminal) -> int:
    answer = terminal.ask(m.ProtoOAReconcileReq(ctidTraderAccountId=ACCOUNT))
    return len(answer.position)


def test_an_order_is_carried_out_whose_answers_are_lost() -> None:
    terminal = struck_terminal(FaultKind.SWALLOW_ANSWERS)
    assert terminal.order() == []
    assert positions(terminal) == 1
    assert terminal.venue.faults.struck == {"swallow_answers": 1}


def test_an_order_is_carried_out_whose_link_is_cut() -> None:
    terminal = struck_terminal(FaultKind.CUT_BEFORE_ANSWER, payload_type=2106)
    terminal.order()
    assert terminal.is_closed
    assert positions(ready_terminal(terminal.venue)) == 1


def test_the_profile_may_cut_any_order_before_its_answer() -> None:
    terminal = ready_terminal(make_venue(replace(NO_LIMITS, cut_write_chance=1.0)))
    terminal.ask(TRADER)
    terminal.order()
    assert terminal.is_closed
    assert terminal.venue.faults.struck == {"cut_before_answer": 1}


def test_answers_come_late() -> None:
    terminal = struck_terminal(FaultKind.DELAY_ANSWERS, seconds=2.0)
    assert terminal.order() == []
    terminal.arrive()
    assert types([(message, True) for message, _ in terminal.heard()]) == [
        model.ORDER_ACCEPTED,
        model.ORDER_FILLED,
    ]


@pytest.mark.parametrize(
    ("fields", "is_refused"),
    [
        ({}, True),
        ({"symbol": "EURUSD"}, True),
        ({"symbol": "GBPUSD"}, False),
        ({"min_volume": 100_000}, True),
        ({"min_volume": 100_001}, False),
        ({"account": ACCOUNT}, True),
        ({"account": EUR_ACCOUNT}, False),
        ({"payload_type": 2106}, True),
        ({"payload_type": 2108}, False),
        ({"chance": 0.0}, False),
    ],
)
def test_orders_are_refused_by_rule(fields: dict[str, Any], is_refused: bool) -> None:
    terminal = struck_terminal(FaultKind.REFUSE, code="MARKET_CLOSED", **fields)
    first = terminal.order()[0][0]
    assert (getattr(first, "errorCode", "") == "MARKET_CLOSED") is is_refused
    assert terminal.venue.faults.struck["refuse"] == is_refused


@pytest.mark.parametrize("retry_after", [0, 7])
def test_a_rate_limit_can_be_asked_for_with_or_without_a_hint(retry_after: int) -> None:
    terminal = struck_terminal(
        FaultKind.REFUSE,
        payload_type=2121,
        code="BLOCKED_PAYLOAD_TYPE",
        retry_after=retry_after,
    )
    answer = terminal.ask(TRADER)
    assert isinstance(answer, m.ProtoOAErrorRes)
    assert answer.HasField("retryAfter") is bool(retry_after)
    assert isinstance(terminal.ask(TRADER), m.ProtoOATraderRes)


def test_a_lost_event_is_missing() -> None:
    assert types(struck_terminal(FaultKind.LOSE_EVENTS).order()) == [model.ORDER_FILLED]


def test_a_duplicated_event_comes_twice() -> None:
    told = types(struck_terminal(FaultKind.DUPLICATE_EVENTS).order())
    assert told == [model.ORDER_ACCEPTED, model.ORDER_ACCEPTED, model.ORDER_FILLED]


def test_a_reordered_event_comes_after_the_next() -> None:
    told = types(struck_terminal(FaultKind.REORDER_EVENTS).order())
    assert told == [model.ORDER_FILLED, model.ORDER_ACCEPTED]


def test_a_delayed_event_comes_later() -> None:
    terminal = struck_terminal(FaultKind.DELAY_EVENTS, seconds=1.5)
    assert types(terminal.order()) == [model.ORDER_FILLED]
    assert [seconds for seconds, _ in terminal.late] == [1.5]


def test_quotes_can_be_lost_too() -> None:
    terminal = struck_terminal(FaultKind.LOSE_EVENTS, payload_type=2131, times=1)
    spots = m.ProtoOASubscribeSpotsReq(ctidTraderAccountId=ACCOUNT, symbolId=[GBPUSD])
    assert len(terminal.ask_all(spots)) == 1


def test_a_fault_strikes_as_often_as_asked_or_until_it_is_cleared() -> None:
    twice = struck_terminal(FaultKind.LOSE_EVENTS, times=2)
    assert [len(twice.order()) for _ in range(2)] == [0, 2]
    always = struck_terminal(FaultKind.LOSE_EVENTS, times=0)
    assert [len(always.order()) for _ in range(2)] == [0, 0]
    (standing,) = always.venue.faults.standing
    always.venue.faults.clear(standing.fault_id)
    assert len(always.order()) == 2
    assert always.venue.faults.struck == {"lose_events": 4}


@pytest.mark.parametrize("unit", MaintenanceUnit)
def test_maintenance_answers_with_its_end_in_the_unit_of_the_message(
    unit: MaintenanceUnit,
) -> None:
    terminal = ready_terminal(make_venue(replace(NO_LIMITS, maintenance_unit=unit)))
    terminal.venue.away = Away(Maintenance.ANSWERS, START_MS)
    of_account = terminal.ask(TRADER)
    of_nobody = terminal.ask(m.ProtoOAVersionReq())
    assert of_account.errorCode == of_nobody.errorCode == "SERVER_IS_UNDER_MAINTENANCE"
    assert of_nobody.maintenanceEndTimestamp == START_MS
    in_seconds = unit is MaintenanceUnit.DOCUMENTED
    assert of_account.maintenanceEndTimestamp == (START_MS // 1000 if in_seconds else START_MS)


def test_a_broker_that_dropped_its_accounts_cannot_be_reached_through_them() -> None:
    terminal = ready_terminal(make_venue())
    terminal.venue.away = Away(Maintenance.DROPS_ACCOUNTS, START_MS)
    assert terminal.ask(TRADER).errorCode == "CANT_ROUTE_REQUEST"
    assert isinstance(terminal.ask(m.ProtoOAVersionReq()), m.ProtoOAVersionRes)
