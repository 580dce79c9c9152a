from __future__ import annotations

from decimal import Decimal

import pytest

from fxpool.errors import InvalidVolume
from harness.values import symbol

XAUUSD = symbol(
    digits=2,
    pip_position=0,
    lot_size_cents=10_000,
    min_volume_cents=100,
    step_volume_cents=100,
    max_volume_cents=None,
)


def test_lots_become_the_brokers_volume() -> None:
    assert symbol().volume_cents(Decimal("0.29")) == 2_900_000
    assert XAUUSD.volume_cents(Decimal("0.3")) == 3_000
    assert XAUUSD.lots(3_000) == Decimal("0.3")


def test_lots_written_as_a_float_are_what_they_look_like() -> None:
    assert symbol().volume_cents(Decimal(str(0.29))) == 2_900_000


@pytest.mark.parametrize("lots", ["0", "-0.01", "0.015", "0.0000000001", "1E-30"])
def test_lots_off_the_step_are_refused_and_not_rounded(lots: str) -> None:
    with pytest.raises(InvalidVolume, match="invalid volume"):
        symbol().volume_cents(Decimal(lots))


def test_lots_out_of_range_are_refused_with_the_limit() -> None:
    limited = symbol(min_volume_cents=200_000, max_volume_cents=1_000_000)
    with pytest.raises(InvalidVolume, match=r"invalid volume.*minimum of 0\.02"):
        limited.volume_cents(Decimal("0.01"))
    with pytest.raises(InvalidVolume, match=r"invalid volume.*maximum of 0\.1"):
        limited.volume_cents(Decimal("0.11"))


def test_a_limit_that_the_broker_left_out_does_not_limit() -> None:
    free = symbol(min_volume_cents=None, max_volume_cents=None, step_volume_cents=None)
    assert free.volume_cents(Decimal("0.0000001")) == 1


def test_sizes_follow_from_the_digits() -> None:
    assert XAUUSD.tick_size == Decimal("0.01")
    assert XAUUSD.pip_size == 1
    assert XAUUSD.units_per_lot == 100
    assert XAUUSD.round_price(Decimal("2911.4567")) == Decimal("2911.46")
