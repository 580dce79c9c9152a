"""One account at the broker: what its commands, the market and the clock do to it.

Pure. Checks come first, so that a refusal leaves no trace; then the executions follow in the order
in which the client hears them (ctrader-open-api.md 6.3).
"""

from __future__ import annotations

from dataclasses import replace

from fxpool.simulator.engine import checks
from fxpool.simulator.engine.book import Book, Floor
from fxpool.simulator.engine.fills import Fills
from fxpool.simulator.engine.matching import fill_price, reaches_stop
from fxpool.simulator.engine.model import (
    AccountSpec,
    AmendOrder,
    AmendProtection,
    CancelOrder,
    ClosePosition,
    Command,
    Execution,
    ExecutionKind,
    OrderKind,
    OrderStatus,
    PlaceOrder,
    Position,
    Side,
    TimeInForce,
)
from fxpool.simulator.engine.orders import (
    MARKET_KINDS,
    amended,
    closing_order,
    is_in_range,
    new_order,
    with_limit,
)
from fxpool.simulator.engine.rates import Quote
from fxpool.simulator.engine.symbols import Symbol
from fxpool.simulator.refusal import Refusal, invalid_request

_NEVER_WAIT = frozenset({TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL})


class Desk:
    """Takes the orders of one account; ``book`` is its state."""

    def __init__(self, spec: AccountSpec, floor: Floor) -> None:
        self.book = Book(spec, floor)
        self._floor = floor
        self._fills = Fills(self.book)

    def deposit(self, delta: int, at_ms: int, note: str) -> Execution:
        """Book a deposit, or a withdrawal if negative."""
        unrealised = self.book.unrealised_total()
        entry = self.book.ledger.deposit(
            self._floor.ids.cash_entry(), delta, at_ms, unrealised=unrealised, note=note
        )
        return Execution(ExecutionKind.DEPOSIT_WITHDRAW, cash=entry, is_server=True)

    # -- commands --------------------------------------------------------------------------

    def submit(self, command: Command, at_ms: int) -> list[Execution]:
        """Carry out a command. Raises Refusal, and then nothing has changed."""
        match command:
            case PlaceOrder():
                return self._place(command, at_ms)
            case CancelOrder():
                return self._cancel(command, at_ms)
            case AmendOrder():
                return self._amend(command, at_ms)
            case AmendProtection():
                return self._amend_protection(command, at_ms)
            case ClosePosition():
                return self._close(command, at_ms)

    def _place(self, command: PlaceOrder, at_ms: int) -> list[Execution]:
        symbol = self.book.symbol(command.symbol_id)
        checks.check_new_order(command, symbol, at_ms)
        if command.kind in MARKET_KINDS:
            return self._place_at_market(command, symbol, at_ms)
        return self._place_pending(command, symbol, at_ms)

    def _place_at_market(self, command: PlaceOrder, symbol: Symbol, at_ms: int) -> list[Execution]:
        self._check_open(symbol, at_ms)
        self._check_conversions(symbol)
        quote = self._floor.rates.quote(symbol.symbol_id)
        target = self.book.target(command.symbol_id, command.position_id)
        price = quote.price_for(command.side)
        self._check_money(target, command.symbol_id, command.side, command.volume)
        order = new_order(command, target, self._floor.ids, at_ms)
        self.book.history[order.order_id] = order
        accepted = Execution(
            ExecutionKind.ACCEPTED, position=self.book.position_of(order), order=order
        )
        if command.kind is OrderKind.MARKET_RANGE and not is_in_range(command, price, symbol):
            return [accepted, self.book.end(order, OrderStatus.CANCELLED, at_ms)]
        return [accepted, *self._fills.fill(order, price, at_ms, is_server=False)]

    def _place_pending(self, command: PlaceOrder, symbol: Symbol, at_ms: int) -> list[Execution]:
        joins = command.position_id is not None
        target = self.book.target(command.symbol_id, command.position_id) if joins else None
        order = new_order(command, target, self._floor.ids, at_ms)
        quote = self._floor.rates.get(symbol.symbol_id)
        if quote is not None:
            checks.check_stop_side(order, quote)
        self.book.wait(order)
        executions = [
            Execution(ExecutionKind.ACCEPTED, position=self.book.position_of(order), order=order)
        ]
        if quote is not None and symbol.is_open(at_ms):
            executions += self.on_quote(order.order_id, quote, at_ms)
        if order.time_in_force in _NEVER_WAIT and order.order_id in self.book.orders:
            executions.append(self.book.end(order, OrderStatus.CANCELLED, at_ms))
        return executions

    def _cancel(self, command: CancelOrder, at_ms: int) -> list[Execution]:
        order = self.book.pending(command.order_id, "UNABLE_TO_CANCEL_ORDER")
        return [replace(self.book.end(order, OrderStatus.CANCELLED, at_ms), is_server=False)]

    def _amend(self, command: AmendOrder, at_ms: int) -> list[Execution]:
        order = self.book.pending(command.order_id, "UNABLE_TO_AMEND_ORDER")
        symbol = self._floor.symbols[order.symbol_id]
        checks.check_prices(symbol, command.stop_loss, command.take_profit)
        changed = amended(order, command, at_ms)
        checks.check_volume(changed.volume, symbol)
        checks.check_prices(symbol, changed.limit_price, changed.stop_price)
        checks.check_distances(symbol, changed.relative_stop_loss, changed.relative_take_profit)
        if command.expiration_ms is not None:
            checks.check_expiration(command.expiration_ms, at_ms)
        quote = self._floor.rates.get(symbol.symbol_id)
        if quote is not None:
            checks.check_stop_side(changed, quote)
        self.book.wait(changed)
        executions = [
            Execution(
                ExecutionKind.REPLACED, position=self.book.position_of(changed), order=changed
            )
        ]
        if quote is not None and symbol.is_open(at_ms):
            executions += self.on_quote(order.order_id, quote, at_ms)
        return executions

    def _amend_protection(self, command: AmendProtection, at_ms: int) -> list[Execution]:
        position = self.book.open_position(command.position_id)
        symbol = self._floor.symbols[position.symbol_id]
        checks.check_prices(symbol, command.stop_loss, command.take_profit)
        wants_none = command.stop_loss is None and command.take_profit is None
        if wants_none and position.protection_order_id is None:
            raise invalid_request("Nothing to amend.")
        quote = self._floor.rates.quote(position.symbol_id)
        checks.check_protection(command, position, quote, self._floor.rules)
        if wants_none:
            return self._fills.remove_protection(position, at_ms)
        execution = self._fills.protect(position, command.stop_loss, command.take_profit, at_ms)
        executions = [execution]
        if execution.order is not None and symbol.is_open(at_ms):
            executions += self.on_quote(execution.order.order_id, quote, at_ms)
        return executions

    def _close(self, command: ClosePosition, at_ms: int) -> list[Execution]:
        position = self.book.open_position(command.position_id)
        symbol = self._floor.symbols[position.symbol_id]
        checks.check_volume(command.volume, symbol)
        if command.volume > position.volume:
            raise Refusal(
                "TRADING_BAD_VOLUME",
                f"Closing volume = {command.volume / 100:.2f} is bigger than position volume = "
                f"{position.volume / 100:.2f}.",
                position_id=position.position_id,
            )
        self._check_open(symbol, at_ms)
        price = self._floor.rates.quote(symbol.symbol_id).price_for(position.side.opposite)
        order = closing_order(
            position,
            OrderKind.MARKET,
            command.volume,
            self._floor.ids,
            is_named=self._floor.rules.names_own_orders,
            at_ms=at_ms,
        )
        self.book.history[order.order_id] = order
        accepted = Execution(ExecutionKind.ACCEPTED, position=position, order=order)
        return [accepted, *self._fills.fill(order, price, at_ms, is_server=False)]

    # -- what the market and the clock do --------------------------------------------------

    def on_quote(self, order_id: int, quote: Quote, at_ms: int) -> list[Execution]:
        """Fill a waiting order if this quote meets it."""
        order = self.book.orders[order_id]
        if reaches_stop(order, quote):
            order = with_limit(order, self._floor.symbols[order.symbol_id])
            self.book.wait(order)
        price = fill_price(order, quote)
        if price is None:
            return []
        if order.kind is not OrderKind.PROTECTION:
            order = self.book.retarget(order)
            try:
                self._check_conversions(self._floor.symbols[order.symbol_id])
                target = self.book.positions.get(order.position_id)
                self._check_money(target, order.symbol_id, order.side, order.volume)
            except Refusal as refusal:
                ended = self.book.end(order, OrderStatus.REJECTED, at_ms)
                return [replace(ended, error_code=refusal.code)]
        return self._fills.fill(order, price, at_ms, is_server=True)

    def expire(self, at_ms: int) -> list[Execution]:
        """End the orders whose time has come."""
        due = [
            order
            for order in self.book.orders.values()
            if order.time_in_force is TimeInForce.GOOD_TILL_DATE
            and order.expiration_ms is not None
            and order.expiration_ms <= at_ms
        ]
        return [self.book.end(order, OrderStatus.EXPIRED, at_ms) for order in due]

    # -- checks ----------------------------------------------------------------------------

    def _check_open(self, symbol: Symbol, at_ms: int) -> None:
        if not symbol.is_open(at_ms):
            raise Refusal(
                "MARKET_CLOSED",
                f"Market is closed for {symbol.name}",
                carrier=self._floor.rules.market_closed_carrier,
            )

    def _check_conversions(self, symbol: Symbol) -> None:
        """Every rate that a fill needs exists, so that a fill never stops half way."""
        rates, deposit_asset_id = self._floor.rates, self.book.spec.deposit_asset_id
        for asset_id in (symbol.base_asset_id, symbol.quote_asset_id, rates.usd_asset_id):
            rates.rate(asset_id, deposit_asset_id, selling=True)
        rates.rate(symbol.base_asset_id, rates.usd_asset_id, selling=True)

    def _check_money(
        self, target: Position | None, symbol_id: int, side: Side, volume: int
    ) -> None:
        """The volume that opens something needs free margin; a reduction needs none."""
        if target is not None and target.side is not side:
            volume -= target.volume
        if volume <= 0:
            return
        margin = self.book.expected_margin(symbol_id, side, volume)
        if margin > self.book.free_margin():
            raise Refusal(
                "NOT_ENOUGH_MONEY",
                f"Not enough funds to open position of volume {volume / 100:.2f}",
            )
