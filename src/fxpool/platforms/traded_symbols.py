"""The symbols of an account's past, as far as sums over them need to know them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol


class TradedSymbol(Protocol):
    """A symbol of past deals, on any platform."""

    @property
    def name(self) -> str:
        """Return its name as callers know it."""
        ...

    def lots(self, volume_cents: int) -> Decimal | None:
        """Return a volume of the record in callers' lots, None without the symbol's lot size."""
        ...


def lots_of(volumes: Mapping[int, int], symbols: Mapping[int, TradedSymbol]) -> Decimal | None:
    """Return volumes of several symbols in lots, None if one of them has no lot size."""
    total = Decimal(0)
    for symbol_id, volume_cents in volumes.items():
        lots = symbols[symbol_id].lots(volume_cents)
        if lots is None:
            return None
        total += lots
    return total
