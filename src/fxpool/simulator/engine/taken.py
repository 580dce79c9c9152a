"""Orders that the market has taken and not filled yet, where a broker needs time to fill. Pure."""

from __future__ import annotations

from typing import NamedTuple

from fxpool.simulator.engine.model import Order


class _Due(NamedTuple):
    due_ms: int
    account_id: int
    position_id: int


class Taken:
    """The orders of all accounts that are between their acceptance and their fill."""

    def __init__(self) -> None:
        self._due: dict[int, _Due] = {}

    def __contains__(self, order_id: int) -> bool:
        """Whether an order is being filled."""
        return order_id in self._due

    def __len__(self) -> int:
        return len(self._due)

    def add(self, order: Order, account_id: int, due_ms: int) -> None:
        """Note that an order fills at ``due_ms``."""
        self._due[order.order_id] = _Due(due_ms, account_id, order.position_id)

    def remove(self, order_id: int) -> None:
        """Forget an order whose time has come."""
        del self._due[order_id]

    def due(self, at_ms: int) -> list[tuple[int, int]]:
        """Return order and account of all that fill by now, in the order in which they came."""
        return [
            (order_id, one.account_id) for order_id, one in self._due.items() if one.due_ms <= at_ms
        ]

    def holds(self, account_id: int, position_id: int) -> bool:
        """Whether an order of this account is being filled that changes this position."""
        return any(
            one.position_id == position_id and one.account_id == account_id
            for one in self._due.values()
        )

    def is_of(self, account_id: int, order_id: int) -> bool:
        """Whether this account's order is being filled."""
        one = self._due.get(order_id)
        return one is not None and one.account_id == account_id
