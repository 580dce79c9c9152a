"""One account at the broker: its commands, carried out. Pure.

Checks come first, so that a refusal leaves no trace; then the executions follow in the order in
which the client hears them, as recorded from a live server.
"""

from __future__ import annotations

from dataclasses import replace

from fxpool.simulator.engine import checks
from fxpool.simulator.engine.accounts import AccountSpec
from fxpool.simulator.engine.book import Book
from fxpool.simulator.engine.charges import Charges
from fxpool.simulator.engine.commands import (
    AmendOrder,
    AmendProtection,
    CancelOrder,
    ClosePosition,
    Command,
    PlaceOrder,
)
from fxpool.simulator.engine.fills import Fills
from fxpool.simulator.engine.floor import Floor
from fxpool.simulator.engine.market_orders import MarketOrders
from fxpool.simulator.engine.model import (
    ExecutionKind,
    Levels,
    Order,
    OrderKind,
    OrderStatus,
    Position,
    TimeInForce,
)
from fxpool.simulator.engine.notices import (
    AccountChanged,
    Cause,
    Execution,
    MarginChanged,
    Notice,
)
from fxpool.simulator.engine.orders import (
    MARKET_KINDS,
    amended,
    closing_order,
    created_by,
    entry_price,
    new_order,
)
from fxpool.simulator.engine.permits import Permits
from fxpool.simulator.engine.protection import Protection
from fxpool.simulator.engine.risk import Risk
from fxpool.simulator.engine.rules import MarginBasis
from fxpool.simulator.engine.symbols import Symbol
from fxpool.simulator.engine.waiting import Waiting
from fxpool.simulator.refusal import Carrier, Refusal, invalid_request


