"""What one polled account pushes: differences between readings, in the words of the event feed.

Prices and profits are as old as the polling makes them, and events say how often that is
(``polledEverySeconds``). A position that a reading does not show any more is told as closed when a
closing deal proves it, with that deal's result; until then nothing is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, assert_never

from fxpool.clock import Clock
from fxpool.mapping.formats import AccountInformation, TicketInfo
from fxpool.mapping.instants import iso, ms_from_instant
from fxpool.mapping.numbers import number
from fxpool.platforms.event_hub import EventHub
from fxpool.platforms.event_ring import ResumeFrom
from fxpool.platforms.events import Event
from fxpool.platforms.metaapi import shapes
from fxpool.platforms.metaapi.differences import (
    Difference,
    Moved,
    Opened,
    OrderChanged,
    OrderGone,
    Placed,
    PositionGone,
    Protected,
    Reading,
    Shrunk,
    Updated,
    differences,
)
from fxpool.platforms.metaapi.model import Deal, Order, Position, Price, text_id

_ENDS = {
    "ORDER_STATE_FILLED": "orderFilled",
    "ORDER_STATE_CANCELED": "orderCancelled",
    "ORDER_STATE_EXPIRED": "orderExpired",
    "ORDER_STATE_REJECTED": "orderRejected",
}


class MetaApiFeed:
    """The events of one account; it never waits.

    Attributes:
        gone_positions, gone_orders: what readings do not show any more and nothing has proved yet.
        row: how the account is shown; set by the account before anything is read.
    """

    row: Callable[[Reading], AccountInformation]

    def __init__(self, key: str, hub: EventHub, *, every: float, clock: Clock) -> None:
        self._key = key
        self._hub = hub
        self._every = every
        self._clock = clock
        self._is_connected = False
        self._platform = ""
        self.gone_positions: dict[str, Position] = {}
        self.gone_orders: dict[str, Order] = {}

    # Readings

    def read(self, old: Reading | None, new: Reading, gap_seconds: float | None) -> None:
        """Tell what a reading showed; ``gap_seconds`` if it is the first after an outage."""
        self._platform = new.information.platform
        if not self._is_connected:
            self._is_connected = True
            self._change("connected", {})
        if old is not None:
            for difference in differences(old, new):
                self._tell(difference)
            self._tell_money(old, new)
        for key in self.gone_positions.keys() & new.positions.keys():
            del self.gone_positions[key]  # a reading that missed it was wrong
        if old is None or gap_seconds is not None:
            self._hub.publish(self.snapshot(new))
            self._change("synchronized", {"positionCount": len(new.positions)})
        if gap_seconds is not None:
            self._change("reconnected", {"disconnectDuration": round(gap_seconds, 3)})

    def lost(self, reason: str) -> None:
        """Tell that the account cannot be read any more."""
        if self._is_connected:
            self._is_connected = False
            self._change("disconnected", {"reason": reason, "phase": "reconnecting"})

    def _tell(self, difference: Difference) -> None:
        match difference:
            case Opened(position):
                self._position("positionOpened", position)
                self._execution("POSITION_OPEN", position, position.volume, position.open_price)
            case Shrunk(old, new):
                volumes = {"oldVolume": float(old.volume), "newVolume": float(new.volume)}
                self._position("positionPartiallyClosed", new, **volumes)
                closed = old.volume - new.volume
                self._execution("POSITION_CLOSE", new, closed, new.current_price)
            case Updated(old, new):
                shown = {
                    "oldPosition": self._position_info(old),
                    "newPosition": self._position_info(new),
                }
                self._position("positionUpdated", new, **shown)
            case Protected(old, new):
                changes = {
                    "stopLoss": shapes.level(new.stop_loss),
                    "takeProfit": shapes.level(new.take_profit),
                    "previousStopLoss": shapes.level(old.stop_loss),
                    "previousTakeProfit": shapes.level(old.take_profit),
                }
                self._position("positionModified", new, changes=changes)
                self._execution("POSITION_MODIFY", new, new.volume, new.open_price)
            case Moved(old, new):
                self._tell_profit(old, new)
            case PositionGone(old):
                self.gone_positions[str(old.id)] = old
            case Placed(order):
                self._order("orderPlaced", order)
            case OrderChanged(old_order, order):
                self._order("orderModified", order, oldOrder=self._order_info(old_order))
            case OrderGone(old_order):
                self.gone_orders[str(old_order.id)] = old_order
            case _:
                assert_never(difference)

    def _tell_money(self, old: Reading, new: Reading) -> None:
        change = new.information.balance - old.information.balance
        if not change and new.information.equity == old.information.equity:
            return
        account = self.row(new)
        if change:
            self._change("accountUpdated", {"account": account, "balanceChange": float(change)})
        else:
            self._level("accountUpdated", ("account", self._key), {"account": account})

    def _tell_profit(self, old: Position, new: Position) -> None:
        moved = None
        if old.profit is not None and new.profit is not None:
            moved = float(new.profit - old.profit)
        body = {
            "positionId": str(new.id),
            "symbol": new.symbol,
            "position": self._position_info(new),
            "profitChange": moved,
            "polledEverySeconds": self._every,
        }
        self._level("positionUpdate", ("position", self._key, str(new.id)), body, new.symbol)

    # Proofs

    def closed(self, position: Position, last: Deal, deals: Sequence[Deal]) -> None:
        """Tell that a position closed, with the last of its deals."""
        self.gone_positions.pop(str(position.id), None)
        realised = sum((deal.net_profit for deal in deals), Decimal(0))
        row = shapes.deal_info(last, account=self._key, platform=self._platform)
        if row is not None:
            self._change("dealAdded", {"symbol": last.symbol, "deal": row}, last.symbol)
        self._position(
            "positionClosed",
            position,
            closeInfo=shapes.close_info(last),
            closedProfit=float(realised),
        )
        self._execution("POSITION_CLOSE", position, last.volume, last.price, last.net_profit)

    def ended(self, order: Order, found: Sequence[Order]) -> None:
        """Tell what became of a pending order, if the past shows it."""
        for past in found:
            kind = _ENDS.get(past.state)
            if kind is None or str(past.id) != str(order.id):
                continue
            self.gone_orders.pop(str(order.id), None)
            more: dict[str, Any] = {}
            if past.position_id is not None:
                more["positionId"] = text_id(past.position_id)
            self._order(kind, order, state=past.state, **more)
            return

    # For the platform

    def priced(self, price: Price) -> None:
        """Tell a price that was asked for."""
        at_ms = ms_from_instant(price.time)
        at = iso(price.time)
        body = {
            "type": "price",
            "accountId": self._key,
            "symbol": price.symbol,
            "bid": float(price.bid),
            "ask": float(price.ask),
            "spread": float(price.ask - price.bid),
            "time": at,
            "brokerTime": price.broker_time or at,
            "accountIds": [self._key],
            "ts": at_ms,
            "timestamp": at,
            "polledEverySeconds": self._every,
        }
        level_key = ("price", self._key, price.symbol)
        self._hub.publish(Event("price", self._key, body, symbol=price.symbol, level_key=level_key))

    def told_of_ticket(self, kind: str, ticket: TicketInfo) -> None:
        """Tell what happened to an order ticket."""
        self._change(kind, {"ticketId": ticket["id"], "ticket": ticket})

    def snapshot(self, reading: Reading) -> Event:
        """Return a reading as one event, true at its ``asOf``."""
        orders = reading.orders or {}
        body = self._envelope("snapshot") | {
            "account": self.row(reading),
            "positions": [self._position_info(p) for p in reading.positions.values()],
            "orders": [self._order_info(o) for o in orders.values()],
            "prices": [],
            "asOf": iso(reading.as_of),
            "polledEverySeconds": self._every,
        }
        return Event("snapshot", self._key, body)

    def gap(self, start: ResumeFrom) -> Event:
        """Return the event that says that changes were missed and cannot be told one by one."""
        text = "the events after this position are not known any more: start from the snapshot"
        body = self._envelope("gap") | {"lastEventId": str(start), "detail": text}
        return Event("gap", self._key, body)

    # Small parts

    def _position_info(self, position: Position) -> Any:
        return shapes.position_info(position, account=self._key, platform=self._platform)

    def _order_info(self, order: Order) -> Any:
        return shapes.order_info(order, account=self._key, platform=self._platform)

    def _position(self, kind: str, position: Position, **more: Any) -> None:
        body = {
            "positionId": str(position.id),
            "symbol": position.symbol,
            "position": self._position_info(position),
        }
        self._change(kind, body | more, position.symbol)

    def _order(self, kind: str, order: Order, **more: Any) -> None:
        body = {
            "orderId": str(order.id),
            "symbol": order.symbol,
            "order": self._order_info(order),
        }
        self._change(kind, body | more, order.symbol)

    def _execution(
        self,
        kind: str,
        position: Position,
        volume: Decimal,
        price: Decimal | None,
        profit: Decimal | None = None,
    ) -> None:
        execution = {
            "type": kind,
            "positionId": str(position.id),
            "symbol": position.symbol,
            "side": position.type.removeprefix("POSITION_TYPE_"),
            "volume": float(volume),
            "price": number(price),
            "profit": number(profit),
        }
        body = {"symbol": position.symbol, "execution": execution}
        self._change("executionEvent", body, position.symbol)

    def _change(self, kind: str, body: dict[str, Any], symbol: str | None = None) -> None:
        event = Event(kind, self._key, self._envelope(kind) | body, symbol=symbol)
        self._hub.publish(event)

    def _level(
        self,
        kind: str,
        level_key: tuple[str, ...],
        body: dict[str, Any],
        symbol: str | None = None,
    ) -> None:
        body = self._envelope(kind) | body
        self._hub.publish(Event(kind, self._key, body, symbol=symbol, level_key=level_key))

    def _envelope(self, kind: str) -> dict[str, Any]:
        now = self._clock.at()
        return {
            "type": kind,
            "accountId": self._key,
            "ts": ms_from_instant(now),
            "timestamp": iso(now),
        }
