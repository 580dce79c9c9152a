"""Time between an acceptance and its fill: what a client may do, and hear, in between."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fxpool.openapi.proto import messages_pb2 as m
from fxpool.openapi.proto import model_pb2 as model
from fxpool.simulator.engine import Rules
from fxpool.simulator.engine.accounts import AccountType
from fxpool.simulator.engine.commands import (
    AmendOrder,
    AmendProtection,
    CancelOrder,
    ClosePosition,
    Command,
    PlaceOrder,
)
from fxpool.simulator.engine.model import OrderKind, Side, TimeInForce
from fxpool.simulator.engine.notices import Execution, Notice
from fxpool.simulator.engine.symbols import TradingMode
from fxpool.simulator.refusal import Refusal
from harness.terminal import (
    ACCOUNT,
    EURUSD,
    NO_LIMITS,
    START_MS,
    Terminal,
    make_venue,
    ready_terminal,
)
from harness.trader import Trader, words

DELAY_MS = 130
LATE = Rules(execution_delay_ms=DELAY_MS)


def order_id(notices: list[Notice]) -> int:
    (first, *_) = notices
    assert isinstance(first, Execution)
    assert first.order is not None
    return first.order.order_id


def error_code(notice: Notice) -> str:
    assert isinstance(notice, Execution)
    return notice.error_code


def opened(trader: Trader, **fields: Any) -> int:
    """Open a position and wait for it; return its id."""
    trader.place(**fields)
    trader.sleep(DELAY_MS)
    return trader.only_position().position_id


def test_a_market_order_fills_later_at_the_price_of_then() -> None:
    trader = Trader(LATE)
    assert words(trader.place(relative_stop_loss=500)) == ["A id"]
    assert trader.tick(112_600, 112_610) == []
    assert trader.sleep(DELAY_MS - 2) == []
    assert words(trader.sleep(1)) == ["F id", "A srv"]
    assert trader.only_position().price == 112_610
    assert trader.sleep(DELAY_MS) == []


def test_without_a_delay_nothing_is_ever_in_between() -> None:
    trader = Trader()
    assert words(trader.place()) == ["A id", "F id"]
    assert not trader.engine.is_taken(order_id(trader.place()))


def test_a_position_is_locked_while_an_order_changes_it() -> None:
    trader = Trader(LATE)
    position_id = opened(trader)
    assert words(trader.close(position_id, 100_000)) == ["A id"]
    refused: list[tuple[Command, str]] = [
        (AmendProtection(position_id, stop_loss=112_000), "POSITION_LOCKED"),
        (ClosePosition(position_id, 100_000), "PENDING_EXECUTION"),
        (
            PlaceOrder(1, OrderKind.MARKET, Side.BUY, 100_000, position_id=position_id),
            "PENDING_EXECUTION",
        ),
    ]
    for command, code in refused:
        with pytest.raises(Refusal, match=code):
            trader.submit(command)
    assert words(trader.sleep(DELAY_MS)) == ["F id"]
    assert not trader.book.positions


def test_a_position_to_come_is_locked_too() -> None:
    trader = Trader(LATE)
    first = trader.place()[0]
    assert isinstance(first, Execution)
    assert first.position is not None
    with pytest.raises(Refusal, match="POSITION_LOCKED"):
        trader.protect(first.position.position_id, stop_loss=112_000)


def test_a_cancellation_that_loses_the_race_is_told_and_then_the_fill() -> None:
    trader = Trader(LATE)
    limit = order_id(trader.place(OrderKind.LIMIT, limit_price=112_000))
    assert trader.tick(111_980, 111_990) == []
    with pytest.raises(Refusal, match="CONCURRENT_MODIFICATION"):
        trader.submit(AmendOrder(limit, limit_price=111_900))
    (rejected,) = trader.submit(CancelOrder(limit))
    assert (words([rejected]), error_code(rejected)) == (["CX id"], "UNABLE_TO_CANCEL_ORDER")
    assert words(trader.sleep(DELAY_MS)) == ["F srv"]
    assert trader.only_position().price == 111_990
    with pytest.raises(Refusal, match="ORDER_NOT_FOUND"):
        trader.submit(CancelOrder(limit))


def test_a_limit_waits_on_when_its_price_has_gone_meanwhile() -> None:
    trader = Trader(LATE)
    limit = order_id(trader.place(OrderKind.LIMIT, limit_price=112_000))
    trader.tick(111_980, 111_990)
    trader.tick(112_980, 112_990)
    assert trader.sleep(DELAY_MS) == []
    assert words(trader.submit(CancelOrder(limit))) == ["C id"]


def test_an_immediate_limit_ends_when_its_price_has_gone_meanwhile() -> None:
    trader = Trader(LATE)
    told = trader.place(
        OrderKind.LIMIT, limit_price=112_600, time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL
    )
    assert words(told) == ["A id"]
    trader.tick(112_980, 112_990)
    assert words(trader.sleep(DELAY_MS)) == ["C srv"]
    assert not trader.book.orders


def test_an_order_that_expires_while_it_is_filled_is_not_filled() -> None:
    trader = Trader(LATE)
    trader.place(
        OrderKind.LIMIT,
        limit_price=112_600,
        time_in_force=TimeInForce.GOOD_TILL_DATE,
        expiration_ms=trader.at_ms + 50,
    )
    assert words(trader.sleep(60)) == ["E srv"]
    assert trader.sleep(DELAY_MS) == []
    assert not trader.book.positions


def test_a_close_is_rejected_when_its_stop_loss_came_first() -> None:
    trader = Trader(LATE)
    position_id = opened(trader, relative_stop_loss=500)
    trader.close(position_id, 100_000)
    assert words(trader.tick(112_000, 112_010)) == ["F srv"]
    (rejected,) = trader.sleep(DELAY_MS)
    assert (words([rejected]), error_code(rejected)) == (["X id"], "POSITION_NOT_FOUND")
    assert not trader.book.positions


def test_money_that_is_gone_meanwhile_rejects_an_accepted_order() -> None:
    trader = Trader(LATE)
    trader.place(volume=50_000_000)
    trader.engine.deposit(10, -900_000, trader.at_ms)
    (rejected,) = trader.sleep(DELAY_MS)
    assert (words([rejected]), error_code(rejected)) == (["X id"], "NOT_ENOUGH_MONEY")


def test_a_market_that_stops_trading_meanwhile_leaves_a_waiting_order_waiting() -> None:
    trader = Trader(LATE)
    limit = order_id(trader.place(OrderKind.LIMIT, limit_price=112_000))
    trader.tick(111_980, 111_990)
    halted = TradingMode.DISABLED_WITHOUT_PENDINGS_EXECUTION
    trader.engine.symbols[1] = replace(trader.engine.symbols[1], trading_mode=halted)
    assert trader.sleep(DELAY_MS) == []
    assert limit in trader.book.orders


def test_two_orders_of_a_netted_account_that_fill_late_make_one_position() -> None:
    trader = Trader(LATE, account={"account_type": AccountType.NETTED})
    trader.place()
    trader.place()
    assert words(trader.sleep(DELAY_MS)) == ["F id", "F id"]
    assert trader.only_position().volume == 200_000


def test_another_account_cannot_tell_what_is_being_filled() -> None:
    trader = Trader(LATE)
    taken = order_id(trader.place())
    spec = replace(trader.book.spec, account_id=11, login=2)
    trader.engine.open_account(spec, trader.at_ms)
    with pytest.raises(Refusal, match="ORDER_NOT_FOUND"):
        trader.engine.submit(11, CancelOrder(taken), trader.at_ms)


# -- over a connection


@pytest.fixture
def terminal() -> Terminal:
    return ready_terminal(make_venue(replace(NO_LIMITS, rules=LATE)))


def executions(messages: list[tuple[Any, Any]]) -> list[tuple[int, bool]]:
    """Return the types of executions, each with whether it carries a request's id."""
    return [(message.executionType, bool(owner)) for message, owner in messages]


