"""Orders at the market once they are accepted: filled at once, or a while later. Pure.

Between acceptance and fill an order is ``taken``: neither it nor its position can be changed. When
its time has come the market is another one, so what was checked before is checked again, and an
order that fails then is rejected after it existed.
"""

from __future__ import annotations

from dataclasses import replace

from fxpool.simulator.engine.book import Book
from fxpool.simulator.engine.fills import Fills
from fxpool.simulator.engine.model import Order, OrderStatus
from fxpool.simulator.engine.notices import Cause, Notice
from fxpool.simulator.engine.permits import Permits
from fxpool.simulator.engine.waiting import Waiting
from fxpool.simulator.refusal import Refusal


class MarketOrders:
    """Fills the orders of one account that the market has taken."""

    def __init__(self, book: Book, fills: Fills, permits: Permits, waiting: Waiting) -> None:
        self._book = book
        self._floor = book.floor
        self._fills = fills
        self._permits = permits
        self._waiting = waiting

    def take(self, order: Order, at_ms: int) -> list[Notice]:
        """Fill an accepted order, or begin to where that takes time."""
        delay_ms = self._floor.rules.execution_delay_ms
        if not delay_ms:
            return self._fill(order, at_ms)
        self._floor.taken.add(order, self._book.spec.account_id, at_ms + delay_ms)
        return []

    def complete(self, order_id: int, at_ms: int) -> list[Notice]:
        """Fill a taken order whose time has come; one that has ended meanwhile stays ended."""
        self._floor.taken.remove(order_id)
        order = self._book.history[order_id]
        if order.status is not OrderStatus.ACCEPTED:
            return []
        if order_id in self._book.orders:
            return self._waiting.complete(order, at_ms)
        try:
            order = self._checked(order, at_ms)
        except Refusal as refusal:
            rejected = self._book.end(order, OrderStatus.REJECTED, at_ms)
            return [replace(rejected, cause=Cause.REQUEST, error_code=refusal.code)]
        return self._fill(order, at_ms)

    def _checked(self, order: Order, at_ms: int) -> Order:
        """Return an order with the position that it meets now. Raises Refusal."""
        symbol = self._floor.symbols[order.symbol_id]
        self._permits.check_hours(symbol, at_ms)
        if not order.is_closing:
            order = self._book.retarget(order)
            target = self._book.positions.get(order.position_id)
            self._permits.check_opening(target, symbol, order.side, order.volume)
            return order
        if order.volume > self._book.open_position(order.position_id).volume:
            raise Refusal("TRADING_BAD_VOLUME", "The position is smaller than what is to be closed")
        return order

    def _fill(self, order: Order, at_ms: int) -> list[Notice]:
        """Fill what the market takes of an order; the rest is cancelled."""
        quote = self._floor.rates.quote(order.symbol_id)
        fills = self._fills.available(order, quote)
        told = self._fills.fill(order, fills, at_ms, Cause.REQUEST)
        left = self._book.history[order.order_id]
        if left.status is OrderStatus.ACCEPTED:
            told.append(self._book.end(left, OrderStatus.CANCELLED, at_ms))
        return told
