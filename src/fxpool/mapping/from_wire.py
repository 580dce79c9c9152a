"""Open API messages -> domain values: presence, units and enums are settled here. Pure.

An optional field that the broker left out is None (or what the domain says). What the domain cannot
do without, and an enum number that this build does not know, raise MappingError with the field's
name. Proto2 keeps an unknown enum number among the unknown fields, so such a field looks absent.

Units: money is scaled by the ``moneyDigits`` of its own message; prices are doubles, read as the
shortest decimal that equals them; relative distances are integers in 1/100000; times are epoch
milliseconds. Source: comments of the public Open API schema.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Final, TypeVar

from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from fxpool.domain.accounts import AccessRights, AccountType, MarginMode, Trader
from fxpool.domain.cash import CashOperation
from fxpool.domain.money import (
    DEFAULT_MONEY_DIGITS,
    decimal_from_double,
    money_from_wire,
    price_from_wire,
)
from fxpool.domain.symbols import (
    Asset,
    CommissionType,
    LeverageTier,
    LightSymbol,
    Symbol,
    TradingMode,
)
from fxpool.domain.trades import (
    CashFlow,
    CloseDetail,
    Deal,
    DealStatus,
    Execution,
    ExecutionType,
    Order,
    OrderStatus,
    OrderType,
    Position,
    PositionStatus,
    Side,
    StopTrigger,
    TimeInForce,
    UnrealisedProfit,
)
from fxpool.errors import MappingError
from fxpool.mapping.hours import market_hours_from
from fxpool.mapping.instants import instant_from_ms
from fxpool.openapi.proto import messages_pb2, model_pb2

_ZERO: Final = Decimal(0)

_Enum = TypeVar("_Enum", bound=Enum)


def trader_from(trader: model_pb2.ProtoOATrader) -> Trader:
    """Return an account's record. Bonuses are summed; an absent one is none."""
    digits = _money_digits(trader)
    bonus = trader.managerBonus + trader.ibBonus + trader.nonWithdrawableBonus
    return Trader(
        account_id=_required_int(trader, "ctidTraderAccountId"),
        login=_int(trader, "traderLogin"),
        broker=_text(trader, "brokerName"),
        balance=_required_money(trader, "balance", digits),
        balance_version=_int(trader, "balanceVersion"),
        bonus=money_from_wire(bonus, digits),
        money_digits=digits,
        deposit_asset_id=_required_int(trader, "depositAssetId"),
        leverage=(
            Decimal(trader.leverageInCents).scaleb(-2)
            if trader.HasField("leverageInCents")
            else None
        ),
        access_rights=_enum(trader, "accessRights", AccessRights),
        account_type=_enum(trader, "accountType", AccountType),
        margin_mode=_required_enum(trader, "totalMarginCalculationType", MarginMode),
        is_limited_risk=trader.isLimitedRisk,
        swap_free=trader.swapFree,
        registered_at=_instant(trader, "registrationTimestamp"),
    )


def asset_from(asset: model_pb2.ProtoOAAsset) -> Asset:
    """Return an asset. Assets are told apart by id: recorded lists repeat display names."""
    return Asset(
        asset_id=_required_int(asset, "assetId"),
        name=_required_text(asset, "name"),
        digits=_int(asset, "digits"),
    )


def light_symbol_from(light: model_pb2.ProtoOALightSymbol) -> LightSymbol:
    """Return a symbol of the symbol list, enabled or not."""
    return LightSymbol(
        symbol_id=_required_int(light, "symbolId"),
        name=_required_text(light, "symbolName"),
        enabled=light.enabled,
        base_asset_id=_required_int(light, "baseAssetId"),
        quote_asset_id=_required_int(light, "quoteAssetId"),
        category_id=_int(light, "symbolCategoryId"),
        description=light.description,
    )


