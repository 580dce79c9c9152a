"""Orders, positions, deals and notices as messages, with the fields that a real server fills.

Pure. Which field is present when was read off conversations recorded from a live server.
"""

from __future__ import annotations

from fractions import Fraction
from typing import assert_never

from google.protobuf.message import Message

from fxpool.openapi.proto.messages_pb2 import (
    ProtoOAExecutionEvent,
    ProtoOAMarginCallTriggerEvent,
    ProtoOAMarginChangedEvent,
    ProtoOATraderUpdatedEvent,
    ProtoOATrailingSLChangedEvent,
)
from fxpool.openapi.proto.model_pb2 import (
    BONUS_DEPOSIT,
    BONUS_WITHDRAW,
    FILLED,
    PARTIALLY_FILLED,
    ProtoOABonusDepositWithdraw,
    ProtoOAChangeBalanceType,
    ProtoOAClosePositionDetail,
    ProtoOADeal,
    ProtoOADepositWithdraw,
    ProtoOAExecutionType,
    ProtoOAMarginCall,
    ProtoOANotificationType,
    ProtoOAOrder,
    ProtoOAOrderStatus,
    ProtoOAOrderTriggerMethod,
    ProtoOAOrderType,
    ProtoOAPosition,
    ProtoOAPositionStatus,
    ProtoOATimeInForce,
    ProtoOATradeData,
    ProtoOATradeSide,
)
from fxpool.simulator.engine.book import Book
from fxpool.simulator.engine.model import (
    BonusEntry,
    CashEntry,
    CloseDetail,
    Deal,
    MarginCall,
    Order,
    OrderKind,
    Position,
)
from fxpool.simulator.engine.money import MONEY_DIGITS
from fxpool.simulator.engine.notices import (
    AccountChanged,
    Cause,
    Execution,
    MarginCallReached,
    MarginChanged,
    Notice,
    TrailingStopMoved,
)
from fxpool.simulator.engine.orders import entry_price
from fxpool.simulator.engine.symbols import PRICE_SCALE
from fxpool.simulator.protocol import reference


def to_double(price: int | Fraction | None) -> float | None:
    """Return a price as the wire's double, None for no price."""
    return None if price is None else price_as_double(price)


def price_as_double(price: int | Fraction) -> float:
    """Return a price as the wire's double: the one nearest to the decimal."""
    return price.numerator / (price.denominator * PRICE_SCALE)


def _shown_levels(order: Order) -> tuple[int | None, int | None]:
    """Return the protection of an order as prices: its own, or its distances so shown (SW-36)."""
    if not order.shows_prices:
        return order.stop_loss, order.take_profit
    entry, sign = entry_price(order), order.side.sign
    stop, profit = order.relative_stop_loss, order.relative_take_profit
    return (
        None if stop is None else entry - sign * stop,
        None if profit is None else entry + sign * profit,
    )


def _rate(rate: Fraction) -> float:
    return rate.numerator / rate.denominator


