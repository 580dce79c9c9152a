"""One account's book: what it holds, and the small steps that keep it whole.

Pure. What it is worth is in ``worth``; the sequences of executions that orders and positions go
through are in ``desk``, ``waiting`` and ``fills``; here is what they share.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from fxpool.simulator.engine import margin
from fxpool.simulator.engine.accounts import AccountSpec, AccountType
from fxpool.simulator.engine.floor import Floor
from fxpool.simulator.engine.holdings import Holding, Holdings
from fxpool.simulator.engine.ledger import Ledger
from fxpool.simulator.engine.liquidity import Fill
from fxpool.simulator.engine.model import (
    CloseDetail,
    Deal,
    ExecutionKind,
    MarginCall,
    Order,
    OrderKind,
    OrderStatus,
    Position,
    PositionStatus,
    Side,
)
from fxpool.simulator.engine.notices import Cause, Execution
from fxpool.simulator.engine.order_history import OrderHistory
from fxpool.simulator.engine.orders import created_by
from fxpool.simulator.engine.worth import Worth
from fxpool.simulator.refusal import Refusal, invalid_request

MARGIN_CALLS = ((61, Decimal(100)), (62, Decimal(80)), (63, Decimal(60)))
"""The three thresholds that an account begins with, in percent of margin level."""

_ENDINGS = {
    OrderStatus.CANCELLED: ExecutionKind.CANCELLED,
    OrderStatus.EXPIRED: ExecutionKind.EXPIRED,
    OrderStatus.REJECTED: ExecutionKind.REJECTED,
}


class Book:
    """An account's state.

    Attributes:
        spec: what the account is; replaced when the broker changes it.
        worth: what it has and what it needs, at the present quotes.
        positions: open ones, by id.
        orders: those that wait, protective ones included, by id.
        history: every order there ever was, by id.
        deals: oldest first.
        margin_calls: thresholds by their kind.
        changed_margins: positions whose margin has changed since somebody looked, with it.
    """

    def __init__(self, spec: AccountSpec, floor: Floor) -> None:
        self.spec = spec
        self.floor = floor
        self.ledger = Ledger(floor.ids)
        self.holdings = Holdings()
        self.worth = Worth(self)
        self.positions: dict[int, Position] = {}
        self.orders: dict[int, Order] = {}
        self.history = OrderHistory()
        self.deals: list[Deal] = []
        self.margin_calls = {kind: MarginCall(kind, percent) for kind, percent in MARGIN_CALLS}
        self.changed_margins: dict[int, int] = {}
        self._ended_position_ids: set[int] = set()

    # -- finding ---------------------------------------------------------------------------

    def open_position(self, position_id: int) -> Position:
        """Return an open position. Raises Refusal POSITION_NOT_FOUND."""
        position = self.positions.get(position_id)
        if position is None:
            raise Refusal(
                "POSITION_NOT_FOUND",
                f"Position not found with id {position_id}",
                position_id=position_id,
            )
        return position

    def pending(self, order_id: int, code: str) -> Order:
        """Return an order of the client's that waits. Raises Refusal, ``code`` for protection."""
        order = self.orders.get(order_id)
        if order is None:
            raise Refusal(
                "ORDER_NOT_FOUND", f"Order not found with id {order_id}", order_id=order_id
            )
        if order.kind is OrderKind.PROTECTION:
            raise Refusal(
                code, f"Order {order_id} protects a position; amend the position", order_id=order_id
            )
        return order

    def target(self, symbol_id: int, position_id: int | None) -> Position | None:
        """Return the open position that an order joins, or None if it opens its own."""
        if position_id is not None:
            position = self.open_position(position_id)
            if position.symbol_id != symbol_id:
                raise invalid_request(f"Position {position_id} is of another symbol")
            return position
        if self.spec.account_type is not AccountType.NETTED:
            return None
        held = (self.holdings.of(symbol_id, side) for side in Side)
        return next((position for holding in held for position in holding), None)

    def retarget(self, order: Order) -> Order:
        """Choose the position of a waiting order when it fills.

        On a netted account it joins the position that exists now. An id that has ended meanwhile
        is never opened again.
        """
        target = self.target(order.symbol_id, None)
        if target is not None:
            return replace(order, position_id=target.position_id)
        if self.has_ended(order.position_id):
            return replace(order, position_id=self.floor.ids.position())
        return order

    def has_ended(self, position_id: int) -> bool:
        """Whether there was a position of this id, and is no more."""
        return position_id in self._ended_position_ids

    def position_of(self, order: Order) -> Position:
        """Return the position of an order, or the empty one that it would open."""
        return self.positions.get(order.position_id) or created_by(order)

    # -- changing positions ----------------------------------------------------------------

    def hold(self, position: Position) -> Position:
        """Put an open position on the book as it is now; return it with the margin it holds."""
        before = self.positions.get(position.position_id)
        held = self.holdings.of(position.symbol_id, position.side)
        self._ended_position_ids.discard(position.position_id)
        if before is None:
            position = replace(position, used_margin=self.worth.margin_of(position, held.usd))
            self._store(position)
        elif not _holds_other_margin(before, position):
            self._store(position)
        else:
            self._store(replace(position, used_margin=self.worth.margin_of(position)))
            self._fill_tiers(held, position.symbol_id)
        return self.positions[position.position_id]

    def forget(self, position: Position) -> None:
        """Take an ended position off the book; its id is never opened again by a waiting order."""
        del self.positions[position.position_id]
        self.holdings.remove(position)
        self.changed_margins.pop(position.position_id, None)
        self._ended_position_ids.add(position.position_id)
        held = self.holdings.of(position.symbol_id, position.side)
        self._fill_tiers(held, position.symbol_id)

    def renew_margins(self) -> None:
        """Work out the margin of every open position anew, oldest first."""
        for symbol_id in self.holdings.symbol_ids():
            for side in Side:
                self._renew_side(self.holdings.of(symbol_id, side))

    def _store(self, position: Position) -> None:
        before = self.positions.get(position.position_id)
        if before is None or before.used_margin != position.used_margin:
            self.changed_margins[position.position_id] = position.used_margin
        self.positions[position.position_id] = position
        self.holdings.put(position)

    def _fill_tiers(self, holding: Holding, symbol_id: int) -> None:
        """Fill the tiers of a side anew, oldest position first, after one of them has changed."""
        if self.worth.tiers(symbol_id):
            self._renew_side(holding)

    def _renew_side(self, holding: Holding) -> None:
        usd = Fraction()
        for position in holding:
            used = self.worth.margin_of(position, usd)
            usd += margin.usd_value(position.lots)
            if used != position.used_margin:
                self._store(replace(position, used_margin=used))

    # -- changing orders -------------------------------------------------------------------

    def wait(self, order: Order) -> None:
        """Let an order wait for its price, or wait on as it is now."""
        self.orders[order.order_id] = order
        self.history.put(order)
        self.floor.watch(self.spec.account_id, order)

    def end(self, order: Order, status: OrderStatus, at_ms: int) -> Execution:
        """End an order; a position that it would have opened closes unopened."""
        order = replace(order, status=status, updated_ms=at_ms, closed_ms=at_ms)
        if self.orders.pop(order.order_id, None) is not None:
            self.floor.unwatch(order)
        self.history.put(order)
        position = self.positions.get(order.position_id)
        if position is None:
            position = replace(
                created_by(order),
                status=PositionStatus.CLOSED,
                closed_ms=at_ms,
                updated_ms=at_ms,
            )
        return Execution(_ENDINGS[status], position=position, order=order, cause=Cause.BROKER)

    def executed(self, order: Order, fill: Fill, at_ms: int) -> Order:
        """Book a fill on its order; a whole one stops waiting."""
        executed = order.executed_volume + fill.volume
        paid = (order.execution_price or 0) * order.executed_volume + fill.price * fill.volume
        is_whole = executed == order.volume
        order = replace(
            order,
            status=OrderStatus.FILLED if is_whole else order.status,
            executed_volume=executed,
            execution_price=Fraction(paid) / executed,
            updated_ms=at_ms,
            closed_ms=at_ms if is_whole else None,
        )
        self.history.put(order)
        if order.order_id in self.orders:
            if is_whole:
                del self.orders[order.order_id]
                self.floor.unwatch(order)
            else:
                self.orders[order.order_id] = order
        return order

    def deal(self, order: Order, fill: Fill, cost: int, close: CloseDetail | None = None) -> Deal:
        """Write down an execution of an order, which has been booked on it."""
        symbol, rates = self.floor.symbols[order.symbol_id], self.floor.rates
        selling, base = order.side is Side.SELL, symbol.base_asset_id
        deal = Deal(
            deal_id=self.floor.ids.deal(),
            order_id=order.order_id,
            position_id=order.position_id,
            symbol_id=order.symbol_id,
            side=order.side,
            volume=order.volume,
            filled_volume=fill.volume,
            price=fill.price,
            created_ms=order.created_ms,
            executed_ms=order.updated_ms,
            commission=cost,
            margin_rate=rates.rate(base, self.spec.deposit_asset_id, selling=selling),
            base_to_usd=rates.rate(base, rates.usd_asset_id, selling=selling),
            is_partial=order.remaining > 0,
            close=close,
        )
        self.deals.append(deal)
        return deal

    # -- changing the account --------------------------------------------------------------

    def set_margin_call(self, kind: int, threshold: Decimal, at_ms: int) -> MarginCall:
        """Move a threshold of the margin level. Raises Refusal for one that does not exist."""
        if kind not in self.margin_calls:
            raise invalid_request(f"There is no margin call of type {kind}")
        if not threshold.is_finite() or threshold <= 0:
            raise invalid_request("marginLevelThreshold should be positive")
        call = self.margin_calls[kind] = MarginCall(kind, threshold, at_ms)
        return call


def _holds_other_margin(before: Position, after: Position) -> bool:
    """Whether a position may hold another margin: its lots, or a guaranteed stop, have changed."""
    is_guaranteed = before.levels.is_guaranteed or after.levels.is_guaranteed
    return before.lots != after.lots or (is_guaranteed and before.levels != after.levels)
