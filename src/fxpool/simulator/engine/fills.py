"""Fills: what an execution does to orders, positions and the ledger. Pure.

Each method returns its notices in the order in which the client hears them; the sequences are those
recorded from a live server.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fxpool.simulator.engine import money
from fxpool.simulator.engine.book import Book
from fxpool.simulator.engine.liquidity import Fill
from fxpool.simulator.engine.matching import protective_price, worst_price
from fxpool.simulator.engine.model import (
    BARE,
    CloseDetail,
    ExecutionKind,
    Lot,
    Order,
    OrderKind,
    OrderStatus,
    Position,
    PositionStatus,
    TimeInForce,
    mean_price,
    take_oldest,
)
from fxpool.simulator.engine.notices import Cause, Execution, Notice
from fxpool.simulator.engine.protection import Protection
from fxpool.simulator.engine.rates import Quote
from fxpool.simulator.engine.rules import NettedExcess, PartialFills


class Fills:
    """Carries fills out on one account's book."""

    def __init__(self, book: Book, protection: Protection) -> None:
        self._book = book
        self._floor = book.floor
        self._protection = protection

    def available(self, order: Order, quote: Quote) -> tuple[Fill, ...]:
        """Return what an order can trade now: as much as the market takes within its prices.

        Protective orders always trade whole; fill-or-kill orders do so or not at all.
        """
        if order.kind is OrderKind.PROTECTION:
            return (Fill(order.remaining, protective_price(order, quote)),)
        symbol = self._floor.symbols[order.symbol_id]
        fills = self._floor.liquidity.fills(
            symbol, order.side, quote, order.remaining, worst_price(order, symbol)
        )
        is_short = sum(one.volume for one in fills) < order.remaining
        return () if is_short and order.time_in_force is TimeInForce.FILL_OR_KILL else fills

    def fill(self, order: Order, fills: Sequence[Fill], at_ms: int, cause: Cause) -> list[Notice]:
        """Execute an order: open, add to, reduce or flip a position, then see to its protection."""
        if not fills:
            return []
        notices: list[Notice] = []
        before, symbol = order.executed_volume, self._floor.symbols[order.symbol_id]
        for one in fills:
            told, order = self._fill_one(order, one, at_ms, cause)
            self._floor.liquidity.take(symbol, order.side, one.volume)
            notices += told
            if order.status is not OrderStatus.ACCEPTED:
                break
        return [*notices, *self._protection.follow(order, before, at_ms)]

    def _fill_one(
        self, order: Order, fill: Fill, at_ms: int, cause: Cause
    ) -> tuple[list[Notice], Order]:
        position = self._book.positions.get(order.position_id)
        if position is None and self._book.has_ended(order.position_id):
            return self._fill_excess(order, fill, at_ms, cause)
        if position is None or position.side is order.side:
            return self._open(order, fill, at_ms, cause)
        if fill.volume <= position.volume:
            return self._reduce(order, position, fill, at_ms, cause)
        closing, order = self._reduce(
            order, position, Fill(position.volume, fill.price), at_ms, cause
        )
        rest = Fill(fill.volume - position.volume, fill.price)
        opening, order = self._fill_excess(order, rest, at_ms, cause)
        return [*closing, *opening], order

    def _fill_excess(
        self, order: Order, fill: Fill, at_ms: int, cause: Cause
    ) -> tuple[list[Notice], Order]:
        """An order has more volume than the position that it closed: see to the rest (SW-44)."""
        excess = self._floor.rules.netted_excess
        if excess is NettedExcess.REFUSED:
            ended = self._book.end(order, OrderStatus.CANCELLED, at_ms)
            return [ended], self._book.history[order.order_id]
        if excess is NettedExcess.NEW_POSITION:
            order = replace(order, position_id=self._floor.ids.position())
        return self._open(order, fill, at_ms, cause)

    def _open(
        self, order: Order, fill: Fill, at_ms: int, cause: Cause
    ) -> tuple[list[Notice], Order]:
        symbol = self._floor.symbols[order.symbol_id]
        before = self._book.position_of(order)
        lot = self._book.worth.lot(order.symbol_id, order.side, fill.volume)
        cost = money.commission(symbol, *fill, self._book.spec.deposit_asset_id, self._floor.rates)
        position = self._book.hold(
            replace(
                before,
                status=PositionStatus.OPEN,
                lots=(*before.lots, replace(lot, price=fill.price)),
                commission=before.commission + cost,
                opened_ms=before.opened_ms if before.opened_ms is not None else at_ms,
                updated_ms=at_ms,
                filled_ms=at_ms,
            )
        )
        order = self._book.executed(order, fill, at_ms)
        deal = self._book.deal(order, fill, cost)
        told = Execution(self._kind(order), position, order, deal, cause=cause)
        return [told], order

    def _reduce(
        self, order: Order, position: Position, fill: Fill, at_ms: int, cause: Cause
    ) -> tuple[list[Notice], Order]:
        taken, left = take_oldest(position.lots, fill.volume)
        swap_share = money.share(position.swap, fill.volume, position.volume)
        opening_share = money.share(position.commission, fill.volume, position.volume)
        symbol = self._floor.symbols[order.symbol_id]
        deposit_asset_id = self._book.spec.deposit_asset_id
        cost = money.commission(symbol, *fill, deposit_asset_id, self._floor.rates)
        detail = self._realised(position, taken, fill, swap_share, opening_share + cost)
        order = self._book.executed(order, fill, at_ms)
        deal = self._book.deal(order, fill, cost, detail)
        reduced = replace(
            position,
            lots=left,
            commission=position.commission - opening_share,
            swap=position.swap - swap_share,
            updated_ms=at_ms,
            filled_ms=at_ms,
        )
        told = Execution(self._kind(order), order=order, deal=deal, cause=cause)
        if left:
            return [replace(told, position=self._book.hold(reduced))], order
        return self._finish(told, replace(reduced, used_margin=0), at_ms), order

    def _realised(
        self, position: Position, taken: tuple[Lot, ...], fill: Fill, swap: int, commission: int
    ) -> CloseDetail:
        """Book what closing some lots brings, and return its record."""
        prices = self._book.worth.prices(position.symbol_id, position.side)
        points = money.points_of(position.side, taken, fill.price)
        rate = prices.gain_rate if points >= 0 else prices.loss_rate
        gross = money.in_money(points, rate)
        fee = money.conversion_fee(
            gross,
            self._floor.symbols[position.symbol_id],
            self._book.spec.deposit_asset_id,
            self._floor.rules.conversion_fee,
        )
        self._book.ledger.realise(gross + swap + commission + fee)
        return CloseDetail(
            entry_price=mean_price(taken),
            gross=gross,
            swap=swap,
            commission=commission,
            fee=fee,
            balance=self._book.ledger.balance,
            balance_version=self._book.ledger.version,
            rate=rate,
            closed_volume=fill.volume,
        )

    def _finish(self, told: Execution, position: Position, at_ms: int) -> list[Notice]:
        """Nothing stays open. With protection, the end is told by its cancellation (6.3)."""
        self._book.forget(position)
        closed = replace(
            position,
            status=PositionStatus.CLOSED,
            closed_ms=at_ms,
            levels=BARE,
            protection_order_id=None,
        )
        protection_id, order = position.protection_order_id, told.order
        if order is not None and order.order_id == protection_id:
            hit: list[Notice] = [replace(told, position=closed)]
            if self._floor.rules.cancels_after_hit:
                hit.append(_cancelled(order, closed, at_ms))
            return hit
        if protection_id is None:
            shows_closed = self._floor.rules.bare_close_is_closed
            shown = closed if shows_closed else replace(position, status=PositionStatus.CREATED)
            return [replace(told, position=shown)]
        created = replace(position, status=PositionStatus.CREATED)
        protection = self._book.orders[protection_id]
        cancelled = self._book.end(protection, OrderStatus.CANCELLED, at_ms)
        return [replace(told, position=created), replace(cancelled, position=closed)]

    def _kind(self, order: Order) -> ExecutionKind:
        """Return what a fill is called (SW-38)."""
        always_filled = self._floor.rules.partial_fills is PartialFills.ALWAYS_FILLED
        if order.status is OrderStatus.FILLED or always_filled:
            return ExecutionKind.FILLED
        return ExecutionKind.PARTIAL_FILL


def _cancelled(order: Order, position: Position, at_ms: int) -> Execution:
    """Return the cancellation of a protective order that was filled already (SW-43)."""
    order = replace(order, status=OrderStatus.CANCELLED, updated_ms=at_ms, closed_ms=at_ms)
    return Execution(ExecutionKind.CANCELLED, position=position, order=order, cause=Cause.BROKER)
