"""The calls about single deals and orders of the past, about depth and margin, as every platform
offers them; part of ``base.Platform``.

Their shapes are MetaApi's, because only its REST API has these calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from fxpool.domain.trades import Side
from fxpool.mapping.metaapi_formats import (
    MetaApiBook,
    MetaApiDeal,
    MetaApiMargin,
    MetaApiOrder,
)


@dataclass(frozen=True, slots=True)
class OfTicket:
    """The deal, or the order, with an id."""

    ticket: str


@dataclass(frozen=True, slots=True)
class OfPosition:
    """Those of a position."""

    position_id: str


@dataclass(frozen=True, slots=True)
class OfTime:
    """Those from ``begin`` up to, not including, ``end``, a page of them, oldest first."""

    begin: datetime
    end: datetime
    offset: int = 0
    limit: int = 1000


Wanted = OfTicket | OfPosition | OfTime


@dataclass(frozen=True, slots=True)
class MarginQuestion:
    """An order whose margin is asked for; ``volume`` is in lots."""

    symbol: str
    side: Side
    volume: Decimal
    open_price: Decimal

    def body(self) -> dict[str, Any]:
        """Return MetaApi's request for it."""
        return {
            "symbol": self.symbol,
            "type": f"ORDER_TYPE_{self.side.name}",
            "volume": self.volume,
            "openPrice": self.open_price,
        }


class RecordReads(Protocol):
    """All raise PlatformError; what is not known is never an empty list."""

    async def deals(self, account: str, wanted: Wanted) -> list[MetaApiDeal]:
        """Return deals and cash operations, oldest first."""
        ...

    async def past_orders(self, account: str, wanted: Wanted) -> list[MetaApiOrder]:
        """Return orders that are done, by the time at which they were, oldest first."""
        ...

    async def depth(self, account: str, symbol: str) -> MetaApiBook: ...

    async def order_margin(self, account: str, question: MarginQuestion) -> MetaApiMargin:
        """Return the margin that an order would use; empty where it cannot be computed."""
        ...