def symbol_from(light: LightSymbol, full: model_pb2.ProtoOASymbol) -> Symbol:
    """Return a symbol with its trading parameters. Raises MappingError if the two records are not
    of one symbol."""
    if full.symbolId != light.symbol_id:
        raise MappingError(f"parameters of symbol {full.symbolId}, not of {light.symbol_id}")
    return Symbol(
        light=light,
        digits=_required_int(full, "digits"),
        pip_position=_required_int(full, "pipPosition"),
        lot_size_cents=_required_int(full, "lotSize"),
        min_volume_cents=_int(full, "minVolume"),
        max_volume_cents=_int(full, "maxVolume"),
        step_volume_cents=_int(full, "stepVolume"),
        trading_mode=_enum(full, "tradingMode", TradingMode),
        short_selling=full.enableShortSelling if full.HasField("enableShortSelling") else None,
        commission_type=_enum(full, "commissionType", CommissionType),
        precise_commission_rate=full.preciseTradingCommissionRate,
        conversion_fee_rate=full.pnlConversionFeeRate,
        leverage_id=_int(full, "leverageId"),
        stop_loss_distance=full.slDistance,
        take_profit_distance=full.tpDistance,
        measurement_units=full.measurementUnits,
        hours=market_hours_from(full),
    )


def leverage_tiers_from(leverage: model_pb2.ProtoOADynamicLeverage) -> tuple[LeverageTier, ...]:
    """Return the tiers of a dynamic leverage, smallest volume first.

    Their leverage is read in hundredths, as recorded margins show; the schema does not say.
    """
    tiers = [
        LeverageTier(
            Decimal(_required_int(tier, "volume")).scaleb(-2),
            Decimal(_required_int(tier, "leverage")).scaleb(-2),
        )
        for tier in leverage.tiers
    ]
    if any(tier.leverage <= 0 for tier in tiers):
        raise MappingError(f"dynamic leverage {leverage.leverageId} has a tier without leverage")
    return tuple(sorted(tiers, key=lambda tier: tier.until_usd))


def order_from(order: model_pb2.ProtoOAOrder) -> Order:
    """Return an order. Relative protection is a distance in price units."""
    trade = _trade_data(order)
    return Order(
        order_id=_required_int(order, "orderId"),
        position_id=_int(order, "positionId"),
        symbol_id=_required_int(trade, "symbolId"),
        side=_required_enum(trade, "tradeSide", Side),
        type=_required_enum(order, "orderType", OrderType),
        status=_required_enum(order, "orderStatus", OrderStatus),
        time_in_force=_enum(order, "timeInForce", TimeInForce),
        volume_cents=_required_int(trade, "volume"),
        executed_volume_cents=order.executedVolume,
        limit_price=_price(order, "limitPrice"),
        stop_price=_price(order, "stopPrice"),
        stop_loss=_price(order, "stopLoss"),
        take_profit=_price(order, "takeProfit"),
        relative_stop_loss=_distance(order, "relativeStopLoss"),
        relative_take_profit=_distance(order, "relativeTakeProfit"),
        trailing_stop_loss=order.trailingStopLoss,
        guaranteed_stop_loss=trade.guaranteedStopLoss,
        slippage_points=_int(order, "slippageInPoints"),
        execution_price=_price(order, "executionPrice"),
        is_closing=order.closingOrder,
        is_stop_out=order.isStopOut,
        client_order_id=order.clientOrderId,
        label=trade.label,
        comment=trade.comment,
        opened_at=_instant(trade, "openTimestamp"),
        updated_at=_instant(order, "utcLastUpdateTimestamp"),
        expires_at=_instant(order, "expirationTimestamp"),
        stop_trigger=_optional_enum(order, "stopTriggerMethod", StopTrigger),
    )


