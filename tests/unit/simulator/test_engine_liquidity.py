"""Partial fills: what a market of limited volume does to orders of every kind."""

from __future__ import annotations

import pytest

from fxpool.simulator.engine import Rules
from fxpool.simulator.engine.model import OrderKind, OrderStatus, Side, TimeInForce
from fxpool.simulator.engine.notices import Execution
from fxpool.simulator.engine.rules import IocRemainder, PartialFills
from harness.trader import Trader, words

TWO_LEVELS = {"liquidity": 200_000, "depth_levels": 2}
IOC = TimeInForce.IMMEDIATE_OR_CANCEL


def last_order(notice: object) -> tuple[OrderStatus, int]:
    assert isinstance(notice, Execution)
    assert notice.order is not None
    return notice.order.status, notice.order.executed_volume


def test_a_market_order_walks_the_levels() -> None:
    trader = Trader(symbol=TWO_LEVELS)
    told = trader.place(volume=300_000, relative_stop_loss=500)
    assert words(told) == ["A id", "P id", "F id", "A srv"]
    position = trader.only_position()
    assert [(lot.volume, lot.price) for lot in position.lots] == [
        (200_000, 112_570),
        (100_000, 112_571),
    ]
    assert position.levels.stop_loss == 112_070  # from the mean, on the symbol's step
    assert [deal.is_partial for deal in trader.book.deals] == [True, False]


def test_what_no_level_takes_is_cancelled() -> None:
    trader = Trader(symbol=TWO_LEVELS)
    told = trader.place(volume=500_000)
    assert words(told) == ["A id", "P id", "P id", "C srv"]
    assert last_order(told[-1]) == (OrderStatus.CANCELLED, 400_000)
    assert trader.only_position().volume == 400_000


def test_the_market_refills_with_the_next_quote() -> None:
    trader = Trader(symbol=TWO_LEVELS)
    trader.place(volume=400_000)
    assert words(trader.place()) == ["A id", "C srv"]
    trader.tick(112_561, 112_571)
    assert words(trader.place()) == ["A id", "F id"]


def test_a_limit_fills_within_its_price_and_waits_for_the_rest() -> None:
    trader = Trader(symbol=TWO_LEVELS)
    told = trader.place(OrderKind.LIMIT, limit_price=112_570, volume=300_000)
    assert words(told) == ["A id", "P srv"]
    assert trader.only_position().volume == 200_000
    assert words(trader.tick(112_559, 112_569)) == ["F srv"]
    assert trader.only_position().volume == 300_000
    assert not trader.book.orders


def test_protection_grows_with_the_fills() -> None:
    trader = Trader(symbol=TWO_LEVELS)
    told = trader.place(
        OrderKind.LIMIT, limit_price=112_570, volume=300_000, relative_stop_loss=100
    )
    assert words(told) == ["A id", "P srv", "A srv"]
    assert words(trader.tick(112_559, 112_569)) == ["F srv", "R srv"]
    (protection,) = trader.book.orders.values()
    assert (protection.volume, protection.stop_price) == (300_000, 112_470)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (IocRemainder.CANCELLED, ["A id", "P srv", "C srv"]),
        (IocRemainder.WORKING, ["A id", "P srv"]),
    ],
)
def test_the_rest_of_an_immediate_limit_goes_or_works(
    rule: IocRemainder, expected: list[str]
) -> None:
    trader = Trader(Rules(ioc_remainder=rule), symbol=TWO_LEVELS)
    told = trader.place(OrderKind.LIMIT, limit_price=112_570, volume=300_000, time_in_force=IOC)
    assert words(told) == expected
    assert bool(trader.book.orders) is (rule is IocRemainder.WORKING)


@pytest.mark.parametrize("kind", [OrderKind.MARKET, OrderKind.LIMIT])
def test_fill_or_kill_fills_whole_or_not_at_all(kind: OrderKind) -> None:
    trader = Trader(symbol=TWO_LEVELS)
    fields = {"limit_price": 112_600, "time_in_force": TimeInForce.FILL_OR_KILL}
    killed = trader.place(kind, volume=500_000, **fields)
    assert words(killed) == ["A id", "C srv"]
    assert last_order(killed[-1]) == (OrderStatus.CANCELLED, 0)
    assert words(trader.place(kind, volume=400_000, **fields))[1][0] == "P"
    assert trader.only_position().volume == 400_000


def test_fills_may_all_be_called_filled() -> None:
    trader = Trader(Rules(partial_fills=PartialFills.ALWAYS_FILLED), symbol=TWO_LEVELS)
    told = trader.place(volume=300_000)
    assert words(told) == ["A id", "F id", "F id"]
    assert [last_order(one)[1] for one in told[1:]] == [200_000, 300_000]


def test_a_market_range_order_takes_the_levels_in_its_range() -> None:
    trader = Trader(symbol=TWO_LEVELS)
    told = trader.place(
        OrderKind.MARKET_RANGE, volume=300_000, base_slippage_price=112_570, slippage_points=0
    )
    assert words(told) == ["A id", "P id", "C srv"]


def test_an_order_that_fills_nothing_leaves_the_protection_of_its_position() -> None:
    trader = Trader()
    position = trader.open(relative_stop_loss=500)
    out_of_range = {"base_slippage_price": 112_000, "slippage_points": 0}
    told = trader.place(
        OrderKind.MARKET_RANGE,
        position_id=position.position_id,
        relative_stop_loss=100,
        **out_of_range,
    )
    assert words(told) == ["A id", "C srv"]
    assert trader.only_position() == position


def test_a_position_is_closed_in_parts_where_the_market_is_thin() -> None:
    trader = Trader(symbol=TWO_LEVELS)
    position = trader.open(volume=400_000)
    told = trader.close(position.position_id, 400_000)
    assert words(told) == ["A id", "P id", "F id"]
    prices = [deal.price for deal in trader.book.deals if deal.close is not None]
    assert prices == [112_560, 112_559]


def test_protection_always_finds_enough() -> None:
    trader = Trader(symbol=TWO_LEVELS)
    trader.open(volume=400_000, relative_stop_loss=100)
    assert words(trader.tick(112_400, 112_410)) == ["F srv"]
    assert not trader.book.positions


def test_a_stop_goes_on_until_all_is_filled() -> None:
    trader = Trader(symbol=TWO_LEVELS)
    trader.place(OrderKind.STOP, Side.SELL, volume=500_000, stop_price=112_500)
    assert words(trader.tick(112_500, 112_510)) == ["P srv", "P srv"]
    assert words(trader.tick(112_600, 112_610)) == ["F srv"]  # triggered once is enough
