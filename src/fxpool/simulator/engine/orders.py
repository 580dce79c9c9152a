"""How orders come to be and change: from a command, from a position, by an amendment. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from fxpool.simulator.engine import checks
from fxpool.simulator.engine.commands import AmendOrder, PlaceOrder
from fxpool.simulator.engine.ids import Ids
from fxpool.simulator.engine.model import (
    Order,
    OrderKind,
    Position,
    TimeInForce,
    TriggerMethod,
)
from fxpool.simulator.engine.rules import PendingLevels, Rules, StopLimitForm
from fxpool.simulator.engine.symbols import Symbol

_T = TypeVar("_T")

MARKET_KINDS = frozenset({OrderKind.MARKET, OrderKind.MARKET_RANGE})
STOP_KINDS = frozenset({OrderKind.STOP, OrderKind.STOP_LIMIT})
_KEPT_AT_MARKET = frozenset({TimeInForce.FILL_OR_KILL, TimeInForce.MARKET_ON_OPEN})


def new_order(
    command: PlaceOrder, target: Position | None, ids: Ids, rules: Rules, at_ms: int
) -> Order:
    """Return the order of a command; without a target it gets a position id of its own."""
    limit_price, stop_price = _prices(command, rules)
    entry = stop_price if limit_price is None else limit_price
    stop_loss, take_profit = command.relative_stop_loss, command.relative_take_profit
    at_market = command.kind in MARKET_KINDS
    gives_prices = command.stop_loss is not None or command.take_profit is not None
    if entry is not None and gives_prices:
        distances = checks.distances_of(command.side, entry, command.stop_loss, command.take_profit)
        stop_loss = distances[0] if command.stop_loss is not None else stop_loss
        take_profit = distances[1] if command.take_profit is not None else take_profit
    return Order(
        order_id=ids.order(),
        position_id=target.position_id if target else ids.position(),
        symbol_id=command.symbol_id,
        side=command.side,
        kind=command.kind,
        volume=command.volume,
        time_in_force=_time_in_force(command),
        created_ms=at_ms,
        updated_ms=at_ms,
        label=command.label,
        comment=command.comment,
        client_order_id=command.client_order_id,
        limit_price=limit_price,
        stop_price=stop_price,
        stop_loss=command.stop_loss if at_market else None,
        take_profit=command.take_profit if at_market else None,
        relative_stop_loss=stop_loss,
        relative_take_profit=take_profit,
        shows_prices=gives_prices and rules.pending_levels is PendingLevels.ABSOLUTE,
        is_trailing=command.trailing,
        is_guaranteed=command.guaranteed,
        trigger=command.trigger if command.kind in STOP_KINDS else TriggerMethod.TRADE,
        base_slippage_price=command.base_slippage_price,
        slippage_points=command.slippage_points,
        expiration_ms=command.expiration_ms,
    )


def _time_in_force(command: PlaceOrder) -> TimeInForce:
    """An order at the market is immediate whatever it asked for, as recorded."""
    if command.kind in MARKET_KINDS and command.time_in_force not in _KEPT_AT_MARKET:
        return TimeInForce.IMMEDIATE_OR_CANCEL
    return command.time_in_force


def _prices(command: PlaceOrder, rules: Rules) -> tuple[int | None, int | None]:
    """Return the limit and the stop price that the kind of order has (SW-35 for stop limits)."""
    takes_limit = command.kind is OrderKind.LIMIT or (
        command.kind is OrderKind.STOP_LIMIT and rules.stop_limit_form is not StopLimitForm.SLIPPAGE
    )
    return (
        command.limit_price if takes_limit else None,
        command.stop_price if command.kind in STOP_KINDS else None,
    )


def closing_order(
    position: Position,
    kind: OrderKind,
    volume: int,
    ids: Ids,
    *,
    is_named: bool,
    at_ms: int,
    is_stop_out: bool = False,
) -> Order:
    """Return an order of the server's own that reduces a position (SW-33 for its name)."""
    at_market = kind is OrderKind.MARKET
    return Order(
        order_id=ids.order(),
        position_id=position.position_id,
        symbol_id=position.symbol_id,
        side=position.side.opposite,
        kind=kind,
        volume=volume,
        time_in_force=(
            TimeInForce.IMMEDIATE_OR_CANCEL if at_market else TimeInForce.GOOD_TILL_CANCEL
        ),
        created_ms=at_ms,
        updated_ms=at_ms,
        label=position.label,
        comment=position.comment,
        client_order_id=ids.order_name() if is_named else "",
        is_closing=True,
        is_stop_out=is_stop_out,
        stop_loss=position.levels.stop_loss if at_market else None,
        take_profit=position.levels.take_profit if at_market else None,
    )


def created_by(order: Order) -> Position:
    """Return the empty position that an accepted order shows (SW-32)."""
    return Position(
        position_id=order.position_id,
        symbol_id=order.symbol_id,
        side=order.side,
        label=order.label,
        comment=order.comment,
    )


def with_limit(order: Order, symbol: Symbol) -> Order:
    """A stop-limit order whose stop was reached waits at most its slippage away (SW-35)."""
    if order.limit_price is not None or order.stop_price is None:
        return order
    slippage = (order.slippage_points or 0) * symbol.price_step
    return replace(order, limit_price=order.stop_price + order.side.sign * slippage)


def entry_price(order: Order) -> int:
    """Return the price that the protection of a pending order is counted from."""
    return (order.stop_price if order.limit_price is None else order.limit_price) or 0


def amended(order: Order, command: AmendOrder, rules: Rules, at_ms: int) -> Order:
    """Return a pending order as a command changes it; what is not given stays."""
    has_limit = order.kind is OrderKind.LIMIT or order.limit_price is not None
    changed = replace(
        order,
        volume=_given(command.volume, order.volume),
        limit_price=_given(command.limit_price if has_limit else None, order.limit_price),
        stop_price=_given(
            command.stop_price if order.kind in STOP_KINDS else None, order.stop_price
        ),
        slippage_points=_given(command.slippage_points, order.slippage_points),
        expiration_ms=_given(command.expiration_ms, order.expiration_ms),
        is_trailing=_given(command.trailing, order.is_trailing),
        is_guaranteed=_given(command.guaranteed, order.is_guaranteed),
        trigger=_given(command.trigger if order.kind in STOP_KINDS else None, order.trigger),
        stop_hits=0,
        updated_ms=at_ms,
    )
    stop_loss, take_profit = checks.distances_of(
        order.side, entry_price(changed), command.stop_loss, command.take_profit
    )
    gives_prices = command.stop_loss is not None or command.take_profit is not None
    return replace(
        changed,
        relative_stop_loss=_given(
            _given(command.relative_stop_loss, stop_loss), order.relative_stop_loss
        ),
        relative_take_profit=_given(
            _given(command.relative_take_profit, take_profit), order.relative_take_profit
        ),
        shows_prices=order.shows_prices
        or (gives_prices and rules.pending_levels is PendingLevels.ABSOLUTE),
    )


def _given(value: _T | None, old: _T) -> _T:
    return old if value is None else value
