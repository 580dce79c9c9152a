"""Numbers as a trader reads them."""

from __future__ import annotations

import pytest

from fxpool.cli import numbers


@pytest.mark.parametrize(
    ("value", "currency", "shown"),
    [
        (10000.0, "USD", "10,000.00"),
        (-0.05, "USD", "-0.05"),
        (1000000.0, "JPY", "1,000,000"),
        (0.00012345, "BTC", "0.00012345"),
        (None, "USD", "-"),
    ],
)
def test_money_shows_cents_and_all_that_it_carries(
    value: float | None, currency: str, shown: str
) -> None:
    assert numbers.money(value, currency) == shown


def test_a_gain_carries_its_sign() -> None:
    assert numbers.signed_money(12.5) == "+12.50"
    assert numbers.signed_money(-3.0) == "-3.00"
    assert numbers.signed_money(0.0) == "0.00"
    assert numbers.signed_money(None) == "-"


def test_a_price_has_the_digits_of_its_symbol() -> None:
    assert numbers.price(1.1, 5) == "1.10000"
    assert numbers.price(1.12569) == "1.12569"
    assert numbers.price(None, 5) == "-"


def test_lots_show_two_digits_and_never_fewer_than_they_carry() -> None:
    assert numbers.lots(0.1) == "0.10"
    assert numbers.lots(0.125) == "0.125"
    assert numbers.lots(20.0) == "20.00"


def test_a_margin_level_that_is_not_defined_is_not_a_number() -> None:
    assert numbers.percent(None) == "-"
    assert numbers.percent(3642.18) == "3,642.18 %"
