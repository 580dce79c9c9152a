"""What the broker's answer to an order request comes to, read from its executions. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from fxpool.domain.trades import Deal, Execution, Order, Position


class Protection(Enum):
    """What became of the stop loss and take profit that were asked for."""

    NONE = "none"
    SET = "set"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Placed:
    """A new order that the broker took: filled if it was a market order, resting otherwise.

    Attributes:
        deals: its executions, oldest first; empty for an order that rests.
        position: what it opened or changed, None for an order that rests.
        protection_error: why protection failed, else empty.
    """

    order: Order
    deals: tuple[Deal, ...]
    position: Position | None
    protection: Protection
    protection_error: str = ""

    @property
    def executed_volume_cents(self) -> int:
        return sum(deal.filled_volume_cents for deal in self.deals)

    @property
    def is_partial(self) -> bool:
        """Whether a market order was filled for less than was asked."""
        return bool(self.deals) and self.executed_volume_cents < self.order.volume_cents


@dataclass(frozen=True, slots=True)
class Closed:
    """A close, whole or partial.

    Attributes:
        position: what was closed, as it was before.
        order: the closing order.
        deals: its executions, oldest first.
        remaining_volume_cents: what stays open.
    """

    position: Position
    order: Order
    deals: tuple[Deal, ...]
    remaining_volume_cents: int


def ids_of(executions: tuple[Execution, ...]) -> str:
    """Return the ids of what executions are about, as evidence."""
    orders = {f"order {e.order.order_id}": None for e in executions if e.order is not None}
    return ", ".join([*orders, *(f"deal {deal.deal_id}" for deal in deals_of(executions))])


def last_order(executions: tuple[Execution, ...]) -> Order:
    """Return the order as the newest of them tells it."""
    return next(e.order for e in reversed(executions) if e.order is not None)


def deals_of(executions: tuple[Execution, ...]) -> tuple[Deal, ...]:
    """Return what was really traded, each deal once, as it was told last."""
    deals = {
        e.deal.deal_id: e.deal for e in executions if e.deal is not None and e.deal.status.executed
    }
    return tuple(deals.values())
