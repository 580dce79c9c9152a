"""Margin: leverage and its tiers, the three modes, calls and stop-outs."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from fxpool.simulator.engine import Rules
from fxpool.simulator.engine.accounts import MarginMode, StopOutStrategy
from fxpool.simulator.engine.model import OrderKind, Side
from fxpool.simulator.engine.notices import Execution
from fxpool.simulator.engine.rules import StopOutOrder, TierLeverageUnit
from fxpool.simulator.engine.symbols import DynamicLeverage, Interval, LeverageTier
from fxpool.simulator.refusal import Refusal
from harness.trader import EUR, EURUSD, INDEX, Trader, words

TEN_MINUTES_MS = 600_000

PUBLISHED = DynamicLeverage(7, (LeverageTier(10_000_000, 300), LeverageTier(100_000_000_000, 100)))
"""1:3 up to 100,000 dollars, then 1:1: the example of the published arithmetic."""


def test_the_second_position_fills_the_tiers_where_the_first_ended() -> None:
    """The published example: 96,000 twice costs 32,000, then 4,000/3 + 92,000."""
    trader = Trader(
        symbol={"leverage_id": 7}, account={"balance": 20_000_000}, leverages=(PUBLISHED,)
    )
    trader.tick(95_999, 96_000)
    first = trader.open(volume=10_000_000)
    second = trader.open(volume=10_000_000)
    assert (first.used_margin, second.used_margin) == (3_200_000, 9_333_333)
    assert trader.book.worth.margin_total() == 12_533_333


def test_the_rest_moves_down_the_tiers_when_a_position_ends() -> None:
    trader = Trader(
        Rules(pushes_account_changes=True),
        symbol={"leverage_id": 7},
        account={"balance": 20_000_000},
        leverages=(PUBLISHED,),
    )
    trader.tick(95_999, 96_000)
    first = trader.open(volume=10_000_000)
    second = trader.open(volume=10_000_000)
    told = trader.close(first.position_id, 10_000_000)
    assert trader.book.positions[second.position_id].used_margin == 3_200_000
    assert words(told) == ["A id", "F id", "margin", "account"]


def test_each_side_fills_its_own_tiers() -> None:
    trader = Trader(
        symbol={"leverage_id": 7}, account={"balance": 20_000_000}, leverages=(PUBLISHED,)
    )
    trader.tick(96_000, 96_000)
    margins = [trader.open(side, volume=10_000_000).used_margin for side in Side]
    assert margins == [3_200_000, 3_200_000]


@pytest.mark.parametrize(
    ("unit", "margin"), [(TierLeverageUnit.HUNDREDTHS, 37_523), (TierLeverageUnit.PLAIN, 1126)]
)
def test_a_tier_counts_hundredths_or_plain_leverage(unit: TierLeverageUnit, margin: int) -> None:
    """Plain 300 is beyond the account's own 1:100, which then counts."""
    rules = Rules(tier_leverage_unit=unit)
    trader = Trader(rules, symbol={"leverage_id": 7}, leverages=(PUBLISHED,))
    assert trader.open().used_margin == margin
    assert trader.book.worth.expected_margin(1, Side.BUY, 100_000) == margin


@pytest.mark.parametrize(
    ("mode", "expected"), [(MarginMode.SUM, 3377), (MarginMode.MAX, 2251), (MarginMode.NET, 1125)]
)
def test_both_sides_are_combined_by_the_mode_of_the_account(
    mode: MarginMode, expected: int
) -> None:
    trader = Trader(account={"margin_mode": mode})
    trader.tick(112_560, 112_560)
    trader.open(Side.BUY, volume=100_000)
    trader.open(Side.SELL, volume=200_000)
    assert trader.book.worth.margin_total() == expected
    assert trader.book.worth.free_margin() == 1_000_000 - expected


def test_a_hedge_needs_no_money_where_only_the_larger_side_counts() -> None:
    fields = {"side": Side.SELL, "volume": 80_000_000}
    trader = Trader(account={"margin_mode": MarginMode.MAX})
    trader.open(volume=80_000_000)
    assert words(trader.place(**fields))[:2] == ["A id", "F id"]
    trader = Trader(account={"margin_mode": MarginMode.SUM})
    trader.open(volume=80_000_000)
    with pytest.raises(Refusal, match="NOT_ENOUGH_MONEY"):
        trader.place(**fields)


def in_trouble(rules: Rules | None = None, volume: int = 80_000_000, **account: Any) -> Trader:
    """Return an account whose margin is 9,005.60 USD of its 10,000.00."""
    trader = Trader(rules, account=account)
    trader.open(volume=volume)
    return trader


def test_each_threshold_calls_once_in_ten_minutes() -> None:
    trader = in_trouble()
    assert words(trader.tick(112_400, 112_410)) == ["call 61"]  # level 96 %
    assert trader.tick(112_390, 112_400) == []
    assert words(trader.tick(112_200, 112_210)) == ["call 62"]  # level 78 %
    assert trader.sleep(TEN_MINUTES_MS - 3) == []
    assert words(trader.sleep(3)) == ["call 61", "call 62"]


