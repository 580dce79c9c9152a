"""Bodies in any mix of spellings, and what is said about the wrong ones."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from fxpool.domain.protection import Units
from fxpool.domain.trades import TimeInForce
from fxpool.gateway.errors import explain_validation
from fxpool.gateway.schemas import (
    LimitOrderBody,
    OrderBody,
    OrderModifyBody,
    PoolBody,
    PositionCloseBody,
    PositionModifyBody,
)
from fxpool.gateway.stream_options import StreamOptions
from fxpool.mapping.order_words import VolumeUnits
from fxpool.mapping.spellings import SPELLINGS
from fxpool.platforms.base import CloseRequest, ProtectionRequest, TradeRequest

COPIER: dict[str, Any] = {
    "account_id": "ct-demo-alpha",
    "environment": "demo",
    "symbol": "XAUUSD",
    "action": "BUY",
    "actionType": "ORDER_TYPE_BUY",
    "volume": Decimal("0.3"),
    "stopLoss": Decimal("2891.0"),
    "takeProfit": 2950,
    "comment": "Copy_40021877_L10",
    "sourcePosition": {"id": "1"},
}


def refusal(body: type[PoolBody], data: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        body.model_validate(data)
    return explain_validation(caught.value.errors())


def test_the_copiers_request_is_read_and_its_extra_fields_are_ignored() -> None:
    assert OrderBody.model_validate(COPIER).request() == TradeRequest(
        symbol="XAUUSD",
        action="ORDER_TYPE_BUY",
        volume=Decimal("0.3"),
        stop_loss=Decimal("2891.0"),
        take_profit=Decimal(2950),
        comment="Copy_40021877_L10",
        environment="demo",
    )


def test_spellings_that_disagree_are_refused_by_name() -> None:
    text = refusal(OrderBody, {**COPIER, "stop_loss": 2800})
    assert (
        text == "stop_loss: stop_loss=2800, stopLoss=2891.0 contradict each other; send one of them"
    )


def test_a_missing_field_is_named_with_its_spellings() -> None:
    text = refusal(OrderBody, {"symbol": "EURUSD"})
    assert "account_id: missing; send account_id or accountId" in text
    assert "volume: missing; send volume or lots" in text
    assert "action: missing; send action or actionType" in text


@pytest.mark.parametrize("volume", [0, -1, "NaN", "abc", True])
def test_a_volume_that_is_none_is_called_invalid_volume(volume: object) -> None:
    assert "invalid volume" in refusal(OrderBody, {**COPIER, "volume": volume})


def test_a_negative_price_is_refused() -> None:
    assert refusal(OrderBody, {**COPIER, "stopLoss": -1}).startswith("stop_loss: ")


@pytest.mark.parametrize("word", ["ORDER_TYPE_BUY_LIMIT", "SELL_STOP"])
def test_a_pending_order_without_a_price_is_refused(word: str) -> None:
    text = refusal(OrderBody, {**COPIER, "action": word, "actionType": None})
    assert text.startswith("openPrice: missing; send openPrice or ")


def test_an_unknown_action_is_refused_by_name() -> None:
    text = refusal(OrderBody, {**COPIER, "actionType": "HOLD"})
    assert text.startswith("action: actionType='HOLD' is an unknown action; send BUY")


def test_a_market_order_leaves_a_price_that_came_along_behind() -> None:
    assert OrderBody.model_validate({**COPIER, "openPrice": 2900}).request().open_price is None


@pytest.mark.parametrize("name", SPELLINGS["open_price"])
def test_the_price_of_a_pending_order_reaches_the_platform(name: str) -> None:
    data = {"accountId": 1, "symbol": "EURUSD", "side": "sell", "lots": "0.4", name: "1.0921"}
    request = LimitOrderBody.model_validate(data).request()
    assert (request.action, request.open_price) == ("ORDER_TYPE_SELL_LIMIT", Decimal("1.0921"))


def test_zero_protection_means_none_on_a_new_order() -> None:
    request = OrderBody.model_validate({**COPIER, "stopLoss": 0, "takeProfit": None}).request()
    assert (request.stop_loss, request.take_profit) == (None, None)


def test_zero_protection_removes_it_from_a_position_and_null_keeps_it() -> None:
    data = {"account_id": "a", "position_id": 5, "stop_loss": 0, "take_profit": None}
    expected = ProtectionRequest("5", stop_loss=Decimal(0), take_profit=None)
    assert PositionModifyBody.model_validate(data).request() == expected


def test_a_close_may_name_a_part() -> None:
    data = {"accountId": "a", "positionId": 287314502, "volume": "0.05"}
    expected = CloseRequest("287314502", volume=Decimal("0.05"))
    assert PositionCloseBody.model_validate(data).request() == expected


def test_an_order_change_keeps_what_is_absent() -> None:
    change = OrderModifyBody.model_validate({"account_id": 1, "orderId": 2, "price": "1.1"})
    assert change.request().open_price == Decimal("1.1")
    assert change.request().volume is None


def test_stream_options_are_read_from_a_query_and_from_a_message() -> None:
    query = StreamOptions.model_validate({"accounts": "a,b", "batch": "1", "flushMs": "5"})
    message = StreamOptions.model_validate({"accounts": ["b", "a"], "batch": True, "flush_ms": 5})
    assert query == message


def test_a_flush_interval_beyond_20_ms_is_refused() -> None:
    assert "flush_ms" in refusal(StreamOptions, {"flushMs": 21})


@pytest.mark.parametrize(
    "names",
    [
        ("volumeUnits", "slippagePoints", "stopLossUnits", "takeProfitUnits", "timeInForce"),
        (
            "volume_units",
            "slippage_points",
            "stop_loss_units",
            "take_profit_units",
            "time_in_force",
        ),
    ],
)
def test_the_forms_of_an_order_are_read_in_both_spellings(names: tuple[str, ...]) -> None:
    values = ("units", "5", "RELATIVE_PIPS", "RELATIVE_CURRENCY", "IOC")
    data = {**COPIER, "volume": 1000, **dict(zip(names, values, strict=True))}
    request = OrderBody.model_validate(data).request()
    assert (request.volume_units, request.slippage_points) == (VolumeUnits.UNITS, 5)
    assert (request.stop_loss_units, request.take_profit_units) == (Units.PIPS, Units.MONEY)
    assert request.time_in_force is TimeInForce.IMMEDIATE_OR_CANCEL


def test_a_risk_takes_the_place_of_a_volume() -> None:
    data = {**COPIER, "volume": None, "riskPercent": "0.5"}
    request = OrderBody.model_validate(data).request()
    assert (request.volume, request.risk_percent) == (None, Decimal("0.5"))


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"riskPercent": 0}, "risk_percent"),
        ({"riskPercent": 101}, "risk_percent"),
        ({"slippagePoints": "1.5"}, "slippage_points"),
        ({"slippagePoints": -1}, "slippage_points"),
        ({"stopLossUnits": "RELATIVE"}, "stop_loss_units"),
        ({"timeInForce": "ORDER_TIME_DAY"}, "time_in_force"),
    ],
)
def test_a_form_that_is_none_is_refused_by_name(more: dict[str, Any], field: str) -> None:
    assert refusal(OrderBody, COPIER | more).startswith(f"{field}: ")


def test_the_kind_of_a_stop_loss_is_kept_unless_it_is_named() -> None:
    data = {"account_id": "a", "position_id": 5, "trailingStopLoss": False}
    request = PositionModifyBody.model_validate(data).request()
    assert (request.trailing_stop_loss, request.guaranteed_stop_loss) == (False, None)


def test_a_trailing_stop_loss_in_metaapis_form_is_a_stop_loss_at_its_distance() -> None:
    trailing = {"distance": {"distance": 200, "units": "RELATIVE_POINTS"}}
    data = {**COPIER, "stopLoss": None, "trailingStopLoss": trailing}
    request = OrderBody.model_validate(data).request()
    assert (request.stop_loss, request.stop_loss_units) == (Decimal(200), Units.POINTS)
    assert request.trailing_stop_loss


@pytest.mark.parametrize(
    ("trailing", "words"),
    [
        ({"distance": {"distance": 200}}, "not both"),
        ({"distance": {"distance": 200}, "threshold": {"thresholds": []}}, "no thresholds"),
    ],
)
def test_a_trailing_stop_loss_that_the_broker_cannot_keep_is_refused(
    trailing: dict[str, Any], words: str
) -> None:
    assert words in refusal(OrderBody, {**COPIER, "trailingStopLoss": trailing})
