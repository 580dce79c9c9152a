"""A way to MetaTrader accounts: what the platform needs of MetaApi's REST API, or of a pool.

Each call is one question about one account, by its key; nothing is kept between calls but where
an account is hosted. What a way cannot do it refuses with code NOT_SUPPORTED: it never answers
empty instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from fxpool.mapping.symbol_formats import SymbolSpecification
from fxpool.platforms.metaapi.model import (
    Candle,
    Deal,
    Information,
    Order,
    Position,
    Price,
    Specification,
    TradeAnswer,
)
from fxpool.platforms.metaapi.records import RecordWay


@dataclass(frozen=True, slots=True)
class Offers:
    """What a way can do.

    Attributes:
        name: of the way, as health shows it.
        orders: pending orders, their placing, change and cancelling.
        history: deals and orders of the past.
        closes: how a position closed.
        client_ids: orders carry an id of ours, by which they are found again.
        specifications: what may be traded of a symbol.
        max_comment: the longest text of comment and id together.
    """

    name: str
    orders: bool
    history: bool
    closes: bool
    client_ids: bool
    specifications: bool
    max_comment: int


class Way(RecordWay, Protocol):
    """Raises kinds of RequestError, MappingError and NotReady."""

    @property
    def offers(self) -> Offers: ...

    @property
    def requests(self) -> int:
        """Requests sent since the start."""
        ...

    @property
    def errors(self) -> int:
        """Those that failed."""
        ...

    async def close(self) -> None: ...

    async def information(self, account: str) -> Information: ...

    async def positions(self, account: str) -> Sequence[Position]:
        """Return all open positions."""
        ...

    async def orders(self, account: str) -> Sequence[Order]:
        """Return all pending orders."""
        ...

    async def trade(self, account: str, body: Mapping[str, Any]) -> TradeAnswer:
        """Send a trade in MetaApi's words, once. Its codes are not judged here."""
        ...

    async def price(self, account: str, symbol: str) -> Price: ...

    async def symbols(self, account: str) -> Sequence[str]: ...

    async def specification(self, account: str, symbol: str) -> Specification: ...

    async def whole_specification(self, account: str, symbol: str) -> SymbolSpecification: ...

    async def deals_of_position(self, account: str, position_id: str) -> Sequence[Deal]: ...

    async def orders_of_ticket(self, account: str, order_id: str) -> Sequence[Order]: ...

    async def deals(self, account: str, begin: datetime, end: datetime) -> Sequence[Deal]:
        """Return all deals from ``begin`` up to, not including, ``end``, oldest first."""
        ...

    async def past_orders(self, account: str, begin: datetime, end: datetime) -> Sequence[Order]:
        """Return all orders that were done in a period, oldest first."""
        ...

    async def candles(
        self, account: str, symbol: str, timeframe: str, begin: datetime, end: datetime
    ) -> Sequence[Candle]:
        """Return the candles that open in a period, oldest first."""
        ...
