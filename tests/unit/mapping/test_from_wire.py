"""Messages to domain values; values that a live server sent are in the recorded tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from fxpool.domain.accounts import AccessRights, AccountType, MarginMode
from fxpool.domain.cash import CashOperation
from fxpool.domain.symbols import CommissionType, TradingMode
from fxpool.domain.trades import ExecutionType, OrderType, PositionStatus, Side, TimeInForce
from fxpool.errors import MappingError
from fxpool.mapping import from_wire
from fxpool.mapping.symbols import asset_from, light_symbol_from, symbol_from
from fxpool.openapi.proto import messages_pb2 as wire
from fxpool.openapi.proto import model_pb2 as model
from harness.recorded import recorded_message
from harness.values import light


def wire_trade_data(**more: Any) -> model.ProtoOATradeData:
    return model.ProtoOATradeData(**{"symbolId": 1, "volume": 100_000, "tradeSide": "BUY"} | more)


def wire_position(**more: Any) -> model.ProtoOAPosition:
    known = {
        "positionId": 5,
        "tradeData": wire_trade_data(),
        "positionStatus": "POSITION_STATUS_OPEN",
        "swap": -110,
        "price": 1.12569,
    }
    return model.ProtoOAPosition(**known | more)


def wire_order(**more: Any) -> model.ProtoOAOrder:
    known = {
        "orderId": 6,
        "tradeData": wire_trade_data(),
        "orderType": "LIMIT",
        "orderStatus": "ORDER_STATUS_ACCEPTED",
    }
    return model.ProtoOAOrder(**known | more)


def wire_deal(**more: Any) -> model.ProtoOADeal:
    known = {
        "dealId": 7,
        "orderId": 6,
        "positionId": 5,
        "volume": 100_000,
        "filledVolume": 100_000,
        "symbolId": 1,
        "createTimestamp": 1_600_000_000_000,
        "executionTimestamp": 1_600_000_000_123,
        "tradeSide": "SELL",
        "dealStatus": "FILLED",
    }
    return model.ProtoOADeal(**known | more)


def wire_trader(**more: Any) -> model.ProtoOATrader:
    known = {
        "ctidTraderAccountId": 1,
        "balance": 100_000,
        "depositAssetId": 15,
        "totalMarginCalculationType": "SUM",
    }
    return model.ProtoOATrader(**known | more)


def test_absence_is_not_zero() -> None:
    position = from_wire.position_from(wire_position())
    assert (position.stop_loss, position.take_profit, position.used_margin) == (None, None, None)
    assert (position.updated_at, position.stop_trigger) == (None, None)
    zero = from_wire.position_from(wire_position(usedMargin=0))
    assert zero.used_margin == 0


def test_money_has_the_digits_of_its_own_message_and_two_by_default() -> None:
    assert from_wire.position_from(wire_position()).swap == Decimal("-1.10")
    eight = from_wire.position_from(wire_position(moneyDigits=8))
    assert (eight.swap, eight.money_digits) == (Decimal("-0.00000110"), 8)
    none = from_wire.position_from(wire_position(moneyDigits=0))
    assert none.swap == -110


def test_a_price_keeps_all_decimals_of_an_average() -> None:
    position = from_wire.position_from(wire_position(price=1.1198733333333333))
    assert position.price == Decimal("1.1198733333333333")


def test_an_open_position_needs_a_price_and_an_empty_one_does_not() -> None:
    bare = wire_position()
    bare.ClearField("price")
    with pytest.raises(MappingError, match="price"):
        from_wire.position_from(bare)
    bare.positionStatus = model.POSITION_STATUS_CREATED
    created = from_wire.position_from(bare)
    assert (created.status, created.price) == (PositionStatus.CREATED, 0)


def test_relative_protection_is_a_distance_in_price_units() -> None:
    order = from_wire.order_from(wire_order(relativeStopLoss=9_001_000, limitPrice=85000.5))
    assert order.relative_stop_loss == Decimal("90.01")
    assert (order.limit_price, order.price) == (Decimal("85000.5"), Decimal("85000.5"))
    assert order.relative_take_profit is None


def test_times_are_milliseconds_in_utc() -> None:
    order = from_wire.order_from(wire_order(expirationTimestamp=1_600_000_054_215))
    assert order.expires_at == datetime(2020, 9, 13, 12, 27, 34, 215_000, UTC)
    assert order.updated_at is None


def test_the_schemas_defaults_stand_for_absent_optional_enums() -> None:
    assert from_wire.order_from(wire_order()).time_in_force is TimeInForce.IMMEDIATE_OR_CANCEL
    trader = from_wire.trader_from(wire_trader())
    assert (trader.access_rights, trader.account_type) == (
        AccessRights.FULL_ACCESS,
        AccountType.HEDGED,
    )
    assert trader.margin_mode is MarginMode.SUM
    assert (trader.leverage, trader.login, trader.broker) == (None, None, None)
    assert trader.balance_version is None


def test_bonuses_are_summed() -> None:
    trader = from_wire.trader_from(wire_trader(managerBonus=100, ibBonus=50))
    assert trader.bonus == Decimal("1.50")


def test_a_closing_deal_has_its_money() -> None:
    detail = model.ProtoOAClosePositionDetail(
        entryPrice=1.1,
        grossProfit=2621,
        swap=-10,
        commission=-600,
        balance=1_002_000,
        pnlConversionFee=-19,
        moneyDigits=2,
    )
    close = from_wire.deal_from(wire_deal(closePositionDetail=detail)).close
    assert close is not None
    assert close.conversion_fee == Decimal("-0.19")
    assert close.net_profit == Decimal("19.92")
    assert (close.balance_version, close.closed_volume_cents) == (None, None)
    assert from_wire.deal_from(wire_deal()).close is None


def test_an_execution_has_the_parts_that_the_event_has() -> None:
    event = wire.ProtoOAExecutionEvent(
        ctidTraderAccountId=1, executionType="ORDER_REJECTED", order=wire_order(), errorCode="X"
    )
    execution = from_wire.execution_from(event)
    assert execution.type is ExecutionType.ORDER_REJECTED
    assert execution.order is not None
    assert (execution.position, execution.deal, execution.cash_flow) == (None, None, None)
    assert (execution.error_code, execution.by_server) == ("X", False)


def test_a_trailing_stop_and_a_margin_name_their_position() -> None:
    trailing = wire.ProtoOATrailingSLChangedEvent(
        ctidTraderAccountId=1, positionId=5, orderId=6, stopPrice=1.1, utcLastUpdateTimestamp=1
    )
    assert from_wire.trailing_stop_from(trailing) == (5, Decimal("1.1"))
    margin = wire.ProtoOAMarginChangedEvent(
        ctidTraderAccountId=1, positionId=5, usedMargin=1126, moneyDigits=2
    )
    assert from_wire.margin_from(margin) == (5, Decimal("11.26"))


UNKNOWN_ENUMS: list[tuple[Callable[[Any], object], Any, int]] = [
    (from_wire.position_from, wire_position(), 3),  # positionStatus
    (from_wire.position_from, wire_position(tradeData=wire_trade_data()), 3),
    (from_wire.order_from, wire_order(), 3),  # orderType
    (from_wire.order_from, wire_order(), 4),  # orderStatus
    (from_wire.order_from, wire_order(), 18),  # timeInForce, which has a default
    (from_wire.deal_from, wire_deal(), 11),  # tradeSide
    (from_wire.deal_from, wire_deal(), 12),  # dealStatus
    (from_wire.trader_from, wire_trader(), 7),  # accessRights, which has a default
    (from_wire.trader_from, wire_trader(), 11),  # totalMarginCalculationType
    (from_wire.trader_from, wire_trader(), 15),  # accountType, which has a default
]


@pytest.mark.parametrize(("read", "message", "number"), UNKNOWN_ENUMS)
def test_an_unknown_enum_number_is_never_a_default(
    read: Callable[[Any], object], message: Any, number: int
) -> None:
    (field,) = (f for f in message.DESCRIPTOR.fields if f.number == number)
    strange = type(message)()
    strange.CopyFrom(message)
    strange.ClearField(field.name)
    tag = (number << 3).to_bytes(1, "big") if number < 16 else bytes([0x80 | number << 3 & 0x7F, 1])
    strange.MergeFromString(tag + b"\x63")  # 99
    with pytest.raises(MappingError, match=field.name):
        read(strange)


def test_a_side_that_we_cannot_read_is_not_a_buy() -> None:
    position = wire_position()
    position.tradeData.ClearField("tradeSide")
    with pytest.raises(MappingError, match="tradeSide"):
        from_wire.position_from(position)


@pytest.mark.parametrize(
    ("read", "message", "field"),
    [
        (from_wire.trader_from, wire_trader(), "balance"),
        (from_wire.trader_from, wire_trader(), "depositAssetId"),
        (from_wire.position_from, wire_position(), "tradeData"),
        (from_wire.position_from, wire_position(), "swap"),
        (from_wire.order_from, wire_order(), "orderId"),
        (from_wire.deal_from, wire_deal(), "executionTimestamp"),
        (asset_from, model.ProtoOAAsset(assetId=1, name="EUR"), "name"),
        (
            light_symbol_from,
            model.ProtoOALightSymbol(
                symbolId=1, symbolName="EURUSD", baseAssetId=1, quoteAssetId=2
            ),
            "quoteAssetId",
        ),
    ],
)
def test_what_the_domain_needs_is_asked_for_by_name(
    read: Callable[[Any], object], message: Any, field: str
) -> None:
    poor = type(message)()
    poor.CopyFrom(message)
    poor.ClearField(field)
    with pytest.raises(MappingError, match=field):
        read(poor)


def test_parameters_of_another_symbol_are_refused() -> None:
    full = model.ProtoOASymbol(symbolId=2, digits=5, pipPosition=4, lotSize=100)
    with pytest.raises(MappingError):
        symbol_from(light(1), full)


def test_a_recorded_symbol_is_read() -> None:
    message = recorded_message("symspecs")
    assert isinstance(message, wire.ProtoOASymbolByIdRes)
    found = {full.symbolId: symbol_from(light(full.symbolId), full) for full in message.symbol}
    gold = found[41]
    assert (gold.digits, gold.lot_size_cents, gold.step_volume_cents) == (2, 10_000, 100)
    assert gold.commission_type is CommissionType.PERCENTAGE_OF_VALUE
    assert gold.trading_mode is TradingMode.ENABLED
    assert found[1].volume_cents(Decimal("0.01")) == 100_000


def test_a_recorded_deposit_is_read() -> None:
    message = recorded_message("cashflow")
    assert isinstance(message, wire.ProtoOACashFlowHistoryListRes)
    (flow,) = map(from_wire.cash_flow_from, message.depositWithdraw)
    assert flow.delta == flow.balance == Decimal("51224029.64")
    assert flow.balance_version == 2


def test_a_recorded_order_list_is_read() -> None:
    message = recorded_message("order list")
    assert isinstance(message, wire.ProtoOAOrderListRes)
    orders = [from_wire.order_from(each) for each in message.order]
    assert [order.type for order in orders] == [
        OrderType.MARKET,
        OrderType.STOP_LOSS_TAKE_PROFIT,
        OrderType.MARKET,
        OrderType.MARKET,
    ]
    assert orders[-1].relative_stop_loss == Decimal("0.00099")
    assert [order.side for order in orders].count(Side.BUY) == 1


def test_a_cash_operation_newer_than_this_build_is_told_as_one() -> None:
    flow = model.ProtoOADepositWithdraw(
        balanceHistoryId=1, balance=500, delta=-300, changeBalanceTimestamp=0
    )
    with pytest.raises(MappingError, match="operationType"):
        from_wire.cash_flow_from(flow)
    flow.MergeFromString(b"\x08\x7d")  # operationType 125
    read = from_wire.cash_flow_from(flow)
    assert (read.operation, read.is_transfer) == (CashOperation.UNKNOWN, False)
    assert replace(read, delta=-read.delta).is_transfer
