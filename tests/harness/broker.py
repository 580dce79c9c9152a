"""What the simulated broker itself holds: the truth that a pool's answers are compared with."""

from __future__ import annotations

from fxpool.simulator import Simulator
from fxpool.simulator.engine.model import Order, OrderKind

USD_ACCOUNT = 10012345


def orders_made(simulator: Simulator, account_id: int = USD_ACCOUNT) -> list[Order]:
    """Return the orders that callers ever placed: no closes, nothing that protects a position."""
    history = simulator.venue.engine.books[account_id].history
    return [
        order
        for order in history.values()
        if order.kind is not OrderKind.PROTECTION and not order.is_closing
    ]
