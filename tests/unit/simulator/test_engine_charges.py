"""Swaps, rollover, commissions and conversion fees, to the cent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fxpool.simulator.engine import Rules
from fxpool.simulator.engine.model import CashKind, Side
from fxpool.simulator.engine.notices import Execution
from fxpool.simulator.engine.rules import ConversionFee, ConversionSide
from fxpool.simulator.engine.symbols import CommissionType, DayOfWeek, MinCommissionType, SwapKind
from harness.trader import EUR, JPY, START_MS, USD, USDJPY, Trader, words

DAY_MS = 86_400_000
FIRST_CHARGE_MS = 1259 * 60_000
"""20:59 UTC of the Monday on which the engines of these tests begin."""

SWAPS: dict[str, Any] = {"swap_long": -5.0, "swap_short": 1.5}


def nights(trader: Trader, count: int) -> list[int]:
    """Let so many charges pass; return the swap of the one position after each."""
    swaps = []
    for night in range(count):
        trader.at_ms = START_MS + FIRST_CHARGE_MS + night * DAY_MS - 1
        trader.sleep(1)
        swaps.append(trader.only_position().swap)
    return swaps


def test_these_engines_begin_on_a_monday() -> None:
    assert datetime.fromtimestamp(START_MS / 1000, tz=UTC).strftime("%a %H:%M") == "Mon 00:00"


def test_a_night_is_charged_on_its_minute_and_told() -> None:
    trader = Trader(symbol=SWAPS)
    trader.open(volume=1_000_000)  # 10,000 EUR: 5 pips are 5.00 USD
    trader.at_ms = START_MS + FIRST_CHARGE_MS - 1
    assert trader.sleep(0) == []
    (told,) = trader.sleep(1)
    assert words([told]) == ["swap srv"]
    assert isinstance(told, Execution)
    assert told.position is not None
    assert (told.position.swap, told.deal) == (-500, None)


def test_a_clock_that_jumps_charges_each_night_once() -> None:
    trader = Trader(symbol=SWAPS)
    trader.open(volume=1_000_000)
    assert words(trader.sleep(2 * DAY_MS)) == ["swap srv"] * 2
    assert trader.sleep(-2 * DAY_MS) == []
    assert trader.sleep(2 * DAY_MS) == []
    assert trader.only_position().swap == -1000


def test_wednesday_counts_three_times_and_the_weekend_not_at_all() -> None:
    trader = Trader(symbol=SWAPS)
    trader.open(volume=1_000_000)
    assert nights(trader, 8) == [-500, -1000, -2500, -3000, -3500, -3500, -3500, -4000]


def test_weekends_may_be_charged_and_no_day_three_times() -> None:
    changes = {"charges_swap_at_weekends": True, "swap_triple_day": DayOfWeek.NONE}
    trader = Trader(symbol=SWAPS | changes)
    trader.open(volume=1_000_000)
    assert nights(trader, 7) == [-500 * night for night in range(1, 8)]


def test_the_first_periods_may_be_free() -> None:
    trader = Trader(symbol=SWAPS | {"skip_swap_periods": 1})
    trader.open(volume=1_000_000)
    assert nights(trader, 2) == [0, -500]


def test_a_shorter_period_charges_more_often() -> None:
    trader = Trader(symbol=SWAPS | {"swap_period_hours": 8})
    trader.open(volume=1_000_000)
    trader.at_ms = START_MS + FIRST_CHARGE_MS
    assert words(trader.sleep(0)) == ["swap srv"] * 3  # 04:59, 12:59 and 20:59


@pytest.mark.parametrize(
    ("kind", "side", "expected"),
    [
        (SwapKind.PIPS, Side.BUY, -500),
        (SwapKind.PIPS, Side.SELL, 150),
        (SwapKind.POINTS, Side.BUY, -50),
        (SwapKind.POINTS, Side.SELL, 15),
        (SwapKind.PERCENTAGE, Side.BUY, -156),  # 11,256 USD * 5 % / 360
        (SwapKind.PERCENTAGE, Side.SELL, 47),
    ],
)
def test_a_rate_is_read_by_its_kind(kind: SwapKind, side: Side, expected: int) -> None:
    trader = Trader(symbol=SWAPS | {"swap_kind": kind})
    trader.open(side, volume=1_000_000)
    assert nights(trader, 1) == [expected]


def test_swap_is_realised_with_the_volume_that_closes() -> None:
    trader = Trader(symbol=SWAPS)
    position = trader.open(volume=1_000_000)
    nights(trader, 1)
    trader.close(position.position_id, 400_000)
    detail = trader.book.deals[-1].close
    assert detail is not None
    assert detail.swap == -200
    assert trader.only_position().swap == -300


def test_a_swap_free_account_pays_rollover_after_some_days() -> None:
    symbol = SWAPS | {"rollover_commission": 700, "skip_rollover_days": 2}
    trader = Trader(symbol=symbol, account={"swap_free": True})
    trader.open(volume=10_000_000)
    assert nights(trader, 4) == [0, 0, 0, 0]
    entries = [one for one in trader.book.ledger.cash_entries if one.kind is CashKind.ROLLOVER]
    assert [one.delta for one in entries] == [-2100, -700]  # Wednesday counts three times


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ({"commission_type": CommissionType.USD_PER_LOT, "commission_rate": 250_000_000}, -25),
        ({"commission_type": CommissionType.QUOTE_PER_LOT, "commission_rate": 300_000_000}, -30),
        ({"commission_type": CommissionType.PERCENTAGE_OF_VALUE, "commission_rate": 700}, -79),
        (
            {
                "commission_type": CommissionType.USD_PER_MILLION_USD,
                "commission_rate": 4_500_000_000,
            },
            -51,
        ),
        ({"commission_rate": 250_000_000, "min_commission": 100_000_000}, -100),
        ({"commission_rate": 0, "min_commission": 100_000_000}, -100),
        (
            {
                "min_commission": 100_000_000,
                "min_commission_type": MinCommissionType.QUOTE_CURRENCY,
            },
            -100,
        ),
        ({"min_commission": 100_000_000, "min_commission_asset": "EUR"}, -113),
    ],
)
def test_one_side_of_ten_thousand_euros_costs(symbol: dict[str, Any], expected: int) -> None:
    trader = Trader(symbol=symbol)
    assert trader.open(volume=1_000_000).commission == expected
    assert trader.book.ledger.balance == 1_000_000  # not taken before something closes


@pytest.mark.parametrize(
    ("rule", "on_gain", "on_loss"),
    [
        (ConversionFee.GAINS_AND_LOSSES, -5, -8),
        (ConversionFee.GAINS, -5, 0),
        (ConversionFee.NONE, 0, 0),
    ],
)
def test_converting_a_profit_costs_a_fee(rule: ConversionFee, on_gain: int, on_loss: int) -> None:
    trader = Trader(
        Rules(conversion_fee=rule),
        symbol={"pnl_conversion_fee_rate": 70},
        account={"deposit_asset_id": EUR},
    )
    fees = []
    for bid in (112_650, 112_450):
        trader.tick(112_560, 112_570)
        position = trader.open(volume=1_000_000)
        trader.tick(bid, bid + 10)
        trader.close(position.position_id, 1_000_000)
        detail = trader.book.deals[-1].close
        assert detail is not None
        fees.append(detail.fee)
    assert fees == [on_gain, on_loss]


@pytest.mark.parametrize(
    ("rule", "on_gain", "on_loss"),
    [
        (ConversionSide.BY_DIRECTION, 15_001, 15_000),
        (ConversionSide.ASK, 15_001, 15_001),
        (ConversionSide.MID, 15_000.5, 15_000.5),
    ],
)
def test_a_profit_in_yen_is_converted_at_its_side(
    rule: ConversionSide, on_gain: float, on_loss: float
) -> None:
    """Dollars are bought for a gain in yen at the ask, and sold at the bid to cover a loss."""
    trader = Trader(Rules(conversion_side=rule))
    rates = trader.engine.rates
    assert float(1 / rates.profit_rate(JPY, USD, gaining=True)) == pytest.approx(on_gain / 100)
    assert float(1 / rates.profit_rate(JPY, USD, gaining=False)) == pytest.approx(on_loss / 100)
    trader.open(Side.BUY, symbol_id=USDJPY)
    gross, _ = trader.book.worth.unrealised(trader.only_position())
    assert gross == -7  # ten yen
