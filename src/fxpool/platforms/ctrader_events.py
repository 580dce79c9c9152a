"""Book events in the words of the event feed: which events of the feed each one causes. Pure.

Beside the exact events, ``executionEvent`` repeats trades in the shape that older callers read; it
is nested under ``execution``, because its ``type`` is another one than the event's.

Source: what subscribers of the older pools read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, assert_never

from fxpool.account.events import (
    BalanceChanged,
    BookEvent,
    DealAdded,
    MarginCalled,
    OrderCancelled,
    OrderChanged,
    OrderExpired,
    OrderFilled,
    OrderGone,
    OrderPlaced,
    OrderRejected,
    OrderUnreadable,
    OrderVanished,
    PositionChanged,
    PositionClosed,
    PositionOpened,
    PositionPartiallyClosed,
    PositionVanished,
)
from fxpool.domain.trades import Deal, Order, Position
from fxpool.mapping import metaapi
from fxpool.mapping.numbers import number
from fxpool.platforms.ctrader_account import CTraderAccount


@dataclass(frozen=True, slots=True)
class Told:
    """One event for callers, without its envelope."""

    type: str
    body: dict[str, Any]
    symbol: str | None = None


def told_by(account: CTraderAccount, event: BookEvent) -> Iterator[Told]:
    """Return what callers are told of a book event, in order."""
    match event:
        case PositionOpened(position, deal):
            yield _position(account, "positionOpened", position)
            yield _execution(account, "POSITION_OPEN", position, deal)
        case PositionChanged(old, new):
            yield from _position_changed(account, old, new)
        case PositionPartiallyClosed(old, new, deal):
            closed = old.volume_cents - new.volume_cents
            yield _partially_closed(account, old, new, deal)
            yield _execution(account, "POSITION_CLOSE", new, deal, closed)
        case PositionClosed(position, deal):
            yield _closed(account, event)
            yield _execution(account, "POSITION_CLOSE", position, deal)
        case OrderPlaced(order):
            yield _order(account, "orderPlaced", order)
        case OrderChanged(old_order, order):
            yield _order(account, "orderModified", order, oldOrder=account.order(old_order))
        case OrderFilled(order):
            yield _order(account, "orderFilled", order, positionId=str(order.position_id))
            yield _order_execution(account, "ORDER_FILL", order)
        case OrderCancelled(order):
            yield _order(account, "orderCancelled", order)
            yield _order_execution(account, "ORDER_CANCEL", order)
        case OrderExpired(order):
            yield _order(account, "orderExpired", order)
        case OrderRejected(order, code):
            yield _order(account, "orderRejected", order, code=code)
        case OrderGone(order):
            yield _order(account, "orderGone", order)
        case OrderUnreadable(unreadable):
            body = {"orderId": str(unreadable.order_id), "reason": unreadable.why}
            yield Told("orderUnreadable", body)
        case DealAdded(deal):
            symbol = account.mt_name(deal.symbol_id)
            yield Told("dealAdded", {"symbol": symbol, "deal": account.deal(deal)}, symbol)
        case BalanceChanged(before, balance):
            if account.equity is not None:  # else the totals follow once they are known
                information = account.information(account.key)
                change = float(balance - before)
                yield Told("accountUpdated", {"account": information, "balanceChange": change})
        case MarginCalled(threshold):
            known = None if account.equity is None else account.information(account.key)
            yield Told("marginCall", {"marginLevelThreshold": float(threshold), "account": known})
        case PositionVanished() | OrderVanished():
            pass  # not proved, so not told
        case _:
            assert_never(event)


def _position(account: CTraderAccount, kind: str, position: Position, **more: Any) -> Told:
    symbol = account.mt_name(position.symbol_id)
    body = {
        "positionId": str(position.position_id),
        "symbol": symbol,
        "position": account.position(position),
    }
    return Told(kind, body | more, symbol)


def _position_changed(account: CTraderAccount, old: Position, new: Position) -> Iterator[Told]:
    if (old.stop_loss, old.take_profit) == (new.stop_loss, new.take_profit):
        shown = {"oldPosition": account.position(old), "newPosition": account.position(new)}
        yield _position(account, "positionUpdated", new, **shown)
        return
    changes = {
        "stopLoss": number(new.stop_loss),
        "takeProfit": number(new.take_profit),
        "previousStopLoss": number(old.stop_loss),
        "previousTakeProfit": number(old.take_profit),
    }
    yield _position(account, "positionModified", new, changes=changes)
    yield _execution(account, "POSITION_MODIFY", new, None)


def _partially_closed(
    account: CTraderAccount, old: Position, new: Position, deal: Deal | None
) -> Told:
    return _position(
        account,
        "positionPartiallyClosed",
        new,
        oldVolume=account.volume(old.symbol_id, old.volume_cents),
        newVolume=account.volume(new.symbol_id, new.volume_cents),
        closedProfit=None if deal is None else _net(deal),
    )


def _closed(account: CTraderAccount, event: PositionClosed) -> Told:
    """``closeInfo.profit`` is the last deal's net result, ``closedProfit`` the position's over its
    life; where earlier partial closes are not known it is the last deal's too."""
    realised = _net(event.deal) if event.realised is None else float(event.realised)
    return _position(
        account,
        "positionClosed",
        event.position,
        closeInfo=metaapi.close_info(event.deal, event.reason),
        closedProfit=realised,
    )


def _execution(
    account: CTraderAccount,
    kind: str,
    position: Position,
    deal: Deal | None,
    closed_cents: int | None = None,
) -> Told:
    """``closed_cents`` is what was closed of a position; without a deal its price is not known."""
    volume = position.volume_cents if closed_cents is None else closed_cents
    price: Decimal | None = position.price if closed_cents is None else None
    if deal is not None:
        volume = deal.filled_volume_cents
        price = position.price if deal.price is None else deal.price
    symbol = account.mt_name(position.symbol_id)
    execution = {
        "type": kind,
        "positionId": str(position.position_id),
        "symbol": symbol,
        "side": position.side.name,
        "volume": account.volume(position.symbol_id, volume),
        "price": number(price),
        "profit": None if deal is None else _net(deal),
    }
    return Told("executionEvent", {"symbol": symbol, "execution": execution}, symbol)


def _order(account: CTraderAccount, kind: str, order: Order, **more: Any) -> Told:
    symbol = account.mt_name(order.symbol_id)
    body = {"orderId": str(order.order_id), "symbol": symbol, "order": account.told_order(order)}
    return Told(kind, body | more, symbol)


def _order_execution(account: CTraderAccount, kind: str, order: Order) -> Told:
    symbol = account.mt_name(order.symbol_id)
    execution = {
        "type": kind,
        "orderId": str(order.order_id),
        "positionId": None if order.position_id is None else str(order.position_id),
        "symbol": symbol,
        "side": order.side.name,
        "volume": account.volume(order.symbol_id, order.volume_cents),
        "price": number(order.execution_price or order.price),
        "profit": None,
    }
    return Told("executionEvent", {"symbol": symbol, "execution": execution}, symbol)


def _net(deal: Deal) -> float | None:
    return None if deal.close is None else float(deal.close.net_profit)