def position_from(position: model_pb2.ProtoOAPosition) -> Position:
    """Return a position. One that is not open may lack a price, which then reads 0 as recorded."""
    trade = _trade_data(position)
    digits = _money_digits(position)
    status = _required_enum(position, "positionStatus", PositionStatus)
    price = _price(position, "price")
    if price is None and status is PositionStatus.OPEN:
        raise _missing(position, "price")
    return Position(
        position_id=_required_int(position, "positionId"),
        symbol_id=_required_int(trade, "symbolId"),
        side=_required_enum(trade, "tradeSide", Side),
        status=status,
        volume_cents=_required_int(trade, "volume"),
        price=_ZERO if price is None else price,
        stop_loss=_price(position, "stopLoss"),
        take_profit=_price(position, "takeProfit"),
        trailing_stop_loss=position.trailingStopLoss,
        guaranteed_stop_loss=position.guaranteedStopLoss,
        swap=_required_money(position, "swap", digits),
        commission=money_from_wire(position.commission, digits),
        used_margin=_money(position, "usedMargin", digits),
        margin_rate=_price(position, "marginRate"),
        money_digits=digits,
        label=trade.label,
        comment=trade.comment,
        opened_at=_instant(trade, "openTimestamp"),
        updated_at=_instant(position, "utcLastUpdateTimestamp"),
        stop_trigger=_optional_enum(position, "stopLossTriggerMethod", StopTrigger),
    )


def deal_from(deal: model_pb2.ProtoOADeal) -> Deal:
    """Return a deal, with the money side of it if it closed something."""
    close = deal.closePositionDetail if deal.HasField("closePositionDetail") else None
    return Deal(
        deal_id=_required_int(deal, "dealId"),
        order_id=_required_int(deal, "orderId"),
        position_id=_required_int(deal, "positionId"),
        symbol_id=_required_int(deal, "symbolId"),
        side=_required_enum(deal, "tradeSide", Side),
        status=_required_enum(deal, "dealStatus", DealStatus),
        volume_cents=_required_int(deal, "volume"),
        filled_volume_cents=_required_int(deal, "filledVolume"),
        price=_price(deal, "executionPrice"),
        commission=money_from_wire(deal.commission, _money_digits(deal)),
        margin_rate=_price(deal, "marginRate"),
        executed_at=_required_instant(deal, "executionTimestamp"),
        close=None if close is None else _close_detail_from(close),
    )


def _close_detail_from(detail: model_pb2.ProtoOAClosePositionDetail) -> CloseDetail:
    digits = _money_digits(detail)
    return CloseDetail(
        entry_price=_required_price(detail, "entryPrice"),
        gross_profit=_required_money(detail, "grossProfit", digits),
        swap=_required_money(detail, "swap", digits),
        commission=_required_money(detail, "commission", digits),
        conversion_fee=money_from_wire(detail.pnlConversionFee, digits),
        balance=_required_money(detail, "balance", digits),
        balance_version=_int(detail, "balanceVersion"),
        closed_volume_cents=_int(detail, "closedVolume"),
        quote_to_deposit_rate=_price(detail, "quoteToDepositConversionRate"),
    )


def cash_flow_from(flow: model_pb2.ProtoOADepositWithdraw) -> CashFlow:
    """Return a deposit, a withdrawal or another change of the balance without a deal."""
    digits = _money_digits(flow)
    return CashFlow(
        history_id=_required_int(flow, "balanceHistoryId"),
        delta=_required_money(flow, "delta", digits),
        balance=_required_money(flow, "balance", digits),
        balance_version=_int(flow, "balanceVersion"),
        at=_required_instant(flow, "changeBalanceTimestamp"),
        operation=_required_enum(flow, "operationType", CashOperation),
    )


def execution_from(event: messages_pb2.ProtoOAExecutionEvent) -> Execution:
    """Return an execution event. A bonus is not among the values: read the trader again."""
    return Execution(
        type=_required_enum(event, "executionType", ExecutionType),
        order=order_from(event.order) if event.HasField("order") else None,
        position=position_from(event.position) if event.HasField("position") else None,
        deal=deal_from(event.deal) if event.HasField("deal") else None,
        cash_flow=(
            cash_flow_from(event.depositWithdraw) if event.HasField("depositWithdraw") else None
        ),
        error_code=event.errorCode,
        by_server=event.isServerEvent,
    )


def expected_margin_from(
    answer: messages_pb2.ProtoOAExpectedMarginRes, side: Side, volume_cents: int
) -> Decimal:
    """Return the margin that a side and volume would use. Raises MappingError if it is not said."""
    for margin in answer.margin:
        if margin.volume == volume_cents:
            value = margin.buyMargin if side is Side.BUY else margin.sellMargin
            return money_from_wire(value, _money_digits(answer))
    raise MappingError(f"the expected margin of volume {volume_cents} is absent")