def test_a_level_that_has_recovered_does_not_call() -> None:
    trader = in_trouble()
    trader.tick(112_400, 112_410)
    trader.tick(112_800, 112_810)
    assert trader.sleep(2 * TEN_MINUTES_MS) == []
    assert words(trader.tick(112_400, 112_410)) == ["call 61"]


def test_a_moved_threshold_counts_at_once() -> None:
    trader = in_trouble()
    call, told = trader.engine.set_margin_call(10, 61, Decimal("112.5"), trader.at_ms)
    assert (call.threshold, call.updated_ms) == (Decimal("112.5"), trader.at_ms)
    assert words(told) == ["call 61"]
    with pytest.raises(Refusal, match="no margin call"):
        trader.engine.set_margin_call(10, 60, Decimal(50), trader.at_ms)
    with pytest.raises(Refusal, match="positive"):
        trader.engine.set_margin_call(10, 61, Decimal(0), trader.at_ms)


def test_a_withdrawal_may_call() -> None:
    trader = in_trouble()
    assert words(trader.engine.deposit(10, -100_000, trader.at_ms)) == ["cash srv", "call 61"]


def test_a_stop_out_closes_as_little_as_brings_the_level_back() -> None:
    trader = in_trouble()
    told = trader.tick(111_800, 111_810)  # 3,840 left for 9,006 of margin
    assert words(told) == ["call 61", "call 62", "call 63", "F srv"]
    stopped = told[-1]
    assert isinstance(stopped, Execution)
    assert stopped.order is not None
    assert stopped.order.is_stop_out
    assert stopped.order.kind is OrderKind.MARKET
    assert 0 < trader.only_position().volume < 80_000_000
    assert trader.book.worth.equity() * 2 >= trader.book.worth.margin_total()
    one_step_less = trader.book.worth.margin_total() + 1126
    assert trader.book.worth.equity() * 2 < one_step_less


def test_a_fair_stop_out_closes_positions_whole() -> None:
    trader = in_trouble(fair_stop_out=True)
    assert words(trader.tick(111_800, 111_810))[-1] == "F srv"
    assert not trader.book.positions


def test_a_partial_stop_out_shrinks_the_protection() -> None:
    trader = Trader()
    trader.open(volume=80_000_000, relative_stop_loss=20_000)
    told = words(trader.tick(111_800, 111_810))
    assert told[-2:] == ["F srv", "R srv"]


@pytest.mark.parametrize(
    ("strategy", "first"),
    [
        (StopOutStrategy.MOST_MARGIN_USED_FIRST, "larger"),
        (StopOutStrategy.MOST_LOSING_FIRST, "losing"),
    ],
)
def test_the_strategy_chooses_who_goes_first(strategy: StopOutStrategy, first: str) -> None:
    trader = Trader(account={"fair_stop_out": True, "stop_out_strategy": strategy})
    larger = trader.open(symbol_id=INDEX, volume=5000)
    losing = trader.open(volume=40_000_000)
    trader.tick(111_200, 111_210)
    gone = {"larger": larger, "losing": losing}[first]
    assert trader.book.deals[2].position_id == gone.position_id


def test_a_stop_out_waits_for_a_closed_market() -> None:
    trader = in_trouble(fair_stop_out=True)
    symbol = trader.engine.symbols[EURUSD]
    trader.engine.symbols[EURUSD] = replace(symbol, schedule=(Interval(0, 1),))
    told = words(trader.tick(111_800, 111_810))
    assert told == ["call 61", "call 62", "call 63"]
    assert trader.book.positions


@pytest.mark.parametrize(
    ("rules", "expected", "kind"),
    [
        (Rules(), ["call 61", "call 62", "call 63", "F srv"], OrderKind.MARKET),
        (Rules(stop_out_tells_margin_call=False), ["F srv"], OrderKind.MARKET),
        (
            Rules(stop_out_order=StopOutOrder.STOP_LOSS_TAKE_PROFIT),
            ["call 61", "call 62", "call 63", "F srv"],
            OrderKind.PROTECTION,
        ),
    ],
)
def test_a_stop_out_is_told_as_the_switch_says(
    rules: Rules, expected: list[str], kind: OrderKind
) -> None:
    trader = in_trouble(rules, fair_stop_out=True)
    told = trader.tick(111_800, 111_810)
    assert words(told) == expected
    assert isinstance(told[-1], Execution)
    assert told[-1].order is not None
    assert told[-1].order.kind is kind


@pytest.mark.parametrize("counts", [False, True])
def test_a_bonus_may_count_as_equity(*, counts: bool) -> None:
    trader = Trader(Rules(bonus_counts=counts))
    told = trader.engine.give_bonus(10, 50_000, trader.at_ms, "welcome")
    assert words(told) == ["bonus srv"]
    assert trader.book.ledger.bonus == 50_000
    assert trader.book.worth.equity() == 1_000_000 + 50_000 * counts
    assert trader.book.ledger.balance == 1_000_000


def test_a_loss_in_another_currency_calls_through_its_conversion() -> None:
    """A loss in dollars weighs more in euros when the dollar rises, whatever its symbol does."""
    trader = Trader(account={"deposit_asset_id": EUR})
    trader.open(symbol_id=INDEX, volume=6000)
    assert trader.tick(991_666_000, 991_766_000, INDEX) == []
    assert words(trader.tick(90_000, 90_010)) == ["call 61"]
