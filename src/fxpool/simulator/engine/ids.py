"""Where ids come from: counters, so that equal requests give equal ids. Pure."""

from __future__ import annotations

from itertools import count


class Ids:
    """The broker's id counters; each starts elsewhere, so that a mix-up shows."""

    def __init__(self) -> None:
        self._positions = count(5_000_001)
        self._orders = count(6_000_001)
        self._deals = count(7_000_001)
        self._cash_entries = count(8_000_001)
        self._bonus_entries = count(9_000_001)
        self._names = count(1)

    def position(self) -> int:
        return next(self._positions)

    def order(self) -> int:
        return next(self._orders)

    def deal(self) -> int:
        return next(self._deals)

    def cash_entry(self) -> int:
        return next(self._cash_entries)

    def bonus_entry(self) -> int:
        return next(self._bonus_entries)

    def order_name(self) -> str:
        """Return a clientOrderId as the server gives it to its own orders (SW-33)."""
        return str(next(self._names))
