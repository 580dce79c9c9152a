"""Deals, orders and cash flow -> the history entities of MetaApi's REST API. Pure.

A deal's profit, swap and commission are what it changed the balance by: cTrader takes commission
at the close, so an opening deal has none, and its own charge is in ``ctrader``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from fxpool.domain.depth import DepthLevel
from fxpool.domain.trades import CashFlow, CloseReason, Deal, Order, OrderType, Side, TimeInForce
from fxpool.errors import MappingError
from fxpool.mapping.instants import iso
from fxpool.mapping.metaapi import order_state
from fxpool.mapping.metaapi_formats import (
    MetaApiBookLevel,
    MetaApiDeal,
    MetaApiDealExtras,
    MetaApiOrder,
)
from fxpool.mapping.metaapi_labels import read_label
from fxpool.mapping.metaapi_rows import SHOWN_PLATFORM, broker_time

_REASONS: Final = {
    CloseReason.STOP_LOSS: "SL",
    CloseReason.TAKE_PROFIT: "TP",
    CloseReason.STOP_OUT: "SO",
}
_AT_ONCE: Final = frozenset(
    {OrderType.MARKET, OrderType.MARKET_RANGE, OrderType.STOP_LOSS_TAKE_PROFIT}
)


def deal_entity(
    deal: Deal,
    *,
    symbol: str,
    lots: Decimal | None,
    order: Order | None,
    opening: Order | None,
    reason: CloseReason | None,
) -> MetaApiDeal:
    """Return a deal. ``order`` is the one that it executed and ``opening`` the one that opened its
    position, each None where it is not known; so is ``reason`` on an opening deal."""
    time, close = iso(deal.executed_at), deal.close
    label = read_label("" if opening is None else opening.label)
    found = MetaApiDeal(
        id=str(deal.deal_id),
        platform=SHOWN_PLATFORM,
        type="DEAL_TYPE_BUY" if deal.side is Side.BUY else "DEAL_TYPE_SELL",
        time=time,
        brokerTime=broker_time(time),
        profit=0.0 if close is None else float(close.gross_profit),
        swap=0.0 if close is None else float(close.swap),
        commission=0.0 if close is None else float(close.commission + close.conversion_fee),
        entryType=_entry(deal),
        symbol=symbol,
        magic=label.magic,
        positionId=str(deal.position_id),
        orderId=str(deal.order_id),
        reason=f"DEAL_REASON_{_reason(reason)}",
        ctrader=_deal_extras(deal),
    )
    if lots is not None:
        found["volume"] = float(lots)
    if deal.price is not None:
        found["price"] = float(deal.price)
    if label.client_id:
        found["clientId"] = label.client_id
    comment = order.comment if order is not None else ""
    if comment or (opening is not None and opening.comment):
        found["comment"] = comment or (opening.comment if opening is not None else "")
    return found


def cash_entity(flow: CashFlow, *, identity: int, type: str) -> MetaApiDeal:  # noqa: A002 (MetaApi's word)
    """Return a cash operation as a deal without a symbol. ``identity`` is no deal's."""
    time = iso(flow.at)
    extras = MetaApiDealExtras(operation=flow.operation.name, balance=float(flow.balance))
    if flow.balance_version is not None:
        extras["balanceVersion"] = flow.balance_version
    return MetaApiDeal(
        id=str(identity),
        platform=SHOWN_PLATFORM,
        type=type,
        time=time,
        brokerTime=broker_time(time),
        profit=float(flow.delta),
        ctrader=extras,
    )


def order_entity(
    order: Order,
    *,
    symbol: str,
    lots: Decimal | None,
    left: Decimal | None,
    tick_size: Decimal | None,
    reason: CloseReason | None,
) -> MetaApiOrder:
    """Return an order that is done; ``left`` are the lots that were not executed.

    Raises MappingError for one without any time.
    """
    done, placed = order.updated_at, order.opened_at or order.updated_at
    if done is None or placed is None:
        raise MappingError(f"order {order.order_id} is done, and nobody tells when")
    label, is_at_once = read_label(order.label), order.type in _AT_ONCE
    found = MetaApiOrder(
        id=str(order.order_id),
        platform=SHOWN_PLATFORM,
        type=f"ORDER_TYPE_{order.side.name}" + ("" if is_at_once else f"_{order.type.name}"),
        state=order_state(order),
        symbol=symbol,
        magic=label.magic,
        time=iso(placed),
        brokerTime=broker_time(iso(placed)),
        doneTime=iso(done),
        doneBrokerTime=broker_time(iso(done)),
        reason=f"ORDER_REASON_{_reason(reason)}",
        fillingMode=_filling(order, is_at_once=is_at_once),
        expirationType="ORDER_TIME_GTC" if order.expires_at is None else "ORDER_TIME_SPECIFIED",
        ctrader={"label": order.label, "closingOrder": order.is_closing},
    )
    if lots is not None and left is not None:
        found["volume"], found["currentVolume"] = float(lots), float(left)
    price = order.execution_price if is_at_once else order.price
    if price is not None:
        found["openPrice"] = float(price)
    if order.type is OrderType.STOP_LIMIT and price and tick_size and order.slippage_points:
        sign = 1 if order.side is Side.BUY else -1
        found["stopLimitPrice"] = float(price + sign * order.slippage_points * tick_size)
    if order.stop_loss is not None:
        found["stopLoss"] = float(order.stop_loss)
    if order.take_profit is not None:
        found["takeProfit"] = float(order.take_profit)
    if order.position_id is not None:
        found["positionId"] = str(order.position_id)
    if order.expires_at is not None:
        found["expirationTime"] = iso(order.expires_at)
    if order.comment:
        found["comment"] = order.comment
    if label.client_id:
        found["clientId"] = label.client_id
    return found


def book_level(level: DepthLevel, *, price: float, lots: Decimal) -> MetaApiBookLevel:
    """Return one price of a book."""
    word = "BOOK_TYPE_BUY" if level.side is Side.BUY else "BOOK_TYPE_SELL"
    return MetaApiBookLevel(type=word, price=price, volume=float(lots))


def _entry(deal: Deal) -> str:
    close = deal.close
    if close is None:
        return "DEAL_ENTRY_IN"
    closed = close.closed_volume_cents
    is_reversal = closed is not None and deal.filled_volume_cents > closed
    return "DEAL_ENTRY_INOUT" if is_reversal else "DEAL_ENTRY_OUT"


def _reason(reason: CloseReason | None) -> str:
    return "UNKNOWN" if reason is None else _REASONS.get(reason, "UNKNOWN")


def _filling(order: Order, *, is_at_once: bool) -> str:
    if not is_at_once:
        return "ORDER_FILLING_RETURN"
    is_whole = order.time_in_force is TimeInForce.FILL_OR_KILL
    return "ORDER_FILLING_FOK" if is_whole else "ORDER_FILLING_IOC"


def _deal_extras(deal: Deal) -> MetaApiDealExtras:
    close = deal.close
    if close is None:
        return MetaApiDealExtras(openingCommission=float(deal.commission))
    extras = MetaApiDealExtras(
        balance=float(close.balance), conversionFee=float(close.conversion_fee)
    )
    if close.balance_version is not None:
        extras["balanceVersion"] = close.balance_version
    return extras
