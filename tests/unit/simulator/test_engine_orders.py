"""Orders of every kind and time in force: when they fill, wait, expire or go."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fxpool.simulator.engine.commands import AmendOrder, CancelOrder
from fxpool.simulator.engine.model import (
    OrderKind,
    OrderStatus,
    Side,
    TimeInForce,
    TriggerMethod,
)
from fxpool.simulator.engine.notices import Execution
from fxpool.simulator.engine.symbols import Interval
from fxpool.simulator.refusal import Refusal
from harness.trader import EURUSD, Trader, words

CLOSED_ON_MONDAY = {"schedule": (Interval(2 * 86_400, 3 * 86_400),)}
DAY_MS = 86_400_000


def refused(trader: Trader, **fields: Any) -> str:
    with pytest.raises(Refusal) as refusal:
        trader.place(**fields)
    return refusal.value.code


def test_a_good_till_date_order_expires_by_itself() -> None:
    trader = Trader()
    trader.place(
        OrderKind.LIMIT,
        limit_price=112_000,
        time_in_force=TimeInForce.GOOD_TILL_DATE,
        expiration_ms=trader.at_ms + 1000,
    )
    assert trader.sleep(999) == []
    (expired,) = trader.sleep(1)
    assert words([expired]) == ["E srv"]
    assert isinstance(expired, Execution)
    assert expired.order is not None
    assert expired.order.status is OrderStatus.EXPIRED
    assert not trader.book.orders


def test_an_amended_expiry_replaces_the_first() -> None:
    trader = Trader()
    trader.place(
        OrderKind.LIMIT,
        limit_price=112_000,
        time_in_force=TimeInForce.GOOD_TILL_DATE,
        expiration_ms=trader.at_ms + 1000,
    )
    (order_id,) = trader.book.orders
    trader.submit(AmendOrder(order_id, expiration_ms=trader.at_ms + 5000))
    assert trader.sleep(2000) == []
    assert words(trader.sleep(3000)) == ["E srv"]


def test_an_expiry_in_the_past_is_refused() -> None:
    fields = {"limit_price": 112_000, "time_in_force": TimeInForce.GOOD_TILL_DATE}
    assert refused(Trader(), kind=OrderKind.LIMIT, **fields) == "TRADING_BAD_EXPIRATION_DATE"


@pytest.mark.parametrize(
    "time_in_force", [TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL]
)
def test_an_immediate_limit_that_the_market_does_not_meet_goes(time_in_force: TimeInForce) -> None:
    trader = Trader()
    told = trader.place(OrderKind.LIMIT, limit_price=112_000, time_in_force=time_in_force)
    assert words(told) == ["A id", "C srv"]
    assert not trader.book.orders


def test_a_marketable_limit_fills_at_once_at_the_better_price() -> None:
    trader = Trader()
    told = trader.place(OrderKind.LIMIT, limit_price=113_000)
    assert words(told) == ["A id", "F srv"]
    assert trader.only_position().price == 112_570


def test_a_stop_limit_never_fills_beyond_its_limit() -> None:
    trader = Trader()
    trader.place(OrderKind.STOP_LIMIT, stop_price=113_000, slippage_points=10)
    assert trader.tick(113_190, 113_200) == []
    assert words(trader.tick(113_000, 113_010)) == ["F srv"]
    assert trader.only_position().price == 113_010


def test_a_market_range_order_fills_inside_its_range_only() -> None:
    trader = Trader()
    inside = trader.place(OrderKind.MARKET_RANGE, base_slippage_price=112_560, slippage_points=10)
    assert words(inside) == ["A id", "F id"]
    outside = trader.place(OrderKind.MARKET_RANGE, base_slippage_price=112_560, slippage_points=9)
    assert words(outside) == ["A id", "C srv"]


def test_an_order_for_the_open_waits_for_the_session() -> None:
    trader = Trader(symbol=CLOSED_ON_MONDAY)
    told = trader.place(time_in_force=TimeInForce.MARKET_ON_OPEN)
    assert words(told) == ["A id"]
    assert trader.tick(112_600, 112_610) == []
    trader.sleep(DAY_MS)
    assert words(trader.tick(112_700, 112_710)) == ["F srv"]
    assert trader.only_position().price == 112_710


def test_an_order_for_the_open_of_an_open_market_fills_now() -> None:
    assert words(Trader().place(time_in_force=TimeInForce.MARKET_ON_OPEN)) == ["A id", "F id"]


def test_only_a_market_order_may_wait_for_the_open() -> None:
    fields = {"limit_price": 112_000, "time_in_force": TimeInForce.MARKET_ON_OPEN}
    assert refused(Trader(), kind=OrderKind.LIMIT, **fields) == "INVALID_REQUEST"


@pytest.mark.parametrize(
    ("trigger", "reached", "needed"),
    [
        (TriggerMethod.TRADE, (112_995, 113_000), 1),
        (TriggerMethod.OPPOSITE, (113_000, 113_005), 1),
        (TriggerMethod.DOUBLE_TRADE, (112_995, 113_000), 2),
        (TriggerMethod.DOUBLE_OPPOSITE, (113_000, 113_005), 2),
    ],
)
def test_a_stop_is_set_off_by_its_side_and_so_many_quotes(
    trigger: TriggerMethod, reached: tuple[int, int], needed: int
) -> None:
    trader = Trader()
    trader.place(OrderKind.STOP, stop_price=113_000, trigger=trigger)
    if trigger.is_opposite:
        assert trader.tick(112_995, 113_000) == []
    for _ in range(needed - 1):
        assert trader.tick(*reached) == []
        assert trader.tick(112_900, 112_910) == []  # a quote in between begins the count anew
        assert trader.tick(*reached) == []
    assert words(trader.tick(*reached)) == ["F srv"]


def test_an_opposite_stop_may_be_placed_between_bid_and_ask() -> None:
    trader = Trader()
    fields = {"kind": OrderKind.STOP, "stop_price": 112_565}
    assert refused(trader, **fields) == "TRADING_BAD_STOPS"
    assert words(trader.place(**fields, trigger=TriggerMethod.OPPOSITE)) == ["A id"]


def test_a_trailing_stop_of_an_amended_order_needs_a_level() -> None:
    trader = Trader()
    trader.place(OrderKind.LIMIT, limit_price=112_000)
    (order_id,) = trader.book.orders
    with pytest.raises(Refusal, match="Trailing"):
        trader.submit(AmendOrder(order_id, trailing=True))
    told = trader.submit(AmendOrder(order_id, trailing=True, relative_stop_loss=100))
    assert words(told) == ["R id"]


def test_a_pending_order_hands_its_trailing_stop_to_the_position() -> None:
    trader = Trader()
    trader.place(OrderKind.LIMIT, limit_price=112_000, relative_stop_loss=100, trailing=True)
    assert words(trader.tick(111_990, 112_000)) == ["F srv", "A srv"]
    assert trader.only_position().levels.is_trailing
    assert words(trader.tick(112_090, 112_100)) == ["trail"]


def test_an_order_cannot_shrink_below_what_is_filled() -> None:
    trader = Trader(symbol={"liquidity": 100_000, "depth_levels": 1})
    trader.place(OrderKind.LIMIT, limit_price=112_570, volume=300_000)
    (order_id,) = trader.book.orders
    with pytest.raises(Refusal, match="already filled"):
        trader.submit(AmendOrder(order_id, volume=100_000))


def test_symbols_that_are_halted_fill_nothing_that_waits() -> None:
    trader = Trader()
    trader.place(OrderKind.LIMIT, limit_price=112_000)
    symbol = trader.engine.symbols[EURUSD]
    halted = type(symbol.trading_mode)(1)
    trader.engine.symbols[EURUSD] = replace(symbol, trading_mode=halted)
    assert trader.tick(111_900, 111_910) == []
    trader.engine.symbols[EURUSD] = symbol
    assert words(trader.tick(111_901, 111_911)) == ["F srv"]


def test_a_cancelled_order_leaves_a_closed_empty_position() -> None:
    trader = Trader()
    trader.place(OrderKind.STOP, Side.SELL, stop_price=112_000)
    (order_id,) = trader.book.orders
    (cancelled,) = trader.submit(CancelOrder(order_id))
    assert words([cancelled]) == ["C id"]
    assert not trader.book.orders
    with pytest.raises(Refusal, match="Order not found"):
        trader.submit(CancelOrder(order_id))