class Desk:
    """Takes the orders of one account.

    Attributes:
        book: its state.
        waiting, market_orders, charges, risk: what quotes, time, nights and losses do to it.
    """

    def __init__(self, spec: AccountSpec, floor: Floor) -> None:
        self.book = Book(spec, floor)
        self._floor = floor
        self._permits = Permits(self.book)
        self._protection = Protection(self.book)
        self._fills = Fills(self.book, self._protection)
        self.waiting = Waiting(self.book, self._fills, self._protection, self._permits)
        self.market_orders = MarketOrders(self.book, self._fills, self._permits, self.waiting)
        self.charges = Charges(self.book)
        self.risk = Risk(self.book, self._fills)
        self._told_record = self._record()

    def submit(self, command: Command, at_ms: int) -> list[Notice]:
        """Carry out a command. Raises Refusal, and then nothing has changed."""
        self._permits.check_access()
        self._permits.check_not_taken(command)
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

    def settle(self, notices: list[Notice], at_ms: int) -> list[Notice]:
        """Add what follows from a change: margin calls, stop-outs, and pushes (SW-50)."""
        if notices and self._floor.rules.margin_basis is MarginBasis.AT_EACH_EVENT:
            self.book.renew_margins()
        notices = [*notices, *self.risk.check(at_ms)]
        margins, self.book.changed_margins = self.book.changed_margins, {}
        before, self._told_record = self._told_record, self._record()
        if not self._floor.rules.pushes_account_changes:
            return notices
        notices += [MarginChanged(*one) for one in margins.items()]
        return notices if before == self._told_record else [*notices, AccountChanged()]

    def _record(self) -> tuple[AccountSpec, int, int]:
        """Return what the account's record on the wire depends on."""
        return (self.book.spec, self.book.ledger.version, self.book.ledger.bonus)

    # -- placing ---------------------------------------------------------------------------

    def _place(self, command: PlaceOrder, at_ms: int) -> list[Notice]:
        symbol = self._floor.symbol(command.symbol_id)
        checks.check_new_order(command, symbol, self._floor.rules, at_ms)
        self._permits.check_size(command.volume, symbol)
        waits_for_open = command.time_in_force is TimeInForce.MARKET_ON_OPEN
        if command.kind in MARKET_KINDS and not (waits_for_open and not symbol.is_open(at_ms)):
            return self._place_at_market(command, symbol, at_ms)
        return self._place_pending(command, symbol, at_ms)

    def _place_at_market(self, command: PlaceOrder, symbol: Symbol, at_ms: int) -> list[Notice]:
        target = self.book.target(command.symbol_id, command.position_id)
        order = new_order(command, target, self._floor.ids, self._floor.rules, at_ms)
        try:
            self._check_at_market(order, target, symbol, at_ms)
        except Refusal as refusal:
            return [self._rejection(order, refusal, at_ms)]
        return self._trade_now(order, at_ms)

    def _check_at_market(
        self, order: Order, target: Position | None, symbol: Symbol, at_ms: int
    ) -> None:
        self._permits.check_enabled(symbol)
        self._permits.check_hours(symbol, at_ms)
        quote = self._floor.rates.quote(symbol.symbol_id)
        self._check_entry(order, target, symbol, quote.price_for(order.side))
        self._permits.check_opening(target, symbol, order.side, order.volume)
        if order.stop_loss is not None or order.take_profit is not None:
            levels = Levels(order.stop_loss, order.take_profit, is_guaranteed=order.is_guaranteed)
            position = created_by(order)
            checks.check_protection(levels, position, symbol, quote, self._floor.rules)

    def _trade_now(self, order: Order, at_ms: int) -> list[Notice]:
        """Accept an order and let the market take it."""
        self.book.history.put(order)
        accepted = self._accepted(order)
        return [accepted, *self.market_orders.take(order, at_ms)]

    def _place_pending(self, command: PlaceOrder, symbol: Symbol, at_ms: int) -> list[Notice]:
        joins = command.position_id is not None
        target = self.book.target(command.symbol_id, command.position_id) if joins else None
        order = new_order(command, target, self._floor.ids, self._floor.rules, at_ms)
        try:
            self._check_pending(order, target, symbol)
        except Refusal as refusal:
            return [self._rejection(order, refusal, at_ms)]
        self.book.wait(order)
        told: list[Notice] = [self._accepted(order)]
        told += self._meet_market(order, symbol, at_ms)
        return [*told, *self.waiting.end_immediate(order.order_id, at_ms)]

    def _check_pending(self, order: Order, target: Position | None, symbol: Symbol) -> None:
        self._permits.check_enabled(symbol)
        if target is None or target.side is order.side:
            self._permits.check_rights(symbol, order.side)
        quote = self._floor.rates.get(symbol.symbol_id)
        if quote is not None:
            checks.check_stop_side(order, quote)
        self._check_entry(order, target, symbol, entry_price(order))

    def _check_entry(
        self, order: Order, target: Position | None, symbol: Symbol, price: int
    ) -> None:
        """The protection that an order brings is allowed at the price of its entry."""
        if target is None or target.side is order.side:
            self._permits.check_guarantee(is_guaranteed=order.is_guaranteed)
        checks.check_closeness(
            symbol,
            price,
            order.relative_stop_loss,
            order.relative_take_profit,
            is_guaranteed=order.is_guaranteed,
        )

    def _accepted(self, order: Order) -> Execution:
        """Return the acceptance of an order, with the position that it will open (SW-32)."""
        position = self.book.positions.get(order.position_id)
        if position is None and self._floor.rules.shows_created_position:
            position = created_by(order)
        return Execution(ExecutionKind.ACCEPTED, position=position, order=order)

    # -- cancelling and amending -----------------------------------------------------------

    def _cancel(self, command: CancelOrder, at_ms: int) -> list[Notice]:
        if self._floor.taken.is_of(self.book.spec.account_id, command.order_id):
            return [self._cancelled_too_late(self.book.history[command.order_id])]
        order = self.book.pending(command.order_id, "UNABLE_TO_CANCEL_ORDER")
        cancelled = self.book.end(order, OrderStatus.CANCELLED, at_ms)
        return [replace(cancelled, cause=Cause.REQUEST)]

    def _cancelled_too_late(self, order: Order) -> Execution:
        """The race is lost: the order is being filled, and its fill is told by itself."""
        return Execution(
            ExecutionKind.CANCEL_REJECTED,
            position=self.book.position_of(order),
            order=order,
            error_code="UNABLE_TO_CANCEL_ORDER",
        )

    def _amend(self, command: AmendOrder, at_ms: int) -> list[Notice]:
        order = self.book.pending(command.order_id, "UNABLE_TO_AMEND_ORDER")
        symbol, rules = self._floor.symbols[order.symbol_id], self._floor.rules
        checks.check_prices(symbol, rules, command.stop_loss, command.take_profit)
        changed = amended(order, command, rules, at_ms)
        self._check_amended(changed, symbol)
        if command.expiration_ms is not None:
            checks.check_expiration(command.expiration_ms, at_ms)
        self.book.wait(changed)
        position = self.book.position_of(changed)
        replaced = Execution(ExecutionKind.REPLACED, position=position, order=changed)
        return [replaced, *self._meet_market(changed, symbol, at_ms)]

    def _check_amended(self, order: Order, symbol: Symbol) -> None:
        self._permits.check_size(order.volume, symbol)
        if order.remaining <= 0:
            raise Refusal(
                "TRADING_BAD_VOLUME",
                f"Order volume = {order.volume / 100:.2f} is already filled",
                order_id=order.order_id,
            )
        checks.check_prices(symbol, self._floor.rules, order.limit_price, order.stop_price)
        checks.check_distances(symbol, order.relative_stop_loss, order.relative_take_profit)
        checks.check_stop_behaviour(
            symbol,
            order.is_trailing,
            order.is_guaranteed,
            has_stop_loss=order.relative_stop_loss is not None,
        )
        self._check_entry(order, None, symbol, entry_price(order))
        quote = self._floor.rates.get(symbol.symbol_id)
        if quote is not None:
            checks.check_stop_side(order, quote)

    def _amend_protection(self, command: AmendProtection, at_ms: int) -> list[Notice]:
        position = self._amendable(command.position_id, at_ms)
        symbol, rules = self._floor.symbols[position.symbol_id], self._floor.rules
        checks.check_prices(symbol, rules, command.stop_loss, command.take_profit)
        wants_none = command.stop_loss is None and command.take_profit is None
        if wants_none and position.protection_order_id is None:
            raise invalid_request("Nothing to amend.")
        levels = checks.new_levels(command, position, symbol)
        quote = self._floor.rates.quote(position.symbol_id)
        checks.check_protection(levels, position, symbol, quote, rules)
        if wants_none:
            return self._protection.remove(position, at_ms)
        charged = self._protection.charge_guarantee(position, levels, at_ms)
        execution = self._protection.protect(position, levels, at_ms)
        told: list[Notice] = [execution, *charged]
        if execution.order is not None:
            told += self._meet_market(execution.order, symbol, at_ms)
        return told

    def _amendable(self, position_id: int, at_ms: int) -> Position:
        """Return an open position, unless it was filled too short a time ago (SW-47)."""
        position = self.book.open_position(position_id)
        if 0 <= at_ms - position.filled_ms < self._floor.rules.amend_delay_ms:
            raise Refusal(
                "POSITION_NOT_FOUND",
                f"Position not found with id {position_id}",
                position_id=position_id,
            )
        return position

    # -- closing ---------------------------------------------------------------------------

    def _close(self, command: ClosePosition, at_ms: int) -> list[Notice]:
        position = self.book.open_position(command.position_id)
        symbol = self._floor.symbols[position.symbol_id]
        self._permits.check_size(command.volume, symbol)
        if command.volume > position.volume:
            raise Refusal(
                "TRADING_BAD_VOLUME",
                f"Closing volume = {command.volume / 100:.2f} is bigger than position volume = "
                f"{position.volume / 100:.2f}.",
                position_id=position.position_id,
            )
        order = closing_order(
            position,
            OrderKind.MARKET,
            command.volume,
            self._floor.ids,
            is_named=self._floor.rules.names_own_orders,
            at_ms=at_ms,
        )
        try:
            self._permits.check_enabled(symbol)
            self._permits.check_hours(symbol, at_ms)
        except Refusal as refusal:
            return [self._rejection(order, refusal, at_ms)]
        self._floor.rates.quote(symbol.symbol_id)
        return self._trade_now(order, at_ms)

    # -- shared ----------------------------------------------------------------------------

    def _rejection(self, order: Order, refusal: Refusal, at_ms: int) -> Execution:
        """Return the rejected order that tells a refusal, or raise it where a message does."""
        if refusal.carrier is not Carrier.EXECUTION:
            raise refusal
        rejected = self.book.end(order, OrderStatus.REJECTED, at_ms)
        return replace(rejected, cause=Cause.REQUEST, error_code=refusal.code)

    def _meet_market(self, order: Order, symbol: Symbol, at_ms: int) -> list[Notice]:
        """Let an order that has just come or changed meet the present quote."""
        quote = self._floor.rates.get(symbol.symbol_id)
        if quote is None or not symbol.fills_waiting_orders(at_ms):
            return []
        return self.waiting.on_quote(order.order_id, quote, at_ms)
