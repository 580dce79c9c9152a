"""One account's book: what it holds, what it is worth, and the small steps that keep it whole.

Pure. The sequences of executions that orders and positions go through are in ``desk`` and
``fills``; here is what they share.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from fxpool.simulator.engine import money
from fxpool.simulator.engine.ids import Ids
from fxpool.simulator.engine.ledger import Ledger
from fxpool.simulator.engine.model import (
    AccountSpec,
    AccountType,
    CloseDetail,
    Deal,
    Execution,
    ExecutionKind,
    Lot,
    Order,
    OrderKind,
    OrderStatus,
    Position,
    PositionStatus,
    Side,
)
from fxpool.simulator.engine.orders import created_by
from fxpool.simulator.engine.rates import Rates
from fxpool.simulator.engine.rules import Rules
from fxpool.simulator.engine.symbols import Symbol
from fxpool.simulator.refusal import Refusal, invalid_request

_ENDINGS = {
    OrderStatus.CANCELLED: ExecutionKind.CANCELLED,
    OrderStatus.EXPIRED: ExecutionKind.EXPIRED,
    OrderStatus.REJECTED: ExecutionKind.REJECTED,
}


@dataclass(frozen=True, slots=True)
class Floor:
    """What all books of a broker share.

    ``watch`` is told each order that waits for a price, with its account; ``unwatch`` when it no
    longer does.
    """

    symbols: dict[int, Symbol]
    rates: Rates
    ids: Ids
    rules: Rules
    watch: Callable[[int, Order], None]
    unwatch: Callable[[Order], None]


class Book:
    """An account's state.

    Attributes:
        positions: open ones, by id.
        orders: those that wait, protective ones included, by id.
        history: every order there ever was, by id.
        deals: oldest first.
    """

    def __init__(self, spec: AccountSpec, floor: Floor) -> None:
        self.spec = spec
        self.floor = floor
        self.ledger = Ledger()
        self.positions: dict[int, Position] = {}
        self.orders: dict[int, Order] = {}
        self.history: dict[int, Order] = {}
        self.deals: list[Deal] = []
        self._ended_position_ids: set[int] = set()

    # -- what the account is worth ---------------------------------------------------------

    def unrealised(self, position: Position) -> tuple[int, int]:
        """Return gross and net profit of an open position; net is without the closing side."""
        symbol = self.floor.symbols[position.symbol_id]
        market = self.floor.rates.quote(position.symbol_id).price_for(position.side.opposite)
        gross, _ = self.gross(position.side, position.lots, market, symbol)
        return gross, gross + position.swap + position.commission

    def used_margin(self, position: Position) -> int:
        """Return the margin that a position holds."""
        return money.used_margin(position.lots, self.spec.leverage_cents)

    def expected_margin(self, symbol_id: int, side: Side, volume: int) -> int:
        """Return the margin that opening ``volume`` now would take."""
        return money.used_margin((self.lot(symbol_id, side, volume),), self.spec.leverage_cents)

    def unrealised_total(self) -> int:
        """Return the net profit of all open positions."""
        return sum(self.unrealised(one)[1] for one in self.positions.values())

    def free_margin(self) -> int:
        """Return equity less used margin."""
        equity = self.ledger.balance + self.unrealised_total()
        return equity - sum(self.used_margin(one) for one in self.positions.values())

    def gross(
        self, side: Side, lots: tuple[Lot, ...], price: int, symbol: Symbol
    ) -> tuple[int, Fraction]:
        asset_id, rates = self.spec.deposit_asset_id, self.floor.rates
        return money.gross_profit(side, lots, price, symbol, deposit_asset_id=asset_id, rates=rates)

    def lot(self, symbol_id: int, side: Side, volume: int) -> Lot:
        symbol, rates = self.symbol(symbol_id), self.floor.rates
        rate = money.margin_rate(symbol, side, self.spec.deposit_asset_id, rates)
        return Lot(volume, rates.quote(symbol_id).price_for(side), rate)

    # -- finding ---------------------------------------------------------------------------

    def symbol(self, symbol_id: int) -> Symbol:
        symbol = self.floor.symbols.get(symbol_id)
        if symbol is None:
            raise Refusal("SYMBOL_NOT_FOUND", f"Symbol {symbol_id} not found")
        return symbol

    def open_position(self, position_id: int) -> Position:
        position = self.positions.get(position_id)
        if position is None:
            raise Refusal(
                "POSITION_NOT_FOUND",
                f"Position not found with id {position_id}",
                position_id=position_id,
            )
        return position

    def pending(self, order_id: int, code: str) -> Order:
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
        if self.spec.account_type is AccountType.HEDGED:
            return None
        return next((one for one in self.positions.values() if one.symbol_id == symbol_id), None)

    def retarget(self, order: Order) -> Order:
        """Choose the position of a waiting order when it fills.

        On a netted account it joins the position that exists now. An id that has ended meanwhile
        is never opened again.
        """
        target = self.target(order.symbol_id, None)
        if target is not None:
            return replace(order, position_id=target.position_id)
        if order.position_id in self._ended_position_ids:
            return replace(order, position_id=self.floor.ids.position())
        return order

    def position_of(self, order: Order) -> Position:
        return self.positions.get(order.position_id) or created_by(order)

    # -- changing --------------------------------------------------------------------------

    def wait(self, order: Order) -> None:
        """Let an order wait for its price, or wait on as it is now."""
        self.orders[order.order_id] = order
        self.history[order.order_id] = order
        self.floor.watch(self.spec.account_id, order)

    def end(self, order: Order, status: OrderStatus, at_ms: int) -> Execution:
        """End an order without a fill; a position that it would have opened closes unopened."""
        order = replace(order, status=status, updated_ms=at_ms, closed_ms=at_ms)
        if self.orders.pop(order.order_id, None) is not None:
            self.floor.unwatch(order)
        self.history[order.order_id] = order
        position = self.positions.get(order.position_id)
        if position is None:
            position = replace(
                created_by(order),
                status=PositionStatus.CLOSED,
                closed_ms=at_ms,
                updated_ms=at_ms,
            )
        return Execution(_ENDINGS[status], position=position, order=order, is_server=True)

    def executed(self, order: Order, volume: int, price: int, at_ms: int) -> Order:
        """Book a fill on its order; a whole one stops waiting."""
        executed = order.executed_volume + volume
        is_whole = executed == order.volume or order.kind is OrderKind.PROTECTION
        order = replace(
            order,
            status=OrderStatus.FILLED if is_whole else order.status,
            executed_volume=executed,
            execution_price=price,
            updated_ms=at_ms,
            closed_ms=at_ms if is_whole else None,
        )
        if self.orders.pop(order.order_id, None) is not None:
            self.floor.unwatch(order)
        self.history[order.order_id] = order
        return order

    def deal(
        self, order: Order, volume: int, price: int, cost: int, close: CloseDetail | None = None
    ) -> Deal:
        symbol, rates = self.floor.symbols[order.symbol_id], self.floor.rates
        selling = order.side is Side.SELL
        deal = Deal(
            deal_id=self.floor.ids.deal(),
            order_id=order.order_id,
            position_id=order.position_id,
            symbol_id=order.symbol_id,
            side=order.side,
            volume=order.volume,
            filled_volume=volume,
            price=price,
            created_ms=order.created_ms,
            executed_ms=order.updated_ms,
            commission=cost,
            margin_rate=money.margin_rate(symbol, order.side, self.spec.deposit_asset_id, rates),
            base_to_usd=rates.rate(symbol.base_asset_id, rates.usd_asset_id, selling=selling),
            close=close,
        )
        self.deals.append(deal)
        return deal

    def forget(self, position: Position) -> None:
        """Take an ended position off the book; its id is never opened again."""
        del self.positions[position.position_id]
        self._ended_position_ids.add(position.position_id)
