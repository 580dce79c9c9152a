"""What the market takes between two quotes: price levels of limited volume. Pure."""

from __future__ import annotations

from typing import NamedTuple

from fxpool.simulator.engine.model import Side
from fxpool.simulator.engine.rates import Quote
from fxpool.simulator.engine.symbols import Symbol


class Fill(NamedTuple):
    """A volume that trades at one price."""

    volume: int
    price: int


class Liquidity:
    """What has been taken from each symbol and side since its last quote.

    A symbol without limits takes everything at its quote. Otherwise each of its levels takes so
    much; the first is the quote, the others lie one tick further away each.
    """

    def __init__(self) -> None:
        self._taken: dict[tuple[int, Side], int] = {}

    def renew(self, symbol_id: int) -> None:
        """Forget what was taken: there is a new quote."""
        if self._taken:
            for side in Side:
                self._taken.pop((symbol_id, side), None)

    def fills(
        self, symbol: Symbol, side: Side, quote: Quote, volume: int, worst: int | None = None
    ) -> tuple[Fill, ...]:
        """Return how ``volume`` would trade now, best price first, perhaps only in part.

        Nothing trades at a price that is worse for ``side`` than ``worst``.
        """
        market = quote.price_for(side)
        if symbol.liquidity is None:
            is_worse = worst is not None and side.sign * (market - worst) > 0
            return () if is_worse else (Fill(volume, market),)
        fills, skipped = [], self._taken.get((symbol.symbol_id, side), 0)
        for level in range(symbol.depth_levels):
            price = market + side.sign * level * symbol.price_step
            if not volume or (worst is not None and side.sign * (price - worst) > 0):
                break
            used = min(skipped, symbol.liquidity)
            skipped -= used
            part = min(volume, symbol.liquidity - used)
            if part:
                fills.append(Fill(part, price))
                volume -= part
        return tuple(fills)

    def take(self, symbol: Symbol, side: Side, volume: int) -> None:
        """Note that ``volume`` has traded."""
        if symbol.liquidity is not None:
            key = (symbol.symbol_id, side)
            self._taken[key] = self._taken.get(key, 0) + volume
