"""All orders of one book as they are now, found by id, or by when they changed last. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Mapping
from typing import Final

from fxpool.simulator.engine.model import Order

_AFTER_ALL_IDS: Final = float("inf")


class OrderHistory(Mapping[int, Order]):
    """Orders by id. A broker with a long past is asked for single weeks of it, so the times of
    their changes are kept in order and a window costs what is in it."""

    def __init__(self) -> None:
        self._orders: dict[int, Order] = {}
        self._changes: list[tuple[int, float]] = []  # (updated_ms, order_id), outdated ones too

    def __getitem__(self, order_id: int) -> Order:
        return self._orders[order_id]

    def __iter__(self) -> Iterator[int]:
        return iter(self._orders)

    def __len__(self) -> int:
        return len(self._orders)

    def put(self, order: Order) -> None:
        """Keep an order as it is now."""
        before = self._orders.get(order.order_id)
        self._orders[order.order_id] = order
        if before is None or before.updated_ms != order.updated_ms:
            insort(self._changes, (order.updated_ms, order.order_id))

    def within(self, first_ms: int, last_ms: int) -> list[Order]:
        """Return the orders that changed last in a window, both ends inside, newest first."""
        begin = bisect_left(self._changes, (first_ms, 0))
        end = bisect_right(self._changes, (last_ms, _AFTER_ALL_IDS))
        found: dict[int, Order] = {}
        for changed_ms, order_id in reversed(self._changes[begin:end]):
            order = self._orders[int(order_id)]
            if order.updated_ms == changed_ms:
                found[order.order_id] = order
        return list(found.values())
