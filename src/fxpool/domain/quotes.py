"""Quotes: the newest bid and ask of a symbol, kept as the wire's integers."""

from __future__ import annotations

from decimal import Decimal

from fxpool.domain.money import price_from_wire
from fxpool.domain.trades import Side


class LiveQuote:
    """The newest bid and ask of one symbol, replaced in place.

    Prices are integers in 1/100000; a side that was never quoted is None. Mutable and shared: read
    it at once, or take ``bid_price`` and ``ask_price``.

    Attributes:
        timestamp_ms: the broker's time of the last change, epoch milliseconds.
        received_at: our monotonic seconds at the last change.
    """

    __slots__ = ("ask", "bid", "received_at", "symbol_id", "timestamp_ms")

    def __init__(self, symbol_id: int) -> None:
        self.symbol_id = symbol_id
        self.bid: int | None = None
        self.ask: int | None = None
        self.timestamp_ms: int | None = None
        self.received_at: float = 0.0

    @property
    def is_complete(self) -> bool:
        """Whether both sides are known."""
        return self.bid is not None and self.ask is not None

    def entry_price(self, side: Side) -> Decimal | None:
        """Return the price at which an order of this side would fill now, None if not known."""
        return self.ask_price if side is Side.BUY else self.bid_price

    @property
    def bid_price(self) -> Decimal | None:
        return None if self.bid is None else price_from_wire(self.bid)

    @property
    def ask_price(self) -> Decimal | None:
        return None if self.ask is None else price_from_wire(self.ask)