class ExecutionMapper:
    """Turns what happens on one account into messages.

    ``units`` gives the measurement units of a symbol, which trade data repeats; ``registered_ms``
    is when the account was opened, which its record says.
    """

    def __init__(self, book: Book, units: dict[int, str], registered_ms: int) -> None:
        self._book = book
        self._units = units
        self._registered_ms = registered_ms

    def notice(self, notice: Notice) -> Message:
        """Return the event that tells a notice."""
        account_id = self._book.spec.account_id
        match notice:
            case Execution():
                return self.execution(notice)
            case TrailingStopMoved():
                return ProtoOATrailingSLChangedEvent(
                    ctidTraderAccountId=account_id,
                    positionId=notice.position_id,
                    orderId=notice.order_id,
                    stopPrice=to_double(notice.stop_price),
                    utcLastUpdateTimestamp=notice.at_ms,
                )
            case MarginCallReached():
                return ProtoOAMarginCallTriggerEvent(
                    ctidTraderAccountId=account_id, marginCall=margin_call(notice.call)
                )
            case MarginChanged():
                return ProtoOAMarginChangedEvent(
                    ctidTraderAccountId=account_id,
                    positionId=notice.position_id,
                    usedMargin=notice.used_margin,
                    moneyDigits=MONEY_DIGITS,
                )
            case AccountChanged():
                return ProtoOATraderUpdatedEvent(
                    ctidTraderAccountId=account_id,
                    trader=reference.trader(self._book, self._registered_ms),
                )
            case _:
                assert_never(notice)

    def execution(self, execution: Execution) -> ProtoOAExecutionEvent:
        """Return the event that tells an execution."""
        order, position, deal = execution.order, execution.position, execution.deal
        cash, bonus = execution.cash, execution.bonus
        return ProtoOAExecutionEvent(
            ctidTraderAccountId=self._book.spec.account_id,
            executionType=ProtoOAExecutionType.ValueType(execution.kind),
            position=None if position is None else self.position(position),
            order=None if order is None else self.order(order),
            deal=None if deal is None else self.deal(deal),
            depositWithdraw=None if cash is None else cash_entry(cash),
            bonusDepositWithdraw=None if bonus is None else bonus_entry(bonus),
            errorCode=execution.error_code or None,
            isServerEvent=execution.cause is Cause.BROKER,
        )

    def position(self, position: Position) -> ProtoOAPosition:
        """Return a position as the wire shows it."""
        levels, is_protected = position.levels, position.protection_order_id is not None
        trigger = ProtoOAOrderTriggerMethod.ValueType(levels.trigger)
        return ProtoOAPosition(
            positionId=position.position_id,
            tradeData=ProtoOATradeData(
                symbolId=position.symbol_id,
                volume=position.volume,
                tradeSide=ProtoOATradeSide.ValueType(position.side),
                openTimestamp=position.opened_ms,
                label=position.label,
                guaranteedStopLoss=levels.is_guaranteed,
                comment=position.comment,
                measurementUnits=self._units[position.symbol_id],
                closeTimestamp=position.closed_ms,
            ),
            positionStatus=ProtoOAPositionStatus.ValueType(position.status),
            swap=position.swap,
            price=to_double(position.price),
            stopLoss=to_double(levels.stop_loss),
            takeProfit=to_double(levels.take_profit),
            utcLastUpdateTimestamp=position.updated_ms,
            commission=position.commission,
            marginRate=_rate(position.margin_rate),
            mirroringCommission=0,
            guaranteedStopLoss=levels.is_guaranteed,
            usedMargin=position.used_margin,
            stopLossTriggerMethod=trigger if is_protected else None,
            moneyDigits=MONEY_DIGITS,
            trailingStopLoss=levels.is_trailing,
        )

    def order(self, order: Order) -> ProtoOAOrder:
        """Return an order as events and reconciliation show it."""
        is_plain_close = order.is_closing and order.kind is OrderKind.MARKET
        has_stop = order.kind in (OrderKind.STOP, OrderKind.STOP_LIMIT, OrderKind.PROTECTION)
        shows_levels = not order.is_closing
        stop_loss, take_profit = _shown_levels(order) if shows_levels else (None, None)
        return ProtoOAOrder(
            orderId=order.order_id,
            tradeData=ProtoOATradeData(
                symbolId=order.symbol_id,
                volume=order.volume,
                tradeSide=ProtoOATradeSide.ValueType(order.side),
                openTimestamp=order.created_ms,
                label=order.label,
                guaranteedStopLoss=order.is_guaranteed,
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
            stopLoss=to_double(stop_loss),
            takeProfit=to_double(take_profit),
            clientOrderId=order.client_order_id or None,
            timeInForce=ProtoOATimeInForce.ValueType(order.time_in_force),
            positionId=order.position_id,
            relativeStopLoss=None if order.shows_prices else order.relative_stop_loss,
            relativeTakeProfit=None if order.shows_prices else order.relative_take_profit,
            isStopOut=True if order.is_stop_out else None,
            trailingStopLoss=None if is_plain_close else order.is_trailing,
            stopTriggerMethod=(
                ProtoOAOrderTriggerMethod.ValueType(order.trigger) if has_stop else None
            ),
        )

    def listed_order(self, order: Order) -> ProtoOAOrder:
        """Return an order as lists show it: a closing one with the levels of its position."""
        shown = self.order(order)
        if order.is_closing and order.stop_loss is not None:
            shown.stopLoss = price_as_double(order.stop_loss)
        if order.is_closing and order.take_profit is not None:
            shown.takeProfit = price_as_double(order.take_profit)
        return shown

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
            dealStatus=PARTIALLY_FILLED if deal.is_partial else FILLED,
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


def margin_call(call: MarginCall) -> ProtoOAMarginCall:
    """Return a threshold of the margin level as the wire shows it."""
    return ProtoOAMarginCall(
        marginCallType=ProtoOANotificationType.ValueType(call.kind),
        marginLevelThreshold=float(call.threshold),
        utcLastUpdateTimestamp=call.updated_ms,
    )


def cash_entry(entry: CashEntry) -> ProtoOADepositWithdraw:
    """Return money that came or went without a trade as the wire shows it."""
    return ProtoOADepositWithdraw(
        operationType=ProtoOAChangeBalanceType.ValueType(entry.kind),
        balanceHistoryId=entry.entry_id,
        balance=entry.balance,
        delta=entry.delta,
        changeBalanceTimestamp=entry.at_ms,
        externalNote=entry.note,
        balanceVersion=entry.balance_version,
        equity=entry.equity,
        moneyDigits=MONEY_DIGITS,
    )


def bonus_entry(entry: BonusEntry) -> ProtoOABonusDepositWithdraw:
    """Return a bonus given or taken as the wire shows it; all of it is the manager's."""
    return ProtoOABonusDepositWithdraw(
        operationType=BONUS_DEPOSIT if entry.delta >= 0 else BONUS_WITHDRAW,
        bonusHistoryId=entry.entry_id,
        managerBonus=entry.bonus,
        managerDelta=entry.delta,
        ibBonus=0,
        ibDelta=0,
        changeBonusTimestamp=entry.at_ms,
        externalNote=entry.note,
        moneyDigits=MONEY_DIGITS,
    )
