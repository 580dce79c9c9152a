"""Open API messages -> domain values: presence, units and enums are settled here. Pure.

An optional field that the broker left out is None (or what the domain says). What the domain cannot
do without, and an enum number that this build does not know, raise MappingError with the field's
name. Proto2 keeps an unknown enum number among the unknown fields, so such a field looks absent.

Units: money is scaled by the ``moneyDigits`` of its own message; prices are doubles, read as the
shortest decimal that equals them; relative distances are integers in 1/100000; times are epoch
milliseconds. Source: comments of the public Open API schema.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from fxpool.domain.accounts import AccessRights, AccountType, MarginMode, Trader
from fxpool.domain.cash import CashOperation
from fxpool.domain.money import (
    money_from_wire,
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
from fxpool.mapping.wire_fields import (
    has_unknown_number,
    missing,
    money_digits,
    optional_distance,
    optional_enum,
    optional_instant,
    optional_int,
    optional_money,
    optional_price,
    optional_text,
    require,
    required_enum,
    required_instant,
    required_int,
    required_money,
    required_price,
    schema_enum,
)
from fxpool.openapi import execution_kind
from fxpool.openapi.proto import messages_pb2, model_pb2

_ZERO: Final = Decimal(0)


def trader_from(trader: model_pb2.ProtoOATrader) -> Trader:
    """Return an account's record. Bonuses are summed; an absent one is none."""
    digits = money_digits(trader)
    bonus = trader.managerBonus + trader.ibBonus + trader.nonWithdrawableBonus
    return Trader(
        account_id=required_int(trader, "ctidTraderAccountId"),
        login=optional_int(trader, "traderLogin"),
        broker=optional_text(trader, "brokerName"),
        balance=required_money(trader, "balance", digits),
        balance_version=optional_int(trader, "balanceVersion"),
        bonus=money_from_wire(bonus, digits),
        money_digits=digits,
        deposit_asset_id=required_int(trader, "depositAssetId"),
        leverage=(
            Decimal(trader.leverageInCents).scaleb(-2)
            if trader.HasField("leverageInCents")
            else None
        ),
        access_rights=schema_enum(trader, "accessRights", AccessRights),
        account_type=schema_enum(trader, "accountType", AccountType),
        margin_mode=required_enum(trader, "totalMarginCalculationType", MarginMode),
        is_limited_risk=trader.isLimitedRisk,
        swap_free=trader.swapFree,
        registered_at=optional_instant(trader, "registrationTimestamp"),
    )


def order_from(order: model_pb2.ProtoOAOrder) -> Order:
    """Return an order. Relative protection is a distance in price units."""
    trade = _trade_data(order)
    return Order(
        order_id=required_int(order, "orderId"),
        position_id=optional_int(order, "positionId"),
        symbol_id=required_int(trade, "symbolId"),
        side=required_enum(trade, "tradeSide", Side),
        type=required_enum(order, "orderType", OrderType),
        status=required_enum(order, "orderStatus", OrderStatus),
        time_in_force=schema_enum(order, "timeInForce", TimeInForce),
        volume_cents=required_int(trade, "volume"),
        executed_volume_cents=order.executedVolume,
        limit_price=optional_price(order, "limitPrice"),
        stop_price=optional_price(order, "stopPrice"),
        stop_loss=optional_price(order, "stopLoss"),
        take_profit=optional_price(order, "takeProfit"),
        relative_stop_loss=optional_distance(order, "relativeStopLoss"),
        relative_take_profit=optional_distance(order, "relativeTakeProfit"),
        trailing_stop_loss=order.trailingStopLoss,
        guaranteed_stop_loss=trade.guaranteedStopLoss,
        slippage_points=optional_int(order, "slippageInPoints"),
        execution_price=optional_price(order, "executionPrice"),
        is_closing=order.closingOrder,
        is_stop_out=order.isStopOut,
        client_order_id=order.clientOrderId,
        label=trade.label,
        comment=trade.comment,
        opened_at=optional_instant(trade, "openTimestamp"),
        updated_at=optional_instant(order, "utcLastUpdateTimestamp"),
        expires_at=optional_instant(order, "expirationTimestamp"),
        stop_trigger=optional_enum(order, "stopTriggerMethod", StopTrigger),
    )


