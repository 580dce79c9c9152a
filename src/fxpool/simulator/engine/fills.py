"""Fills and protection: what an execution does to orders, positions and the ledger. Pure.

Each method returns its executions in the order in which the client hears them; the sequences are
those of ctrader-open-api.md 6.3.
"""

from __future__ import annotations

from dataclasses import replace

from fxpool.simulator.engine import money
from fxpool.simulator.engine.book import Book
from fxpool.simulator.engine.model import (
    CloseDetail,
    Execution,
    ExecutionKind,
    Order,
    OrderKind,
    OrderStatus,
    Position,
    PositionStatus,
    Side,
    mean_price,
    take_oldest,
)
from fxpool.simulator.engine.orders import closing_order, created_by


class Fills:
    """Carries fills out on one account's book."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._floor = book.floor

    def fill(self, order: Order, price: int, at_ms: int, *, is_server: bool) -> list[Execution]:
        """Execute the whole of an order at ``price``: open, add to, reduce or flip a position."""
        position = self._book.positions.get(order.position_id)
        if position is None or position.side is order.side:
            return self._open(order, order.volume, price, at_ms, is_server=is_server)
        excess = order.volume - position.volume
        if excess <= 0 or order.kind is OrderKind.PROTECTION:
            return self._reduce(order, position, price, at_ms, is_server=is_server)
        return self._flip(order, position, price, at_ms, is_server=is_server)

    def _flip(
        self, order: Order, position: Position, price: int, at_ms: int, *, is_server: bool
    ) -> list[Execution]:
        """Reduce to zero, then open the excess under a new position id (SW-44)."""
        excess = order.volume - position.volume
        closing = self._reduce(order, position, price, at_ms, is_server=is_server)
        closed = self._book.history[order.order_id]
        reopened = replace(closed, position_id=self._floor.ids.position())
        return [*closing, *self._open(reopened, excess, price, at_ms, is_server=is_server)]

    def _open(
        self, order: Order, volume: int, price: int, at_ms: int, *, is_server: bool
    ) -> list[Execution]:
        symbol = self._floor.symbols[order.symbol_id]
        before = self._book.positions.get(order.position_id) or created_by(order)
        lot = replace(self._book.lot(order.symbol_id, order.side, volume), price=price)
        cost = money.commission(
            symbol, volume, price, self._book.spec.deposit_asset_id, self._floor.rates
        )
        position = replace(
            before,
            status=PositionStatus.OPEN,
            lots=(*before.lots, lot),
            commission=before.commission + cost,
            opened_ms=before.opened_ms if before.opened_ms is not None else at_ms,
            updated_ms=at_ms,
        )
        self._book.positions[position.position_id] = position
        order = self._book.executed(order, volume, price, at_ms)
        deal = self._book.deal(order, volume, price, cost)
        filled = Execution(
            ExecutionKind.FILLED, position=position, order=order, deal=deal, is_server=is_server
        )
        return [filled, *self._protect_fill(order, position, price, at_ms)]

    def _protect_fill(
        self, order: Order, position: Position, price: int, at_ms: int
    ) -> list[Execution]:
        """Turn the distances of an opening order into levels, counted from its fill."""
        sign = 1 if order.side is Side.BUY else -1
        stop_loss, take_profit = position.stop_loss, position.take_profit
        if order.relative_stop_loss is not None:
            stop_loss = price - sign * order.relative_stop_loss
        if order.relative_take_profit is not None:
            take_profit = price + sign * order.relative_take_profit
        if stop_loss is None and take_profit is None:
            return []
        execution = self.protect(position, stop_loss, take_profit, at_ms)
        return [replace(execution, is_server=True)]

    def _reduce(
        self, order: Order, position: Position, price: int, at_ms: int, *, is_server: bool
    ) -> list[Execution]:
        volume = min(order.volume - order.executed_volume, position.volume)
        taken, left = take_oldest(position.lots, volume)
        opening_share = money.share(position.commission, volume, position.volume)
        swap_share = money.share(position.swap, volume, position.volume)
        symbol = self._floor.symbols[order.symbol_id]
        deposit_asset = self._book.spec.deposit_asset_id
        cost = money.commission(symbol, volume, price, deposit_asset, self._floor.rates)
        gross, rate = self._book.gross(position.side, taken, price, symbol)
        fee = money.conversion_fee(gross, symbol, deposit_asset)
        self._book.ledger.realise(gross + swap_share + opening_share + cost + fee)
        detail = CloseDetail(
            entry_price=mean_price(taken),
            gross=gross,
            swap=swap_share,
            commission=opening_share + cost,
            fee=fee,
            balance=self._book.ledger.balance,
            balance_version=self._book.ledger.version,
            rate=rate,
            closed_volume=volume,
        )
        is_whole = order.executed_volume + volume == order.volume
        order = self._book.executed(order, volume, price, at_ms)
        deal = self._book.deal(order, volume, price, cost, detail)
        reduced = replace(
            position,
            lots=left,
            commission=position.commission - opening_share,
            swap=position.swap - swap_share,
            updated_ms=at_ms,
        )
        kind = ExecutionKind.FILLED if is_whole else ExecutionKind.PARTIAL_FILL
        filled = Execution(kind, order=order, deal=deal, is_server=is_server)
        if left:
            return self._keep(filled, reduced, at_ms)
        return self._finish(filled, reduced, at_ms)

    def _keep(self, filled: Execution, position: Position, at_ms: int) -> list[Execution]:
        """A part stays open: the protective order shrinks with it."""
        self._book.positions[position.position_id] = position
        executions = [replace(filled, position=position)]
        if position.protection_order_id is not None:
            replaced = self.protect(position, position.stop_loss, position.take_profit, at_ms)
            executions.append(replace(replaced, is_server=True))
        return executions

    def _finish(self, filled: Execution, position: Position, at_ms: int) -> list[Execution]:
        """Nothing stays open. With protection, the end is told by its cancellation (6.3)."""
        self._book.forget(position)
        closed = replace(
            position,
            status=PositionStatus.CLOSED,
            closed_ms=at_ms,
            stop_loss=None,
            take_profit=None,
            protection_order_id=None,
        )
        protection_id = position.protection_order_id
        by_protection = filled.order is not None and filled.order.order_id == protection_id
        if by_protection:
            return [replace(filled, position=closed)]
        if protection_id is None:
            shows_closed = self._floor.rules.bare_close_is_closed
            shown = closed if shows_closed else replace(position, status=PositionStatus.CREATED)
            return [replace(filled, position=shown)]
        created = replace(position, status=PositionStatus.CREATED)
        protection = self._book.orders[protection_id]
        cancelled = replace(
            self._book.end(protection, OrderStatus.CANCELLED, at_ms), position=closed
        )
        return [replace(filled, position=created), cancelled]

    # -- protection ------------------------------------------------------------------------

    def protect(
        self, position: Position, stop_loss: int | None, take_profit: int | None, at_ms: int
    ) -> Execution:
        """Put levels and volume of a position on its protective order, new or existing."""
        existing = self._protection_of(position)
        order = replace(
            existing or self._closing_order(position, OrderKind.PROTECTION, at_ms),
            volume=position.volume,
            stop_price=stop_loss,
            limit_price=take_profit,
            updated_ms=at_ms,
        )
        self._book.wait(order)
        position = self._hold(position, order, stop_loss, take_profit, at_ms)
        accepted = existing is None and self._floor.rules.first_protection_accepted
        kind = ExecutionKind.ACCEPTED if accepted else ExecutionKind.REPLACED
        return Execution(kind, position=position, order=order)

    def remove_protection(self, position: Position, at_ms: int) -> list[Execution]:
        """Take both levels off a position; nothing happens to a bare one (SW-41)."""
        order = self._protection_of(position)
        if order is None:
            return []
        bare = self._hold(position, None, None, None, at_ms)
        cancelled = self._book.end(order, OrderStatus.CANCELLED, at_ms)
        if self._floor.rules.removal_cancels:
            return [replace(cancelled, position=bare, is_server=False)]
        shown = replace(order, stop_price=None, limit_price=None, updated_ms=at_ms)
        return [Execution(ExecutionKind.REPLACED, position=bare, order=shown)]

    def _protection_of(self, position: Position) -> Order | None:
        order_id = position.protection_order_id
        return None if order_id is None else self._book.orders[order_id]

    def _hold(
        self,
        position: Position,
        protection: Order | None,
        stop_loss: int | None,
        take_profit: int | None,
        at_ms: int,
    ) -> Position:
        """Note on the book what protects a position."""
        position = replace(
            position,
            stop_loss=stop_loss,
            take_profit=take_profit,
            protection_order_id=None if protection is None else protection.order_id,
            updated_ms=at_ms,
        )
        self._book.positions[position.position_id] = position
        return position

    def _closing_order(self, position: Position, kind: OrderKind, at_ms: int) -> Order:
        floor = self._floor
        return closing_order(
            position,
            kind,
            position.volume,
            floor.ids,
            is_named=floor.rules.names_own_orders,
            at_ms=at_ms,
        )
