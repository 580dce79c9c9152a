"""Trade requests of MetaApi as calls of a platform, and what is refused before one is made."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fxpool.domain.permissions import Operation
from fxpool.domain.protection import Units
from fxpool.domain.trades import TimeInForce
from fxpool.gateway.metaapi.errors import BadParameters
from fxpool.gateway.metaapi.trades import (
    OPERATIONS,
    Cancel,
    CloseSymbol,
    Refused,
    call_of,
    operation_of,
)
from fxpool.platforms.base import CloseRequest, OrderChange, ProtectionRequest, TradeRequest

ORDER: dict[str, Any] = {
    "actionType": "ORDER_TYPE_BUY",
    "symbol": "EURUSD",
    "volume": Decimal("0.1"),
}
LIMIT = ORDER | {"actionType": "ORDER_TYPE_BUY_LIMIT", "openPrice": Decimal(1)}
DISTANCE = {"distance": {"distance": 20, "units": "RELATIVE_PIPS"}}


def order(**changes: Any) -> TradeRequest:
    call = call_of(ORDER | changes)
    assert isinstance(call, TradeRequest)
    return call


def test_an_order_keeps_its_numbers_exactly() -> None:
    call = order(volume=Decimal("0.29"), stopLoss=Decimal("1.09"), takeProfit=None, comment="hi")
    assert (call.volume, call.stop_loss, call.take_profit) == (
        Decimal("0.29"),
        Decimal("1.09"),
        None,
    )
    assert (call.action, call.symbol, call.comment) == ("ORDER_TYPE_BUY", "EURUSD", "hi")


def test_units_of_protection_are_metaapis_words() -> None:
    for units in Units:
        assert order(stopLoss=10, stopLossUnits=units.value).stop_loss_units is units


def test_a_trailing_distance_is_the_stop_loss_that_follows() -> None:
    call = order(trailingStopLoss=DISTANCE)
    assert (call.stop_loss, call.stop_loss_units, call.trailing_stop_loss) == (
        Decimal(20),
        Units.PIPS,
        True,
    )


@pytest.mark.parametrize(
    ("magic", "client_id", "label"),
    [
        (0, "", ""),
        (7, "", "7"),
        ("7", "", "7"),
        (0, "TE_EURUSD_1", "TE_EURUSD_1"),
        (7, "TE_EURUSD_1", "m1:7:TE_EURUSD_1"),
    ],
)
def test_magic_and_client_id_share_the_label(magic: Any, client_id: str, label: str) -> None:
    assert order(magic=magic, clientId=client_id).client_id == label


def test_immediate_or_cancel_is_taken_where_it_is_allowed() -> None:
    fok, ioc = "ORDER_FILLING_FOK", "ORDER_FILLING_IOC"
    assert order(fillingModes=[fok, ioc]).time_in_force is TimeInForce.IMMEDIATE_OR_CANCEL
    assert order(fillingModes=[fok]).time_in_force is TimeInForce.FILL_OR_KILL
    assert order(fillingModes=[]).time_in_force is None


def test_every_other_action_is_one_call() -> None:
    assert call_of({"actionType": "POSITION_CLOSE_ID", "positionId": 5}) == CloseRequest("5")
    partial = {"actionType": "POSITION_PARTIAL", "positionId": "5", "volume": Decimal("0.1")}
    assert call_of(partial) == CloseRequest("5", Decimal("0.1"))
    symbol = {"actionType": "POSITIONS_CLOSE_SYMBOL", "symbol": "EURUSD"}
    assert call_of(symbol) == CloseSymbol("EURUSD")
    assert call_of({"actionType": "ORDER_CANCEL", "orderId": "5"}) == Cancel("5")


def test_a_position_loses_the_protection_that_is_left_out_and_an_order_keeps_it() -> None:
    modify = {"actionType": "POSITION_MODIFY", "positionId": "5", "takeProfit": Decimal(2)}
    assert call_of(modify) == ProtectionRequest("5", Decimal(0), Decimal(2))
    amend = {"actionType": "ORDER_MODIFY", "orderId": "5", "openPrice": Decimal(2)}
    assert call_of(amend) == OrderChange("5", Decimal(2))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"actionType": "POSITION_CLOSE_BY"}, -4),
        ({"trailingStopLoss": {"threshold": {"thresholds": []}}}, 10013),
        ({"stopLoss": 9, "stopLossUnits": "RELATIVE_PIPS", "stopPriceBase": "OPEN_PRICE"}, 10013),
        (LIMIT | {"openPriceUnits": "RELATIVE_PIPS"}, 10013),
        (LIMIT | {"expiration": {"type": "ORDER_TIME_DAY"}}, 10022),
        (LIMIT | {"expiration": {"type": "ORDER_TIME_SPECIFIED_DAY"}}, 10022),
        ({"actionType": "ORDER_MODIFY", "orderId": "1", "stopLimitPrice": Decimal(1)}, -4),
    ],
)
def test_what_cannot_be_expressed_is_refused_with_its_code(
    changes: dict[str, Any], code: int
) -> None:
    with pytest.raises(Refused) as caught:
        call_of(ORDER | changes)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("changes", "parameter"),
    [
        ({"symbol": None}, "symbol"),
        ({"volume": -1}, "volume"),
        ({"volume": None}, "volume"),
        ({"stopPriceBase": "NOPE"}, "stopPriceBase"),
        ({"fillingModes": "ORDER_FILLING_FOK"}, "fillingModes"),
        ({"fillingModes": ["NOPE"]}, "fillingModes"),
        ({"magic": -1}, "magic"),
        ({"magic": "seven"}, "magic"),
        ({"magic": 10**18}, "magic"),
        ({"clientId": 5}, "clientId"),
        ({"stopLossUnits": "NOPE", "stopLoss": 1}, "stopLossUnits"),
        ({"stopLossUnits": [], "stopPriceBase": "OPEN_PRICE"}, "stopLossUnits"),
        ({"trailingStopLoss": 5}, "trailingStopLoss"),
        ({"actionType": "ORDER_TYPE_SELL_STOP"}, "openPrice"),
        (LIMIT | {"expiration": "soon"}, "expiration"),
        (LIMIT | {"expiration": {"type": "ORDER_TIME_SPECIFIED"}}, "expiration.time"),
        (LIMIT | {"actionType": "ORDER_TYPE_BUY_STOP_LIMIT"}, "stopLimitPrice"),
        ({"actionType": "POSITION_PARTIAL", "positionId": "1", "volume": None}, "volume"),
        ({"actionType": "POSITION_CLOSE_ID"}, "positionId"),
        ({"actionType": "ORDER_CANCEL"}, "orderId"),
        ({"actionType": "ORDER_MODIFY", "orderId": "1"}, "openPrice"),
    ],
)
def test_a_request_that_makes_no_sense_names_its_parameter(
    changes: dict[str, Any], parameter: str
) -> None:
    with pytest.raises(BadParameters) as caught:
        call_of(ORDER | changes)
    assert parameter in caught.value.parameters


def test_every_action_says_what_it_does() -> None:
    assert len(OPERATIONS) == 15
    assert operation_of({"actionType": "ORDER_CANCEL"}) is Operation.CLOSE
    assert operation_of(ORDER) is Operation.PLACE
    for body in ({}, [], {"actionType": "NOPE"}, {"actionType": 5}, "text"):
        with pytest.raises(BadParameters, match="actionType"):
            operation_of(body)
