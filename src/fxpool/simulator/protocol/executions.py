"""Orders, positions, deals and executions as messages, with the fields that a real server fills.

Pure. Which field is present when was read off recorded conversations (ctrader-open-api.md 6.3).
"""

from __future__ import annotations

from fractions import Fraction

from fxpool.openapi.proto.messages_pb2 import ProtoOAExecutionEvent
from fxpool.openapi.proto.model_pb2 import (
    BALANCE_DEPOSIT,
    BALANCE_WITHDRAW,
    FILLED,
    TRADE,
    ProtoOAClosePositionDetail,
    ProtoOADeal,
    ProtoOADepositWithdraw,
    ProtoOAExecutionType,
    ProtoOAOrder,
    ProtoOAOrderStatus,
    ProtoOAOrderType,
    ProtoOAPosition,
    ProtoOAPositionStatus,
    ProtoOATimeInForce,
    ProtoOATradeData,
    ProtoOATradeSide,
)
from fxpool.simulator.engine.book import Book
from fxpool.simulator.engine.model import (
    CashEntry,
    CloseDetail,
    Deal,
    Execution,
    Order,
    OrderKind,
    Position,
)
from fxpool.simulator.engine.money import MONEY_DIGITS
from fxpool.simulator.engine.symbols import PRICE_SCALE


def to_double(price: int | Fraction | None) -> float | None:
    """Return a price as the wire's double: the one nearest to the decimal, None for no price."""
    if price is None:
        return None
    return price.numerator / (price.denominator * PRICE_SCALE)


def _rate(rate: Fraction) -> float:
    return rate.numerator / rate.denominator


class ExecutionMapper:
    """Turns one account's executions into messages.

    ``units`` gives the measurement units of a symbol, which trade data repeats.
    """

    def __init__(self, book: Book, units: dict[int, str]) -> None:
        self._book = book
        self._units = units

    def execution(self, execution: Execution) -> ProtoOAExecutionEvent:
        """Return the event that tells an execution."""
        order, position, deal = execution.order, execution.position, execution.deal
        return ProtoOAExecutionEvent(
            ctidTraderAccountId=self._book.spec.account_id,
            executionType=ProtoOAExecutionType.ValueType(execution.kind),
            position=None if position is None else self.position(position),
            order=None if order is None else self.order(order),
            deal=None if deal is None else self.deal(deal),
            depositWithdraw=None if execution.cash is None else cash_entry(execution.cash),
            errorCode=execution.error_code or None,
            isServerEvent=execution.is_server,
        )

    def position(self, position: Position) -> ProtoOAPosition:
        """Return a position as the wire shows it."""
        is_protected = position.protection_order_id is not None
        return ProtoOAPosition(
            positionId=position.position_id,
            tradeData=ProtoOATradeData(
                symbolId=position.symbol_id,
                volume=position.volume,
                tradeSide=ProtoOATradeSide.ValueType(position.side),
                openTimestamp=position.opened_ms,
                label=position.label,
                guaranteedStopLoss=False,
                comment=position.comment,
                measurementUnits=self._units[position.symbol_id],
                closeTimestamp=position.closed_ms,
            ),
            positionStatus=ProtoOAPositionStatus.ValueType(position.status),
            swap=position.swap,
            price=to_double(position.price),
            stopLoss=to_double(position.stop_loss),
            takeProfit=to_double(position.take_profit),
            utcLastUpdateTimestamp=position.updated_ms,
            commission=position.commission,
            marginRate=_rate(position.margin_rate),
            mirroringCommission=0,
            guaranteedStopLoss=False,
            usedMargin=self._book.used_margin(position),
            stopLossTriggerMethod=TRADE if is_protected else None,
            moneyDigits=MONEY_DIGITS,
            trailingStopLoss=False,
        )

    def order(self, order: Order) -> ProtoOAOrder:
        """Return an order as the wire shows it."""
        is_plain_close = order.is_closing and order.kind is OrderKind.MARKET
        has_stop = order.kind in (OrderKind.STOP, OrderKind.STOP_LIMIT, OrderKind.PROTECTION)
        return ProtoOAOrder(
            orderId=order.order_id,
            tradeData=ProtoOATradeData(
                symbolId=order.symbol_id,
                volume=order.volume,
                tradeSide=ProtoOATradeSide.ValueType(order.side),
                openTimestamp=order.created_ms,
                label=order.label,
                guaranteedStopLoss=False,
                comment=order.comment,
                measurementUnits=self._units[order.symbol_id],
                closeTimestamp=order.closed_ms,
            ),
            orderType=ProtoOAOrderType.ValueType(order.kind),
            orderStatus=ProtoOAOrderStatus.ValueType(order.status),
            expirationTimestamp=order.expiration_ms,
            executionPrice=to_double(order.execution_price),
            executedVolume=order.executed_volume,
            utcLastUpdateTimestamp=order.updated_ms,
            baseSlippagePrice=to_double(order.base_slippage_price),
            slippageInPoints=order.slippage_points,
            closingOrder=order.is_closing,
            limitPrice=to_double(order.limit_price),
            stopPrice=to_double(order.stop_price),
            clientOrderId=order.client_order_id or None,
            timeInForce=ProtoOATimeInForce.ValueType(order.time_in_force),
            positionId=order.position_id,
            relativeStopLoss=order.relative_stop_loss,
            relativeTakeProfit=order.relative_take_profit,
            trailingStopLoss=None if is_plain_close else False,
            stopTriggerMethod=TRADE if has_stop else None,
        )

    def deal(self, deal: Deal) -> ProtoOADeal:
        """Return a deal as the wire shows it."""
        return ProtoOADeal(
            dealId=deal.deal_id,
            orderId=deal.order_id,
            positionId=deal.position_id,
            volume=deal.volume,
            filledVolume=deal.filled_volume,
            symbolId=deal.symbol_id,
            createTimestamp=deal.created_ms,
            executionTimestamp=deal.executed_ms,
            utcLastUpdateTimestamp=deal.executed_ms,
            executionPrice=to_double(deal.price),
            tradeSide=ProtoOATradeSide.ValueType(deal.side),
            dealStatus=FILLED,
            marginRate=_rate(deal.margin_rate),
            commission=deal.commission,
            baseToUsdConversionRate=_rate(deal.base_to_usd),
            closePositionDetail=None if deal.close is None else _close_detail(deal.close),
            moneyDigits=MONEY_DIGITS,
        )


def _close_detail(detail: CloseDetail) -> ProtoOAClosePositionDetail:
    return ProtoOAClosePositionDetail(
        entryPrice=to_double(detail.entry_price),
        grossProfit=detail.gross,
        swap=detail.swap,
        commission=detail.commission,
        balance=detail.balance,
        quoteToDepositConversionRate=_rate(detail.rate),
        closedVolume=detail.closed_volume,
        balanceVersion=detail.balance_version,
        moneyDigits=MONEY_DIGITS,
        pnlConversionFee=detail.fee,
    )


def cash_entry(entry: CashEntry) -> ProtoOADepositWithdraw:
    """Return a deposit or withdrawal as the wire shows it."""
    return ProtoOADepositWithdraw(
        operationType=BALANCE_DEPOSIT if entry.delta >= 0 else BALANCE_WITHDRAW,
        balanceHistoryId=entry.entry_id,
        balance=entry.balance,
        delta=entry.delta,
        changeBalanceTimestamp=entry.at_ms,
        externalNote=entry.note,
        balanceVersion=entry.balance_version,
        equity=entry.equity,
        moneyDigits=MONEY_DIGITS,
    )
