from __future__ import annotations

from decimal import Decimal

import pytest

from fxpool.domain.protection import Level, Units, distance_of, volume_for_risk
from fxpool.domain.symbols import TickValues
from fxpool.domain.trades import Side
from fxpool.errors import InvalidOrder, InvalidVolume, NoQuote
from harness.values import LOT_CENTS, symbol

TICKS = TickValues(profit=Decimal("0.9"), loss=Decimal(1))
"""A tick of one lot of EURUSD: 0.00001 of 100,000 units."""


@pytest.mark.parametrize(
    ("amount", "units", "distance"),
    [
        ("0.0025", Units.DISTANCE, "0.0025"),
        ("250", Units.POINTS, "0.0025"),
        ("25", Units.PIPS, "0.0025"),
        ("12.5", Units.MONEY, "0.00125"),  # 0.1 lots lose 0.1 a tick
        ("0.5", Units.BALANCE_PERCENT, "0.0005"),  # 5.00 of 1,000
    ],
)
def test_a_stop_loss_may_be_given_in_many_units(amount: str, units: Units, distance: str) -> None:
    found = distance_of(
        Level.STOP_LOSS,
        Decimal(amount),
        units,
        symbol(),
        volume_cents=LOT_CENTS // 10,
        ticks=TICKS,
        balance=Decimal(1000),
    )
    assert found == Decimal(distance)


def test_money_to_gain_is_counted_by_what_a_profit_tick_is_worth() -> None:
    found = distance_of(
        Level.TAKE_PROFIT,
        Decimal(9),
        Units.MONEY,
        symbol(),
        volume_cents=LOT_CENTS,
        ticks=TICKS,
    )
    assert found == Decimal("0.00010")


def test_a_distance_lies_on_the_tick() -> None:
    distance = distance_of(Level.STOP_LOSS, Decimal("0.000016"), Units.DISTANCE, symbol())
    assert distance == Decimal("0.00002")


def test_a_distance_of_less_than_a_tick_is_refused() -> None:
    with pytest.raises(InvalidOrder, match="invalid stops"):
        distance_of(Level.STOP_LOSS, Decimal("0.4"), Units.POINTS, symbol())


def test_money_without_a_known_tick_value_is_refused_and_not_guessed() -> None:
    with pytest.raises(NoQuote):
        distance_of(Level.STOP_LOSS, Decimal(5), Units.MONEY, symbol(), volume_cents=LOT_CENTS)


@pytest.mark.parametrize(
    ("side", "stop", "target"), [(Side.BUY, "1.0", "1.2"), (Side.SELL, "1.2", "1.0")]
)
def test_each_level_lies_on_its_own_side_of_the_entry(side: Side, stop: str, target: str) -> None:
    entry, distance = Decimal("1.1"), Decimal("0.1")
    assert Level.STOP_LOSS.price(entry, side, distance) == Decimal(stop)
    assert Level.TAKE_PROFIT.price(entry, side, distance) == Decimal(target)


def test_a_risk_becomes_the_largest_volume_that_loses_no_more() -> None:
    # 100 ticks of 1.00 a lot: 37.77 at risk are 0.3777 lots, on the step 0.37.
    volume = volume_for_risk(symbol(), Decimal("37.77"), Decimal("0.001"), TICKS)
    assert volume == 3_700_000


def test_a_risk_too_small_for_the_smallest_volume_is_refused() -> None:
    with pytest.raises(InvalidVolume, match="invalid volume"):
        volume_for_risk(symbol(), Decimal("0.99"), Decimal("0.001"), TICKS)


def test_a_risk_too_large_for_the_largest_volume_is_refused() -> None:
    with pytest.raises(InvalidVolume, match="invalid volume"):
        volume_for_risk(symbol(max_volume_cents=LOT_CENTS), Decimal(101), Decimal("0.001"), TICKS)
