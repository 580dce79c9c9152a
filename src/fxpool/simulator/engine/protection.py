"""What protects a position: one hidden order with its levels, and what becomes of it. Pure."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from fxpool.simulator.engine import money
from fxpool.simulator.engine.book import Book
from fxpool.simulator.engine.matching import stop_quote
from fxpool.simulator.engine.model import (
    BARE,
    CashKind,
    ExecutionKind,
    Levels,
    Order,
    OrderKind,
    OrderStatus,
    Position,
)
from fxpool.simulator.engine.notices import Cause, Execution, Notice, TrailingStopMoved
from fxpool.simulator.engine.orders import closing_order
from fxpool.simulator.engine.rates import Quote


class Protection:
    """The protective orders of one account."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._floor = book.floor

    def protect(self, position: Position, levels: Levels, at_ms: int) -> Execution:
        """Put levels and volume of a position on its protective order, new or existing."""
        existing = self.order_of(position)
        levels = self._armed(position, levels)
        order = replace(
            existing or self._new_order(position, at_ms),
            volume=position.volume,
            stop_price=levels.stop_loss,
            limit_price=levels.take_profit,
            is_trailing=levels.is_trailing,
            is_guaranteed=levels.is_guaranteed,
            trigger=levels.trigger,
            trail_distance=levels.trail_distance,
            updated_ms=at_ms,
        )
        if existing is not None and levels != position.levels:
            order = replace(order, stop_hits=0, is_triggered=False)
        self._book.wait(order)
        position = self._hold(position, order, levels, at_ms)
        accepted = existing is None and self._floor.rules.first_protection_accepted
        told = ExecutionKind.ACCEPTED if accepted else ExecutionKind.REPLACED
        return Execution(told, position=position, order=order)

    def remove(self, position: Position, at_ms: int) -> list[Notice]:
        """Take both levels off a position; nothing happens to a bare one (SW-41)."""
        order = self.order_of(position)
        if order is None:
            return []
        bare = self._hold(position, None, BARE, at_ms)
        cancelled = self._book.end(order, OrderStatus.CANCELLED, at_ms)
        if self._floor.rules.removal_cancels:
            return [replace(cancelled, position=bare, cause=Cause.REQUEST)]
        shown = replace(order, stop_price=None, limit_price=None, updated_ms=at_ms)
        return [Execution(ExecutionKind.REPLACED, position=bare, order=shown)]

    def follow(self, order: Order, before: int, at_ms: int) -> list[Notice]:
        """Bring protection up to the fills of an order, of which ``before`` was filled earlier.

        A new position gets the levels of its order; a changed one keeps its own for the new volume.
        """
        position = self._book.positions.get(order.position_id)
        if position is None:
            return []
        levels = position.levels
        if position.side is order.side and not before:
            levels = self._levels_of(order, levels)
        if levels.is_empty:
            return []
        grown = order.executed_volume - before if position.side is order.side else 0
        charged = self.charge_guarantee(position, levels, at_ms, grown=grown)
        return [replace(self.protect(position, levels, at_ms), cause=Cause.BROKER), *charged]

    def trail(self, order: Order, quote: Quote, at_ms: int) -> TrailingStopMoved | None:
        """Move a trailing stop after a market that ran away from it; tell nothing else."""
        if order.trail_distance is None or order.stop_price is None:
            return None
        stop = stop_quote(order, quote) + order.side.sign * order.trail_distance
        if order.side.sign * (stop - order.stop_price) >= 0:
            return None
        position = self._book.positions[order.position_id]
        self._book.wait(replace(order, stop_price=stop, updated_ms=at_ms, stop_hits=0))
        self._book.hold(replace(position, levels=replace(position.levels, stop_loss=stop)))
        return TrailingStopMoved(position.position_id, order.order_id, stop, at_ms)

    def order_of(self, position: Position) -> Order | None:
        """Return the protective order of a position."""
        order_id = position.protection_order_id
        return None if order_id is None else self._book.orders[order_id]

    def charge_guarantee(
        self, position: Position, levels: Levels, at_ms: int, *, grown: int = 0
    ) -> list[Notice]:
        """Take the fee for what ``levels`` guarantee newly.

        That is all of a position whose stop becomes guaranteed, and what another has ``grown`` by.
        """
        symbol = self._floor.symbols[position.symbol_id]
        volume = grown if position.levels.is_guaranteed else position.volume
        if not symbol.gsl_charge or not levels.is_guaranteed or not volume:
            return []
        fee = money.per_lot_in_usd(
            symbol.gsl_charge,
            symbol,
            volume,
            self._book.spec.deposit_asset_id,
            self._floor.rates,
        )
        entry = self._book.ledger.book_cash(
            CashKind.GUARANTEED_STOP_CHARGE, -fee, at_ms, equity_before=self._book.worth.equity()
        )
        return [Execution(ExecutionKind.DEPOSIT_WITHDRAW, cash=entry, cause=Cause.BROKER)]

    def _armed(self, position: Position, levels: Levels) -> Levels:
        """Fix the distance of a trailing stop when it is armed, or its level given anew."""
        old = position.levels
        if not levels.is_trailing or levels.stop_loss is None:
            return replace(levels, trail_distance=None)
        if old.is_trailing and old.stop_loss == levels.stop_loss and old.trail_distance is not None:
            return replace(levels, trail_distance=old.trail_distance)
        quote = self._floor.rates.quote(position.symbol_id)
        seen_from = position.side if levels.trigger.is_opposite else position.side.opposite
        return replace(levels, trail_distance=abs(quote.price_for(seen_from) - levels.stop_loss))

    def _levels_of(self, order: Order, held: Levels) -> Levels:
        """Return the levels that an opening order brings, counted from its fill."""
        sign, entry = order.side.sign, self._entry(order)
        stop_loss, take_profit = order.stop_loss, order.take_profit
        if order.relative_stop_loss is not None:
            stop_loss = entry - sign * order.relative_stop_loss
        if order.relative_take_profit is not None:
            take_profit = entry + sign * order.relative_take_profit
        if take_profit is None:
            take_profit = held.take_profit
        if stop_loss is None:
            return replace(held, take_profit=take_profit)
        return Levels(
            stop_loss=stop_loss,
            take_profit=take_profit,
            is_trailing=order.is_trailing,
            is_guaranteed=order.is_guaranteed,
        )

    def _entry(self, order: Order) -> int:
        """Return the price that an order was filled at, on the symbol's step."""
        step = self._floor.symbols[order.symbol_id].price_step
        return money.half_up(Fraction(order.execution_price or 0) / step) * step

    def _hold(
        self, position: Position, protection: Order | None, levels: Levels, at_ms: int
    ) -> Position:
        """Note on the book what protects a position."""
        return self._book.hold(
            replace(
                position,
                levels=levels,
                protection_order_id=None if protection is None else protection.order_id,
                updated_ms=at_ms,
            )
        )

    def _new_order(self, position: Position, at_ms: int) -> Order:
        return closing_order(
            position,
            OrderKind.PROTECTION,
            position.volume,
            self._floor.ids,
            is_named=self._floor.rules.names_own_orders,
            at_ms=at_ms,
        )
