"""Where an account's past is kept between reads of it: the seam, and one in memory."""

from __future__ import annotations

from typing import Protocol

from fxpool.domain.past import Past, Span
from fxpool.domain.trades import CashFlow, Deal, Order
from fxpool.history.windows import joined


class HistoryStore(Protocol):
    """Keeps the past of accounts. ``account`` is a name that never changes."""

    async def load(self, account: str) -> tuple[Past, tuple[Span, ...]]:
        """Return all that is kept of an account, and the stretches of time that it is whole for."""
        ...

    async def save(self, account: str, past: Past, covered: Span) -> None:
        """Keep what was read, and that it is all there is of ``covered``; both or neither.

        What is kept already is kept once, by id; an order is replaced by its newer state.
        """
        ...

    async def close(self) -> None:
        """Let go of what it holds; nothing is asked of it after that."""
        ...


class MemoryHistory:
    """Keeps the past of accounts for as long as it lives itself."""

    def __init__(self) -> None:
        self._accounts: dict[str, _Kept] = {}

    async def load(self, account: str) -> tuple[Past, tuple[Span, ...]]:
        kept = self._accounts.get(account, _Kept())
        past = Past(
            tuple(kept.deals.values()), tuple(kept.orders.values()), tuple(kept.cash_flow.values())
        )
        return past, kept.covered

    async def save(self, account: str, past: Past, covered: Span) -> None:
        kept = self._accounts.setdefault(account, _Kept())
        kept.deals |= {deal.deal_id: deal for deal in past.deals}
        kept.orders |= {order.order_id: order for order in past.orders}
        kept.cash_flow |= {flow.history_id: flow for flow in past.cash_flow}
        kept.covered = joined([*kept.covered, covered])

    async def close(self) -> None:
        self._accounts.clear()


class _Kept:
    def __init__(self) -> None:
        self.deals: dict[int, Deal] = {}
        self.orders: dict[int, Order] = {}
        self.cash_flow: dict[int, CashFlow] = {}
        self.covered: tuple[Span, ...] = ()
