"""What a quote and the clock do to the waiting orders of one account. Pure."""

from __future__ import annotations

from dataclasses import replace

from fxpool.simulator.engine import matching
from fxpool.simulator.engine.book import Book
from fxpool.simulator.engine.fills import Fills
from fxpool.simulator.engine.model import (
    ExecutionKind,
    Order,
    OrderKind,
    OrderStatus,
    TimeInForce,
)
from fxpool.simulator.engine.notices import Cause, Execution, Notice
from fxpool.simulator.engine.orders import MARKET_KINDS, with_limit
from fxpool.simulator.engine.permits import Permits
from fxpool.simulator.engine.protection import Protection
from fxpool.simulator.engine.rates import Quote
from fxpool.simulator.engine.rules import IocRemainder, TriggeredFill
from fxpool.simulator.refusal import Refusal

_NEVER_WAIT = frozenset({TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL})


class Waiting:
    """The orders of one account that wait for a price."""

    def __init__(self, book: Book, fills: Fills, protection: Protection, permits: Permits) -> None:
        self._book = book
        self._floor = book.floor
        self._fills = fills
        self._protection = protection
        self._permits = permits

    def on_quote(self, order_id: int, quote: Quote, at_ms: int) -> list[Notice]:
        """Move, trigger or fill a waiting order as this quote demands."""
        order = self._book.orders[order_id]
        if order_id in self._floor.taken:
            return []
        seen = matching.after_quote(order, quote)
        if seen is not order:
            if seen.is_triggered and seen.kind is OrderKind.STOP_LIMIT:
                seen = with_limit(seen, self._floor.symbols[seen.symbol_id])
            self._book.wait(seen)
        if not matching.wants_to_trade(seen, quote):
            moved = self._protection.trail(seen, quote, at_ms)
            return [] if moved is None else [moved]
        if seen.kind is OrderKind.PROTECTION:
            fills = self._fills.available(seen, quote)
            return self._fills.fill(seen, fills, at_ms, Cause.BROKER)
        delay_ms = self._floor.rules.execution_delay_ms
        if not delay_ms:
            return self._trade(seen, quote, at_ms)
        self._floor.taken.add(seen, self._book.spec.account_id, at_ms + delay_ms)
        return []

    def complete(self, order: Order, at_ms: int) -> list[Notice]:
        """Fill an order that was taken a while ago; it waits on where the market has gone."""
        told: list[Notice] = []
        if self._floor.symbols[order.symbol_id].fills_waiting_orders(at_ms):
            told += self._trade(order, self._floor.rates.quote(order.symbol_id), at_ms)
        return [*told, *self.end_immediate(order.order_id, at_ms)]

    def end_immediate(self, order_id: int, at_ms: int) -> list[Notice]:
        """End an order that never waits and was not filled whole (SW-37 for one filled in part)."""
        order = self._book.orders.get(order_id)
        if order is None or order_id in self._floor.taken:
            return []
        stays = self._floor.rules.ioc_remainder is IocRemainder.WORKING
        if order.time_in_force not in _NEVER_WAIT or (stays and order.executed_volume):
            return []
        return [self._book.end(order, OrderStatus.CANCELLED, at_ms)]

    def expire(self, order_id: int, at_ms: int) -> list[Notice]:
        """End an order if its time has come."""
        order = self._book.orders.get(order_id)
        if order is None or order.expiration_ms is None or order.expiration_ms > at_ms:
            return []
        return [self._book.end(order, OrderStatus.EXPIRED, at_ms)]

    def _trade(self, order: Order, quote: Quote, at_ms: int) -> list[Notice]:
        order = self._book.retarget(order)
        target = self._book.positions.get(order.position_id)
        symbol = self._floor.symbols[order.symbol_id]
        try:
            self._permits.check_opening(target, symbol, order.side, order.remaining)
        except Refusal as refusal:
            ended = self._book.end(order, OrderStatus.REJECTED, at_ms)
            return [replace(ended, error_code=refusal.code)]
        fills = self._fills.available(order, quote)
        told = self._accepted_first(order) if fills else []
        told += self._fills.fill(order, fills, at_ms, self._cause())
        rest = self._book.orders.get(order.order_id)
        if rest is not None and rest.kind in MARKET_KINDS:
            told.append(self._book.end(rest, OrderStatus.CANCELLED, at_ms))
        return told

    def _cause(self) -> Cause:
        is_plain = self._floor.rules.triggered_fill is TriggeredFill.PLAIN_EVENT
        return Cause.MARKET if is_plain else Cause.BROKER

    def _accepted_first(self, order: Order) -> list[Notice]:
        """A triggered order may be accepted once more before it fills (SW-39)."""
        again = self._floor.rules.triggered_fill is TriggeredFill.ACCEPTED_FIRST
        if not again or order.executed_volume:
            return []
        position = self._book.position_of(order)
        accepted = ExecutionKind.ACCEPTED
        return [Execution(accepted, position=position, order=order, cause=Cause.BROKER)]
