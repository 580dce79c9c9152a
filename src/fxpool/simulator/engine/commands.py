"""What an account may ask the broker to do. Pure values; prices in 1/100000, volumes in 1/100."""

from __future__ import annotations

from dataclasses import dataclass

from fxpool.simulator.engine.model import OrderKind, Side, TimeInForce, TriggerMethod


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """Place an order; ``position_id`` adds to that position or reduces it.

    Attributes:
        trailing, guaranteed: how the stop loss of the position is to behave.
        trigger: what sets off the stop of the order itself.
    """

    symbol_id: int
    kind: OrderKind
    side: Side
    volume: int
    time_in_force: TimeInForce = TimeInForce.GOOD_TILL_CANCEL
    limit_price: int | None = None
    stop_price: int | None = None
    stop_loss: int | None = None
    take_profit: int | None = None
    relative_stop_loss: int | None = None
    relative_take_profit: int | None = None
    base_slippage_price: int | None = None
    slippage_points: int | None = None
    expiration_ms: int | None = None
    label: str = ""
    comment: str = ""
    client_order_id: str = ""
    position_id: int | None = None
    trailing: bool = False
    guaranteed: bool = False
    trigger: TriggerMethod = TriggerMethod.TRADE


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Cancel a pending order."""

    order_id: int


@dataclass(frozen=True, slots=True)
class AmendOrder:
    """Amend a pending order; what is None stays as it is."""

    order_id: int
    volume: int | None = None
    limit_price: int | None = None
    stop_price: int | None = None
    stop_loss: int | None = None
    take_profit: int | None = None
    relative_stop_loss: int | None = None
    relative_take_profit: int | None = None
    slippage_points: int | None = None
    expiration_ms: int | None = None
    trailing: bool | None = None
    guaranteed: bool | None = None
    trigger: TriggerMethod | None = None


@dataclass(frozen=True, slots=True)
class AmendProtection:
    """Set both protective levels of a position; None removes a level, but keeps a behaviour."""

    position_id: int
    stop_loss: int | None = None
    take_profit: int | None = None
    trailing: bool | None = None
    guaranteed: bool | None = None
    trigger: TriggerMethod | None = None


@dataclass(frozen=True, slots=True)
class ClosePosition:
    """Close a position, or a part of it."""

    position_id: int
    volume: int


Command = PlaceOrder | CancelOrder | AmendOrder | AmendProtection | ClosePosition
