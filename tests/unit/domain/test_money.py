from __future__ import annotations

from decimal import Decimal

import pytest

from fxpool.domain.money import (
    decimal_from_double,
    money_from_wire,
    price_from_wire,
    round_money,
    round_ratio_half_up,
)


def test_a_spot_price_is_in_hundred_thousandths_whatever_the_digits() -> None:
    assert price_from_wire(112569) == Decimal("1.12569")
    assert price_from_wire(8520558) == Decimal("85.20558")


def test_money_has_the_digits_of_its_message() -> None:
    assert money_from_wire(1126, 2) == Decimal("11.26")
    assert money_from_wire(-1, 8) == Decimal("-0.00000001")


def test_a_double_reads_as_people_write_it() -> None:
    assert decimal_from_double(1.12569) == Decimal("1.12569")
    assert decimal_from_double(0.1 + 0.2) == Decimal("0.30000000000000004")


@pytest.mark.parametrize(
    ("value", "rounded"), [("11.2569", "11.26"), ("0.025", "0.03"), ("-0.025", "-0.03")]
)
def test_money_is_rounded_half_away_from_zero(value: str, rounded: str) -> None:
    assert round_money(Decimal(value), 2) == Decimal(rounded)


@pytest.mark.parametrize(
    ("numerator", "denominator", "rounded"),
    [(5, 2, 3), (-5, 2, -3), (4, 3, 1), (-4, 3, -1), (0, 7, 0), (10**30 + 1, 2, (10**30) // 2 + 1)],
)
def test_a_ratio_is_rounded_half_away_from_zero(
    numerator: int, denominator: int, rounded: int
) -> None:
    assert round_ratio_half_up(numerator, denominator) == rounded
