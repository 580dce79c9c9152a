from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fxpool.domain.accounts import AccountType
from fxpool.domain.market_hours import Holiday, Interval, MarketHours
from fxpool.domain.order_rules import (
    check_symbol,
    check_tick,
    opened_volume_cents,
    require_kept,
)
from fxpool.domain.requests import KEEP, REMOVE, OrderIntent
from fxpool.domain.symbols import TradingMode
from fxpool.domain.trades import OrderType, Side
from fxpool.errors import TradeRefused
from harness.values import EURUSD, limit_order, position, symbol

MONDAY_NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
FROM_NOON = MarketHours((Interval(86_400 + 43_200, 86_400 + 50_400),), ZoneInfo("UTC"))


def order(side: Side = Side.BUY, kind: OrderType = OrderType.MARKET, **more: Any) -> OrderIntent:
    return OrderIntent(EURUSD, side, kind, 1_000_000, "id", **more)


def code_of(refused: pytest.ExceptionInfo[TradeRefused]) -> str:
    return refused.value.code


@pytest.mark.parametrize(
    ("more", "side", "code"),
    [
        ({"trading_mode": TradingMode.CLOSE_ONLY}, Side.BUY, "TRADING_DISABLED"),
        (
            {"trading_mode": TradingMode.DISABLED_WITH_PENDINGS_EXECUTION},
            Side.BUY,
            "TRADING_DISABLED",
        ),
        ({"short_selling": False}, Side.SELL, "SHORT_SELLING_NOT_ALLOWED"),
    ],
)
def test_what_the_symbol_does_not_allow_is_refused(
    more: dict[str, Any], side: Side, code: str
) -> None:
    with pytest.raises(TradeRefused) as refused:
        check_symbol(order(side), symbol(**more), MONDAY_NOON, opens=True)
    assert code_of(refused) == code


@pytest.mark.parametrize(
    "more", [{"trading_mode": TradingMode.CLOSE_ONLY}, {"short_selling": False}]
)
def test_an_order_that_only_closes_is_let_through(more: dict[str, Any]) -> None:
    check_symbol(order(Side.SELL), symbol(**more), MONDAY_NOON, opens=False)


def test_short_selling_that_the_broker_does_not_speak_of_is_left_to_it() -> None:
    check_symbol(order(Side.SELL), symbol(short_selling=None), MONDAY_NOON, opens=True)


def test_a_market_order_is_refused_while_the_market_is_closed() -> None:
    with pytest.raises(TradeRefused) as refused:
        check_symbol(
            order(), symbol(hours=FROM_NOON), MONDAY_NOON - timedelta(seconds=31), opens=True
        )
    assert code_of(refused) == "MARKET_CLOSED"


def test_near_an_opening_the_broker_decides_because_clocks_differ() -> None:
    check_symbol(order(), symbol(hours=FROM_NOON), MONDAY_NOON - timedelta(seconds=29), opens=True)


def test_a_pending_order_may_be_placed_while_the_market_is_closed() -> None:
    pending = order(kind=OrderType.LIMIT, price=Decimal("1.1"))
    check_symbol(pending, symbol(hours=FROM_NOON), MONDAY_NOON - timedelta(hours=2), opens=True)


def test_a_holiday_is_told_as_one() -> None:
    holiday = Holiday("x", MONDAY_NOON.date(), ZoneInfo("UTC"), is_recurring=False)
    hours = MarketHours((Interval(0, 604_800),), ZoneInfo("UTC"), (holiday,))
    with pytest.raises(TradeRefused) as refused:
        check_symbol(order(), symbol(hours=hours), MONDAY_NOON, opens=True)
    assert code_of(refused) == "SYMBOL_HAS_HOLIDAY"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"price": Decimal("1.100001")}, "TRADING_BAD_PRICES"),
        ({"price": Decimal("1.1"), "stop_loss": Decimal("1.0000001")}, "TRADING_BAD_STOPS"),
        ({"price": Decimal("1.1"), "take_profit": Decimal("1.2000001")}, "TRADING_BAD_STOPS"),
    ],
)
def test_prices_of_a_pending_order_off_the_tick_are_refused_and_not_rounded(
    more: dict[str, Any], code: str
) -> None:
    with pytest.raises(TradeRefused) as refused:
        check_tick(symbol(), order(kind=OrderType.LIMIT, **more))
    assert code_of(refused) == code


def test_trailing_zeros_are_no_digits() -> None:
    check_tick(symbol(), order(kind=OrderType.LIMIT, price=Decimal("1.1000000")))


def test_an_order_against_a_netted_position_opens_only_what_is_left() -> None:
    held = [position(side=Side.BUY, volume_cents=400_000)]
    sell = order(Side.SELL)
    assert opened_volume_cents(sell, held, AccountType.NETTED) == 600_000
    assert opened_volume_cents(sell, held, AccountType.HEDGED) == 1_000_000
    assert opened_volume_cents(order(Side.BUY), held, AccountType.NETTED) == 1_000_000


@pytest.mark.parametrize("leg", ["stop_loss", "relative_stop_loss"])
def test_a_leg_that_a_resting_order_has_is_not_called_removed(leg: str) -> None:
    resting = limit_order(**{leg: Decimal("1.1")})
    with pytest.raises(TradeRefused, match="can be changed and not removed") as refused:
        require_kept(resting, REMOVE, KEEP)
    assert code_of(refused) == "TRADING_BAD_STOPS"
    require_kept(resting, KEEP, REMOVE)  # it has none
    require_kept(resting, Decimal("1.2"), REMOVE)
