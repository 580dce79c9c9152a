"""An account's past as the broker lists it: what is kept of it, and for which stretches of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fxpool.domain.trades import CashFlow, Deal, Order


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of time, aware UTC datetimes; ``begin`` is inside and ``end`` is not."""

    begin: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return self.end - self.begin


@dataclass(frozen=True, slots=True)
class Past:
    """Deals, orders and cash flow, in any order and each once."""

    deals: Sequence[Deal] = ()
    orders: Sequence[Order] = ()
    cash_flow: Sequence[CashFlow] = ()
