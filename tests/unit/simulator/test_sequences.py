"""What a client hears after each order request: the order and content of the events."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fxpool.openapi.proto import messages_pb2 as m
from fxpool.openapi.proto import model_pb2 as model
from fxpool.simulator import Rules
from fxpool.simulator.engine.rules import WrongSideStops
from fxpool.simulator.engine.symbols import Interval
from fxpool.simulator.venue import Venue
from harness.terminal import (
    ACCOUNT,
    EUR_ACCOUNT,
    EURUSD,
    GOLD,
    NETTED,
    NO_LIMITS,
    START_MS,
    USDJPY,
    Terminal,
    make_venue,
    ready_terminal,
)


@pytest.fixture
def venue() -> Venue:
    venue = make_venue()
    venue.tick(EURUSD, 112_560, 112_570, START_MS)
    return venue


@pytest.fixture
def terminal(venue: Venue) -> Terminal:
    return ready_terminal(venue)


def told(messages: list[tuple[Any, bool]]) -> list[str]:
    """Return events in the notation of the protocol notes: a letter, and who caused it."""
    letters = {2: "A", 3: "F", 4: "R", 5: "C", 6: "E", 7: "X", 11: "P"}
    words = []
    for message, is_ours in messages:
        if isinstance(message, m.ProtoOAExecutionEvent):
            assert message.isServerEvent is not is_ours
            words.append(letters[message.executionType] + (" id" if is_ours else " srv"))
        else:
            words.append(message.errorCode)
    return words


def close(terminal: Terminal, position_id: int, volume: int) -> list[tuple[Any, bool]]:
    return terminal.ask_all(
        m.ProtoOAClosePositionReq(
            ctidTraderAccountId=ACCOUNT, positionId=position_id, volume=volume
        )
    )


def protect(terminal: Terminal, position_id: int, **levels: Any) -> list[tuple[Any, bool]]:
    return terminal.ask_all(
        m.ProtoOAAmendPositionSLTPReq(ctidTraderAccountId=ACCOUNT, positionId=position_id, **levels)
    )


def cancel(terminal: Terminal, order_id: int) -> list[tuple[Any, bool]]:
    return terminal.ask_all(m.ProtoOACancelOrderReq(ctidTraderAccountId=ACCOUNT, orderId=order_id))


def opened(terminal: Terminal, **fields: Any) -> Any:
    """Open a position and return it as the last event shows it."""
    return terminal.order(**fields)[-1][0].position


def reconciled(terminal: Terminal, account_id: int = ACCOUNT) -> Any:
    return terminal.ask(
        m.ProtoOAReconcileReq(ctidTraderAccountId=account_id, returnProtectionOrders=True)
    )


def test_a_market_order_is_accepted_and_filled(terminal: Terminal) -> None:
    messages = terminal.order(label="mine", clientOrderId="c-1")
    assert told(messages) == ["A id", "F id"]
    accepted, filled = (message for message, _ in messages)
    assert accepted.position.positionStatus == model.POSITION_STATUS_CREATED
    assert accepted.position.positionId == filled.position.positionId == filled.deal.positionId
    assert filled.position.price == 1.1257
    assert filled.position.tradeData.label == "mine"
    assert filled.order.clientOrderId == "c-1"
    assert filled.order.timeInForce == model.IMMEDIATE_OR_CANCEL


def test_relative_levels_count_from_the_fill(terminal: Terminal) -> None:
    messages = terminal.order(tradeSide=model.SELL, relativeStopLoss=200, relativeTakeProfit=300)
    assert told(messages) == ["A id", "F id", "A srv"]
    assert not messages[1][0].position.HasField("stopLoss")
    protection = messages[2][0]
    assert (protection.position.stopLoss, protection.position.takeProfit) == (1.1276, 1.1226)
    assert protection.order.orderType == model.STOP_LOSS_TAKE_PROFIT
    assert protection.order.clientOrderId == "1"


def test_absolute_levels_are_refused_on_a_market_order(terminal: Terminal) -> None:
    ((refusal, is_ours),) = terminal.order(stopLoss=1.12)
    assert isinstance(refusal, m.ProtoOAErrorRes)
    assert is_ours
    assert refusal.errorCode == "INVALID_REQUEST"
    assert "absolute values" in refusal.description


def test_a_partial_close_shrinks_the_protection(terminal: Terminal) -> None:
    position = opened(terminal, volume=300_000, relativeStopLoss=500)
    messages = close(terminal, position.positionId, 100_000)
    assert told(messages) == ["A id", "F id", "R srv"]
    filled, replaced = messages[1][0], messages[2][0]
    assert filled.position.positionStatus == model.POSITION_STATUS_OPEN
    assert filled.position.tradeData.volume == 200_000
    assert replaced.order.tradeData.volume == 200_000


def test_commission_is_shared_out_as_recorded(terminal: Terminal) -> None:
    position = opened(terminal, volume=300_000)
    assert position.commission == -8
    filled = close(terminal, position.positionId, 100_000)[1][0]
    assert filled.position.commission == -5
    assert filled.deal.closePositionDetail.commission == -3 - 3
    assert filled.deal.commission == -3


def test_a_full_close_with_protection_ends_by_its_cancellation(terminal: Terminal) -> None:
    position = opened(terminal, relativeStopLoss=500)
    messages = close(terminal, position.positionId, 100_000)
    assert told(messages) == ["A id", "F id", "C srv"]
    assert messages[1][0].position.positionStatus == model.POSITION_STATUS_CREATED
    assert messages[2][0].position.positionStatus == model.POSITION_STATUS_CLOSED
    assert not reconciled(terminal).order


def test_a_full_close_without_protection_ends_in_the_fill(terminal: Terminal) -> None:
    position = opened(terminal)
    messages = close(terminal, position.positionId, 100_000)
    assert told(messages) == ["A id", "F id"]
    assert messages[1][0].position.positionStatus == model.POSITION_STATUS_CLOSED


@pytest.mark.parametrize(("bid", "executed"), [(112_060, 1.1206), (113_100, 1.131)])
def test_a_level_that_is_hit_is_one_event_of_the_server(
    venue: Venue, terminal: Terminal, bid: int, executed: float
) -> None:
    opened(terminal, relativeStopLoss=500, relativeTakeProfit=500)
    venue.tick(EURUSD, bid, bid + 10, START_MS + 1)
    messages = terminal.heard()
    assert told([(message, bool(name)) for message, name in messages]) == ["F srv"]
    event = messages[0][0]
    assert event.position.positionStatus == model.POSITION_STATUS_CLOSED
    assert event.order.orderType == model.STOP_LOSS_TAKE_PROFIT
    assert event.order.HasField("stopPrice")
    assert event.order.HasField("limitPrice")
    assert event.deal.executionPrice == executed


def test_the_first_levels_of_a_bare_position_are_a_new_order(terminal: Terminal) -> None:
    position = opened(terminal)
    assert told(protect(terminal, position.positionId, stopLoss=1.12)) == ["A id"]
    assert told(protect(terminal, position.positionId, stopLoss=1.121)) == ["R id"]


def test_a_leg_that_an_amend_leaves_out_disappears(terminal: Terminal) -> None:
    position = opened(terminal, relativeStopLoss=500, relativeTakeProfit=500)
    ((event, _),) = protect(terminal, position.positionId, takeProfit=1.14)
    assert not event.position.HasField("stopLoss")
    assert not event.order.HasField("stopPrice")


def test_removing_both_legs_cancels_their_order(terminal: Terminal) -> None:
    position = opened(terminal, relativeStopLoss=500)
    assert told(protect(terminal, position.positionId)) == ["C id"]
    assert told(protect(terminal, position.positionId)) == ["INVALID_REQUEST"]
    assert not reconciled(terminal).order


def test_levels_on_the_wrong_side_change_nothing(terminal: Terminal) -> None:
    position = opened(terminal, relativeStopLoss=500)
    ((refusal, _),) = protect(terminal, position.positionId, stopLoss=1.13, takeProfit=1.14)
    assert isinstance(refusal, m.ProtoOAOrderErrorEvent)
    assert refusal.errorCode == "TRADING_BAD_STOPS"
    assert refusal.positionId == position.positionId
    assert reconciled(terminal).position[0].stopLoss == 1.1207


def test_a_limit_rests_and_keeps_its_position_id_when_it_fills(
    venue: Venue, terminal: Terminal
) -> None:
    messages = terminal.order(
        orderType=model.LIMIT, limitPrice=1.12, stopLoss=1.11, takeProfit=1.13
    )
    assert told(messages) == ["A id"]
    order = messages[0][0].order
    assert (order.relativeStopLoss, order.relativeTakeProfit) == (1000, 1000)
    assert not order.HasField("stopLoss")
    venue.tick(EURUSD, 111_980, 111_990, START_MS + 1)
    filled, protection = (message for message, _ in terminal.heard())
    assert filled.position.positionId == order.positionId
    assert filled.deal.executionPrice == 1.1199
    assert protection.position.stopLoss == 1.1099


def test_a_stop_pays_for_the_gap_that_it_jumped(venue: Venue, terminal: Terminal) -> None:
    terminal.order(orderType=model.STOP, stopPrice=1.13)
    venue.tick(EURUSD, 113_200, 113_210, START_MS + 1)
    assert terminal.heard()[0][0].deal.executionPrice == 1.1321


def test_a_stop_on_the_near_side_is_refused(terminal: Terminal) -> None:
    assert told(terminal.order(orderType=model.STOP, stopPrice=1.12)) == ["TRADING_BAD_STOPS"]


def test_a_stop_limit_waits_beyond_its_slippage(venue: Venue, terminal: Terminal) -> None:
    terminal.order(orderType=model.STOP_LIMIT, stopPrice=1.13, slippageInPoints=10)
    venue.tick(EURUSD, 113_200, 113_210, START_MS + 1)
    assert terminal.heard() == []
    venue.tick(EURUSD, 112_990, 113_005, START_MS + 2)
    assert terminal.heard()[0][0].deal.executionPrice == 1.13005


def test_a_market_range_order_outside_its_range_does_not_fill(terminal: Terminal) -> None:
    request = {"orderType": model.MARKET_RANGE, "baseSlippagePrice": 1.1255}
    assert told(terminal.order(slippageInPoints=10, **request)) == ["A id", "C srv"]
    assert told(terminal.order(slippageInPoints=20, **request)) == ["A id", "F id"]


def test_a_pending_order_is_amended_and_cancelled(terminal: Terminal) -> None:
    order_id = terminal.order(orderType=model.LIMIT, limitPrice=1.12)[0][0].order.orderId
    amended = terminal.ask_all(
        m.ProtoOAAmendOrderReq(
            ctidTraderAccountId=ACCOUNT, orderId=order_id, limitPrice=1.119, volume=200_000
        )
    )
    assert told(amended) == ["R id"]
    assert amended[0][0].order.limitPrice == 1.119
    cancelled = cancel(terminal, order_id)
    assert told(cancelled) == ["C id"]
    assert cancelled[0][0].position.positionStatus == model.POSITION_STATUS_CLOSED
    assert cancelled[0][0].position.tradeData.HasField("closeTimestamp")
    ((refusal, _),) = cancel(terminal, order_id)
    assert refusal.description == f"Order not found with id {order_id}"
    assert refusal.orderId == order_id


def test_an_order_expires_when_its_time_has_come(venue: Venue, terminal: Terminal) -> None:
    terminal.order(
        orderType=model.LIMIT,
        limitPrice=1.12,
        timeInForce=model.GOOD_TILL_DATE,
        expirationTimestamp=START_MS + 1000,
    )
    venue.time_passed(START_MS + 999)
    assert terminal.heard() == []
    venue.time_passed(START_MS + 1000)
    event = terminal.heard()[0][0]
    assert event.executionType == model.ORDER_EXPIRED
    assert event.order.orderStatus == model.ORDER_STATUS_EXPIRED


def test_an_immediate_limit_that_does_not_fill_is_cancelled(terminal: Terminal) -> None:
    order = {"orderType": model.LIMIT, "timeInForce": model.IMMEDIATE_OR_CANCEL}
    assert told(terminal.order(limitPrice=1.12, **order)) == ["A id", "C srv"]
    assert told(terminal.order(limitPrice=1.13, **order)) == ["A id", "F srv"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"volume": 1000}, "TRADING_BAD_VOLUME"),
        ({"volume": 150_000}, "TRADING_BAD_VOLUME"),
        ({"volume": 20_000_000_000}, "TRADING_BAD_VOLUME"),
        ({"volume": 1_000_000_000}, "NOT_ENOUGH_MONEY"),
        ({"symbolId": 999}, "SYMBOL_NOT_FOUND"),
        ({"positionId": 999}, "POSITION_NOT_FOUND"),
        ({"orderType": model.LIMIT}, "INVALID_REQUEST"),
        ({"orderType": model.LIMIT, "limitPrice": 1.123456}, "INVALID_REQUEST"),
        ({"orderType": model.LIMIT, "limitPrice": -1.0}, "TRADING_BAD_PRICES"),
        ({"orderType": model.LIMIT, "limitPrice": 1.1, "stopLoss": 1.2}, "TRADING_BAD_STOPS"),
        ({"orderType": model.STOP_LOSS_TAKE_PROFIT}, "INVALID_REQUEST"),
        ({"symbolId": USDJPY, "relativeStopLoss": 50}, "INVALID_REQUEST"),
        ({"trailingStopLoss": True}, "INVALID_REQUEST"),
        ({"label": "x" * 101}, "INVALID_REQUEST"),
    ],
)
def test_a_bad_order_is_refused_and_leaves_no_trace(
    terminal: Terminal, fields: dict[str, Any], code: str
) -> None:
    before = terminal.venue.engine.books[ACCOUNT]
    assert told(terminal.order(**fields)) == [code]
    assert (before.positions, before.orders, before.history, before.deals) == ({}, {}, {}, [])


def test_a_business_refusal_travels_as_an_order_error(terminal: Terminal) -> None:
    ((refusal, is_ours),) = close(terminal, 424_242, 100_000)
    assert isinstance(refusal, m.ProtoOAOrderErrorEvent)
    assert is_ours
    assert (refusal.errorCode, refusal.positionId) == ("POSITION_NOT_FOUND", 424_242)


def test_a_closed_market_refuses_trades_and_tells_no_quotes() -> None:
    venue = make_venue()
    symbol = venue.engine.symbols[EURUSD]
    venue.engine.symbols[EURUSD] = replace(symbol, schedule=(Interval(0, 1),))
    terminal = ready_terminal(venue)
    terminal.ask_all(m.ProtoOASubscribeSpotsReq(ctidTraderAccountId=ACCOUNT, symbolId=[EURUSD]))
    assert told(terminal.order()) == ["MARKET_CLOSED"]
    venue.tick(EURUSD, 100_000, 100_010, START_MS)
    assert terminal.heard() == []


def test_a_netted_account_merges_reduces_and_flips(venue: Venue) -> None:
    terminal = ready_terminal(venue, NETTED)
    first = opened(terminal, ctidTraderAccountId=NETTED, volume=100_000)
    venue.tick(EURUSD, 112_660, 112_670, START_MS + 1)
    merged = opened(terminal, ctidTraderAccountId=NETTED, volume=100_000)
    assert merged.positionId == first.positionId
    assert merged.tradeData.volume == 200_000
    assert merged.price == 1.1262
    messages = terminal.order(ctidTraderAccountId=NETTED, tradeSide=model.SELL, volume=300_000)
    assert told(messages) == ["A id", "P id", "F id"]
    flipped = messages[2][0].position
    assert flipped.positionId != first.positionId
    assert (flipped.tradeData.tradeSide, flipped.tradeData.volume) == (model.SELL, 100_000)
    assert len(reconciled(terminal, NETTED).position) == 1


def test_lots_are_closed_oldest_first(venue: Venue, terminal: Terminal) -> None:
    position = opened(terminal, volume=100_000)
    venue.tick(EURUSD, 112_600, 112_610, START_MS + 1)
    grown = opened(terminal, volume=200_000, positionId=position.positionId)
    assert grown.price == pytest.approx((1.1257 + 2 * 1.1261) / 3, abs=1e-15)
    detail = close(terminal, position.positionId, 200_000)[1][0].deal.closePositionDetail
    assert detail.entryPrice == 1.1259
    assert reconciled(terminal).position[0].price == 1.1261


def test_profit_in_another_currency_is_converted_by_its_sign(venue: Venue) -> None:
    terminal = ready_terminal(venue, EUR_ACCOUNT)
    fields = {"ctidTraderAccountId": EUR_ACCOUNT, "volume": 1_000_000}
    position = opened(terminal, **fields)
    assert position.usedMargin == 10_000  # 10,000.00 EUR of base at 1:100
    assert position.commission == -22  # 0.25 USD bought at 1.12560
    close_request = m.ProtoOAClosePositionReq(
        ctidTraderAccountId=EUR_ACCOUNT, positionId=position.positionId, volume=500_000
    )
    loss = terminal.ask_all(close_request)[1][0].deal.closePositionDetail
    assert loss.quoteToDepositConversionRate == pytest.approx(1 / 1.1256)
    assert loss.grossProfit == -44  # 0.50 USD / 1.1256
    venue.tick(EURUSD, 113_000, 113_010, START_MS + 1)
    gain = terminal.ask_all(close_request)[1][0].deal.closePositionDetail
    assert gain.quoteToDepositConversionRate == pytest.approx(1 / 1.1301)


def test_percentage_commission_follows_the_value(terminal: Terminal) -> None:
    position = opened(terminal, symbolId=GOLD, volume=1000)
    value = 10 * position.price
    assert position.commission == -round(value * 0.0007)  # 0.0007 % in cents


def test_unrealised_profit_is_without_the_closing_commission(
    venue: Venue, terminal: Terminal
) -> None:
    opened(terminal, volume=1_000_000)
    venue.tick(EURUSD, 112_600, 112_610, START_MS + 1)
    answer = terminal.ask(m.ProtoOAGetPositionUnrealizedPnLReq(ctidTraderAccountId=ACCOUNT))
    (profit,) = answer.positionUnrealizedPnL
    assert (profit.grossUnrealizedPnL, profit.netUnrealizedPnL) == (300, 275)


def test_expected_margin_is_what_opening_takes(terminal: Terminal) -> None:
    answer = terminal.ask(
        m.ProtoOAExpectedMarginReq(ctidTraderAccountId=ACCOUNT, symbolId=EURUSD, volume=[100_000])
    )
    assert answer.margin[0].buyMargin == opened(terminal).usedMargin == 1126


def test_a_pending_order_without_money_is_rejected_when_it_fills(
    venue: Venue, terminal: Terminal
) -> None:
    terminal.order(orderType=model.LIMIT, limitPrice=1.12, volume=1_000_000_000)
    venue.tick(EURUSD, 111_990, 112_000, START_MS + 1)
    event = terminal.heard()[0][0]
    assert event.executionType == model.ORDER_REJECTED
    assert event.errorCode == "NOT_ENOUGH_MONEY"
    assert not reconciled(terminal).order


def test_the_switches_of_the_engine_change_what_is_told() -> None:
    rules = Rules(
        names_own_orders=False,
        first_protection_accepted=False,
        removal_cancels=False,
        bare_close_is_closed=False,
        wrong_side_stops=WrongSideStops.INVALID_REQUEST,
    )
    terminal = ready_terminal(make_venue(replace(NO_LIMITS, rules=rules)))
    position = opened(terminal)
    first = protect(terminal, position.positionId, stopLoss=1.1)
    assert told(first) == ["R id"]
    assert not first[0][0].order.HasField("clientOrderId")
    removed = protect(terminal, position.positionId)
    assert told(removed) == ["R id"]
    assert not removed[0][0].order.HasField("stopPrice")
    ((refusal, _),) = protect(terminal, position.positionId, stopLoss=2.0)
    assert isinstance(refusal, m.ProtoOAErrorRes)
    closed = close(terminal, position.positionId, 100_000)
    assert closed[1][0].position.positionStatus == model.POSITION_STATUS_CREATED


def test_wrong_levels_that_are_accepted_fill_at_once() -> None:
    venue = make_venue(replace(NO_LIMITS, rules=Rules(wrong_side_stops=WrongSideStops.ACCEPTED)))
    terminal = ready_terminal(venue)
    position = opened(terminal)
    assert told(protect(terminal, position.positionId, stopLoss=1.2)) == ["A id", "F srv"]
    assert not reconciled(terminal).position
