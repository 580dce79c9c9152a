"""Two readings of one account -> what happened between them. Pure.

A reading shows what is there, never why something is not there any more: a position or an order
that is gone is only named here, and its end is told once the past proves it (``feed``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from fxpool.platforms.metaapi.model import Information, Order, Position


@dataclass(frozen=True, slots=True)
class Reading:
    """What one look at an account showed.

    Attributes:
        began: monotonic seconds, before the first question was sent.
        as_of: the same on the wall clock: everything shown was true then or later.
        orders: None where the way does not tell pending orders.
    """

    began: float
    as_of: datetime
    information: Information
    positions: Mapping[str, Position]
    orders: Mapping[str, Order] | None


@dataclass(frozen=True, slots=True)
class Opened:
    """A position is new."""

    position: Position


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A part of a position was closed."""

    old: Position
    new: Position


@dataclass(frozen=True, slots=True)
class Updated:
    """A position grew, as on netted accounts, or its swap or commission is another one."""

    old: Position
    new: Position


@dataclass(frozen=True, slots=True)
class Protected:
    """The protection of a position is another one."""

    old: Position
    new: Position


@dataclass(frozen=True, slots=True)
class Moved:
    """The result of a position is another one; nothing else."""

    old: Position
    new: Position


@dataclass(frozen=True, slots=True)
class PositionGone:
    """A position is not shown any more: closed is likely and not proved."""

    old: Position


@dataclass(frozen=True, slots=True)
class Placed:
    """A pending order is new."""

    order: Order


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """A pending order has another price, volume, protection or state."""

    old: Order
    new: Order


@dataclass(frozen=True, slots=True)
class OrderGone:
    """A pending order is not shown any more: filled, cancelled or expired."""

    old: Order


Difference = (
    Opened | Shrunk | Updated | Protected | Moved | PositionGone | Placed | OrderChanged | OrderGone
)


def differences(old: Reading, new: Reading) -> Iterator[Difference]:
    """Return what is different, positions first."""
    for key, position in new.positions.items():
        before = old.positions.get(key)
        if before is None:
            yield Opened(position)
        else:
            yield from _changes(before, position)
    yield from (PositionGone(p) for key, p in old.positions.items() if key not in new.positions)
    if old.orders is None or new.orders is None:
        return
    for key, order in new.orders.items():
        known = old.orders.get(key)
        if known is None:
            yield Placed(order)
        elif _standing(known) != _standing(order):
            yield OrderChanged(known, order)
    yield from (OrderGone(o) for key, o in old.orders.items() if key not in new.orders)


def _changes(old: Position, new: Position) -> Iterator[Difference]:
    if new.volume < old.volume:
        yield Shrunk(old, new)
    elif (old.volume, old.swap, old.commission) != (new.volume, new.swap, new.commission):
        yield Updated(old, new)
    if (old.stop_loss or None, old.take_profit or None) != (
        new.stop_loss or None,
        new.take_profit or None,
    ):
        yield Protected(old, new)
    if (old.profit, old.current_price) != (new.profit, new.current_price):
        yield Moved(old, new)


def _standing(order: Order) -> tuple[object, ...]:
    """Return what an order asks for; its current price is not part of it."""
    return (
        order.state,
        order.open_price,
        order.stop_limit_price,
        order.current_volume,
        order.stop_loss or None,
        order.take_profit or None,
        order.expiration_time,
    )