def position_from(position: model_pb2.ProtoOAPosition) -> Position:
    """Return a position. One that is not open may lack a price, which then reads 0 as recorded."""
    trade = _trade_data(position)
    digits = money_digits(position)
    status = required_enum(position, "positionStatus", PositionStatus)
    price = optional_price(position, "price")
    if price is None and status is PositionStatus.OPEN:
        raise missing(position, "price")
    return Position(
        position_id=required_int(position, "positionId"),
        symbol_id=required_int(trade, "symbolId"),
        side=required_enum(trade, "tradeSide", Side),
        status=status,
        volume_cents=required_int(trade, "volume"),
        price=_ZERO if price is None else price,
        stop_loss=optional_price(position, "stopLoss"),
        take_profit=optional_price(position, "takeProfit"),
        trailing_stop_loss=position.trailingStopLoss,
        guaranteed_stop_loss=position.guaranteedStopLoss,
        swap=required_money(position, "swap", digits),
        commission=money_from_wire(position.commission, digits),
        used_margin=optional_money(position, "usedMargin", digits),
        margin_rate=optional_price(position, "marginRate"),
        money_digits=digits,
        label=trade.label,
        comment=trade.comment,
        opened_at=optional_instant(trade, "openTimestamp"),
        updated_at=optional_instant(position, "utcLastUpdateTimestamp"),
        stop_trigger=optional_enum(position, "stopLossTriggerMethod", StopTrigger),
    )


def deal_from(deal: model_pb2.ProtoOADeal) -> Deal:
    """Return a deal, with the money side of it if it closed something."""
    close = deal.closePositionDetail if deal.HasField("closePositionDetail") else None
    return Deal(
        deal_id=required_int(deal, "dealId"),
        order_id=required_int(deal, "orderId"),
        position_id=required_int(deal, "positionId"),
        symbol_id=required_int(deal, "symbolId"),
        side=required_enum(deal, "tradeSide", Side),
        status=required_enum(deal, "dealStatus", DealStatus),
        volume_cents=required_int(deal, "volume"),
        filled_volume_cents=required_int(deal, "filledVolume"),
        price=optional_price(deal, "executionPrice"),
        commission=money_from_wire(deal.commission, money_digits(deal)),
        margin_rate=optional_price(deal, "marginRate"),
        executed_at=required_instant(deal, "executionTimestamp"),
        close=None if close is None else _close_detail_from(close),
    )


def _close_detail_from(detail: model_pb2.ProtoOAClosePositionDetail) -> CloseDetail:
    digits = money_digits(detail)
    return CloseDetail(
        entry_price=required_price(detail, "entryPrice"),
        gross_profit=required_money(detail, "grossProfit", digits),
        swap=required_money(detail, "swap", digits),
        commission=required_money(detail, "commission", digits),
        conversion_fee=money_from_wire(detail.pnlConversionFee, digits),
        balance=required_money(detail, "balance", digits),
        balance_version=optional_int(detail, "balanceVersion"),
        closed_volume_cents=optional_int(detail, "closedVolume"),
        quote_to_deposit_rate=optional_price(detail, "quoteToDepositConversionRate"),
    )


def cash_flow_from(flow: model_pb2.ProtoOADepositWithdraw) -> CashFlow:
    """Return a deposit, a withdrawal or another change of the balance without a deal. One of a kind
    that this build does not know is told as UNKNOWN: without it nothing would add up."""
    digits = money_digits(flow)
    is_unknown = has_unknown_number(flow, "operationType")
    return CashFlow(
        history_id=required_int(flow, "balanceHistoryId"),
        delta=required_money(flow, "delta", digits),
        balance=required_money(flow, "balance", digits),
        balance_version=optional_int(flow, "balanceVersion"),
        at=required_instant(flow, "changeBalanceTimestamp"),
        operation=(
            CashOperation.UNKNOWN
            if is_unknown
            else required_enum(flow, "operationType", CashOperation)
        ),
    )


def execution_from(event: messages_pb2.ProtoOAExecutionEvent) -> Execution:
    """Return an execution event. A bonus is not among the values: read the trader again."""
    require(event, "executionType")
    return Execution(
        type=ExecutionType(execution_kind(event)),
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
            return money_from_wire(value, money_digits(answer))
    raise MappingError(f"the expected margin of volume {volume_cents} is absent")


def unrealised_from(
    answer: messages_pb2.ProtoOAGetPositionUnrealizedPnLRes,
) -> dict[int, UnrealisedProfit]:
    """Return the broker's own results of open positions, by position id."""
    digits = money_digits(answer)
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
    return required_int(event, "positionId"), required_price(event, "stopPrice")


def margin_from(event: messages_pb2.ProtoOAMarginChangedEvent) -> tuple[int, Decimal]:
    """Return the position and the margin it uses now."""
    margin = required_money(event, "usedMargin", money_digits(event))
    return required_int(event, "positionId"), margin


def margin_call_from(event: messages_pb2.ProtoOAMarginCallTriggerEvent) -> Decimal:
    """Return the margin level, in percent, below which the account is."""
    require(event, "marginCall")
    return required_price(event.marginCall, "marginLevelThreshold")


def _trade_data(
    message: model_pb2.ProtoOAOrder | model_pb2.ProtoOAPosition,
) -> model_pb2.ProtoOATradeData:
    require(message, "tradeData")
    return message.tradeData
