"""How orders come to be and change: from a command, from a position, by an amendment. Pure."""

from __future__ import annotations

from dataclasses import replace

from fxpool.simulator.engine import checks
from fxpool.simulator.engine.ids import Ids
from fxpool.simulator.engine.model import (
    AmendOrder,
    Order,
    OrderKind,
    PlaceOrder,
    Position,
    Side,
    TimeInForce,
)
from fxpool.simulator.engine.symbols import Symbol

MARKET_KINDS = frozenset({OrderKind.MARKET, OrderKind.MARKET_RANGE})
_STOP_KINDS = frozenset({OrderKind.STOP, OrderKind.STOP_LIMIT})


def new_order(command: PlaceOrder, target: Position | None, ids: Ids, at_ms: int) -> Order:
    """Return the order of a command; without a target it gets a position id of its own."""
    at_market = command.kind in MARKET_KINDS
    stop_loss, take_profit = command.relative_stop_loss, command.relative_take_profit
    limit_price = command.limit_price if command.kind is OrderKind.LIMIT else None
    stop_price = command.stop_price if command.kind in _STOP_KINDS else None
    entry = stop_price if limit_price is None else limit_price
    if entry is not None:
        absolute = checks.distances_of(command.side, entry, command.stop_loss, command.take_profit)
        stop_loss = absolute[0] if command.stop_loss is not None else stop_loss
        take_profit = absolute[1] if command.take_profit is not None else take_profit
    return Order(
        order_id=ids.order(),
        position_id=target.position_id if target else ids.position(),
        symbol_id=command.symbol_id,
        side=command.side,
        kind=command.kind,
        volume=command.volume,
        time_in_force=(TimeInForce.IMMEDIATE_OR_CANCEL if at_market else command.time_in_force),
        created_ms=at_ms,
        updated_ms=at_ms,
        label=command.label,
        comment=command.comment,
        client_order_id=command.client_order_id,
        limit_price=limit_price,
        stop_price=stop_price,
        relative_stop_loss=stop_loss,
        relative_take_profit=take_profit,
        base_slippage_price=command.base_slippage_price,
        slippage_points=command.slippage_points,
        expiration_ms=command.expiration_ms,
    )


def closing_order(
    position: Position, kind: OrderKind, volume: int, ids: Ids, *, is_named: bool, at_ms: int
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


def is_in_range(command: PlaceOrder, price: int, symbol: Symbol) -> bool:
    """Whether a market-range order may fill at ``price``."""
    base, points = command.base_slippage_price or 0, command.slippage_points or 0
    worse = price - base if command.side is Side.BUY else base - price
    return worse <= points * symbol.price_step


def with_limit(order: Order, symbol: Symbol) -> Order:
    """A stop-limit order whose stop was reached waits at most its slippage away (SW-35)."""
    slippage = (order.slippage_points or 0) * symbol.price_step
    stop = order.stop_price or 0
    limit = stop + slippage if order.side is Side.BUY else stop - slippage
    return replace(order, is_triggered=True, limit_price=limit)


def amended(order: Order, command: AmendOrder, at_ms: int) -> Order:
    """Return a pending order as a command changes it; what is not given stays."""

    def given(value: int | None, old: int | None) -> int | None:
        return old if value is None else value

    is_limit = order.kind is OrderKind.LIMIT
    limit_price = given(command.limit_price, order.limit_price) if is_limit else order.limit_price
    stop_price = order.stop_price if is_limit else given(command.stop_price, order.stop_price)
    entry = limit_price if limit_price is not None else stop_price
    stop_loss, take_profit = checks.distances_of(
        order.side, entry or 0, command.stop_loss, command.take_profit
    )
    return replace(
        order,
        volume=order.volume if command.volume is None else command.volume,
        limit_price=limit_price,
        stop_price=stop_price,
        relative_stop_loss=given(
            given(command.relative_stop_loss, stop_loss), order.relative_stop_loss
        ),
        relative_take_profit=given(
            given(command.relative_take_profit, take_profit), order.relative_take_profit
        ),
        slippage_points=given(command.slippage_points, order.slippage_points),
        expiration_ms=given(command.expiration_ms, order.expiration_ms),
        updated_ms=at_ms,
    )
