"""A caller's trade object, read exactly or refused with the field's name."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from fxpool.client.trade_data import trade_request
from fxpool.domain.protection import Units
from fxpool.domain.trades import OrderType, TimeInForce
from fxpool.platforms.base import PlatformError

MARKET: dict[str, Any] = {"symbol": "EURUSD", "action": "BUY", "volume": 0.29}


def refused(data: dict[str, Any], **options: Any) -> PlatformError:
    with pytest.raises(PlatformError) as caught:
        trade_request(data, **options)
    assert (caught.value.status, caught.value.outcome) == (422, "not_executed")
    return caught.value


def test_a_float_stands_for_the_digits_it_prints() -> None:
    assert trade_request(MARKET).volume == Decimal("0.29")


def test_what_a_copier_sends_is_understood() -> None:
    request = trade_request(
        {
            "symbol": "XAUUSD",
            "action": "BUY",
            "actionType": "ORDER_TYPE_BUY",
            "volume": "0.3",
            "stopLoss": 2891.0,
            "takeProfit": None,
            "comment": "Copy_40021877_L10",
            "magic": 7,
            "nobodyKnows": object(),
        }
    )
    assert (request.symbol, request.action, request.comment) == (
        "XAUUSD",
        "BUY",
        "Copy_40021877_L10",
    )
    assert (request.stop_loss, request.take_profit) == (Decimal("2891.0"), None)


@pytest.mark.parametrize(
    ("spelling", "attribute"),
    [
        ("lots", "volume"),
        ("open_price", "open_price"),
        ("openPrice", "open_price"),
        ("price", "open_price"),
        ("limitPrice", "open_price"),
        ("stop_price", "open_price"),
        ("stop_loss", "stop_loss"),
        ("stopLoss", "stop_loss"),
        ("take_profit", "take_profit"),
        ("takeProfit", "take_profit"),
    ],
)
def test_every_spelling_of_a_number_reaches_its_field(spelling: str, attribute: str) -> None:
    data = {"symbol": "EURUSD", "action": "BUY_STOP", "volume": 1, "price": 1, spelling: 1}
    assert getattr(trade_request(data), attribute) == Decimal(1)


def test_equal_values_in_two_spellings_are_one_value() -> None:
    request = trade_request({**MARKET, "stop_loss": 1.05, "stopLoss": "1.050"})
    assert request.stop_loss == Decimal("1.05")


def test_different_values_in_two_spellings_are_refused() -> None:
    error = refused({**MARKET, "stop_loss": 1.05, "stopLoss": 1.06})
    assert error.detail.startswith("stop_loss:")


@pytest.mark.parametrize("word", ["BUY", "buy", "ORDER_TYPE_BUY", "order_type_buy"])
def test_every_form_of_a_direction_is_the_same_order(word: str) -> None:
    assert trade_request({**MARKET, "action": word}).action == "BUY"


def test_directions_that_contradict_each_other_are_refused() -> None:
    assert "contradict" in refused({**MARKET, "actionType": "ORDER_TYPE_SELL"}).detail


@pytest.mark.parametrize("data", [{"side": "SELL"}, {"actionType": "ORDER_TYPE_SELL_LIMIT"}])
def test_a_limit_order_takes_its_side_in_either_form(data: dict[str, str]) -> None:
    request = trade_request(
        {"symbol": "EURUSD", "volume": 1, "price": 1.2, **data}, OrderType.LIMIT
    )
    assert (request.action, request.open_price) == ("SELL_LIMIT", Decimal("1.2"))


@pytest.mark.parametrize("word", ["HOLD", "POSITION_TYPE_BUY", "", "0"])
def test_a_word_that_is_no_direction_is_never_a_side(word: str) -> None:
    assert "unknown action" in refused({**MARKET, "action": word}).detail


def test_a_stop_word_is_no_limit_order() -> None:
    data = {"symbol": "EURUSD", "volume": 1, "price": 1.2, "action": "BUY_STOP"}
    assert "not a limit order" in refused(data, kind=OrderType.LIMIT).detail


def test_a_pending_order_without_a_price_is_refused() -> None:
    detail = refused(MARKET, kind=OrderType.STOP).detail
    assert detail.startswith("openPrice: missing; send openPrice or ")
    assert detail.endswith("for a stop order")


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "many", float("nan"), True, 0])
def test_a_volume_that_is_no_quantity_is_refused(value: object) -> None:
    assert refused({**MARKET, "volume": value}).detail.startswith("volume:")


@pytest.mark.parametrize("field", ["symbol", "action", "volume"])
def test_a_missing_field_is_named(field: str) -> None:
    data = {name: value for name, value in MARKET.items() if name != field}
    assert refused(data).detail.startswith(f"{field}: missing; send {field}")


def test_an_expiration_is_an_instant_with_a_zone() -> None:
    pending = {**MARKET, "action": "BUY_LIMIT", "price": 1.05}
    request = trade_request({**pending, "expirationTime": "2026-03-02T09:15:27.481Z"})
    assert request.expiration == datetime(2026, 3, 2, 9, 15, 27, 481_000, tzinfo=UTC)
    assert "time zone" in refused({**pending, "expiration": "2026-03-02T09:15:27"}).detail


def test_a_market_order_has_no_price_and_zero_is_no_protection() -> None:
    request = trade_request({**MARKET, "openPrice": 1.07, "stopLoss": 0})
    assert (request.open_price, request.stop_loss) == (None, None)


def test_a_plain_side_agrees_with_the_full_word() -> None:
    data = {"symbol": "EURUSD", "volume": 1, "price": 1.2, "actionType": "ORDER_TYPE_BUY_LIMIT"}
    assert trade_request({**data, "side": "BUY"}).action == "BUY_LIMIT"
    assert "contradict" in refused({**data, "side": "SELL"}).detail


def test_a_pending_word_without_a_price_is_no_market_order() -> None:
    assert refused({**MARKET, "action": "BUY_LIMIT"}).detail.startswith("openPrice: missing")


def test_an_order_may_be_measured_in_other_units() -> None:
    request = trade_request(
        {
            **MARKET,
            "volume": None,
            "riskPercent": 0.5,
            "stopLoss": 25,
            "stopLossUnits": "RELATIVE_PIPS",
            "slippagePoints": "3",
            "timeInForce": "fok",
        }
    )
    assert (request.volume, request.risk_percent) == (None, Decimal("0.5"))
    assert (request.stop_loss, request.stop_loss_units) == (Decimal(25), Units.PIPS)
    assert (request.slippage_points, request.time_in_force) == (3, TimeInForce.FILL_OR_KILL)


@pytest.mark.parametrize(
    "more",
    [
        {"stopLossUnits": "PIPS"},
        {"slippagePoints": 1.5},
        {"trailingStopLoss": "yes"},
        {"timeInForce": "DAY"},
        {"volumeUnits": "BARRELS"},
    ],
)
def test_a_form_that_is_none_is_refused_by_name(more: dict[str, Any]) -> None:
    (name,) = more
    text = refused(MARKET | more).detail.replace("_", "").lower()
    assert name.lower() in text or "units" in text
