"""Pending orders of one account, kept by executions and snapshots. Pure.

Only orders that rest at the broker are held: market orders pass by, and the server's protection
orders show as stop loss and take profit of their position.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime
from typing import Final

from fxpool.account.events import (
    BookEvent,
    OrderCancelled,
    OrderChanged,
    OrderExpired,
    OrderFilled,
    OrderGone,
    OrderPlaced,
    OrderRejected,
    OrderUnreadable,
    OrderVanished,
)
from fxpool.account.seen import SeenIds
from fxpool.account.unreadable import UnreadableOrder
from fxpool.domain.trades import Deal, Execution, ExecutionType, Order, OrderStatus
from fxpool.errors import MappingError

_RESTS_AFTER: Final = frozenset(
    {
        ExecutionType.ORDER_ACCEPTED,
        ExecutionType.ORDER_REPLACED,
        ExecutionType.ORDER_PARTIAL_FILL,
    }
)

_END_OF_ORDER: Final[Mapping[OrderStatus, Callable[[Order], BookEvent]]] = {
    OrderStatus.FILLED: lambda order: OrderFilled(order, None),
    OrderStatus.CANCELLED: OrderCancelled,
    OrderStatus.EXPIRED: OrderExpired,
    OrderStatus.REJECTED: lambda order: OrderRejected(order, ""),
}


def is_older(at: datetime | None, than: datetime | None) -> bool:
    """Whether an instant lies before another; one that the broker left out is the oldest."""
    if than is None:
        return False
    return at is None or at < than


class PendingOrders:
    """The orders that rest, and those of which a snapshot knows nothing any more.

    Attributes:
        resting: by id; one that became unreadable stays as it was read last.
        unreadable: those of the last snapshot that make no sense to this build, by id.
        vanished: those that wait for ``prove_done`` or ``give_up``.
    """

    def __init__(self) -> None:
        self.resting: dict[int, Order] = {}
        self.unreadable: dict[int, UnreadableOrder] = {}
        self.vanished: dict[int, Order] = {}
        self._done = SeenIds()

    def apply(self, execution: Execution, order: Order, deal: Deal | None) -> list[BookEvent]:
        """Take the order of an execution; ``deal`` is its deal if it was not seen before."""
        if order.is_protection:
            return []
        if _is_rejected(execution):
            self._finish(order)
            return [OrderRejected(order, execution.error_code)]
        if order.is_closing:
            return []
        if execution.type in _RESTS_AFTER:
            return self._put(order)
        if execution.type is ExecutionType.ORDER_FILLED:
            is_news = self._finish(order) and order.type.rests
            return [OrderFilled(order, deal)] if is_news else []
        if execution.type is ExecutionType.ORDER_CANCELLED:
            return [OrderCancelled(order)] if self._finish(order) else []
        if execution.type is ExecutionType.ORDER_EXPIRED:
            return [OrderExpired(order)] if self._finish(order) else []
        return []

    def reconcile(
        self,
        snapshot: Iterable[Order],
        unreadable: Iterable[UnreadableOrder],
        open_positions: AbstractSet[int],
        touched: AbstractSet[int],
    ) -> list[BookEvent]:
        """Take a whole snapshot. ``touched`` orders are newer here than there. Raises MappingError
        for an unreadable one that does not even tell its id."""
        known = self.unreadable
        self.unreadable = {
            order_id: order
            for order_id, order in _by_id(unreadable).items()
            if order_id not in touched and order_id not in self._done
        }
        resting = {o.order_id: o for o in snapshot if not (o.is_protection or o.is_closing)}
        events: list[BookEvent] = []
        for order in resting.values():
            events += self._put(order)
        shown = resting.keys() | self.unreadable.keys()
        for order_id in sorted(self.resting.keys() - shown - touched):
            events.append(self._gone(self.resting.pop(order_id), open_positions))
        events += (OrderUnreadable(o) for i, o in self.unreadable.items() if i not in known)
        return events

    def prove_done(self, order: Order) -> list[BookEvent]:
        """Say what became of a vanished order, as a lookup shows it; nothing if it still rests."""
        event = _END_OF_ORDER.get(order.status)
        if event is None or order.order_id not in self.vanished:
            return []
        self._finish(order)
        return [event(order)]

    def give_up(self, order_id: int, deals: Iterable[Deal]) -> list[BookEvent]:
        """Say what ``deals`` show of a vanished order that the broker does not know any more.

        It is not done for good: where it shows up again it is told as placed.
        """
        order = self.vanished.get(order_id)
        if order is None:
            return []
        of_it = [deal for deal in deals if deal.order_id == order_id and deal.status.executed]
        executed = sum(deal.filled_volume_cents for deal in of_it)
        order = replace(order, executed_volume_cents=max(executed, order.executed_volume_cents))
        if executed >= order.volume_cents:
            self._finish(order)
            return [OrderFilled(replace(order, status=OrderStatus.FILLED), of_it[-1])]
        del self.vanished[order_id]
        return [OrderGone(order)]

    def _put(self, order: Order) -> list[BookEvent]:
        if not order.type.rests or order.order_id in self._done:
            return []
        old = self.resting.get(order.order_id)
        if old is not None and is_older(order.updated_at, old.updated_at):
            return []
        self.resting[order.order_id] = order
        self.unreadable.pop(order.order_id, None)
        self.vanished.pop(order.order_id, None)
        if old is None:
            return [OrderPlaced(order)]
        if replace(old, updated_at=order.updated_at) == order:
            return []
        return [OrderChanged(old, order)]

    def _finish(self, order: Order) -> bool:
        """Drop an order for good; return whether that is news."""
        self.resting.pop(order.order_id, None)
        self.unreadable.pop(order.order_id, None)
        self.vanished.pop(order.order_id, None)
        return self._done.add(order.order_id)

    def _gone(self, order: Order, open_positions: AbstractSet[int]) -> BookEvent:
        """An order takes its position id along when it fills, so an open position proves a fill."""
        if order.position_id in open_positions:
            self._finish(order)
            return OrderFilled(replace(order, status=OrderStatus.FILLED), None)
        self.vanished[order.order_id] = order
        return OrderVanished(order)


def _by_id(unreadable: Iterable[UnreadableOrder]) -> dict[int, UnreadableOrder]:
    """Return those that may be pending: what closes a position shows in the position."""
    found: dict[int, UnreadableOrder] = {}
    for order in unreadable:
        if order.order_id is None:
            raise MappingError(f"an order without an id cannot be read: {order.why}")
        if not order.is_closing:
            found[order.order_id] = order
    return found


def _is_rejected(execution: Execution) -> bool:
    """An acceptance that carries an error code is a rejection too."""
    return execution.type is ExecutionType.ORDER_REJECTED or (
        execution.type is ExecutionType.ORDER_ACCEPTED and bool(execution.error_code)
    )
