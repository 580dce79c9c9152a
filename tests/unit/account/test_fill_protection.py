"""What an order asked for, against what its position has."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fxpool.account.fill_protection import is_changed_since, wanted_levels
from fxpool.domain.requests import OrderIntent
from fxpool.domain.trades import OrderType, Side
from harness.values import at, deal, position, symbol

ASKED = Decimal("1.12000")


@pytest.mark.parametrize(
    ("side", "present", "wanted"),
    [
        (Side.BUY, "1.12400", "1.12400"),
        (Side.BUY, "1.11990", "1.12000"),
        (Side.SELL, "1.11600", "1.11600"),
        (Side.SELL, "1.12010", "1.12000"),
    ],
)
def test_a_trailing_stop_that_followed_the_price_is_right_and_one_that_slipped_is_not(
    side: Side, present: str, wanted: str
) -> None:
    intent = OrderIntent(
        1, side, OrderType.MARKET, 100_000, "k", stop_loss=ASKED, trailing_stop_loss=True
    )
    held = position(side=side, stop_loss=Decimal(present), trailing_stop_loss=True)
    assert wanted_levels(intent, held, symbol()) == (Decimal(wanted), None)


def test_what_the_broker_makes_of_an_order_right_after_its_fill_is_no_change() -> None:
    filled = (deal(executed_at=at(10)),)
    assert not is_changed_since(position(updated_at=at(10.02)), filled)
    assert not is_changed_since(position(updated_at=None), filled)
    assert is_changed_since(position(updated_at=at(15)), filled)
