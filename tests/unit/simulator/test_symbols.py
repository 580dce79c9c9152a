"""Opening hours, and arithmetic to the cent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from fxpool.simulator.catalogue import DEFAULT_CATALOGUE
from fxpool.simulator.engine.model import Lot, take_oldest
from fxpool.simulator.engine.money import away_from_zero, conversion_fee, half_up, share
from fxpool.simulator.engine.symbols import Interval

EURUSD = DEFAULT_CATALOGUE.symbols[0]
HOURS = replace(
    EURUSD, schedule=(Interval(86_700, 172_500),), schedule_time_zone="UTC"
)  # Monday 00:05 to 23:55


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        (datetime(2026, 1, 4, 12, tzinfo=UTC), False),  # a Sunday
        (datetime(2026, 1, 5, 0, 4, 59, tzinfo=UTC), False),
        (datetime(2026, 1, 5, 0, 5, tzinfo=UTC), True),
        (datetime(2026, 1, 5, 23, 54, 59, tzinfo=UTC), True),
        (datetime(2026, 1, 5, 23, 55, tzinfo=UTC), False),
    ],
)
def test_hours_begin_inside_and_end_outside(at: datetime, *, is_open: bool) -> None:
    assert HOURS.is_open(int(at.timestamp() * 1000)) is is_open
    assert EURUSD.is_open(int(at.timestamp() * 1000))


@pytest.mark.parametrize(
    ("value", "half", "away"),
    [("0.5", 1, 1), ("-0.5", -1, -1), ("2.4", 2, 3), ("-2.4", -2, -3), ("3", 3, 3), ("0", 0, 0)],
)
def test_money_is_rounded_by_its_rule(value: str, half: int, away: int) -> None:
    assert half_up(Fraction(value)) == half
    assert away_from_zero(Fraction(value)) == away


def test_a_share_and_the_rest_make_the_whole() -> None:
    assert share(-5, 1, 2) == -3
    assert share(-8, 1, 3) == -3


def test_a_conversion_fee_is_taken_from_gains_and_losses() -> None:
    symbol = replace(EURUSD, pnl_conversion_fee_rate=70)
    assert conversion_fee(2621, symbol, deposit_asset_id=5) == -19
    assert conversion_fee(-2621, symbol, deposit_asset_id=5) == -19
    assert conversion_fee(2621, symbol, deposit_asset_id=15) == 0


def test_the_oldest_lots_go_first() -> None:
    old, new = Lot(100, 1, Fraction(1)), Lot(100, 2, Fraction(1))
    taken, left = take_oldest((old, new), 150)
    assert [(lot.volume, lot.price) for lot in taken] == [(100, 1), (50, 2)]
    assert [(lot.volume, lot.price) for lot in left] == [(50, 2)]