def unrealised_from(
    answer: messages_pb2.ProtoOAGetPositionUnrealizedPnLRes,
) -> dict[int, UnrealisedProfit]:
    """Return the broker's own results of open positions, by position id."""
    digits = _money_digits(answer)
    return {
        profit.positionId: UnrealisedProfit(
            money_from_wire(profit.grossUnrealizedPnL, digits),
            money_from_wire(profit.netUnrealizedPnL, digits),
            money_from_wire(1, digits),
        )
        for profit in answer.positionUnrealizedPnL
    }


def trailing_stop_from(event: messages_pb2.ProtoOATrailingSLChangedEvent) -> tuple[int, Decimal]:
    """Return the position and its new stop loss, which the server moved."""
    return _required_int(event, "positionId"), _required_price(event, "stopPrice")


def margin_from(event: messages_pb2.ProtoOAMarginChangedEvent) -> tuple[int, Decimal]:
    """Return the position and the margin it uses now."""
    margin = _required_money(event, "usedMargin", _money_digits(event))
    return _required_int(event, "positionId"), margin


def _missing(message: Message, field: str) -> MappingError:
    return MappingError(f"{message.DESCRIPTOR.name}.{field} is absent, or unknown to this build")


def _require(message: Message, field: str) -> None:
    if not message.HasField(field):
        raise _missing(message, field)


def _int(message: Message, field: str) -> int | None:
    return int(getattr(message, field)) if message.HasField(field) else None


def _required_int(message: Message, field: str) -> int:
    _require(message, field)
    return int(getattr(message, field))


def _text(message: Message, field: str) -> str | None:
    return str(getattr(message, field)) if message.HasField(field) else None


def _required_text(message: Message, field: str) -> str:
    _require(message, field)
    return str(getattr(message, field))


def _price(message: Message, field: str) -> Decimal | None:
    return decimal_from_double(getattr(message, field)) if message.HasField(field) else None


def _required_price(message: Message, field: str) -> Decimal:
    _require(message, field)
    return decimal_from_double(getattr(message, field))


def _distance(message: Message, field: str) -> Decimal | None:
    return price_from_wire(getattr(message, field)) if message.HasField(field) else None


def _money_digits(message: Message) -> int:
    digits = _int(message, "moneyDigits")
    return DEFAULT_MONEY_DIGITS if digits is None else digits


def _money(message: Message, field: str, digits: int) -> Decimal | None:
    return money_from_wire(getattr(message, field), digits) if message.HasField(field) else None


def _required_money(message: Message, field: str, digits: int) -> Decimal:
    _require(message, field)
    return money_from_wire(getattr(message, field), digits)


def _instant(message: Message, field: str) -> datetime | None:
    return instant_from_ms(getattr(message, field)) if message.HasField(field) else None


def _required_instant(message: Message, field: str) -> datetime:
    _require(message, field)
    return instant_from_ms(getattr(message, field))


def _required_enum(message: Message, field: str, kind: type[_Enum]) -> _Enum:
    _require(message, field)
    return kind(getattr(message, field))


def _optional_enum(message: Message, field: str, kind: type[_Enum]) -> _Enum | None:
    return kind(getattr(message, field)) if message.HasField(field) else None


def _enum(message: Message, field: str, kind: type[_Enum]) -> _Enum:
    """Return the field, or the schema's own default where it is absent.

    Raises MappingError if it is there with a number that this build does not know.
    """
    number = message.DESCRIPTOR.fields_by_name[field].number
    if not message.HasField(field) and number in _unknown_numbers(message):
        raise _missing(message, field)
    return kind(getattr(message, field))


def _unknown_numbers(message: Message) -> set[int]:
    fields = UnknownFieldSet(message)
    return {fields[index].field_number for index in range(len(fields))}


def _trade_data(
    message: model_pb2.ProtoOAOrder | model_pb2.ProtoOAPosition,
) -> model_pb2.ProtoOATradeData:
    _require(message, "tradeData")
    return message.tradeData