def test_a_late_fill_carries_the_id_of_its_request_on_the_connection_that_asked(
    terminal: Terminal,
) -> None:
    other = ready_terminal(terminal.venue)
    other.heard()
    assert executions(terminal.order()) == [(model.ORDER_ACCEPTED, True)]
    terminal.venue.fill_taken(START_MS + DELAY_MS)
    assert executions(terminal.heard()) == [(model.ORDER_FILLED, True)]
    filled = [(model.ORDER_ACCEPTED, False), (model.ORDER_FILLED, False)]
    assert executions(other.heard()) == filled


def test_the_next_request_finds_what_was_filled_before_it(terminal: Terminal) -> None:
    position_id = terminal.order()[0][0].position.positionId
    terminal.at_ms += DELAY_MS
    close = m.ProtoOAClosePositionReq(
        ctidTraderAccountId=ACCOUNT, positionId=position_id, volume=100_000
    )
    told = executions(terminal.ask_all(close))
    assert told == [(model.ORDER_FILLED, False), (model.ORDER_ACCEPTED, True)]


def test_a_lost_race_is_an_execution_with_an_error_code(terminal: Terminal) -> None:
    order = terminal.order(orderType=model.LIMIT, limitPrice=9.0)[0][0].order
    (rejected, is_ours) = terminal.ask_all(
        m.ProtoOACancelOrderReq(ctidTraderAccountId=ACCOUNT, orderId=order.orderId)
    )[0]
    assert is_ours
    assert rejected.executionType == model.ORDER_CANCEL_REJECTED
    assert rejected.errorCode == "UNABLE_TO_CANCEL_ORDER"
    terminal.venue.tick(EURUSD, 112_000, 112_010, START_MS + DELAY_MS)
    assert executions(terminal.heard()) == [(model.ORDER_FILLED, False)]


def test_a_link_that_is_cut_after_the_acceptance_never_hears_of_the_fill(
    terminal: Terminal,
) -> None:
    venue = terminal.venue
    assert executions(terminal.order()) == [(model.ORDER_ACCEPTED, True)]
    venue.cut_all()
    again = ready_terminal(venue)
    again.heard()
    reconcile = m.ProtoOAReconcileReq(ctidTraderAccountId=ACCOUNT)
    assert not again.ask(reconcile).position
    venue.time_passed(START_MS + DELAY_MS)
    assert executions(again.heard()) == [(model.ORDER_FILLED, False)]
    assert len(again.ask(reconcile).position) == 1
    assert terminal.heard() == []
